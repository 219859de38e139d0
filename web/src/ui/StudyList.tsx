import { Button, TextInput } from '@mantine/core';
import { IconFileUnknown, IconFolderOpen, IconUpload } from '@tabler/icons-react';
import { type ChangeEvent, type SubmitEvent, useEffect, useRef, useState } from 'react';
import { formatDate, formatName, plural } from '../core/format';
import { api } from '../data/api';
import type { Finding, ImageSummary, Series, Study } from '../data/types';
import { chooseImage, openPaths, uploadFiles } from '../state/actions';
import { HeaderDialog } from './HeaderDialog';
import { useMedvox } from './useMedvox';

export function StudyList() {
  const studies = useMedvox((s) => s.studies);
  const session = useMedvox((s) => s.session);
  const node = useMedvox((s) => s.node);
  const visible = useMedvox((s) => s.sidebar);
  if (!visible) return null;
  const count = studies?.studies.length ?? 0;
  return (
    <nav className="list" aria-label="Studies and series">
      <div className="list-scroll">
        {studies?.studies.map((study) => (
          <StudyItem key={study.id} study={study} />
        ))}
        {count === 0 && node === null && session?.state !== 'scanning' && (
          <p className="quiet">No studies. Drop files here or open a folder below.</p>
        )}
        {studies && studies.findings.length > 0 && (
          <details className="other-files">
            <summary>{plural(studies.findings.length, 'finding')} on other files</summary>
            <FindingList findings={studies.findings} />
          </details>
        )}
      </div>
      {node === null && <OpenBox />}
    </nav>
  );
}

function StudyItem({ study }: { study: Study }) {
  const hidden = useMedvox((s) => s.hidePatient);
  const { patient } = study;
  const name = hidden
    ? 'Patient hidden'
    : formatName(patient.name) || patient.id || 'No patient name';
  const facts = hidden ? [] : [patient.id, patient.sex, formatDate(study.date)];
  return (
    <section className="study">
      <div className="study-head">
        <span className="study-patient">{name}</span>
        {study.description && <span className="study-line">{study.description}</span>}
        <span className="study-line">{facts.filter(Boolean).join(' · ')}</span>
      </div>
      {study.series.map((series) =>
        series.images.length > 0 ? (
          series.images.map((image) => <ImageItem key={image.id} series={series} image={image} />)
        ) : (
          <ObjectItem key={series.id} series={series} />
        ),
      )}
    </section>
  );
}

function ImageItem({ series, image }: { series: Series; image: ImageSummary }) {
  const current = useMedvox((s) => s.imageId === image.id);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (current) button.current?.scrollIntoView({ block: 'nearest' });
  }, [current]);
  const title = series.images.length > 1 ? image.label : series.description || image.label;
  return (
    <button
      type="button"
      className="series"
      ref={button}
      aria-current={current}
      data-image={image.id}
      onClick={() => chooseImage(image.id)}
    >
      <span className="series-picture">
        <img src={image.thumbnail_url} alt="" loading="lazy" />
      </span>
      <span>
        <span className="series-title">{title || 'No description'}</span>
        <span className="series-facts">
          <span className="chip">{image.modality ?? series.format.toUpperCase()}</span>
          <span>{sizeText(image, series)}</span>
          <FindingsChip findings={series.findings} />
        </span>
      </span>
    </button>
  );
}

/** A series without a picture (a report, a structure set): its header is what there is to see. */
function ObjectItem({ series }: { series: Series }) {
  const [header, setHeader] = useState(false);
  return (
    <>
      <button type="button" className="series" onClick={() => setHeader(true)}>
        <span className="series-picture">
          <IconFileUnknown size={26} stroke={1.4} />
        </span>
        <span>
          <span className="series-title">{series.object?.description || series.description}</span>
          <span className="series-facts">
            <span className="chip">{series.modality ?? series.object?.type ?? '–'}</span>
            <span>{plural(series.instance_count, 'file')}</span>
            <FindingsChip findings={series.findings} />
          </span>
        </span>
      </button>
      <HeaderDialog
        opened={header}
        onClose={() => setHeader(false)}
        label={series.description}
        load={() => api.seriesHeader(series.id, 0)}
      />
    </>
  );
}

function sizeText(image: ImageSummary, series: Series): string {
  const size = (axis: string) => image.shape[image.axes.indexOf(axis)];
  const [time, slices] = [size('time'), size('k')];
  const parts = [];
  if (image.kind === 'cine') parts.push(plural(time ?? series.instance_count, 'frame'));
  else if (slices && slices > 1) parts.push(plural(slices, 'slice'));
  else if (image.kind === 'picture') parts.push('picture');
  if (time && image.kind !== 'cine') parts.push(plural(time, 'time'));
  return parts.join(' × ');
}

const RANK = { error: 2, warning: 1, info: 0 } as const;

function FindingsChip({ findings }: { findings: Finding[] }) {
  if (findings.length === 0) return null;
  const worst = findings.reduce((a, b) => (RANK[b.level] > RANK[a.level] ? b : a));
  const label = plural(findings.length, 'finding');
  return (
    <span className={`chip ${worst.level}`} title={findings.map((f) => f.text).join('\n')}>
      {label}
    </span>
  );
}

export function FindingList({ findings }: { findings: Finding[] }) {
  return findings.map((finding) => (
    <div className="finding" key={`${finding.code} ${finding.where} ${finding.text}`}>
      <span className={`chip ${finding.level}`}>{finding.level}</span>{' '}
      <a href={finding.help_url} target="_blank" rel="noreferrer" title="What this means">
        {finding.code}
      </a>
      <p>{finding.text}</p>
      <p className="quiet">{finding.explanation}</p>
      <p className="quiet">{[finding.where, finding.reference].filter(Boolean).join(' · ')}</p>
    </div>
  ));
}

function OpenBox() {
  const [path, setPath] = useState('');
  const picker = useRef<HTMLInputElement>(null);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (path.trim() && (await openPaths([path.trim()]))) setPath('');
  };
  const upload = (event: ChangeEvent<HTMLInputElement>) => {
    const files = [...(event.target.files ?? [])];
    void uploadFiles(files.map((file) => ({ file, path: file.webkitRelativePath || file.name })));
    event.target.value = '';
  };
  return (
    <form className="open-box" onSubmit={submit}>
      <TextInput
        size="xs"
        aria-label="Path on the server to open"
        placeholder="/path/to/scans"
        leftSection={<IconFolderOpen size={15} />}
        value={path}
        onChange={(event) => setPath(event.currentTarget.value)}
      />
      <div style={{ display: 'flex', gap: 6, marginTop: 6 }}>
        <Button type="submit" size="compact-xs" variant="light" disabled={!path.trim()}>
          Open path
        </Button>
        <Button
          size="compact-xs"
          variant="subtle"
          leftSection={<IconUpload size={13} />}
          onClick={() => picker.current?.click()}
        >
          Add files
        </Button>
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          aria-label="Files to add"
          onChange={upload}
        />
      </div>
    </form>
  );
}

import { Button, Loader } from '@mantine/core';
import {
  IconChevronDown,
  IconChevronLeft,
  IconChevronRight,
  IconDatabaseOff,
  IconX,
} from '@tabler/icons-react';
import { Fragment, type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { formatClock, formatDate, formatName } from '../../core/format';
import { archive } from '../../data/archive';
import type { ListedSeries, ListedStudy } from '../../data/types';
import { go } from '../../state/actions';
import { NO_SEARCH, type Search } from '../../state/model';
import {
  clearSearch,
  listStudies,
  nextPage,
  PAGE_SIZE,
  previousPage,
  searchStudies,
} from '../../state/node';
import { getState, report } from '../../state/store';
import { useMedvox } from '../useMedvox';
import { SearchFields } from './SearchFields';
import { SendMenu } from './SendMenu';

const TYPING_MS = 220;
const open = (study: string) => go({ page: 'viewer', study });

/** The archive's studies: search, pages, open. */
export function StudiesPage() {
  const table = useRef<HTMLDivElement>(null);
  useEffect(() => {
    void listStudies();
  }, []);
  const rows = () => [...(table.current?.querySelectorAll<HTMLElement>('tr[data-study]') ?? [])];
  const focusFirst = (event: KeyboardEvent) => {
    if (event.key !== 'ArrowDown' || event.target instanceof HTMLSelectElement) return;
    event.preventDefault();
    rows()[0]?.focus();
  };
  const onKey = (event: KeyboardEvent) => {
    const all = rows();
    const at = all.indexOf(document.activeElement as HTMLElement);
    if (at < 0) return;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === 'Enter') open(all[at]!.dataset.study!);
    else if (event.key === 'PageDown') nextPage();
    else if (event.key === 'PageUp' && getState().table.keys.length > 0) previousPage();
    else if (to === undefined) return;
    else if (to < 0) document.querySelector<HTMLElement>('input[name="patient_name"]')?.focus();
    else all[Math.min(to, all.length - 1)]?.focus();
    event.preventDefault();
  };
  return (
    <section className="page" aria-label="Studies of the archive">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the arrow leads from the fields to the list */}
      <div onKeyDown={focusFirst}>
        <StudySearch />
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the rows have the focus */}
      <div className="page-scroll" ref={table} onKeyDown={onKey}>
        <StudyRows />
      </div>
      <Pager />
    </section>
  );
}

function StudySearch() {
  const stored = useMedvox((s) => s.table.search);
  const [search, setSearch] = useState<Search>(stored);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const change = (part: Partial<Search>) => {
    const next = { ...search, ...part };
    setSearch(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => searchStudies(next), TYPING_MS);
  };
  const isEmpty = Object.values(search).every((value) => value === '');
  return (
    <SearchFields search={search} onChange={change}>
      <Button
        size="xs"
        variant="subtle"
        color="gray"
        leftSection={<IconX size={14} />}
        disabled={isEmpty}
        onClick={() => {
          clearTimeout(timer.current);
          setSearch(NO_SEARCH);
          clearSearch();
        }}
      >
        Clear
      </Button>
    </SearchFields>
  );
}

function StudyRows() {
  const found = useMedvox((s) => s.table.found);
  const search = useMedvox((s) => s.table.search);
  const last = useMedvox((s) => s.table.last);
  const [unfolded, setUnfolded] = useState<string | null>(null);
  if (!found) return <div className="page-empty">{<Loader size="sm" />}</div>;
  if (found.studies.length === 0) {
    const searched = Object.values(search).some(Boolean);
    return (
      <div className="page-empty">
        <IconDatabaseOff size={36} stroke={1.2} />
        <h2>{searched ? 'No study matches' : 'The archive is empty'}</h2>
        <p>
          {searched
            ? 'Every field that is filled in must match.'
            : 'Send studies to this node, retrieve them from another, or drop DICOM files here.'}
        </p>
      </div>
    );
  }
  return (
    <table className="studies">
      <thead>
        <tr>
          <th className="narrow" aria-label="Series" />
          <th>Patient</th>
          <th>ID</th>
          <th>Born</th>
          <th>Date</th>
          <th>Modality</th>
          <th className="fill">Description</th>
          <th>Accession</th>
          <th className="number">Series</th>
          <th className="number">Images</th>
          <th className="narrow" aria-label="Send" />
        </tr>
      </thead>
      <tbody>
        {found.studies.map((study) => (
          <Fragment key={study.study_uid}>
            <StudyRow
              study={study}
              isLast={study.study_uid === last}
              isUnfolded={study.study_uid === unfolded}
              onFold={() => setUnfolded(unfolded === study.study_uid ? null : study.study_uid)}
            />
            {unfolded === study.study_uid && <SeriesRows study={study.study_uid} />}
          </Fragment>
        ))}
      </tbody>
    </table>
  );
}

interface RowProps {
  study: ListedStudy;
  isLast: boolean;
  isUnfolded: boolean;
  onFold: () => void;
}

function StudyRow({ study, isLast, isUnfolded, onFold }: RowProps) {
  const hidden = useMedvox((s) => s.hidePatient);
  const row = useRef<HTMLTableRowElement>(null);
  useEffect(() => {
    if (isLast) row.current?.focus({ preventScroll: false });
  }, [isLast]);
  const name = hidden ? 'Patient hidden' : formatName(study.patient_name) || 'No name';
  const shown = (text: string) => (hidden ? '' : text);
  return (
    <tr
      ref={row}
      tabIndex={0}
      data-study={study.study_uid}
      aria-label={`Open ${name}, ${study.description}`}
      onClick={() => open(study.study_uid)}
    >
      <td className="narrow">
        <button
          type="button"
          className="fold-button"
          aria-label={isUnfolded ? 'Hide series' : 'Show series'}
          aria-expanded={isUnfolded}
          onClick={(event) => {
            event.stopPropagation();
            onFold();
          }}
          onKeyDown={(event) => event.stopPropagation()}
        >
          {isUnfolded ? <IconChevronDown size={15} /> : <IconChevronRight size={15} />}
        </button>
      </td>
      <td className="strong" title={name}>
        {name}
        {!hidden && study.sex && <span className="sex">{study.sex}</span>}
      </td>
      <td title={shown(study.patient_id)}>{shown(study.patient_id)}</td>
      <td className="digits">{shown(formatDate(study.birth_date))}</td>
      <td className="digits">
        {shown(formatDate(study.date))}{' '}
        <span className="quiet">{shown(formatClock(study.time))}</span>
      </td>
      <td>
        {study.modalities.map((modality) => (
          <span className="chip" key={modality}>
            {modality}
          </span>
        ))}
      </td>
      <td className="fill" title={study.description}>
        {study.description || <span className="quiet">–</span>}
      </td>
      <td title={shown(study.accession)}>{shown(study.accession)}</td>
      <td className="number">{study.series}</td>
      <td className="number">{study.instances}</td>
      <td className="narrow">
        <SendMenu study={study.study_uid} />
      </td>
    </tr>
  );
}

function SeriesRows({ study }: { study: string }) {
  const [series, setSeries] = useState<ListedSeries[] | null>(null);
  useEffect(() => {
    archive.series(study).then(setSeries, (error: unknown) => report(error, 'series'));
  }, [study]);
  return (series ?? []).map((one) => (
    <tr className="series-row" key={one.series_uid}>
      <td className="narrow" />
      <td colSpan={4}>{one.number !== null && `Series ${one.number}`}</td>
      <td>
        <span className="chip">{one.modality || '–'}</span>
      </td>
      <td className="fill">{one.description}</td>
      <td>{one.body_part}</td>
      <td />
      <td className="number">{one.instances}</td>
      <td />
    </tr>
  ));
}

function Pager() {
  const { found, keys, loading } = useMedvox((s) => s.table);
  const first = keys.length * PAGE_SIZE + 1;
  const count = found?.studies.length ?? 0;
  return (
    <div className="pager">
      <span aria-live="polite" data-range>
        {count > 0 ? `Studies ${first} to ${first + count - 1}, newest first` : ''}
      </span>
      {loading && <Loader size={14} />}
      <span className="bar-space" />
      <span className="quiet">↑ ↓ choose, Enter opens</span>
      <Button
        size="compact-xs"
        variant="default"
        leftSection={<IconChevronLeft size={14} />}
        disabled={keys.length === 0}
        onClick={previousPage}
      >
        Newer
      </Button>
      <Button
        size="compact-xs"
        variant="default"
        rightSection={<IconChevronRight size={14} />}
        disabled={!found?.next}
        onClick={nextPage}
      >
        Older
      </Button>
    </div>
  );
}

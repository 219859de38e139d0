import { Button, NativeSelect, NumberInput, Slider } from '@mantine/core';
import { lazy, Suspense } from 'react';
import { formatNumber, formatPoint, formatValue, shownUnit } from '../core/format';
import { patch } from '../state/store';
import { FindingList } from './StudyList';
import { useMedvox } from './useMedvox';
import { windowPresets } from './windowPresets';

const LookingSections = lazy(() => import('./looking/LookingSections'));
const SegmentsPanel = lazy(() => import('./segments/SegmentsPanel'));
const NotesPanel = lazy(() => import('./notes/NotesPanel'));

/** The right side: window, 3D, probe, measurements, findings of the shown image. */
export function Panel() {
  const visible = useMedvox((s) => s.panel);
  const info = useMedvox((s) => s.info);
  if (!visible || !info) return null;
  return (
    <aside className="panel" aria-label="Details">
      {info.value.photometric !== 'RGB' && <WindowSection />}
      <VolumeSection />
      <Suspense>
        <LookingSections />
      </Suspense>
      <SegmentsSection />
      <ProbeSection />
      <Suspense fallback={null}>
        <NotesPanel />
      </Suspense>
      <ImageSection />
      {info.findings.length > 0 && (
        <section>
          <h3>Findings</h3>
          <FindingList findings={info.findings} />
        </section>
      )}
    </aside>
  );
}

/** Segments that lie on the image, loaded where there are some. */
function SegmentsSection() {
  const any = useMedvox((s) => s.segments.objects.length > 0);
  return (
    any && (
      <Suspense fallback={null}>
        <SegmentsPanel />
      </Suspense>
    )
  );
}

function WindowSection() {
  const window = useMedvox((s) => s.window);
  const info = useMedvox((s) => s.info);
  const presets = useMedvox((s) => s.presets);
  if (!window || !info) return null;
  const choices = windowPresets(info, presets);
  const chosen = choices.findIndex((w) => w.center === window.center && w.width === window.width);
  const unit = shownUnit(info.value.unit);
  return (
    <section>
      <h3>Window {unit && <span>{unit}</span>}</h3>
      <NativeSelect
        size="xs"
        aria-label="Window preset"
        value={String(chosen)}
        data={[
          ...(chosen < 0 ? [{ value: '-1', label: 'Custom' }] : []),
          ...choices.map((w, n) => ({ value: String(n), label: w.name })),
        ]}
        onChange={(event) => {
          const choice = choices[Number(event.currentTarget.value)];
          if (choice) patch({ window: { center: choice.center, width: choice.width } });
        }}
      />
      <div style={{ display: 'grid', gridTemplateColumns: '1fr 1fr', gap: 8, marginTop: 8 }}>
        <NumberInput
          size="xs"
          label="Width"
          value={Number(window.width.toPrecision(6))}
          min={0}
          hideControls
          onChange={(n) =>
            typeof n === 'number' && n > 0 && patch({ window: { ...window, width: n } })
          }
        />
        <NumberInput
          size="xs"
          label="Center"
          value={Number(window.center.toPrecision(6))}
          hideControls
          onChange={(n) => typeof n === 'number' && patch({ window: { ...window, center: n } })}
        />
      </div>
    </section>
  );
}

function VolumeSection() {
  const layout = useMedvox((s) => s.layout);
  const info = useMedvox((s) => s.info);
  const presets = useMedvox((s) => s.presets?.volume);
  const preset = useMedvox((s) => s.preset);
  const shift = useMedvox((s) => s.shift);
  if (layout === 'stack' || !info || !presets) return null;
  const own = presets.filter((p) => info.volume_presets.includes(p.name));
  const others = presets.filter((p) => !info.volume_presets.includes(p.name));
  const range = info.value.max - info.value.min;
  const option = (p: { name: string; label: string }) => ({ value: p.name, label: p.label });
  return (
    <section>
      <h3>3D</h3>
      <NativeSelect
        size="xs"
        aria-label="3D preset"
        value={preset ?? ''}
        data={[
          { group: 'For this image', items: own.map(option) },
          { group: 'All', items: others.map(option) },
        ]}
        onChange={(event) => patch({ preset: event.currentTarget.value, shift: 0 })}
      />
      <div style={{ display: 'flex', justifyContent: 'space-between', margin: '8px 0 2px' }}>
        <span className="quiet">Shift</span>
        <span data-shift={shift}>{formatValue(shift, info.value.unit)}</span>
      </div>
      <Slider
        size="sm"
        label={null}
        thumbLabel="Shift of the 3D preset"
        min={-range / 2}
        max={range / 2}
        step={range / 400}
        value={shift}
        onChange={(n) => patch({ shift: Number(n.toPrecision(4)) })}
      />
    </section>
  );
}

function ProbeSection() {
  const pinned = useMedvox((s) => s.pinned);
  const hidden = useMedvox((s) => s.hidePatient);
  if (!pinned) return null;
  const [k, j, i] = pinned.voxel;
  const { source } = pinned;
  return (
    <section data-panel="probe">
      <h3>Probe</h3>
      <dl className="facts">
        <dt>Value</dt>
        <dd>{formatValue(pinned.value, pinned.unit)}</dd>
        {pinned.storedValue !== null && (
          <>
            <dt>Stored</dt>
            <dd>{formatValue(pinned.storedValue, '')}</dd>
          </>
        )}
        {pinned.patientMm && (
          <>
            <dt>LPS mm</dt>
            <dd>{formatPoint(pinned.patientMm, 2)}</dd>
          </>
        )}
        <dt>k, j, i</dt>
        <dd>{`${k}, ${j}, ${i}${pinned.grid === 'regular' ? ' of the copy' : ''}`}</dd>
        {pinned.grid === 'regular' && pinned.storedIndex && (
          <>
            <dt>Stored at</dt>
            <dd>{pinned.storedIndex.join(', ')}</dd>
          </>
        )}
        {source && !hidden && (
          <>
            <dt>File</dt>
            <dd>{source.file}</dd>
            <dt>Instance</dt>
            <dd>{source.sopInstanceUid ?? '–'}</dd>
          </>
        )}
        {source?.frame != null && (
          <>
            <dt>Frame</dt>
            <dd>{source.frame}</dd>
          </>
        )}
      </dl>
    </section>
  );
}

/** Where a pixel size is true. */
const SPACING_SOURCE: Record<string, string> = {
  patient: 'in the patient',
  local: 'true size, place unknown',
  calibrated: 'corrected for magnification',
  detector: 'at the detector',
  'ultrasound-region': 'inside the region only',
};

function ImageSection() {
  const info = useMedvox((s) => s.info);
  const header = useMedvox((s) => s.header);
  if (!info) return null;
  const { stored } = info.grids;
  const spacing = info.pixel_spacing;
  return (
    <section>
      <h3>
        Image
        <Button
          size="compact-xs"
          variant="subtle"
          aria-pressed={header}
          onClick={() => patch({ header: !header })}
        >
          Header
        </Button>
      </h3>
      <dl className="facts">
        <dt>Modality</dt>
        <dd>{info.modality ?? '–'}</dd>
        <dt>Size</dt>
        <dd>{[stored.shape[2], stored.shape[1], stored.shape[0]].join(' × ')}</dd>
        <dt>Pixel</dt>
        <dd title={spacing?.source}>
          {spacing
            ? `${formatNumber(spacing.row_mm)} × ${formatNumber(spacing.column_mm)} mm`
            : 'size unknown'}
        </dd>
        {spacing && (
          <>
            <dt>From</dt>
            <dd>{SPACING_SOURCE[spacing.source] ?? spacing.source}</dd>
          </>
        )}
        <dt>Values</dt>
        <dd>{`${formatNumber(info.value.min)} … ${formatValue(info.value.max, info.value.unit)}`}</dd>
        {info.value.meaning && (
          <>
            <dt>Meaning</dt>
            <dd>{info.value.meaning}</dd>
          </>
        )}
      </dl>
    </section>
  );
}

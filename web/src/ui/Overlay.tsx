import { formatLength, formatNumber, formatValue, scaleBarLength } from '../core/format';
import type { OverlayText, Presets } from '../data/types';
import type { Plane, ViewInfo, ViewName } from '../state/model';
import { useMedvox } from './useMedvox';

const NAMES: Record<ViewName, string> = {
  stack: '',
  axial: 'Axial',
  coronal: 'Coronal',
  sagittal: 'Sagittal',
  volume: '3D',
};

const CORNERS = ['tl', 'tr', 'bl', 'br'] as const;
type Corner = (typeof CORNERS)[number];

/** Text, letters, crosshair and scale bar over one view. */
export function Overlay({ view }: { view: ViewName }) {
  const shown = useMedvox((s) => s.showOverlay);
  const info = useMedvox((s) => s.views[view]);
  const light = useMedvox((s) => view === 'volume' && lightGround(s.presets, s.preset));
  if (!info) return null;
  return (
    <div className={light ? 'overlay light' : 'overlay'} data-overlay={view}>
      {info.cross && <Cross view={view as Plane} at={info.cross} lines={info.lines} />}
      {shown && info.letters && <Letters info={info} />}
      {shown && CORNERS.map((corner) => <CornerText key={corner} view={view} corner={corner} />)}
      {shown && <ScaleBar info={info} />}
    </div>
  );
}

/** True where the 3D view has a light ground: a projection whose lowest values are light. */
function lightGround(presets: Presets | null, name: string | null): boolean {
  const preset = presets?.volume.find((p) => p.name === name);
  const [, r = 0, g = 0, b = 0] = preset?.mode === 'mip' ? (preset.color[0] ?? []) : [];
  return (r + g + b) / 3 > 0.5;
}

function Letters({ info }: { info: ViewInfo }) {
  return (['top', 'bottom', 'left', 'right'] as const).map((edge) => (
    <span key={edge} className={`letter ${edge}`}>
      {info.letters?.[edge]}
    </span>
  ));
}

/** Lines that the page itself adds to a corner. */
function useOwnLines(view: ViewName, corner: Corner): string[] {
  const window = useMedvox((s) => s.window);
  const info = useMedvox((s) => s.views[view]);
  const image = useMedvox((s) => s.info);
  const time = useMedvox((s) => s.time);
  const preset = useMedvox((s) => s.presets?.volume.find((p) => p.name === s.preset)?.label);
  const shift = useMedvox((s) => s.shift);
  if (!image || !info) return [];
  if (corner === 'br') return view === 'volume' ? [] : [`Zoom ${formatNumber(info.zoom, 3)}×`];
  if (corner !== 'bl') return [];
  const lines: string[] = [];
  if (view === 'volume') {
    lines.push(preset ?? '');
    if (shift) lines.push(`Shift ${formatValue(shift, image.value.unit)}`);
    return lines;
  }
  if (info.slice !== null && info.sliceCount && info.sliceCount > 1) {
    lines.push(`Slice ${info.slice + 1} / ${info.sliceCount}`);
  }
  if (image.time_points > 1) {
    const seconds = image.frame_times_s?.[time];
    const at = seconds === undefined ? '' : `  ${formatNumber(seconds, 3)} s`;
    lines.push(`Time ${time + 1} / ${image.time_points}${at}`);
  }
  if (window && image.value.photometric !== 'RGB') {
    lines.push(`W ${formatNumber(window.width)}  C ${formatNumber(window.center)}`);
  }
  return lines;
}

function CornerText({ view, corner }: { view: ViewName; corner: Corner }) {
  const overlay = useMedvox((s) => s.info?.overlay);
  const hidden = useMedvox((s) => s.hidePatient);
  const own = useOwnLines(view, corner);
  // The patient's texts stand once: in the only view, or in the axial one of the planes.
  const texts: OverlayText[] = view === 'stack' || view === 'axial' ? (overlay ?? []) : [];
  const lines = texts
    .filter((line) => line.corner === corner && !(hidden && line.identifying))
    .map((line) => line.text);
  return (
    <div className={`corner ${corner}`}>
      {corner === 'tl' && NAMES[view] && <p className={`view-name ${view}`}>{NAMES[view]}</p>}
      {[...lines, ...own].map((line, n) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no identity and may repeat
        <p key={n}>{line}</p>
      ))}
    </div>
  );
}

/** At most this many px wide. */
const LONGEST = 120;

function ScaleBar({ info }: { info: ViewInfo }) {
  if (!info.mmPerPixel) return null;
  const mm = scaleBarLength(info.mmPerPixel * LONGEST);
  return (
    <div className="corner br" style={{ bottom: 28 }} data-scale-mm={mm}>
      <span className="scale-bar" style={{ width: mm / info.mmPerPixel }} />{' '}
      <span>{formatLength(mm)}</span>
    </div>
  );
}

/** The lines of the other two planes, in their colours. */
const LINES: Record<Plane, { vertical: Plane; horizontal: Plane }> = {
  axial: { vertical: 'sagittal', horizontal: 'coronal' },
  coronal: { vertical: 'sagittal', horizontal: 'axial' },
  sagittal: { vertical: 'coronal', horizontal: 'axial' },
};

/** Free space around the centre, px, so that the voxel itself stays visible. */
const GAP = 12;

interface CrossProps {
  view: Plane;
  at: [number, number];
  /** Of turned planes. */
  lines: ViewInfo['lines'];
}

function Cross({ view, at: [x, y], lines }: CrossProps) {
  const { vertical, horizontal } = LINES[view];
  if (lines) return <TurnedCross at={[x, y]} lines={lines} />;
  return (
    <svg className="cross" aria-hidden="true">
      <line x1={x} y1="0" x2={x} y2={y - GAP} stroke={`var(--${vertical})`} />
      <line x1={x} y1={y + GAP} x2={x} y2="100%" stroke={`var(--${vertical})`} />
      <line x1="0" y1={y} x2={x - GAP} y2={y} stroke={`var(--${horizontal})`} />
      <line x1={x + GAP} y1={y} x2="100%" y2={y} stroke={`var(--${horizontal})`} />
    </svg>
  );
}

/** Longer than any view, px. */
const FAR = 4000;

function TurnedCross({ at: [x, y], lines }: Omit<CrossProps, 'view'>) {
  const halves = Object.entries(lines ?? {}).flatMap(([plane, [dx, dy]]) =>
    [1, -1].map((sign) => ({ plane, dx: dx * sign, dy: dy * sign })),
  );
  return (
    <svg className="cross" aria-hidden="true">
      {halves.map(({ plane, dx, dy }) => (
        <line
          key={`${plane} ${dx} ${dy}`}
          x1={x + dx * GAP}
          y1={y + dy * GAP}
          x2={x + dx * FAR}
          y2={y + dy * FAR}
          stroke={`var(--${plane})`}
        />
      ))}
    </svg>
  );
}

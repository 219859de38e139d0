import { type PointerEvent as ReactPointerEvent, useRef } from 'react';
import { cssColumn, findTable } from '../../core/colormap';
import { formatNumber, shownUnit } from '../../core/format';
import { planeFrame } from '../../core/rotation';
import { displayScale } from '../../core/uptake';
import { scale, type Vec3 } from '../../core/vector';
import { layerRange, setLook, turnAbout } from '../../state/look';
import { PLANES, type Plane, type ViewName } from '../../state/model';
import { scrollView } from '../../state/reducers';
import { change, getState } from '../../state/store';
import { canvasAt, worldAt } from '../../tools/measuring';
import { useMedvox } from '../useMedvox';

/** What lies over one view beside its texts: handles that turn planes, a drawn path, colour legends. */
export default function ViewLayer({ view }: { view: ViewName }) {
  const plane = PLANES.find((name) => name === view);
  return (
    <>
      {plane && <Handles plane={plane} />}
      {plane && <PathLayer plane={plane} />}
      {(view === 'axial' || view === 'stack') && <Legends />}
    </>
  );
}

/** The lines of the other planes where none is turned. */
const STRAIGHT: Record<Plane, [Plane, [number, number]][]> = {
  axial: [
    ['sagittal', [0, 1]],
    ['coronal', [1, 0]],
  ],
  coronal: [
    ['sagittal', [0, 1]],
    ['axial', [1, 0]],
  ],
  sagittal: [
    ['coronal', [0, 1]],
    ['axial', [1, 0]],
  ],
};

/** From the crosshair, px. */
const REACH = 90;
const KEY_STEP = Math.PI / 36;

/** Handles on the crosshair of a plane: dragging one turns the other two planes. */
function Handles({ plane }: { plane: Plane }) {
  const cross = useMedvox((s) => s.views[plane]?.cross);
  const lines = useMedvox((s) => s.views[plane]?.lines);
  const shown = useMedvox((s) => s.tool === 'crosshair');
  const last = useRef<number | null>(null);
  if (!shown || !cross) return null;
  const [x, y] = cross;
  const directions = lines
    ? (Object.entries(lines) as [Plane, [number, number]][])
    : STRAIGHT[plane];
  const angleAt = (event: ReactPointerEvent<SVGElement>) => {
    const box = event.currentTarget.ownerSVGElement!.getBoundingClientRect();
    return Math.atan2(event.clientY - box.top - y, event.clientX - box.left - x);
  };
  const move = (event: ReactPointerEvent<SVGElement>) => {
    if (last.current === null) return;
    const angle = angleAt(event);
    change(turnAbout, plane, angle - last.current);
    last.current = angle;
  };
  return (
    <svg className="view-layer">
      <title>{`Turn planes in the ${plane} view`}</title>
      {directions.flatMap(([other, [dx, dy]]) =>
        [1, -1].map((sign) => (
          // biome-ignore lint/a11y/useSemanticElements: there is no slider among SVG elements
          <circle
            key={`${other} ${sign}`}
            className="handle"
            cx={x + dx * REACH * sign}
            cy={y + dy * REACH * sign}
            r="6"
            stroke={`var(--${other})`}
            role="slider"
            tabIndex={0}
            aria-label={`Turn the ${other} plane`}
            aria-valuenow={Math.round((Math.atan2(dy, dx) * 180) / Math.PI)}
            data-handle={other}
            onPointerDown={(event) => {
              event.stopPropagation();
              event.currentTarget.setPointerCapture(event.pointerId);
              last.current = angleAt(event);
            }}
            onPointerMove={move}
            onPointerUp={() => {
              last.current = null;
            }}
            onKeyDown={(event) => {
              const turn = { ArrowLeft: -KEY_STEP, ArrowRight: KEY_STEP }[event.key];
              if (turn === undefined) return;
              event.preventDefault();
              event.stopPropagation();
              change(turnAbout, plane, turn);
            }}
          />
        )),
      )}
    </svg>
  );
}

/** Head or front is at the top of the stretched picture. */
const headUp = (normal: Vec3): Vec3 =>
  Math.abs(normal[2]) > 0.5 && normal[2] < 0 ? scale(normal, -1) : normal;

/** The path of the curved reformat; a click adds a point where it is being drawn. */
function PathLayer({ plane }: { plane: Plane }) {
  const curve = useMedvox((s) => s.look.curve);
  // Moves with the view.
  useMedvox((s) => s.views[plane]);
  if (!curve) return null;
  const places = curve.points.map((point) => canvasAt(plane, point)).filter((p) => p !== null);
  const scroll = (event: { deltaY: number }) => change(scrollView, plane, Math.sign(event.deltaY));
  const add = (event: { currentTarget: Element; clientX: number; clientY: number }) => {
    const box = event.currentTarget.getBoundingClientRect();
    const point = worldAt(plane, [event.clientX - box.left, event.clientY - box.top]);
    if (!point) return;
    // Across the path the picture goes along the normal of the plane that it was begun in.
    const begun = curve.points.length > 0;
    const { rotation } = getState().look;
    const normal = begun ? curve.normal : headUp(planeFrame(plane, rotation).normal);
    change(setLook, { curve: { points: [...curve.points, point], normal } });
  };
  return (
    <svg className="view-layer" data-path={plane}>
      <title>Path of the curved reformat</title>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a path is drawn with the pointer */}
      <rect className="draw" width="100%" height="100%" onClick={add} onWheel={scroll} />
      <polyline className="path" points={places.map(([x, y]) => `${x},${y}`).join(' ')} />
      {places.map(([x, y]) => (
        <circle key={`${x} ${y}`} className="path-point" cx={x} cy={y} r="3.5" />
      ))}
    </svg>
  );
}

/** Colours and their values, of the image (where it is not gray) and of the layers. */
function Legends() {
  const look = useMedvox((s) => s.look);
  const tables = useMedvox((s) => s.presets?.colormaps) ?? [];
  const others = useMedvox((s) => s.others);
  const window = useMedvox((s) => s.window);
  const visible = useMedvox((s) => s.showOverlay);
  const { info, layout, invert } = getState();
  if (!visible || !info) return null;
  const bars: { key: string; color: string; low: number; high: number; unit: string }[] = [];
  if (look.colormap !== 'gray' && window) {
    const color = cssColumn(findTable(tables, look.colormap), invert);
    const [low, high] = [window.center - window.width / 2, window.center + window.width / 2];
    bars.push({ key: 'image', color, low, high, unit: info.value.unit });
  }
  for (const layer of layout === 'stack' ? [] : look.overlays) {
    const other = others[layer.imageId];
    if (!layer.visible || layer.kind === 'labels' || !other) continue;
    const [low, high] = layerRange(layer, other);
    const color = cssColumn(findTable(tables, layer.colormap));
    const { factor, unit } = displayScale(other.value);
    bars.push({ key: layer.id, color, low: low * factor, high: high * factor, unit });
  }
  return (
    <div className="legend">
      {bars.map(({ key, color, low, high, unit }) => (
        <div className="legend-bar" key={key} data-legend={key}>
          <i style={{ background: color }} />
          <span>
            <b>{`${formatNumber(high)} ${shownUnit(unit)}`}</b>
            <b>{formatNumber(low)}</b>
          </span>
        </div>
      ))}
    </div>
  );
}

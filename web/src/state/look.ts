/** Pure changes of how images are looked at. */
import {
  emptyPane,
  type Look,
  type OverlayLayer,
  type Pane,
  type PaneTable,
  PLAIN,
} from '../core/look';
import { aboutAxis, compose, IDENTITY, planeFrame } from '../core/rotation';
import type { ImageInfo } from '../data/types';
import type { Plane, State } from './model';

type Change = Partial<State>;

export const setLook = (state: State, part: Partial<Look>): Change => ({
  look: { ...state.look, ...part },
});

/** The highest colour of PET where none is stated, g/ml. */
const USUAL_SUV = 10;

/** The values of the lowest and highest colour where the layer states none. */
export function layerRange(layer: OverlayLayer, info: ImageInfo): [number, number] {
  if (layer.range) return layer.range;
  const { suv_factor: factor } = info.value;
  if (factor) return [0, USUAL_SUV / factor];
  const window = info.windows[0];
  const upper = window ? window.center + window.width / 2 : info.value.max;
  const lower = window ? window.center - window.width / 2 : info.value.min;
  return [lower, Math.max(upper, lower + 1e-6)];
}

/** Values below this are clear: a tenth of the way up the colours where the layer states none. */
export function layerThreshold(layer: OverlayLayer, info: ImageInfo): number {
  if (layer.threshold !== null) return layer.threshold;
  if (layer.kind === 'labels') return 0.5;
  const [lower, upper] = layerRange(layer, info);
  return lower + 0.1 * (upper - lower);
}

/** A layer of an image with the usual looks: label maps (small whole numbers of no unit) as labels. */
export function newLayer(imageId: string, kind: OverlayLayer['kind'] = 'image'): OverlayLayer {
  return {
    id: imageId,
    kind,
    imageId,
    visible: true,
    opacity: kind === 'labels' ? 0.5 : 0.6,
    colormap: 'hot',
    range: null,
    threshold: null,
    transform: null,
    segments: [],
  };
}

/** Adds a layer on top; one of the same id is replaced where it lies. */
export function addOverlay(state: State, layer: OverlayLayer): Change {
  const { overlays } = state.look;
  const known = overlays.some((o) => o.id === layer.id);
  const next = known ? overlays.map((o) => (o.id === layer.id ? layer : o)) : [...overlays, layer];
  return setLook(state, { overlays: next });
}

export function updateOverlay(state: State, id: string, part: Partial<OverlayLayer>): Change {
  const overlays = state.look.overlays.map((o) => (o.id === id ? { ...o, ...part, id } : o));
  return setLook(state, { overlays });
}

export function removeOverlay(state: State, id: string): Change {
  return setLook(state, { overlays: state.look.overlays.filter((o) => o.id !== id) });
}

/** Turns the other two planes about the axis of one, by radians as seen on its picture. */
export function turnAbout(state: State, plane: Plane, angle: number): Change {
  const rotation = state.look.rotation ?? IDENTITY;
  const { normal } = planeFrame(plane, rotation);
  // The normal points to the viewer: a turn to the right on the screen is left-handed about it.
  return setLook(state, { rotation: compose(aboutAxis(normal, -angle), rotation) });
}

export const straighten = (state: State): Change => setLook(state, { rotation: null });

/** A table of other size; panes keep their place, new ones show the opened image. */
export function setTableSize(state: State, rows: number, columns: number): Change {
  const { table } = state.look;
  const panes = Array.from(
    { length: rows * columns },
    (_, n) => table.panes[n] ?? emptyPane(table.panes[0]?.plane),
  );
  return setLook(state, { table: { ...table, rows, columns, panes } });
}

export function setPane(state: State, n: number, part: Partial<Pane>): Change {
  const { table } = state.look;
  const panes = table.panes.map((pane, at) => (at === n ? { ...pane, ...part } : pane));
  return setLook(state, { table: { ...table, panes } });
}

export function setLinked(state: State, part: Partial<PaneTable['linked']>): Change {
  const { table } = state.look;
  return setLook(state, { table: { ...table, linked: { ...table.linked, ...part } } });
}

/** A look for a newly opened image: that of its link, else plain; a table keeps its size. */
export function freshLook(state: State, asked: Look | null): Look {
  if (asked) return asked;
  const { table } = state.look;
  const panes = table.panes.map(() => emptyPane());
  return { ...PLAIN, table: { ...table, panes } };
}

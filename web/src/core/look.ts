/** How images are looked at beyond window and position: plain data, and its place in the URL. */
import type { Vec3 } from './vector';

/** One layer over the image: a series, or a label map. */
export interface OverlayLayer {
  /** Key of the layer; no two layers of a view share it. */
  id: string;
  kind: 'image' | 'labels';
  /** The image whose voxels are laid over. */
  imageId: string;
  visible: boolean;
  /** 0 (clear) to 1. */
  opacity: number;
  colormap: string;
  /** Values of the lowest and the highest colour; null: from 0 or the least to the default window's end. */
  range: [number, number] | null;
  /** Values below are clear; null: those below the range. */
  threshold: number | null;
  /** Rows of a 4x4 matrix, LPS mm of the layer -> LPS mm of the image; null: they share their space. */
  transform: number[] | null;
  /** Of a label map: what its numbers mean. A number that is not listed takes a colour of its own. */
  segments: Segment[];
}

export interface Segment {
  number: number;
  name: string;
  /** 0..1 */
  color: Vec3;
  visible: boolean;
}

export const SLAB_MODES = ['none', 'max', 'min', 'mean'] as const;
export type SlabMode = (typeof SLAB_MODES)[number];

export interface Slab {
  mode: SlabMode;
  thicknessMm: number;
}

/** x, y, z, w of a rotation. */
export type Quaternion = [number, number, number, number];

/** Ambient, diffuse and specular light 0..1, and the sharpness of highlights. */
export interface Light {
  shade: boolean;
  ambient: number;
  diffuse: number;
  specular: number;
  power: number;
}

/** What is cut away from the 3D view. */
export interface Clip {
  /** Shares of the volume's sides, [from, to] along i, j and k; null: nothing. */
  box: [[number, number], [number, number], [number, number]] | null;
  /** Everything on the side the normal points away from goes; through a point, LPS mm. */
  plane: { normal: Vec3; origin: Vec3 } | null;
}

export interface TransferPoints {
  /** (value, red, green, blue) and (value, share of light held back by 1 mm), value ascending. */
  color: [number, number, number, number][];
  opacity: [number, number][];
}

/** Turning and mirroring of stored slices. */
export interface Turn {
  quarters: number;
  horizontal: boolean;
  vertical: boolean;
}

export interface Pane {
  /** null: the opened image. */
  imageId: string | null;
  plane: PanePlane;
  center: number | null;
  width: number | null;
  /** How far its plane lies from the common position, mm along its normal. */
  offsetMm: number;
  /** Shows the layers over it. */
  fused: boolean;
}

export const PANE_PLANES = ['axial', 'coronal', 'sagittal', 'stored'] as const;
export type PanePlane = (typeof PANE_PLANES)[number];

/** A table of views beside each other. */
export interface PaneTable {
  rows: number;
  columns: number;
  panes: Pane[];
  /** Which of them go together. */
  linked: { position: boolean; zoom: boolean; window: boolean };
}

export interface Look {
  overlays: OverlayLayer[];
  /** Turns the three planes from their usual directions; null: not turned. */
  rotation: Quaternion | null;
  slab: Slab;
  colormap: string;
  /** Interpolation between voxels. */
  smooth: boolean;
  turn: Turn;
  /** Points of a path, LPS mm, for the curved reformat, and the plane it was drawn in. */
  curve: { points: Vec3[]; normal: Vec3 } | null;
  transfer: TransferPoints | null;
  light: Light | null;
  clip: Clip;
  /** The three planes inside the 3D view. */
  slices3d: boolean;
  table: PaneTable;
  magnifier: boolean;
}

const PANE: Pane = {
  imageId: null,
  plane: 'axial',
  center: null,
  width: null,
  offsetMm: 0,
  fused: false,
};

export const PLAIN: Look = {
  overlays: [],
  rotation: null,
  slab: { mode: 'none', thicknessMm: 10 },
  colormap: 'gray',
  smooth: true,
  turn: { quarters: 0, horizontal: false, vertical: false },
  curve: null,
  transfer: null,
  light: null,
  clip: { box: null, plane: null },
  slices3d: false,
  table: {
    rows: 1,
    columns: 2,
    panes: [PANE, PANE],
    linked: { position: true, zoom: true, window: false },
  },
  magnifier: false,
};

export function emptyPane(plane: PanePlane = 'axial'): Pane {
  return { ...PANE, plane };
}

const finite = (x: unknown): x is number => typeof x === 'number' && Number.isFinite(x);
const tuple = (x: unknown, length: number): boolean =>
  Array.isArray(x) && x.length === length && x.every(finite);
const isObject = (x: unknown): x is Record<string, unknown> =>
  typeof x === 'object' && x !== null && !Array.isArray(x);
const flag = (x: unknown): boolean => typeof x === 'boolean';
const orNull = (test: (x: unknown) => boolean) => (x: unknown) => x === null || test(x);
const rising = (x: unknown): boolean =>
  Array.isArray(x) && x.every((p, n) => n === 0 || x[n - 1][0] <= p[0]);

function isOverlay(x: unknown): boolean {
  return (
    isObject(x) &&
    typeof x.id === 'string' &&
    typeof x.imageId === 'string' &&
    (x.kind === 'image' || x.kind === 'labels') &&
    flag(x.visible) &&
    finite(x.opacity) &&
    x.opacity >= 0 &&
    x.opacity <= 1 &&
    typeof x.colormap === 'string' &&
    orNull((r) => tuple(r, 2))(x.range) &&
    orNull(finite)(x.threshold) &&
    orNull((m) => tuple(m, 16))(x.transform) &&
    Array.isArray(x.segments)
  );
}

function isTable(x: unknown): boolean {
  if (!isObject(x) || !isObject(x.linked) || !Array.isArray(x.panes)) return false;
  const side = (n: unknown) => finite(n) && Number.isInteger(n) && n >= 1 && n <= 3;
  const pane = (p: unknown) =>
    isObject(p) &&
    orNull((id) => typeof id === 'string')(p.imageId) &&
    PANE_PLANES.some((name) => name === p.plane) &&
    orNull(finite)(p.center) &&
    orNull(finite)(p.width) &&
    finite(p.offsetMm) &&
    flag(p.fused);
  const { position, zoom, window } = x.linked;
  return (
    side(x.rows) &&
    side(x.columns) &&
    x.panes.length === Number(x.rows) * Number(x.columns) &&
    x.panes.every(pane) &&
    [position, zoom, window].every(flag)
  );
}

const isClip = (x: unknown): boolean =>
  isObject(x) &&
  orNull((b) => Array.isArray(b) && b.length === 3 && b.every((side) => tuple(side, 2)))(x.box) &&
  orNull((p) => isObject(p) && tuple(p.normal, 3) && tuple(p.origin, 3))(x.plane);

const points = (x: unknown, length: number): boolean =>
  Array.isArray(x) && x.length > 1 && x.every((p) => tuple(p, length)) && rising(x);

/** What a part must be to be taken from a link that may have been written by hand. */
const VALID: Record<keyof Look, (x: unknown) => boolean> = {
  overlays: (x) => Array.isArray(x) && x.every(isOverlay),
  rotation: orNull((x) => tuple(x, 4) && Math.hypot(...(x as number[])) > 0),
  slab: (x) =>
    isObject(x) &&
    SLAB_MODES.some((mode) => mode === x.mode) &&
    finite(x.thicknessMm) &&
    x.thicknessMm > 0,
  colormap: (x) => typeof x === 'string',
  smooth: flag,
  turn: (x) => isObject(x) && finite(x.quarters) && flag(x.horizontal) && flag(x.vertical),
  curve: orNull(
    (x) =>
      isObject(x) &&
      tuple(x.normal, 3) &&
      Array.isArray(x.points) &&
      x.points.every((p) => tuple(p, 3)),
  ),
  transfer: orNull((x) => isObject(x) && points(x.color, 4) && points(x.opacity, 2)),
  light: orNull(
    (x) =>
      isObject(x) &&
      flag(x.shade) &&
      [x.ambient, x.diffuse, x.specular, x.power].every((n) => finite(n)),
  ),
  clip: isClip,
  slices3d: flag,
  table: isTable,
  magnifier: flag,
};

const KEYS = Object.keys(PLAIN) as (keyof Look)[];

const short = (_: string, value: unknown): unknown =>
  typeof value === 'number' ? Number(value.toPrecision(7)) : value;

/** The parts that differ from the plain look, as text; '' where none does. */
export function encodeLook(look: Look): string {
  const changed = KEYS.filter((key) => JSON.stringify(look[key]) !== JSON.stringify(PLAIN[key]));
  if (changed.length === 0) return '';
  return JSON.stringify(Object.fromEntries(changed.map((key) => [key, look[key]])), short);
}

/** The look of a text; parts that cannot be understood stay plain, and null where there is no text. */
export function decodeLook(text: string | null): Look | null {
  if (!text) return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(parsed)) return null;
  const known = KEYS.filter((key) => key in parsed && VALID[key](parsed[key]));
  return { ...PLAIN, ...Object.fromEntries(known.map((key) => [key, parsed[key]])) };
}

/** The view state as a URL fragment, so that a reload or a sent link shows the same view. */
import { decodeLook, encodeLook, type Look } from './look';
import type { Vec3 } from './vector';
import type { Window } from './window';

export const LAYOUTS = ['stack', 'mpr', 'volume', 'three', 'grid'] as const;
export type Layout = (typeof LAYOUTS)[number];

/** Zoom (1 = fitted) and shift of the picture in the view, canvas px. */
export interface PlaneCamera {
  zoom: number;
  pan: [number, number];
}

export interface VolumeCamera {
  position: Vec3;
  focalPoint: Vec3;
  viewUp: Vec3;
  parallelScale: number;
}

export interface UrlState {
  imageId: string | null;
  layout: Layout | null;
  window: Window | null;
  invert: boolean;
  slice: number | null;
  time: number | null;
  cursor: Vec3 | null;
  preset: string | null;
  shift: number;
  cameras: Record<string, PlaneCamera>;
  camera3d: VolumeCamera | null;
  look: Look | null;
}

export const EMPTY: UrlState = {
  imageId: null,
  layout: null,
  window: null,
  invert: false,
  slice: null,
  time: null,
  cursor: null,
  preset: null,
  shift: 0,
  cameras: {},
  camera3d: null,
  look: null,
};

const short = (x: number): string => String(Number(x.toFixed(3)));
const join = (numbers: readonly number[]): string => numbers.map(short).join(',');

export function encodeHash(state: UrlState, study: string | null = null): string {
  const out = new URLSearchParams();
  if (study) out.set('study', study);
  if (state.imageId) out.set('image', state.imageId);
  if (state.layout) out.set('layout', state.layout);
  if (state.window) out.set('window', `${state.window.center},${state.window.width}`);
  if (state.invert) out.set('invert', '1');
  if (state.slice !== null) out.set('slice', String(state.slice));
  if (state.time) out.set('time', String(state.time));
  if (state.cursor) out.set('cursor', join(state.cursor));
  if (state.preset) out.set('preset', state.preset);
  if (state.shift) out.set('shift', short(state.shift));
  for (const [view, { zoom, pan }] of Object.entries(state.cameras)) {
    if (zoom !== 1 || pan[0] !== 0 || pan[1] !== 0) out.set(`view.${view}`, join([zoom, ...pan]));
  }
  if (state.camera3d) {
    const { position, focalPoint, viewUp, parallelScale } = state.camera3d;
    out.set('camera', join([...position, ...focalPoint, ...viewUp, parallelScale]));
  }
  const look = state.look ? encodeLook(state.look) : '';
  if (look) out.set('look', look);
  return `#${out.toString().replaceAll('%2C', ',')}`;
}

/** Finite numbers of a comma list of the given length, else null. */
function numbers(text: string | null, length: number): number[] | null {
  if (text === null) return null;
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  return values.length === length && values.every(Number.isFinite) ? values : null;
}

function whole(text: string | null): number | null {
  const value = numbers(text, 1)?.[0];
  return value !== undefined && Number.isInteger(value) && value >= 0 ? value : null;
}

/** The state in a fragment; what cannot be understood is left at its default. */
export function decodeHash(hash: string): UrlState {
  const params = new URLSearchParams(hash.replace(/^#/, ''));
  const window = numbers(params.get('window'), 2);
  const camera = numbers(params.get('camera'), 10);
  const layout = params.get('layout');
  const cameras: Record<string, PlaneCamera> = {};
  for (const [key, value] of params) {
    const view = numbers(value, 3);
    if (key.startsWith('view.') && view && view[0]! > 0) {
      cameras[key.slice(5)] = { zoom: view[0]!, pan: [view[1]!, view[2]!] };
    }
  }
  return {
    imageId: params.get('image') || null,
    layout: LAYOUTS.find((name) => name === layout) ?? null,
    window: window && window[1]! > 0 ? { center: window[0]!, width: window[1]! } : null,
    invert: params.get('invert') === '1',
    slice: whole(params.get('slice')),
    time: whole(params.get('time')),
    cursor: numbers(params.get('cursor'), 3) as Vec3 | null,
    preset: params.get('preset') || null,
    shift: numbers(params.get('shift'), 1)?.[0] ?? 0,
    cameras,
    camera3d: camera && {
      position: camera.slice(0, 3) as Vec3,
      focalPoint: camera.slice(3, 6) as Vec3,
      viewUp: camera.slice(6, 9) as Vec3,
      parallelScale: camera[9]!,
    },
    look: decodeLook(params.get('look')),
  };
}

/** Pure changes of the state: (state, argument) -> the changed part. */
import { defaultFrameRate } from '../core/cine';
import {
  axisAlong,
  type GridGeometry,
  gridCenter,
  gridGeometry,
  indexToWorld,
  isRectangular,
  nearestVoxel,
  worldToIndex,
} from '../core/geometry';
import { encodeHash, type Layout, type UrlState } from '../core/hash';
import { planeFrame } from '../core/rotation';
import { add, clamp, cross, dot, scale, sub, unit, type Vec3 } from '../core/vector';
import type { Window } from '../core/window';
import { bytesOf, MEMORY_LIMIT } from '../data/gridStore';
import type { ErrorBody, GridInfo, GridName, ImageInfo } from '../data/types';
import { freshLook } from './look';
import type { Plane, State, ViewName } from './model';

type Change = Partial<State>;

/** The grid that a layout shows: planes and 3D take the regular copy where there is one. */
export function gridName(info: ImageInfo, layout: Layout): GridName {
  return layout !== 'stack' && info.grids.regular ? 'regular' : 'stored';
}

export const gridOf = (info: ImageInfo, layout: Layout): GridInfo =>
  info.grids[gridName(info, layout)] ?? info.grids.stored;

/** True where the planes and 3D can be shown at all. */
export function hasPlanes(info: ImageInfo): boolean {
  const grid = info.grids.regular ?? info.grids.stored;
  if (info.kind !== 'volume' || !grid.affine || grid.channels !== 1 || grid.shape[0] < 2)
    return false;
  return isRectangular(gridGeometry(grid.shape, grid.affine));
}

/** Whether the slices of a time point fit into the page's memory all at once. */
export const fitsMemory = (info: ImageInfo): boolean =>
  bytesOf(info.grids.regular ?? info.grids.stored, info.value.dtype) <= MEMORY_LIMIT;

export const defaultLayout = (info: ImageInfo): Layout =>
  hasPlanes(info) && fitsMemory(info) ? 'mpr' : 'stack';

export const sliceCount = (info: ImageInfo): number => info.grids.stored.shape[0];

/** The default window: the first the server states, else the value range; all of it for colour. */
export function defaultWindow(info: ImageInfo): Window {
  const first = info.windows[0];
  if (first && first.width > 0) return { center: first.center, width: first.width };
  if (info.value.photometric === 'RGB') return { center: 127.5, width: 255 };
  const { min, max } = info.value;
  return { center: (min + max) / 2, width: Math.max(max - min, 1e-6) };
}

/** Everything that starts anew with another image, or as the URL states it. */
export function openImage(state: State, info: ImageInfo, url: UrlState): Change {
  const asked = url.imageId === info.id ? url : null;
  const wanted = asked?.layout ?? defaultLayout(info);
  const layout = ['stack', 'grid'].includes(wanted) || hasPlanes(info) ? wanted : 'stack';
  const grid = info.grids.regular ?? info.grids.stored;
  const count = sliceCount(info);
  return {
    imageId: info.id,
    info,
    layout,
    window: asked?.window ?? defaultWindow(info),
    invert: asked?.invert ?? false,
    slice: clamp(asked?.slice ?? Math.floor(count / 2), 0, count - 1),
    time: clamp(asked?.time ?? 0, 0, Math.max(0, info.time_points - 1)),
    playing: false,
    frameRate: defaultFrameRate(info.frame_rate, info.frame_times_s),
    cursor:
      asked?.cursor ?? (grid.affine ? gridCenter(gridGeometry(grid.shape, grid.affine)) : null),
    preset: asked?.preset ?? info.volume_presets[0] ?? null,
    shift: asked?.shift ?? 0,
    cameras: asked?.cameras ?? {},
    camera3d: asked?.camera3d ?? null,
    look: freshLook(state, asked?.look ?? null),
    others: {},
    layerValues: {},
    activePane: 0,
    loading: { fraction: 0, timeFraction: 0 },
    shown: false,
    views: {},
    activeView: firstView(layout),
    probe: null,
    pinned: null,
    errors: [],
  };
}

/** True where the three planes are on the screen. */
export const showsPlanes = (layout: Layout): boolean => layout === 'mpr' || layout === 'three';

const firstView = (layout: Layout): ViewName =>
  layout === 'volume' ? 'volume' : showsPlanes(layout) ? 'axial' : 'stack';

export function setLayout(state: State, layout: Layout): Change {
  if (layout === state.layout) return {};
  if (!state.info || (!['stack', 'grid'].includes(layout) && !hasPlanes(state.info))) return {};
  return { layout, activeView: firstView(layout), views: {}, probe: null, shown: false };
}

export function setSlice(state: State, slice: number): Change {
  if (!state.info) return {};
  return { slice: clamp(Math.round(slice), 0, sliceCount(state.info) - 1) };
}

/** The stored slice that is shown: in planes and 3D, the one nearest to the crosshair. */
export function shownSlice({ info, layout, slice, cursor }: State): number {
  if (!info || layout === 'stack' || !cursor) return slice;
  return sliceAt(info, cursor) ?? slice;
}

/** The stored slice nearest to a point; null where slices have no place. */
export function sliceAt(info: ImageInfo, point: Vec3): number | null {
  const { shape, affine, slice_origins_mm: origins } = info.grids.stored;
  if (!affine) return null;
  const geometry = gridGeometry(shape, affine);
  if (!origins) return clamp(Math.round(worldToIndex(geometry, point)[0]), 0, shape[0] - 1);
  const normal = unit(cross(geometry.jStep, geometry.iStep));
  const distances = origins.map((origin) => Math.abs(dot(sub(point, origin), normal)));
  return distances.indexOf(Math.min(...distances));
}

export function setTime(state: State, time: number): Change {
  const count = Math.max(1, state.info?.time_points ?? 1);
  return { time: clamp(Math.round(time), 0, count - 1) };
}

/** The next time point of the cine, from the end back to the beginning. */
export function stepTime(state: State, step: number): Change {
  const count = Math.max(1, state.info?.time_points ?? 1);
  return { time: (((state.time + step) % count) + count) % count };
}

/** Moves the crosshair to the centre of the nearest voxel, so that planes cut through voxels. */
export function setCursor(state: State, point: Vec3): Change {
  if (!state.info) return {};
  const grid = state.info.grids.regular ?? state.info.grids.stored;
  if (!grid.affine) return {};
  const geometry = gridGeometry(grid.shape, grid.affine);
  const voxel = nearestVoxel(geometry, point);
  if (!voxel) return {};
  // A turned plane cuts between voxels: there the crosshair goes where it was put.
  if (state.look.rotation) return { cursor: point };
  return { cursor: indexToWorld(geometry, voxel) };
}

/** Normals of the planes, LPS. */
const NORMALS: Record<Plane, Vec3> = {
  axial: [0, 0, 1],
  coronal: [0, 1, 0],
  sagittal: [1, 0, 0],
};

/**
 * Moves a view by whole slices: planes along the grid axis nearest to their normal, the stack
 * along k, or through time where there is only one slice.
 */
export function scrollView(state: State, view: ViewName, steps: number): Change {
  const { info, cursor } = state;
  if (!info || view === 'volume') return {};
  if (view === 'stack') {
    return sliceCount(info) === 1 ? stepTime(state, steps) : setSlice(state, state.slice + steps);
  }
  const grid = gridOf(info, state.layout);
  if (!grid.affine || !cursor) return {};
  const geometry = gridGeometry(grid.shape, grid.affine);
  if (state.look.rotation) return scrollTurned(state, geometry, view, steps);
  const axis = axisAlong(geometry, NORMALS[view]);
  const index = worldToIndex(geometry, cursor);
  index[axis] = clamp(Math.round(index[axis]) + steps, 0, geometry.shape[axis] - 1);
  return { cursor: indexToWorld(geometry, index) };
}

/** Turned planes move along their normals, by the spacing of the axis nearest to it. */
function scrollTurned(state: State, geometry: GridGeometry, view: Plane, steps: number): Change {
  const { normal } = planeFrame(view, state.look.rotation);
  const axis = axisAlong(geometry, normal);
  const along = dot(normal, NORMALS[view]) < 0 ? -1 : 1;
  const step = geometry.spacing[axis] * steps * along;
  const moved = add(state.cursor!, scale(normal, step));
  return nearestVoxel(geometry, moved) ? { cursor: moved } : {};
}

/** How the picture shows at first: window, preset, position, zoom; measurements stay. */
export function resetView(state: State): Change {
  if (!state.info) return {};
  const grid = state.info.grids.regular ?? state.info.grids.stored;
  return {
    window: defaultWindow(state.info),
    invert: false,
    shift: 0,
    preset: state.info.volume_presets[0] ?? null,
    cameras: {},
    camera3d: null,
    look: { ...freshLook(state, null), overlays: state.look.overlays, table: state.look.table },
    cursor: grid.affine ? gridCenter(gridGeometry(grid.shape, grid.affine)) : null,
  };
}

const MOST_ERRORS = 5;

export function addError(state: State, error: ErrorBody): Change {
  const same = state.errors.some((e) => e.what === error.what && e.where === error.where);
  return same ? {} : { errors: [...state.errors, error].slice(-MOST_ERRORS) };
}

export function urlState(state: State): UrlState {
  const { imageId, layout, window, invert, slice, time, cursor, preset, shift } = state;
  const { cameras, camera3d } = state;
  const planes = showsPlanes(layout) || layout === 'grid';
  return {
    imageId,
    layout,
    window,
    invert,
    slice: layout === 'stack' ? slice : null,
    time,
    cursor: planes ? cursor : null,
    preset: layout === 'stack' ? null : preset,
    shift,
    cameras,
    camera3d: layout === 'stack' ? null : camera3d,
    look: state.look,
  };
}

export const urlHash = (state: State): string =>
  state.imageId ? encodeHash(urlState(state), state.study) : '';

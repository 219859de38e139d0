/** The image behind a view, as notes need it: its plane, its lattice of values, ways to the canvas and back. */
import { gridGeometry, pointInSlice } from '../../core/geometry';
import { add, dot, scale, unit, type Vec2, type Vec3 } from '../../core/vector';
import type { GridInfo, GridName, ImageInfo } from '../../data/types';
import type { Units } from '../../notes/results';
import type { Lattice } from '../../notes/sampling';
import { normalOf, type Plane } from '../../notes/shapes';
import { slicePlane } from '../../render/images';
import type { Viewer } from '../../render/viewer';
import { type AnyViewport, screenSteps } from '../../render/viewInfo';
import type { ViewName } from '../../state/model';
import { gridName } from '../../state/reducers';
import { getState } from '../../state/store';

export interface Target {
  view: ViewName;
  info: ImageInfo;
  grid: GridInfo;
  gridName: GridName;
  /** Shown stored slice in the stack, else null. */
  slice: number | null;
  time: number;
  space: 'patient' | 'image';
  plane: Plane;
  normal: Vec3;
  /** What a planar shape is measured on: in the stack, the one slice. */
  layer: Lattice;
  /** All slices; null where they have no common space. */
  whole: Lattice | null;
  /** False for colour: there is no single value. */
  hasValues: boolean;
  units: Units;
  calibration: string;
  /** Distance between neighbouring planes of the view, mm. */
  step: number;
  toWorld(canvas: Vec2): Vec3;
  toCanvas(world: Vec3): Vec2;
}

export function targetOf(viewer: Viewer, view: ViewName): Target | null {
  const { info, layout, slice: shown, time } = getState();
  const viewport = viewer.viewport(view);
  if (!info || view === 'volume' || !viewport?.getDefaultActor()) return null;
  const name = view === 'stack' ? 'stored' : gridName(info, layout);
  const grid = info.grids[name] ?? info.grids.stored;
  const slice = view === 'stack' ? shown : null;
  const whole = grid.affine ? latticeOf(viewer, info, name, grid, time) : null;
  const layer = slice === null ? whole : sliceLattice(viewer, info, grid, time, slice);
  if (!layer) return null;
  const plane = planeOf(viewport, slice === null ? null : layer);
  return {
    view,
    info,
    grid,
    gridName: name,
    slice,
    time,
    space: grid.affine ? 'patient' : 'image',
    plane,
    normal: normalOf(plane),
    layer,
    whole,
    hasValues: grid.channels === 1,
    units: unitsOf(info),
    calibration: info.pixel_spacing?.source ?? (grid.space === 'patient' ? 'patient' : 'none'),
    step: stepAlong(grid, normalOf(plane)),
    toWorld: (canvas) => {
      const world = viewport.canvasToWorld(canvas) as Vec3;
      return slice === null ? [...world] : intoSlice(layer, world);
    },
    toCanvas: (world) => viewport.worldToCanvas(world) as Vec2,
  };
}

/** Millimetres where the image says how large its pixels are, else pixels. */
export function unitsOf(info: ImageInfo): Units {
  const measured = info.pixel_spacing !== null || info.grids.stored.space === 'patient';
  return { length: measured ? 'mm' : 'px', value: info.value.unit };
}

/** The point of the slice's own plane; the renderer rounds where slices lie. */
function intoSlice({ origins, jStep, iStep }: Lattice, world: Vec3): Vec3 {
  const [j, i] = pointInSlice(origins[0]!, jStep, iStep, world);
  return add(origins[0]!, add(scale(jStep, j), scale(iStep, i)));
}

function planeOf(viewport: AnyViewport, slice: Lattice | null): Plane {
  const { right, down } = screenSteps(viewport);
  const { focalPoint } = viewport.getCamera();
  const origin = [...(slice?.origins[0] ?? (focalPoint as Vec3))] as Vec3;
  return { origin, right: unit(right), down: unit(down) };
}

function stepAlong(grid: GridInfo, normal: Vec3): number {
  if (!grid.affine) return 1;
  const { kStep, jStep, iStep, spacing } = gridGeometry(grid.shape, grid.affine);
  const inverse = [kStep, jStep, iStep].map((s, n) => dot(unit(s), normal) / spacing[n]!);
  return 1 / Math.max(Math.hypot(...inverse), 1e-9);
}

/** Slices of the stored or regular grid, whether loaded or not. */
export function latticeOf(
  viewer: Viewer,
  info: ImageInfo,
  name: GridName,
  grid: GridInfo,
  time: number,
): Lattice {
  const store = viewer.store(name);
  const at = (k: number) => slicePlane({ info, grid }, k);
  const { jStep, iStep } = at(0);
  return {
    shape: grid.shape,
    jStep,
    iStep,
    origins: Array.from({ length: grid.shape[0] }, (_, k) => at(k).origin),
    slice: (k) => (store?.hasSlice(time, k) ? store.slice(time, k) : null),
  };
}

/** One slice alone, where slices have no common space. */
export function sliceLattice(
  viewer: Viewer,
  info: ImageInfo,
  grid: GridInfo,
  time: number,
  slice: number,
): Lattice {
  const store = viewer.store('stored');
  const { origin, jStep, iStep } = slicePlane({ info, grid }, slice);
  return {
    shape: [1, grid.shape[1], grid.shape[2]],
    jStep,
    iStep,
    origins: [origin],
    slice: () => (store?.hasSlice(time, slice) ? store.slice(time, slice) : null),
  };
}

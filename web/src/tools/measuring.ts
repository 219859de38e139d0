/** What panels about looking read from the views. */
import { type CurvedPicture, curvedPicture } from '../core/curve';
import { gridGeometry } from '../core/geometry';
import { type Histogram, histogram } from '../core/histogram';
import { meanOf, sphereVoxels } from '../core/region';
import type { Vec3 } from '../core/vector';
import type { ViewName } from '../state/model';
import { gridName } from '../state/reducers';
import { getState } from '../state/store';
import { workspace } from './workspace';

/** Histogram of the volume that planes and 3D show; null where none is there. */
export function shownHistogram(bins: number): Histogram | null {
  const display = workspace().displayVolume;
  const { info } = getState();
  if (!display || !info) return null;
  return histogram(display.shown, info.value.min, info.value.max, bins);
}

/** The picture along the drawn path. */
export function shownCurve(halfMm: number): CurvedPicture | null {
  const display = workspace().displayVolume;
  const { curve } = getState().look;
  if (!display || !curve || curve.points.length < 2) return null;
  return curvedPicture(display.shown, display.geometry, curve.points, curve.normal, halfMm);
}

export function worldAt(view: ViewName, canvas: [number, number]): Vec3 | null {
  const viewport = workspace().viewport(view);
  return viewport?.getDefaultActor() ? (viewport.canvasToWorld(canvas) as Vec3) : null;
}

export function canvasAt(view: ViewName, world: Vec3): [number, number] | null {
  const viewport = workspace().viewport(view);
  return viewport?.getDefaultActor() ? (viewport.worldToCanvas(world) as [number, number]) : null;
}

export interface CurvePoint {
  time: number;
  /** s after the first time point; null where the file does not tell. */
  seconds: number | null;
  mean: number;
}

/** Mean of a sphere around the pinned probe at each time point that is loaded. */
export function timeCurve(radiusMm: number): { points: CurvePoint[]; voxels: number } | null {
  const { info, pinned, layout } = getState();
  if (!info || !pinned || info.time_points < 2) return null;
  const name = gridName(info, layout);
  const store = workspace().store(name);
  const grid = info.grids[name] ?? info.grids.stored;
  if (!store || pinned.grid !== name || grid.channels !== 1) return null;
  const [, rows, columns] = grid.shape;
  const [k, j, i] = pinned.voxel;
  const at = grid.affine
    ? sphereVoxels(gridGeometry(grid.shape, grid.affine), pinned.voxel, radiusMm)
    : [(k * rows + j) * columns + i];
  const points: CurvePoint[] = [];
  for (let time = 0; time < info.time_points; time++) {
    if (!store.isComplete(time)) continue;
    const seconds = info.frame_times_s?.[time] ?? null;
    points.push({ time, seconds, mean: meanOf(store.values(time), at) });
  }
  return { points, voxels: at.length };
}

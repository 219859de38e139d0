/** The voxel under a point of a view, and its value as far as it is loaded. */
import {
  contains,
  gridGeometry,
  type Index3,
  indexToWorld,
  nearestVoxel,
  pointInSlice,
} from '../core/geometry';
import type { Vec3 } from '../core/vector';
import type { Probe, State, ViewName } from '../state/model';
import { gridName } from '../state/reducers';
import { slicePlane } from './images';
import type { Viewer } from './viewer';

/** Null outside the image or in the 3D view. */
export function readVoxel(viewer: Viewer, state: State, view: ViewName, world: Vec3): Probe | null {
  const { info, layout, time } = state;
  if (!info || view === 'volume') return null;
  const name = gridName(info, layout);
  const grid = info.grids[name] ?? info.grids.stored;
  const store = viewer.store(name);
  if (!store) return null;
  const voxel = view === 'stack' ? voxelInSlice() : voxelInGrid();
  if (!voxel) return null;
  const [k, j, i] = voxel;
  return {
    view,
    grid: name,
    voxel,
    time,
    value: store.hasSlice(time, k) ? valueAt() : null,
    unit: info.value.unit,
    patientMm: center(),
  };

  function voxelInSlice(): Index3 | null {
    const plane = slicePlane({ info: info!, grid }, state.slice);
    const inSlice = pointInSlice(plane.origin, plane.jStep, plane.iStep, world);
    const found: Index3 = [state.slice, Math.round(inSlice[0]) + 0, Math.round(inSlice[1]) + 0];
    return contains(grid.shape, found) ? found : null;
  }

  function voxelInGrid(): Index3 | null {
    return grid.affine ? nearestVoxel(gridGeometry(grid.shape, grid.affine), world) : null;
  }

  function valueAt(): number | number[] {
    const at = (j * grid.shape[2] + i) * grid.channels;
    const slice = store!.slice(time, k);
    return grid.channels === 1 ? slice[at]! : [...slice.subarray(at, at + grid.channels)];
  }

  function center(): Vec3 | null {
    if (!grid.affine || grid.space !== 'patient') return null;
    const geometry = gridGeometry(grid.shape, grid.affine);
    const origin = grid.slice_origins_mm?.[k];
    return origin
      ? indexToWorld({ ...geometry, origin }, [0, j, i])
      : indexToWorld(geometry, voxel!);
  }
}

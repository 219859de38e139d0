/** What the overlay of a view shows, read off the view itself: letters, scale, slice, crosshair. */
import type { Types } from '@cornerstonejs/core';
import { axisAlong, gridGeometry, worldToIndex } from '../core/geometry';
import { edgeLetters } from '../core/orientation';
import { cross, norm, sub, unit, type Vec2, type Vec3 } from '../core/vector';
import type { State, ViewInfo, ViewName } from '../state/model';
import { gridOf, sliceCount } from '../state/reducers';

export type AnyViewport = Types.IStackViewport | Types.IVolumeViewport;

/** World steps of one canvas pixel to the right and down. */
export function screenSteps(viewport: AnyViewport): { right: Vec3; down: Vec3 } {
  const { clientWidth: width, clientHeight: height } = viewport.canvas;
  const at = (x: number, y: number) => viewport.canvasToWorld([x, y]) as Vec3;
  const [x, y] = [width / 2, height / 2];
  const center = at(x, y);
  const reach = 50;
  const step = (point: Vec3): Vec3 => sub(point, center).map((c) => c / reach) as Vec3;
  return { right: step(at(x + reach, y)), down: step(at(x, y + reach)) };
}

export function viewInfo(view: ViewName, viewport: AnyViewport, state: State): ViewInfo | null {
  const { info } = state;
  if (!info) return null;
  if (view === 'volume') return volumeInfo(viewport);
  const grid = gridOf(info, state.layout);
  const { right, down } = screenSteps(viewport);
  const placed = grid.affine !== null && grid.space === 'patient';
  const measured = info.pixel_spacing !== null;
  const base = {
    letters: placed ? edgeLetters(right, down) : null,
    mmPerPixel: measured || placed ? norm(right) : null,
    zoom: viewport.getZoom(),
  };
  if (view === 'stack') {
    return { ...base, slice: state.slice, sliceCount: sliceCount(info), cross: null };
  }
  const geometry = gridGeometry(grid.shape, grid.affine!);
  const axis = axisAlong(geometry, unit(cross(right, down)));
  const { cursor } = state;
  const slice = cursor ? Math.round(worldToIndex(geometry, cursor)[axis]) : null;
  const at = cursor ? (viewport.worldToCanvas(cursor) as Vec2) : null;
  return { ...base, slice, sliceCount: geometry.shape[axis], cross: at };
}

function volumeInfo(viewport: AnyViewport): ViewInfo {
  const { viewUp, viewPlaneNormal } = viewport.getCamera();
  const up = viewUp as Vec3;
  const right = cross(up, viewPlaneNormal as Vec3);
  return {
    letters: edgeLetters(right, up.map((c) => -c) as Vec3),
    mmPerPixel: null,
    slice: null,
    sliceCount: null,
    zoom: 1,
    cross: null,
  };
}

/** True where nothing that the overlay shows has changed. */
export function sameInfo(a: ViewInfo | undefined, b: ViewInfo): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}

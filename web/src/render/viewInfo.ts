/** What the overlay of a view shows, read off the view itself: letters, scale, slice, crosshair. */
import type { Types } from '@cornerstonejs/core';
import { axisAlong, gridGeometry, worldToIndex } from '../core/geometry';
import { edgeLetters } from '../core/orientation';
import { planeFrame } from '../core/rotation';
import { cross, dot, norm, sub, unit, type Vec2, type Vec3 } from '../core/vector';
import { PLANES, type Plane, type State, type ViewInfo, type ViewName } from '../state/model';
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
  const lines = state.look.rotation ? planeLines(view, state, right, down) : undefined;
  return { ...base, slice, sliceCount: geometry.shape[axis], cross: at, lines };
}

/** Where turned planes cut this one, as directions on its canvas. */
function planeLines(view: Plane, state: State, right: Vec3, down: Vec3): ViewInfo['lines'] {
  const { rotation } = state.look;
  const { normal } = planeFrame(view, rotation);
  const lines: ViewInfo['lines'] = {};
  for (const plane of PLANES) {
    if (plane === view) continue;
    const along = cross(normal, planeFrame(plane, rotation).normal);
    const [x, y] = [dot(along, unit(right)), dot(along, unit(down))];
    const length = Math.hypot(x, y);
    if (length > 1e-6) lines[plane] = [x / length, y / length];
  }
  return lines;
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

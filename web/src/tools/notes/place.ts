/** Making notes of what was drawn: their place, their results. */
import { randomId } from '../../core/id';
import { dot, type Vec3 } from '../../core/vector';
import type { Note, NoteKind } from '../../data/types';
import { measure } from '../../notes/results';
import { type Lattice, nearestSlice, voxelOf } from '../../notes/sampling';
import { centroid, outlineOf, type Plane } from '../../notes/shapes';
import type { Viewer } from '../../render/viewer';
import { getState } from '../../state/store';
import { latticeOf, type Target } from './target';

/** A note without a place: what every new one begins with. */
export function blankNote(kind: NoteKind, target: Target): Note {
  const { info, view, time, space, gridName, calibration } = target;
  return {
    id: randomId(),
    kind,
    image_id: info.id,
    space,
    points: [],
    outline: [],
    voxels: [],
    grid: gridName,
    normal: null,
    view,
    slice: null,
    in_slice: false,
    time,
    source: null,
    frame_of_reference: target.grid.frame_of_reference,
    name: '',
    text: '',
    color: getState().notes.color,
    hidden: false,
    locked: false,
    threshold: kind === 'sphere' ? getState().notes.threshold : null,
    results: [],
    sampling: 'none',
    calibration,
    link: '',
    created: '',
    modified: '',
    author: '',
    revision: 0,
    deleted: false,
  };
}

export const noteAt = (kind: NoteKind, points: Vec3[], target: Target, viewer: Viewer): Note =>
  placed(blankNote(kind, target), points, target, viewer);

/** A note with its points elsewhere, measured anew. */
export function placed(note: Note, points: Vec3[], target: Target, viewer: Viewer): Note {
  const { kind } = note;
  const plane = planeThrough(points, target);
  const lattice = kind === 'sphere' ? (target.whole ?? target.layer) : target.layer;
  const values = target.hasValues ? lattice : null;
  const found = measure(kind, points, plane, values, target.units, note.threshold);
  const { slice, inSlice } = sliceOf(points, target, viewer);
  const first = target.slice ?? 0;
  const within = kind === 'sphere' && target.whole ? 0 : target.slice === null ? 0 : first;
  return {
    ...note,
    points,
    outline: kind === 'spline' ? outlineOf(kind, points) : [],
    voxels: points.map((p) => {
      const [k, j, i] = voxelOf(lattice, p);
      return [k + within, j, i];
    }),
    grid: target.gridName,
    normal: kind === 'sphere' ? null : target.normal,
    slice,
    in_slice: inSlice && kind !== 'sphere',
    results: found.results,
    sampling: found.sampling,
  };
}

const planeThrough = (points: Vec3[], target: Target): Plane => ({
  ...target.plane,
  origin: points[0] ?? target.plane.origin,
});

/** The stored slice a note lies on or nearest to. */
function sliceOf(
  points: Vec3[],
  target: Target,
  viewer: Viewer,
): { slice: number | null; inSlice: boolean } {
  if (target.slice !== null) return { slice: target.slice, inSlice: true };
  const { info, time, normal } = target;
  const stored: Lattice = latticeOf(viewer, info, 'stored', info.grids.stored, time);
  const center = centroid(points);
  const slice = nearestSlice(stored, center);
  const [k] = voxelOf(stored, center);
  const steps = [stored.jStep, stored.iStep];
  const parallel = steps.every((s) => Math.abs(dot(s, normal)) < 1e-3 * Math.hypot(...s));
  return { slice, inSlice: parallel && Math.abs(k - slice) < 0.05 };
}

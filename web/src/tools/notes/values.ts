/** Values under notes that are there already: measured anew, as a profile, as a histogram. */
import { cross, dot, scale, sub, unit, type Vec3 } from '../../core/vector';
import type { ImageInfo, Note } from '../../data/types';
import { KINDS } from '../../notes/kinds';
import { limitOf, measure, statistics } from '../../notes/results';
import { type Lattice, sampleLine, sampleRegion, sampleSphere } from '../../notes/sampling';
import { distance, type Plane } from '../../notes/shapes';
import { notesOf, putNotes } from '../../notes/state';
import type { Viewer } from '../../render/viewer';
import { changeNotes } from '../../state/notes';
import { getState, watch } from '../../state/store';
import { latticeOf, sliceLattice, unitsOf } from './target';

/** The plane a note was drawn in; any directions within it will do. */
function planeOfNote(note: Note): Plane {
  const origin = note.points[0] ?? [0, 0, 0];
  const normal = note.normal ?? [0, 0, 1];
  const aside: Vec3 = Math.abs(normal[0]) < 0.9 ? [1, 0, 0] : [0, 1, 0];
  const right = unit(sub(aside, scale(normal, dot(aside, normal))));
  return { origin, right, down: cross(normal, right) };
}

function latticeOfNote(viewer: Viewer, info: ImageInfo, note: Note): Lattice | null {
  const name = note.grid === 'regular' ? 'regular' : 'stored';
  const grid = info.grids[name];
  if (grid?.channels !== 1 || note.image_id !== info.id) return null;
  if (note.space === 'image') return sliceLattice(viewer, info, grid, note.time, note.slice ?? 0);
  return latticeOf(viewer, info, name, grid, note.time);
}

/** Results of a note as the values are now; null where they are not loaded. */
export function remeasured(viewer: Viewer, info: ImageInfo, note: Note): Note | null {
  const lattice = latticeOfNote(viewer, info, note);
  if (!lattice || note.points.length === 0) return null;
  const { threshold, kind, points } = note;
  const found = measure(kind, points, planeOfNote(note), lattice, unitsOf(info), threshold);
  return found.partial ? null : { ...note, results: found.results, sampling: found.sampling };
}

/** Notes that were drawn before their slices had arrived get their values. */
export function measureLate(viewer: Viewer): () => void {
  return watch(
    (s) => s.loading.fraction >= 1,
    (complete) => {
      const { info, notes } = getState();
      if (!complete || !info) return;
      const late = notesOf(notes, info.series_id)
        .filter(
          (note) => note.image_id === info.id && (KINDS[note.kind].region || note.kind === 'probe'),
        )
        .filter((note) => !note.results.some(({ name }) => name === 'mean' || name === 'value'))
        .map((note) => remeasured(viewer, info, note))
        .filter((note) => note?.results.some(({ name }) => name === 'mean' || name === 'value'));
      if (late.length > 0) changeNotes(putNotes, info.series_id, late as Note[]);
    },
  );
}

export interface Profile {
  kind: 'profile';
  at: number[];
  values: number[];
  lengthUnit: string;
  unit: string;
}

export interface Histogram {
  kind: 'histogram';
  /** Borders of the bins, one more than counts. */
  edges: number[];
  counts: number[];
  unit: string;
}

const MOST_BINS = 64;

/** What can be plotted of a note: values along a line, or how often values are inside. */
export function plotOf(viewer: Viewer, note: Note): Profile | Histogram | null {
  const { info } = getState();
  const lattice = info && latticeOfNote(viewer, info, note);
  if (!info || !lattice) return null;
  const { length, value: unit } = unitsOf(info);
  const { kind, points } = note;
  if (kind === 'length' || kind === 'polyline' || kind === 'bidirectional') {
    const line = kind === 'bidirectional' ? points.slice(0, 2) : points;
    return { kind: 'profile', ...sampleLine(lattice, line), lengthUnit: length, unit };
  }
  if (!KINDS[kind].region) return null;
  return { kind: 'histogram', ...histogram(insideOf(lattice, note)), unit };
}

function insideOf(lattice: Lattice, note: Note): ArrayLike<number> {
  const { kind, points, threshold } = note;
  if (kind !== 'sphere') return sampleRegion(lattice, kind, points, planeOfNote(note)).values;
  const { values } = sampleSphere(lattice, points[0]!, distance(points[0]!, points[1]!));
  const least = limitOf(threshold, statistics(values).max);
  return values.filter((value) => value >= least);
}

/** Bins as numpy's histogram makes them: equal ones, the last border belongs to the last bin. */
export function histogram(values: ArrayLike<number>): { edges: number[]; counts: number[] } {
  if (values.length === 0) return { edges: [0, 1], counts: [0] };
  const { min, max } = statistics(values);
  const bins =
    max > min ? Math.min(MOST_BINS, Math.max(8, Math.ceil(Math.sqrt(values.length)))) : 1;
  const width = (max - min) / bins || 1;
  const counts = new Array<number>(bins).fill(0);
  for (let n = 0; n < values.length; n++) {
    const bin = Math.min(bins - 1, Math.floor((values[n]! - min) / width));
    counts[bin]!++;
  }
  return { edges: Array.from({ length: bins + 1 }, (_, n) => min + n * width), counts };
}

/** What a note measures, as quantities with units. */
import { dot, sub, type Vec3 } from '../core/vector';
import type { Note, NoteKind, Quantity } from '../data/types';
import { type Lattice, nearestSlice, sampleRegion, sampleSphere } from './sampling';
import {
  angleAt,
  cobbAngle,
  distance,
  ellipseOf,
  outlineOf,
  type Plane,
  pathLength,
  polygonArea,
} from './shapes';

export interface Units {
  /** `mm`, or `px` where the spacing is unknown. */
  length: 'mm' | 'px';
  value: string;
}

export interface Measured {
  results: Quantity[];
  sampling: Note['sampling'];
  partial: boolean;
}

const q = (name: string, value: number, unit: string): Quantity => ({ name, value, unit });

export const areaUnit = (length: string): string => `${length}2`;

/** Mean, population standard deviation, least, most. */
export function statistics(values: ArrayLike<number>): {
  mean: number;
  sd: number;
  min: number;
  max: number;
} {
  let [sum, min, max] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let n = 0; n < values.length; n++) {
    const value = values[n]!;
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const mean = sum / values.length;
  let squares = 0;
  for (let n = 0; n < values.length; n++) squares += (values[n]! - mean) ** 2;
  return { mean, sd: Math.sqrt(squares / values.length), min, max };
}

function statisticsOf(values: ArrayLike<number>, unit: string): Quantity[] {
  if (values.length === 0) return [];
  const { mean, sd, min, max } = statistics(values);
  const all = [q('mean', mean, unit), q('sd', sd, unit), q('min', min, unit), q('max', max, unit)];
  return all.filter(({ value }) => Number.isFinite(value));
}

/** Lengths, angles and areas; they need no values. */
export function geometryResults(kind: NoteKind, points: Vec3[], length: 'mm' | 'px'): Quantity[] {
  const [a, b, c, d] = points as [Vec3, Vec3, Vec3, Vec3];
  switch (kind) {
    case 'length':
    case 'polyline':
      return [q('length', pathLength(points), length)];
    case 'angle':
      return points.length < 3 ? [] : [q('angle', angleAt(a, b, c), 'deg')];
    case 'cobb':
      return points.length < 4 ? [] : [q('angle', cobbAngle(a, b, c, d), 'deg')];
    case 'bidirectional': {
      const sizes = [distance(a, b), points.length < 4 ? 0 : distance(c, d)].sort((x, y) => y - x);
      return [q('long_axis', sizes[0]!, length), q('short_axis', sizes[1]!, length)];
    }
    case 'sphere':
      return [q('radius', distance(a, b), length)];
    case 'rectangle':
    case 'ellipse':
    case 'freehand':
    case 'spline':
      return [
        q('area', areaOf(kind, points), areaUnit(length)),
        q('perimeter', pathLength(outlineOf(kind, points), true), length),
      ];
    default:
      return [];
  }
}

function areaOf(kind: NoteKind, points: Vec3[]): number {
  if (kind !== 'ellipse') return polygonArea(outlineOf(kind, points));
  const { first, second } = ellipseOf(points);
  return Math.PI * Math.sqrt(dot(first, first) * dot(second, second));
}

/** All results of a note; `lattice` is null for colour, which has no single value. */
export function measure(
  kind: NoteKind,
  points: Vec3[],
  plane: Plane,
  lattice: Lattice | null,
  units: Units,
  threshold: Note['threshold'] = null,
): Measured {
  const results = geometryResults(kind, points, units.length);
  const none: Measured = { results, sampling: 'none', partial: false };
  if (!lattice) return none;
  if (kind === 'probe') return { ...none, ...probed(lattice, points[0]!, units.value) };
  if (kind === 'sphere') return { ...none, ...ball(lattice, points, units, threshold, results) };
  if (!['rectangle', 'ellipse', 'freehand', 'spline'].includes(kind)) return none;
  const { values, sampling, partial } = sampleRegion(lattice, kind, points, plane);
  if (partial) return { results, sampling, partial };
  return {
    results: [...statisticsOf(values, units.value), q('count', values.length, '1'), ...results],
    sampling,
    partial,
  };
}

function probed(lattice: Lattice, point: Vec3, unit: string): Partial<Measured> {
  const { jStep, iStep, shape } = lattice;
  const k = nearestSlice(lattice, point);
  const slice = lattice.slice(k);
  if (!slice) return { partial: true };
  const p = sub(point, lattice.origins[k]!);
  const j = Math.round(dot(p, jStep) / dot(jStep, jStep));
  const i = Math.round(dot(p, iStep) / dot(iStep, iStep));
  if (j < 0 || i < 0 || j >= shape[1] || i >= shape[2]) return {};
  const value = slice[j * shape[2] + i]!;
  return Number.isFinite(value) ? { results: [q('value', value, unit)], sampling: 'voxels' } : {};
}

/** Volume and values of what lies in a sphere and is high enough. */
function ball(
  lattice: Lattice,
  points: Vec3[],
  units: Units,
  threshold: Note['threshold'],
  sizes: Quantity[],
): Partial<Measured> {
  const { values, volumes, partial } = sampleSphere(
    lattice,
    points[0]!,
    distance(points[0]!, points[1]!),
  );
  if (partial || values.length === 0) return { partial };
  const { max } = statistics(values);
  const least = limitOf(threshold, max);
  let volume = 0;
  const kept: number[] = [];
  values.forEach((value, n) => {
    if (value < least) return;
    kept.push(value);
    volume += volumes[n]!;
  });
  const [size, unit] = units.length === 'mm' ? [volume / 1000, 'ml'] : [kept.length, 'voxels'];
  const limit = Number.isFinite(least) ? [q('threshold', least, units.value)] : [];
  return {
    results: [
      q('volume', size, unit),
      ...statisticsOf(kept, units.value),
      q('count', kept.length, '1'),
      ...limit,
      ...sizes,
    ],
    sampling: 'voxels',
  };
}

/** Least value that counts in a sphere whose highest value is `max`. */
export function limitOf(threshold: Note['threshold'], max: number): number {
  if (!threshold) return Number.NEGATIVE_INFINITY;
  return threshold.kind === 'share' ? threshold.value * max : threshold.value;
}

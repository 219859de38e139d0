/** Values under shapes: voxels whose centers lie inside a region, values along a line, voxels of a sphere. */
import { type Index3, pointInSlice } from '../core/geometry';
import { add, cross, dot, norm, scale, sub, unit, type Vec2, type Vec3 } from '../core/vector';
import type { NoteKind } from '../data/types';
import {
  ellipseOf,
  fromPlane,
  insidePolygon,
  normalOf,
  outlineOf,
  type Plane,
  toPlane,
} from './shapes';

/** One image as a lattice of values: where its slices lie, and what they hold. */
export interface Lattice {
  shape: Index3;
  jStep: Vec3;
  iStep: Vec3;
  /** Centre of voxel (k, 0, 0) of each slice. */
  origins: Vec3[];
  /** One channel; null where a slice has not arrived. NaN never. */
  slice(k: number): ArrayLike<number> | null;
}

export interface Sampled {
  values: Float64Array;
  sampling: 'voxels' | 'interpolated';
  /** True where slices are missing. */
  partial: boolean;
}

const PARALLEL = 1 - 1e-4;

const sliceNormal = (lattice: Lattice): Vec3 => unit(cross(lattice.iStep, lattice.jStep));

/** Mean step from slice to slice. */
function kStep(lattice: Lattice): Vec3 {
  const { origins } = lattice;
  if (origins.length < 2) return sliceNormal(lattice);
  return scale(sub(origins.at(-1)!, origins[0]!), 1 / (origins.length - 1));
}

/** The slice nearest to a point along the normal of the slices. */
export function nearestSlice(lattice: Lattice, point: Vec3): number {
  const normal = sliceNormal(lattice);
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  lattice.origins.forEach((origin, k) => {
    const away = Math.abs(dot(sub(point, origin), normal));
    if (away < least) [best, least] = [k, away];
  });
  return best;
}

/** Continuous (k, j, i) of a point; k between slices as far as the point is. */
export function voxelOf(lattice: Lattice, point: Vec3): Vec3 {
  const { origins, jStep, iStep } = lattice;
  const normal = sliceNormal(lattice);
  const nearest = nearestSlice(lattice, point);
  const off = dot(sub(point, origins[nearest]!), normal);
  const ahead = origins.length > 1 ? dot(sub(origins.at(-1)!, origins[0]!), normal) : 1;
  const next = nearest + (off * ahead > 0 ? 1 : -1);
  const other = origins[next];
  const gap = other ? Math.abs(dot(sub(other, origins[nearest]!), normal)) : norm(kStep(lattice));
  const part = gap > 0 ? Math.min(Math.abs(off) / gap, 1) * Math.sign(next - nearest) : 0;
  const origin = other
    ? add(origins[nearest]!, scale(sub(other, origins[nearest]!), Math.abs(part)))
    : origins[nearest]!;
  const [j, i] = pointInSlice(origin, jStep, iStep, point);
  return [nearest + part, j, i];
}

/** Values inside a planar region. */
export function sampleRegion(
  lattice: Lattice,
  kind: NoteKind,
  points: Vec3[],
  plane: Plane,
): Sampled {
  const inside = membership(kind, points, plane);
  const steps = [kStep(lattice), lattice.jStep, lattice.iStep] as const;
  const normal = normalOf(plane);
  for (const axis of [0, 1, 2] as const) {
    const [b, c] = [0, 1, 2].filter((n) => n !== axis) as [number, number];
    if (Math.abs(dot(unit(cross(steps[b]!, steps[c]!)), normal)) > PARALLEL) {
      return sampleVoxels(lattice, axis, kind, points, inside);
    }
  }
  return samplePlane(lattice, outlineOf(kind, points), plane, inside);
}

/** Whether a point of space, seen along the plane's normal, lies inside; borders count. */
function membership(kind: NoteKind, points: Vec3[], plane: Plane): (point: Vec3) => boolean {
  if (kind === 'ellipse') {
    const { center, first, second } = ellipseOf(points);
    const [a, b] = [dot(first, first), dot(second, second)];
    return (point) => {
      const p = sub(point, center);
      return (dot(p, first) / a) ** 2 + (dot(p, second) / b) ** 2 <= 1;
    };
  }
  if (kind === 'rectangle') {
    const [corner, next, , last] = points as [Vec3, Vec3, Vec3, Vec3];
    const [along, down] = [sub(next, corner), sub(last, corner)];
    const [a, b] = [dot(along, along), dot(down, down)];
    return (point) => {
      const p = sub(point, corner);
      const [u, v] = [dot(p, along) / a, dot(p, down) / b];
      return u >= 0 && u <= 1 && v >= 0 && v <= 1;
    };
  }
  const outline = outlineOf(kind, points).map((p) => toPlane(plane, p));
  return (point) => insidePolygon(outline, toPlane(plane, point));
}

/** Voxels of the one layer along `axis` that the plane cuts. */
function sampleVoxels(
  lattice: Lattice,
  axis: 0 | 1 | 2,
  kind: NoteKind,
  points: Vec3[],
  inside: (point: Vec3) => boolean,
): Sampled {
  const { shape, origins, jStep, iStep } = lattice;
  const [low, high] = boundsOf(
    lattice,
    kind === 'spline' ? outlineOf(kind, points) : padded(points),
  );
  const at = Math.round(voxelOf(lattice, points[0]!)[axis]);
  low[axis] = high[axis] = at;
  const found: number[] = [];
  let partial = false;
  for (let k = Math.max(0, low[0]); k <= Math.min(shape[0] - 1, high[0]); k++) {
    const slice = lattice.slice(k);
    if (!slice) {
      partial = true;
      continue;
    }
    for (let j = Math.max(0, low[1]); j <= Math.min(shape[1] - 1, high[1]); j++) {
      const row = add(origins[k]!, scale(jStep, j));
      for (let i = Math.max(0, low[2]); i <= Math.min(shape[2] - 1, high[2]); i++) {
        if (inside(add(row, scale(iStep, i)))) found.push(slice[j * shape[2] + i]!);
      }
    }
  }
  return { values: Float64Array.from(found), sampling: 'voxels', partial };
}

/** The four points of an ellipse's axes as the corners of a box around it. */
function padded(points: Vec3[]): Vec3[] {
  if (points.length !== 4) return points;
  const { center, first, second } = ellipseOf(points);
  const corners = [-1, 1].flatMap((s) =>
    [-1, 1].map((t) => add(center, add(scale(first, s), scale(second, t)))),
  );
  return [...points, ...corners];
}

/** Voxel box around points, one voxel wider. */
function boundsOf(lattice: Lattice, points: Vec3[]): [Index3, Index3] {
  const voxels = points.map((p) => voxelOf(lattice, p));
  const along = (n: 0 | 1 | 2) => voxels.map((v) => v[n]);
  const low = [0, 1, 2].map((n) => Math.floor(Math.min(...along(n as 0))) - 1) as Index3;
  const high = [0, 1, 2].map((n) => Math.ceil(Math.max(...along(n as 0))) + 1) as Index3;
  return [low, high];
}

/** Points of an oblique plane, as far apart as the smallest voxel side, interpolated. */
function samplePlane(
  lattice: Lattice,
  outline: Vec3[],
  plane: Plane,
  inside: (point: Vec3) => boolean,
): Sampled {
  const step = Math.min(norm(lattice.jStep), norm(lattice.iStep), norm(kStep(lattice)) || Infinity);
  const flat = outline.map((p) => toPlane(plane, p));
  const low: Vec2 = [Math.min(...flat.map((p) => p[0])), Math.min(...flat.map((p) => p[1]))];
  const high: Vec2 = [Math.max(...flat.map((p) => p[0])), Math.max(...flat.map((p) => p[1]))];
  const found: number[] = [];
  let partial = false;
  for (let v = low[1] + step / 2; v < high[1]; v += step) {
    for (let u = low[0] + step / 2; u < high[0]; u += step) {
      const point = fromPlane(plane, [u, v]);
      if (!inside(point)) continue;
      const value = interpolate(lattice, point);
      if (value === 'missing') partial = true;
      else if (value !== null) found.push(value);
    }
  }
  return { values: Float64Array.from(found), sampling: 'interpolated', partial };
}

/** Value at a point, linear between the eight voxels around it; null outside. */
export function interpolate(lattice: Lattice, point: Vec3): number | null | 'missing' {
  const { shape } = lattice;
  const at = voxelOf(lattice, point);
  if (at.some((x, n) => x < -0.5 || x > shape[n]! - 0.5)) return null;
  const low = at.map((x, n) => Math.min(Math.max(Math.floor(x), 0), Math.max(0, shape[n]! - 2)));
  let sum = 0;
  for (let corner = 0; corner < 8; corner++) {
    let weight = 1;
    const index = low.map((start, n) => {
      const one = (corner >> n) & 1;
      const part = Math.min(Math.max(at[n]! - start, 0), 1);
      weight *= one ? part : 1 - part;
      return Math.min(start + one, shape[n]! - 1);
    }) as Index3;
    if (weight === 0) continue;
    const slice = lattice.slice(index[0]);
    if (!slice) return 'missing';
    sum += weight * slice[index[1] * shape[2] + index[2]]!;
  }
  return sum;
}

/** Distances and values along a line of several points, a smallest voxel side apart. */
export function sampleLine(lattice: Lattice, points: Vec3[]): { at: number[]; values: number[] } {
  const step = Math.min(norm(lattice.jStep), norm(lattice.iStep)) || 1;
  const [at, values]: [number[], number[]] = [[], []];
  let before = 0;
  for (let n = 1; n < points.length; n++) {
    const [a, b] = [points[n - 1]!, points[n]!];
    const length = norm(sub(b, a));
    const count = Math.max(1, Math.round(length / step));
    for (let s = n === 1 ? 0 : 1; s <= count; s++) {
      const value = interpolate(lattice, add(a, scale(sub(b, a), s / count)));
      if (typeof value !== 'number') continue;
      at.push(before + (length * s) / count);
      values.push(value);
    }
    before += length;
  }
  return { at, values };
}

export interface Ball {
  /** Values inside, and the volume that each stands for. */
  values: Float64Array;
  volumes: Float64Array;
  partial: boolean;
}

/** Voxels whose centers lie in a sphere; a slice reaches to the midpoints to its neighbours. */
export function sampleSphere(lattice: Lattice, center: Vec3, radius: number): Ball {
  const { shape, origins, jStep, iStep } = lattice;
  const normal = sliceNormal(lattice);
  const depth = origins.map((origin) => dot(sub(origin, center), normal));
  const area = norm(cross(jStep, iStep));
  const [values, volumes]: [number[], number[]] = [[], []];
  let partial = false;
  for (let k = 0; k < shape[0]; k++) {
    if (Math.abs(depth[k]!) > radius) continue;
    const slice = lattice.slice(k);
    if (!slice) {
      partial = true;
      continue;
    }
    const volume = area * thickness(depth, k);
    const [cj, ci] = pointInSlice(origins[k]!, jStep, iStep, center);
    const [rj, ri] = [radius / norm(jStep) + 1, radius / norm(iStep) + 1];
    for (let j = Math.max(0, Math.ceil(cj - rj)); j <= Math.min(shape[1] - 1, cj + rj); j++) {
      const row = add(origins[k]!, scale(jStep, j));
      for (let i = Math.max(0, Math.ceil(ci - ri)); i <= Math.min(shape[2] - 1, ci + ri); i++) {
        if (norm(sub(add(row, scale(iStep, i)), center)) > radius) continue;
        values.push(slice[j * shape[2] + i]!);
        volumes.push(volume);
      }
    }
  }
  return { values: Float64Array.from(values), volumes: Float64Array.from(volumes), partial };
}

function thickness(depth: number[], k: number): number {
  const [before, after] = [depth[k - 1], depth[k + 1]];
  if (before === undefined && after === undefined) return 1;
  if (before === undefined) return Math.abs(after! - depth[k]!);
  if (after === undefined) return Math.abs(depth[k]! - before);
  return Math.abs(after - before) / 2;
}

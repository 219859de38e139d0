/** A smooth path through points, and the picture of a volume along it. */
import type { GridGeometry } from './geometry';
import { sampleAt } from './sample';
import { add, norm, scale, sub, unit, type Vec3 } from './vector';

/** Points on a Catmull-Rom spline through the given points, dense enough to measure along. */
function dense(points: readonly Vec3[]): Vec3[] {
  const parts = 24;
  const at = (n: number) => points[Math.min(Math.max(n, 0), points.length - 1)]!;
  const found: Vec3[] = [];
  for (let n = 0; n + 1 < points.length; n++) {
    const [a, b, c, d] = [at(n - 1), at(n), at(n + 1), at(n + 2)];
    for (let part = 0; part < parts; part++) found.push(spline(a, b, c, d, part / parts));
  }
  found.push(at(points.length - 1));
  return found;
}

function spline(a: Vec3, b: Vec3, c: Vec3, d: Vec3, t: number): Vec3 {
  const one = (axis: 0 | 1 | 2): number => {
    const [p, q, r, s] = [a[axis], b[axis], c[axis], d[axis]];
    return q + 0.5 * t * (r - p + t * (2 * p - 5 * q + 4 * r - s + t * (3 * (q - r) + s - p)));
  };
  return [one(0), one(1), one(2)];
}

/** Points every `stepMm` along the smooth path; the first is its beginning. */
export function evenPath(points: readonly Vec3[], stepMm: number): Vec3[] {
  if (points.length < 2) return [...points];
  const path = dense(points);
  const found: Vec3[] = [path[0]!];
  let wanted = stepMm;
  let gone = 0;
  for (let n = 1; n < path.length; n++) {
    const [from, to] = [path[n - 1]!, path[n]!];
    const length = norm(sub(to, from));
    while (length > 0 && gone + length >= wanted - 1e-9) {
      found.push(add(from, scale(sub(to, from), (wanted - gone) / length)));
      wanted += stepMm;
    }
    gone += length;
  }
  return found;
}

export const pathLength = (points: readonly Vec3[]): number => {
  const path = points.length < 2 ? [] : dense(points);
  return path.slice(1).reduce((sum, p, n) => sum + norm(sub(p, path[n]!)), 0);
};

export interface CurvedPicture {
  width: number;
  height: number;
  stepMm: number;
  /** Row by row; NaN outside the volume. */
  values: Float32Array;
}

/**
 * The surface that runs along the path and, across it, along `normal`: columns follow the path, rows
 * go from `halfMm` on the side the normal points to down to the other side.
 */
export function curvedPicture(
  values: ArrayLike<number>,
  geometry: GridGeometry,
  points: readonly Vec3[],
  normal: Vec3,
  halfMm: number,
): CurvedPicture {
  const stepMm = Math.min(...geometry.spacing);
  const path = evenPath(points, stepMm);
  const across = unit(normal);
  const half = Math.round(halfMm / stepMm);
  const [width, height] = [path.length, 2 * half + 1];
  const found = new Float32Array(width * height).fill(Number.NaN);
  for (let row = 0; row < height; row++) {
    const offset = scale(across, (half - row) * stepMm);
    path.forEach((point, column) => {
      const value = sampleAt(values, geometry, add(point, offset));
      if (value !== null) found[row * width + column] = value;
    });
  }
  return { width, height, stepMm, values: found };
}

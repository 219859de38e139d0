/** Reading values between voxels, on the processor. */
import { type GridGeometry, worldToIndex } from './geometry';
import type { Vec3 } from './vector';

/** Linear interpolation at a point, LPS mm; null outside the outermost voxel centres. */
export function sampleAt(
  values: ArrayLike<number>,
  geometry: GridGeometry,
  point: Vec3,
): number | null {
  const [k, j, i] = worldToIndex(geometry, point);
  const [nk, nj, ni] = geometry.shape;
  const edge = 1e-6;
  const outside = (x: number, n: number) => x < -edge || x > n - 1 + edge;
  if (outside(k, nk) || outside(j, nj) || outside(i, ni)) return null;
  const [k0, j0, i0] = [floor(k, nk), floor(j, nj), floor(i, ni)];
  const [fk, fj, fi] = [k - k0, j - j0, i - i0];
  const at = (a: number, b: number, c: number): number =>
    values[(Math.min(a, nk - 1) * nj + Math.min(b, nj - 1)) * ni + Math.min(c, ni - 1)]!;
  const along = (a: number, b: number): number => at(a, b, i0) * (1 - fi) + at(a, b, i0 + 1) * fi;
  const plane = (a: number): number => along(a, j0) * (1 - fj) + along(a, j0 + 1) * fj;
  return plane(k0) * (1 - fk) + plane(k0 + 1) * fk;
}

const floor = (x: number, n: number): number => Math.min(Math.max(Math.floor(x), 0), n - 1);

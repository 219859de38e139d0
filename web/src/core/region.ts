/** Values of small regions over time. */
import { type GridGeometry, type Index3, indexToWorld } from './geometry';
import { norm, sub, type Vec3 } from './vector';

/** Offsets into (k, j, i) values of the voxels whose centres lie within `radiusMm` of a voxel's. */
export function sphereVoxels(geometry: GridGeometry, center: Index3, radiusMm: number): number[] {
  const { shape, spacing } = geometry;
  const middle: Vec3 = indexToWorld(geometry, center);
  const reach = spacing.map((step) => Math.floor(radiusMm / step + 1e-9)) as Index3;
  const found: number[] = [];
  const range = (axis: 0 | 1 | 2): [number, number] => [
    Math.max(0, center[axis] - reach[axis]),
    Math.min(shape[axis] - 1, center[axis] + reach[axis]),
  ];
  const [[k0, k1], [j0, j1], [i0, i1]] = [range(0), range(1), range(2)];
  for (let k = k0; k <= k1; k++)
    for (let j = j0; j <= j1; j++)
      for (let i = i0; i <= i1; i++) {
        const distance = norm(sub(indexToWorld(geometry, [k, j, i]), middle));
        if (distance <= radiusMm + 1e-9) found.push((k * shape[1] + j) * shape[2] + i);
      }
  return found;
}

export const meanOf = (values: ArrayLike<number>, at: readonly number[]): number =>
  at.reduce((sum, n) => sum + values[n]!, 0) / at.length;

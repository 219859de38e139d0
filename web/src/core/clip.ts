/** Cuts through the 3D view as planes. */
import { type GridGeometry, indexToWorld } from './geometry';
import type { Clip } from './look';
import { scale, unit, type Vec3 } from './vector';

export interface CutPlane {
  origin: Vec3;
  /** Towards what stays. */
  normal: Vec3;
}

/** The renderer takes no more. */
export const MOST_CUTS = 6;

/** The planes of a clip: the free one first, then the sides of the box that cut something away. */
export function clipPlanes({ box, plane }: Clip, geometry: GridGeometry): CutPlane[] {
  const cuts: CutPlane[] = plane ? [{ origin: plane.origin, normal: unit(plane.normal) }] : [];
  const { shape, kStep, jStep, iStep } = geometry;
  const sides = [
    { step: iStep, axis: 2 },
    { step: jStep, axis: 1 },
    { step: kStep, axis: 0 },
  ] as const;
  sides.forEach(({ step, axis }, n) => {
    const [from, to] = box?.[n] ?? [0, 1];
    const at = (share: number): Vec3 => {
      const index: [number, number, number] = [0, 0, 0];
      // From the outer edge of the first voxel to that of the last.
      index[axis] = share * shape[axis]! - 0.5;
      return indexToWorld(geometry, index);
    };
    if (from > 0) cuts.push({ origin: at(from), normal: unit(step) });
    if (to < 1) cuts.push({ origin: at(to), normal: scale(unit(step), -1) });
  });
  return cuts.slice(0, MOST_CUTS);
}

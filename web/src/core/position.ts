/** One position in images that may not share a frame of reference. */
import { gridCenter, gridGeometry } from './geometry';
import { add, sub, type Vec3 } from './vector';

interface Placed {
  shape: [number, number, number];
  affine: number[][] | null;
  frame_of_reference: string | null;
}

/**
 * The point of `to` that goes with a point of `from`: the same point where they share their frame of
 * reference, else the one as far from the middle of its volume.
 */
export function positionIn(point: Vec3, from: Placed, to: Placed): Vec3 {
  if (!from.affine || !to.affine) return point;
  if (from.frame_of_reference !== null && from.frame_of_reference === to.frame_of_reference) {
    return point;
  }
  const center = (g: Placed) => gridCenter(gridGeometry(g.shape, g.affine!));
  return add(sub(point, center(from)), center(to));
}

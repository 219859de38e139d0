/** Pictures of a volume in a plane, made on the processor. */
import { type GridGeometry, indexToWorld } from './geometry';
import { sampleAt } from './sample';
import { add, cross, dot, scale, sub, unit, type Vec3 } from './vector';
import type { Range } from './window';

export interface PlanePicture {
  /** Corner, and the whole sides from there to the right and up, LPS mm. */
  corner: Vec3;
  right: Vec3;
  up: Vec3;
  width: number;
  height: number;
  /** RGBA, row by row from the corner up; clear outside the volume. */
  pixels: Uint8ClampedArray;
}

/** The part of a plane that meets the volume, in grays of the window, `size` px at its longer side. */
export function planePicture(
  values: ArrayLike<number>,
  geometry: GridGeometry,
  plane: { point: Vec3; normal: Vec3; up: Vec3 },
  { lower, upper }: Range,
  size: number,
): PlanePicture {
  const right = unit(cross(plane.up, plane.normal));
  const { shape } = geometry;
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((n) =>
    indexToWorld(geometry, [
      n & 1 ? shape[0] - 1 : 0,
      n & 2 ? shape[1] - 1 : 0,
      n & 4 ? shape[2] - 1 : 0,
    ]),
  );
  const spread = (axis: Vec3): [number, number] => {
    const along = corners.map((corner) => dot(sub(corner, plane.point), axis));
    return [Math.min(...along), Math.max(...along)];
  };
  const [left, end] = spread(right);
  const [bottom, top] = spread(plane.up);
  const [wide, high] = [end - left, top - bottom];
  const step = Math.max(wide, high) / size;
  const width = Math.max(2, Math.round(wide / step));
  const height = Math.max(2, Math.round(high / step));
  const corner = add(plane.point, add(scale(right, left), scale(plane.up, bottom)));
  const pixels = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    const row = add(corner, scale(plane.up, (high * (y + 0.5)) / height));
    for (let x = 0; x < width; x++) {
      const value = sampleAt(values, geometry, add(row, scale(right, (wide * (x + 0.5)) / width)));
      if (value === null) continue;
      const gray = ((value - lower) / (upper - lower)) * 255;
      const at = (y * width + x) * 4;
      pixels[at] = pixels[at + 1] = pixels[at + 2] = gray;
      pixels[at + 3] = 255;
    }
  }
  return { corner, right: scale(right, wide), up: scale(plane.up, high), width, height, pixels };
}

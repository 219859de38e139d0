/**
 * From the server's affine, (k, j, i, 1) voxel centres -> LPS mm, to what a renderer wants
 * (origin, direction, spacing, a right-handed slice order), and back from a point to a voxel.
 */
import { add, cross, dot, norm, scale, sub, unit, type Vec3 } from './vector';

/** (k, j, i) */
export type Index3 = [number, number, number];

export interface GridGeometry {
  shape: Index3;
  /** Step of one slice, row and column, mm. */
  kStep: Vec3;
  jStep: Vec3;
  iStep: Vec3;
  /** Centre of voxel (0, 0, 0), mm. */
  origin: Vec3;
  /** Step lengths along (k, j, i), mm. */
  spacing: Vec3;
}

const column = (affine: number[][], c: number): Vec3 => [
  affine[0]![c]!,
  affine[1]![c]!,
  affine[2]![c]!,
];

export function gridGeometry(shape: Index3, affine: number[][]): GridGeometry {
  const [kStep, jStep, iStep] = [column(affine, 0), column(affine, 1), column(affine, 2)];
  return {
    shape,
    kStep,
    jStep,
    iStep,
    origin: column(affine, 3),
    spacing: [norm(kStep), norm(jStep), norm(iStep)],
  };
}

/** Shear or unequal scaling of this relative size still counts as a rectangular grid. */
const RECTANGULAR = 1e-3;

/** True where the three steps stand at right angles, so that a volume renderer can show the grid. */
export function isRectangular(geometry: GridGeometry): boolean {
  const [k, j, i] = [unit(geometry.kStep), unit(geometry.jStep), unit(geometry.iStep)];
  return [dot(k, j), dot(k, i), dot(j, i)].every((c) => Math.abs(c) < RECTANGULAR);
}

export interface RenderGeometry {
  /** Numbers of columns, rows, slices. */
  dimensions: Vec3;
  /** mm along columns (i), rows (j), slices (k). */
  spacing: Vec3;
  origin: Vec3;
  /** Unit vectors of i, j and k one after the other; right-handed. */
  direction: [...Vec3, ...Vec3, ...Vec3];
  /** The k of the grid for each slice of the renderer. */
  sliceOrder: number[];
}

/** Geometry for the renderer; a left-handed grid gets its slices in reverse, so nothing mirrors. */
export function renderGeometry(geometry: GridGeometry): RenderGeometry {
  const { shape, kStep, jStep, iStep, origin, spacing } = geometry;
  const leftHanded = dot(cross(iStep, jStep), kStep) < 0;
  const [i, j] = [unit(iStep), unit(jStep)];
  const k = leftHanded ? scale(unit(kStep), -1) : unit(kStep);
  const slices = Array.from({ length: shape[0] }, (_, n) => n);
  return {
    dimensions: [shape[2], shape[1], shape[0]],
    spacing: [spacing[2] || 1, spacing[1] || 1, spacing[0] || 1],
    origin: leftHanded ? add(origin, scale(kStep, shape[0] - 1)) : origin,
    direction: [...i, ...j, ...k],
    sliceOrder: leftHanded ? slices.reverse() : slices,
  };
}

export function indexToWorld(geometry: GridGeometry, [k, j, i]: Index3): Vec3 {
  const { kStep, jStep, iStep, origin } = geometry;
  return add(origin, add(scale(kStep, k), add(scale(jStep, j), scale(iStep, i))));
}

/** Continuous (k, j, i) of a point; exact for sheared grids too (Cramer's rule). */
export function worldToIndex(geometry: GridGeometry, point: Vec3): Index3 {
  const { kStep, jStep, iStep, origin } = geometry;
  const p = sub(point, origin);
  const determinant = dot(kStep, cross(jStep, iStep));
  return [
    dot(p, cross(jStep, iStep)) / determinant,
    dot(p, cross(iStep, kStep)) / determinant,
    dot(p, cross(kStep, jStep)) / determinant,
  ];
}

/** Continuous (j, i) of a point in the plane of one slice whose voxel (0, 0) lies at `origin`. */
export function pointInSlice(
  origin: Vec3,
  jStep: Vec3,
  iStep: Vec3,
  point: Vec3,
): [number, number] {
  const p = sub(point, origin);
  const [jj, ii, ij] = [dot(jStep, jStep), dot(iStep, iStep), dot(iStep, jStep)];
  const [pj, pi] = [dot(p, jStep), dot(p, iStep)];
  const determinant = jj * ii - ij * ij;
  return [(pj * ii - pi * ij) / determinant, (pi * jj - pj * ij) / determinant];
}

/** The nearest voxel, or null outside the grid. */
export function nearestVoxel(geometry: GridGeometry, point: Vec3): Index3 | null {
  const index = worldToIndex(geometry, point).map((x) => Math.round(x) + 0) as Index3;
  return contains(geometry.shape, index) ? index : null;
}

export function contains(shape: Index3, index: Index3): boolean {
  return index.every((n, axis) => n >= 0 && n < shape[axis]!);
}

/** The grid axis (0 = k, 1 = j, 2 = i) whose step runs most nearly along `normal`. */
export function axisAlong(geometry: GridGeometry, normal: Vec3): 0 | 1 | 2 {
  const steps = [geometry.kStep, geometry.jStep, geometry.iStep];
  const along = steps.map((step) => Math.abs(dot(unit(step), normal)));
  return along.indexOf(Math.max(...along)) as 0 | 1 | 2;
}

export function gridCenter(geometry: GridGeometry): Vec3 {
  return indexToWorld(geometry, geometry.shape.map((n) => Math.floor(n / 2)) as Index3);
}

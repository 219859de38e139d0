import { describe, expect, it } from 'vitest';
import {
  axisAlong,
  gridCenter,
  gridGeometry,
  type Index3,
  indexToWorld,
  isRectangular,
  nearestVoxel,
  pointInSlice,
  renderGeometry,
  worldToIndex,
} from './geometry';
import { add, cross, dot, scale, type Vec3 } from './vector';

function expectClose(actual: number[], truth: number[]): void {
  for (const [n, x] of actual.entries()) expect(x).toBeCloseTo(truth[n]!, 9);
}

const SHAPE: Index3 = [20, 30, 40];

/** Columns: slice, row and column step, origin. */
const affine = (k: Vec3, j: Vec3, i: Vec3, o: Vec3): number[][] => [
  [k[0], j[0], i[0], o[0]],
  [k[1], j[1], i[1], o[1]],
  [k[2], j[2], i[2], o[2]],
  [0, 0, 0, 1],
];

const c = Math.cos(0.3);
const s = Math.sin(0.3);
const OBLIQUE = affine([0, -2 * s, 2 * c], [0, 1.5 * c, 1.5 * s], [0.5, 0, 0], [-10, 5, 7]);
const LEFT_HANDED = affine([0, 0, -3], [0, 1, 0], [1, 0, 0], [0, 0, 60]);
const TILTED = affine([0, 0, 3], [0, c, s], [1, 0, 0], [0, 0, 0]);

describe('gridGeometry', () => {
  it('takes steps, origin and spacing out of the columns', () => {
    const g = gridGeometry(SHAPE, OBLIQUE);
    expect(g.iStep).toEqual([0.5, 0, 0]);
    expect(g.origin).toEqual([-10, 5, 7]);
    expect(g.spacing[0]).toBeCloseTo(2, 12);
    expect(g.spacing[1]).toBeCloseTo(1.5, 12);
    expect(g.spacing[2]).toBeCloseTo(0.5, 12);
  });

  it.each([
    ['oblique', OBLIQUE],
    ['left-handed', LEFT_HANDED],
    ['tilted (sheared)', TILTED],
  ])('inverts the affine: %s', (_, matrix) => {
    const g = gridGeometry(SHAPE, matrix);
    for (const index of [
      [0, 0, 0],
      [3, 7, 11],
      [19, 29, 39],
      [2.5, -1, 4.25],
    ] as Index3[]) {
      const world = [0, 1, 2].map(
        (row) =>
          matrix[row]![0]! * index[0] +
          matrix[row]![1]! * index[1] +
          matrix[row]![2]! * index[2] +
          matrix[row]![3]!,
      ) as Vec3;
      expectClose(indexToWorld(g, index), world);
      expectClose(worldToIndex(g, world), index);
    }
  });
});

describe('isRectangular', () => {
  it('lets rotated and mirrored grids through and stops tilted ones', () => {
    expect(isRectangular(gridGeometry(SHAPE, OBLIQUE))).toBe(true);
    expect(isRectangular(gridGeometry(SHAPE, LEFT_HANDED))).toBe(true);
    expect(isRectangular(gridGeometry(SHAPE, TILTED))).toBe(false);
  });
});

describe('renderGeometry', () => {
  it.each([
    ['oblique', OBLIQUE],
    ['left-handed', LEFT_HANDED],
  ])('places every slice where the affine places it: %s', (_, matrix) => {
    const g = gridGeometry(SHAPE, matrix);
    const r = renderGeometry(g);
    const [i, j, k] = [0, 3, 6].map((n) => r.direction.slice(n, n + 3) as Vec3) as [
      Vec3,
      Vec3,
      Vec3,
    ];
    expect(dot(cross(i, j), k)).toBeCloseTo(1, 9);
    for (const slot of [0, 7, 19]) {
      const at = add(
        r.origin,
        add(
          scale(k, slot * r.spacing[2]),
          add(scale(j, 4 * r.spacing[1]), scale(i, 9 * r.spacing[0])),
        ),
      );
      const truth = indexToWorld(g, [r.sliceOrder[slot]!, 4, 9]);
      expectClose(at, truth);
    }
  });

  it('keeps the order of right-handed grids and turns left-handed ones round', () => {
    expect(renderGeometry(gridGeometry(SHAPE, OBLIQUE)).sliceOrder[0]).toBe(0);
    expect(renderGeometry(gridGeometry(SHAPE, LEFT_HANDED)).sliceOrder[0]).toBe(19);
  });
});

describe('voxels', () => {
  const g = gridGeometry(SHAPE, LEFT_HANDED);

  it('finds the nearest voxel and nothing outside', () => {
    expect(nearestVoxel(g, [3.4, 8.6, 60])).toEqual([0, 9, 3]);
    expect(nearestVoxel(g, [-0.6, 0, 60])).toBeNull();
    expect(nearestVoxel(g, [0, 0, 62])).toBeNull();
  });

  it('has its centre at the middle voxel', () => {
    expect(gridCenter(g)).toEqual([20, 15, 30]);
  });

  it('knows the axis along a normal', () => {
    expect(axisAlong(g, [0, 0, 1])).toBe(0);
    expect(axisAlong(g, [0, -1, 0.1])).toBe(1);
    expect(axisAlong(g, [1, 0, 0])).toBe(2);
  });

  it('reads rows and columns of a tilted slice from its own origin', () => {
    const t = gridGeometry(SHAPE, TILTED);
    const origin: Vec3 = [1, 2, 3];
    const point = add(origin, add(scale(t.jStep, 6), scale(t.iStep, 11)));
    const [row, column] = pointInSlice(origin, t.jStep, t.iStep, point);
    expect(row).toBeCloseTo(6, 9);
    expect(column).toBeCloseTo(11, 9);
  });
});

import { describe, expect, it } from 'vitest';
import type { Vec3 } from '../core/vector';
import { geometryResults, measure, statistics } from './results';
import { interpolate, type Lattice, sampleRegion, sampleSphere, voxelOf } from './sampling';
import { cobbAngle, insidePolygon, polygonArea, reshape, shapeOf } from './shapes';

const PLANE = { origin: [0, 0, 0] as Vec3, right: [1, 0, 0] as Vec3, down: [0, 1, 0] as Vec3 };

/** Values k + 10 j + 100 i; slices 2 mm apart, voxels 1 x 1 mm. */
const lattice = (depths = [0, 2, 4, 6]): Lattice => ({
  shape: [depths.length, 5, 6],
  jStep: [0, 1, 0],
  iStep: [1, 0, 0],
  origins: depths.map((z) => [0, 0, z]),
  slice: (k) =>
    Float64Array.from({ length: 30 }, (_, n) => k + 10 * Math.floor(n / 6) + 100 * (n % 6)),
});

describe('shapes', () => {
  it('keeps the corners of a dragged rectangle square', () => {
    const box = shapeOf(
      'rectangle',
      [
        [0, 0, 0],
        [4, 2, 0],
      ],
      PLANE,
    );
    const moved = reshape('rectangle', box, 2, [6, 5, 0]);
    expect(moved).toEqual([
      [0, 0, 0],
      [6, 0, 0],
      [6, 5, 0],
      [0, 5, 0],
    ]);
    expect(polygonArea(moved)).toBe(30);
  });

  it('keeps the short axis at right angles to the long one', () => {
    const pair = shapeOf(
      'bidirectional',
      [
        [0, 0, 0],
        [10, 0, 0],
      ],
      PLANE,
    );
    const turned = reshape('bidirectional', pair, 1, [0, 20, 0]);
    const [long, short] = geometryResults('bidirectional', turned, 'mm');
    expect([long?.value, short?.value]).toEqual([20, 10]);
    expect(turned[2]![1]).toBeCloseTo(turned[3]![1]);
  });

  it('measures the acute angle between lines', () => {
    expect(cobbAngle([0, 0, 0], [1, 0, 0], [0, 0, 0], [-1, 1, 0])).toBeCloseTo(45);
  });

  it('counts holes of a line that crosses itself as outside', () => {
    const bow: [number, number][] = [
      [0, 0],
      [4, 4],
      [4, 0],
      [0, 4],
    ];
    expect([insidePolygon(bow, [0.5, 2]), insidePolygon(bow, [2, 0.5])]).toEqual([true, false]);
  });
});

describe('sampling', () => {
  it('finds voxels between uneven slices', () => {
    expect(voxelOf(lattice([0, 2, 8]), [3, 1, 5])).toEqual([1.5, 1, 3]);
  });

  it('interpolates linearly', () => {
    expect(interpolate(lattice(), [1.5, 2.25, 3])).toBeCloseTo(1.5 + 22.5 + 150);
    expect(interpolate(lattice(), [9, 2, 3])).toBeNull();
  });

  it('interpolates in a plane that is oblique to the grid', () => {
    const s = Math.SQRT1_2;
    const plane = { origin: [1, 1, 1] as Vec3, right: [1, 0, 0] as Vec3, down: [0, s, s] as Vec3 };
    const points = shapeOf(
      'rectangle',
      [
        [1, 1, 1],
        [4, 3, 3],
      ],
      plane,
    );
    const { values, sampling } = sampleRegion(lattice(), 'rectangle', points, plane);
    expect(sampling).toBe('interpolated');
    // A linear field: its mean over the rectangle is about its value in the middle.
    expect(statistics(values).mean).toBeCloseTo(1 + 20 + 250, -1);
  });

  it('says where slices are missing instead of leaving them out', () => {
    const none = { ...lattice(), slice: () => null };
    const points = shapeOf(
      'rectangle',
      [
        [1, 1, 0],
        [3, 3, 0],
      ],
      PLANE,
    );
    const found = measure('rectangle', points, PLANE, none, { length: 'mm', value: 'HU' });
    expect(found.partial).toBe(true);
    expect(found.results.map(({ name }) => name)).toEqual(['area', 'perimeter']);
  });

  it('gives slices of a sphere their own thickness', () => {
    const { volumes } = sampleSphere(lattice([0, 2, 8, 10]), [3, 2, 2], 0.5);
    expect([...volumes]).toEqual([4]);
  });
});

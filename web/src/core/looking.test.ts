import { describe, expect, it } from 'vitest';
import { clipPlanes } from './clip';
import { colorPoints, labelColor } from './colormap';
import { curvedPicture, evenPath, pathLength } from './curve';
import { gridGeometry } from './geometry';
import { barHeights, histogram } from './histogram';
import { decodeLook, encodeLook, PLAIN } from './look';
import { planePicture } from './planePicture';
import { positionIn } from './position';
import { meanOf, sphereVoxels } from './region';
import { aboutAxis, compose, IDENTITY, planeFrame, rotate } from './rotation';
import { sampleAt } from './sample';
import { moved } from './transform';
import { displayScale } from './uptake';
import { dot, type Vec3 } from './vector';

const AFFINE = [
  [0, 0, 2, -10],
  [0, 3, 0, 5],
  [4, 0, 0, 1],
  [0, 0, 0, 1],
];
const GRID = gridGeometry([5, 6, 7], AFFINE);
const field = (p: Vec3) => 2 * p[0] - p[1] + 0.5 * p[2];
const VALUES = Float32Array.from({ length: 5 * 6 * 7 }, (_, n) => {
  const [k, j, i] = [Math.floor(n / 42), Math.floor(n / 7) % 6, n % 7];
  return field([-10 + 2 * i, 5 + 3 * j, 1 + 4 * k]);
});

describe('look', () => {
  it('is silent where plain and comes back where not', () => {
    expect(encodeLook(PLAIN)).toBe('');
    const look = {
      ...PLAIN,
      slab: { mode: 'mean' as const, thicknessMm: 7.5 },
      clip: { box: null, plane: { normal: [0, 0, 1] as Vec3, origin: [1, 2, 3] as Vec3 } },
    };
    expect(decodeLook(encodeLook(look))).toEqual(look);
  });

  it.each([
    'nonsense',
    '[]',
    '{"slab":{"mode":"thick","thicknessMm":3}}',
    '{"rotation":[0,0,0,0]}',
    '{"overlays":[{"id":1}]}',
    '{"table":{"rows":9,"columns":1,"panes":[],"linked":{}}}',
    '{"clip":{"box":[1],"plane":null}}',
    '{"transfer":{"color":[],"opacity":[[1,0],[0,1]]}}',
  ])('keeps what cannot be understood plain: %s', (text) => {
    expect(decodeLook(text) ?? PLAIN).toEqual(PLAIN);
  });
});

describe('rotation', () => {
  it('turns right-handed and composes from right to left', () => {
    const quarter = aboutAxis([0, 0, 1], Math.PI / 2);
    expect(rotate(quarter, [1, 0, 0]).map((x) => Math.round(x))).toEqual([0, 1, 0]);
    const both = compose(aboutAxis([1, 0, 0], Math.PI / 2), quarter);
    expect(rotate(both, [1, 0, 0]).map((x) => Math.round(x))).toEqual([0, 0, 1]);
    expect(compose(IDENTITY, quarter)).toEqual(quarter);
  });

  it('leaves a plane alone when it turns about its own normal, and keeps frames square', () => {
    const q = aboutAxis([0, 0, 1], 0.7);
    expect(planeFrame('axial', q).up).toEqual(planeFrame('axial', null).up);
    for (const plane of ['axial', 'coronal', 'sagittal'] as const) {
      const { normal, up } = planeFrame(plane, compose(aboutAxis([0, 1, 0], 0.4), q));
      expect(dot(normal, up)).toBeCloseTo(0);
      expect(dot(up, up)).toBeCloseTo(1);
    }
  });
});

describe('sampling', () => {
  it('interpolates a plane exactly and knows where the volume ends', () => {
    for (const p of [
      [-9.3, 6.1, 2.2],
      [1.5, 19.9, 16.9],
      [-10, 5, 1],
    ] as Vec3[]) {
      expect(sampleAt(VALUES, GRID, p)).toBeCloseTo(field(p), 4);
    }
    expect(sampleAt(VALUES, GRID, [-10.2, 6, 2])).toBeNull();
  });

  it('draws a plane through the volume', () => {
    const plane = {
      point: [-4, 11, 9] as Vec3,
      normal: [0, 0, -1] as Vec3,
      up: [0, -1, 0] as Vec3,
    };
    const made = planePicture(VALUES, GRID, plane, { lower: -60, upper: 60 }, 15);
    expect([made.width, made.height]).toEqual([12, 15]);
    const at = (x: number, y: number): Vec3 => [
      made.corner[0] + (made.right[0] * (x + 0.5)) / made.width,
      made.corner[1] + (made.up[1] * (y + 0.5)) / made.height,
      9,
    ];
    for (const [x, y] of [
      [0, 0],
      [5, 9],
      [11, 14],
    ] as const) {
      const gray = Math.round(((field(at(x, y)) + 60) / 120) * 255);
      expect(made.pixels[(y * made.width + x) * 4]).toBeCloseTo(gray, -0.4);
    }
  });

  it('stretches a path out', () => {
    const path: Vec3[] = [
      [-8, 8, 9],
      [0, 8, 9],
    ];
    expect(pathLength(path)).toBeCloseTo(8);
    expect(evenPath(path, 2).map((p) => p[0])).toEqual(
      [-8, -6, -4, -2, 0].map((x) => expect.closeTo(x)),
    );
    const made = curvedPicture(VALUES, GRID, path, [0, 0, 1], 4);
    expect([made.width, made.height, made.stepMm]).toEqual([5, 5, 2]);
    expect(made.values[0]).toBeCloseTo(field([-8, 8, 13]), 4);
    expect(made.values[4 * 5 + 4]).toBeCloseTo(field([0, 8, 5]), 4);
  });

  it('counts voxels of a sphere', () => {
    expect(sphereVoxels(GRID, [2, 2, 3], 0)).toEqual([2 * 42 + 2 * 7 + 3]);
    expect(sphereVoxels(GRID, [2, 2, 3], 2)).toHaveLength(3);
    expect(sphereVoxels(GRID, [2, 2, 3], 3)).toHaveLength(5);
    expect(meanOf([1, 2, 6], [0, 2])).toBe(3.5);
  });
});

describe('places', () => {
  it('keep their distance from the middle across frames of reference', () => {
    const place = (frame: string | null, x: number) => ({
      shape: [5, 6, 7] as [number, number, number],
      affine: [[0, 0, 2, x], ...AFFINE.slice(1)],
      frame_of_reference: frame,
    });
    expect(positionIn([1, 2, 3], place('a', 0), place('a', 50))).toEqual([1, 2, 3]);
    expect(positionIn([1, 2, 3], place('a', 0), place('b', 50))).toEqual([51, 2, 3]);
  });

  it('move by a transform', () => {
    expect(moved(AFFINE, null)).toBe(AFFINE);
    const shifted = moved(AFFINE, [1, 0, 0, 7, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    expect(shifted[0]).toEqual([0, 0, 2, -3]);
  });

  it('cut at the outer edges of voxels, the free plane first, no more than six', () => {
    const box: [[number, number], [number, number], [number, number]] = [
      [0.5, 1],
      [0, 1],
      [0, 0.2],
    ];
    const cuts = clipPlanes({ box, plane: { normal: [0, 2, 0], origin: [0, 1, 0] } }, GRID);
    expect(cuts.map((c) => c.normal)).toEqual([
      [0, 1, 0],
      [1, 0, 0],
      [-0, -0, -1],
    ]);
    expect(cuts[1]!.origin[0]).toBeCloseTo(-10 + 2 * 3);
    expect(cuts[2]!.origin[2]).toBeCloseTo(1 + 4 * 0.5);
    const all: typeof box = [
      [0.1, 0.9],
      [0.1, 0.9],
      [0.1, 0.9],
    ];
    expect(
      clipPlanes({ box: all, plane: { normal: [1, 0, 0], origin: [0, 0, 0] } }, GRID),
    ).toHaveLength(6);
  });
});

describe('colours and counts', () => {
  it('spread over the range, swapped when inverted', () => {
    const table = {
      name: 'x',
      colors: [
        [0, 0, 0],
        [1, 0.5, 0],
        [1, 1, 1],
      ] as Vec3[],
    };
    expect(colorPoints(table, 10, 20)[1]).toEqual([15, 1, 0.5, 0]);
    expect(colorPoints(table, 10, 20, true)[0]).toEqual([10, 1, 1, 1]);
    expect(new Set([1, 2, 3, 4, 5].map((n) => labelColor(n).join())).size).toBe(5);
  });

  it('count the highest value too', () => {
    expect(histogram([0, 1, 2, 3, 4, Number.NaN, 9], 0, 4, 2).counts).toEqual([2, 3]);
    expect(Math.max(...barHeights({ lower: 0, upper: 1, counts: [0, 5, 50] }))).toBe(1);
  });

  it('states PET as SUV where the factor is known', () => {
    expect(displayScale({ unit: 'Bq/ml', suv_factor: 0.5 })).toEqual({
      factor: 0.5,
      unit: 'SUVbw',
    });
    expect(displayScale({ unit: 'HU', suv_factor: null })).toEqual({ factor: 1, unit: 'HU' });
  });
});

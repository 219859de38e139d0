import { describe, expect, it } from 'vitest';
import { decodeHash, EMPTY, encodeHash, type UrlState } from './hash';
import { PLAIN } from './look';

const FULL: UrlState = {
  imageId: 'a/b c&d=#1',
  layout: 'mpr',
  window: { center: -600.5, width: 1500 },
  invert: true,
  slice: 12,
  time: 3,
  cursor: [1.5, -20.25, 0],
  preset: 'ct-bone',
  shift: -45.5,
  cameras: { axial: { zoom: 2.5, pan: [10, -4] } },
  look: { ...PLAIN, rotation: [0, 0, 0.5, 0.5], slab: { mode: 'max', thicknessMm: 12 } },
  camera3d: { position: [1, 2, 3], focalPoint: [4, 5, 6], viewUp: [0, 0, 1], parallelScale: 99.5 },
};

describe('hash', () => {
  it('comes back as it was written', () => {
    expect(decodeHash(encodeHash(FULL))).toEqual(FULL);
  });

  it('is short for an untouched view', () => {
    expect(
      encodeHash({
        ...EMPTY,
        imageId: 'x',
        layout: 'stack',
        cameras: { stack: { zoom: 1, pan: [0, 0] } },
      }),
    ).toBe('#image=x&layout=stack');
  });

  it.each([
    '',
    '#',
    '#window=1',
    '#window=1,0',
    '#window=a,b',
    '#slice=-1',
    '#slice=1.5',
    '#layout=nonsense',
    '#view.axial=0,1,1',
    '#camera=1,2,3',
    '#cursor=1,,2',
  ])('ignores what it cannot understand: %s', (hash) => {
    expect(decodeHash(hash)).toEqual(EMPTY);
  });
});

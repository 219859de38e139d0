import { describe, expect, it } from 'vitest';
import { defaultFrameRate, forward, outward } from './cine';

describe('defaultFrameRate', () => {
  it('takes the stated rate, else the median step, else ten', () => {
    expect(defaultFrameRate(25, null)).toBe(25);
    expect(defaultFrameRate(null, [0, 0.04, 0.08, 0.5])).toBeCloseTo(25, 9);
    expect(defaultFrameRate(null, null)).toBe(10);
    expect(defaultFrameRate(200, null)).toBe(60);
  });
  it('plays slow dynamic series as a film', () => {
    expect(defaultFrameRate(null, [0, 2, 4])).toBe(5);
  });
});

describe('loading order', () => {
  it('goes outward from the shown part and takes all', () => {
    expect(outward(5, 2)).toEqual([2, 3, 1, 4, 0]);
    expect(outward(4, 0)).toEqual([0, 1, 2, 3]);
    expect([...outward(7, 6)].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });
  it('goes forward and round', () => {
    expect(forward(4, 2)).toEqual([2, 3, 0, 1]);
  });
});

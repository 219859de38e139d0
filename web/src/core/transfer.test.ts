import { describe, expect, it } from 'vitest';
import { transferFunctions } from './transfer';

const POINTS = {
  mode: 'composite' as const,
  color: [
    [0, 0, 0, 0],
    [1, 1, 1, 1],
  ] as [number, number, number, number][],
  opacity: [
    [0, 0],
    [1, 0.8],
  ] as [number, number][],
};

describe('transferFunctions', () => {
  it('spreads relative points over the range', () => {
    const t = transferFunctions({ ...POINTS, scale: 'relative' }, [100, 300], 0);
    expect(t.color.map(([x]) => x)).toEqual([100, 300]);
    expect(t.opacity).toEqual([
      [100, 0],
      [300, 0.8],
    ]);
  });

  it('keeps points in value units, moved by the shift', () => {
    const t = transferFunctions({ ...POINTS, scale: 'value' }, [100, 300], -50);
    expect(t.opacity.map(([x]) => x)).toEqual([-50, -49]);
  });
});

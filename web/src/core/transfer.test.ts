import { describe, expect, it } from 'vitest';
import { percentileRange, transferFunctions } from './transfer';

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
    const t = transferFunctions({ ...POINTS, scale: 'relative' }, { low: 100, high: 300 }, 0);
    expect(t.color.map(([x]) => x)).toEqual([100, 300]);
    expect(t.opacity).toEqual([
      [100, 0],
      [300, 0.8],
    ]);
  });

  it('keeps points in value units, moved by the shift', () => {
    const t = transferFunctions({ ...POINTS, scale: 'value' }, { low: 100, high: 300 }, -50);
    expect(t.opacity.map(([x]) => x)).toEqual([-50, -49]);
  });
});

describe('percentileRange', () => {
  it('leaves outliers out', () => {
    const values = Float32Array.from({ length: 1001 }, (_, n) => n);
    values[0] = -1e9;
    values[1000] = 1e9;
    const { low, high } = percentileRange(values);
    expect(low).toBe(10);
    expect(high).toBe(998);
  });

  it('passes over what is not a number', () => {
    expect(percentileRange(Float32Array.of(Number.NaN, 2, 2))).toEqual({ low: 2, high: 2 });
    expect(percentileRange(Float32Array.of())).toEqual({ low: 0, high: 1 });
  });
});

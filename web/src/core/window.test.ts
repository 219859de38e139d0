import { describe, expect, it } from 'vitest';
import { dragWindow, roundWindow, toRange, toWindow } from './window';

describe('window', () => {
  it('is a range around its center', () => {
    expect(toRange({ center: 40, width: 400 })).toEqual({ lower: -160, upper: 240 });
    expect(toWindow({ lower: -160, upper: 240 })).toEqual({ center: 40, width: 400 });
  });

  it('widens to the right and darkens downward', () => {
    const start = { center: 40, width: 400 };
    const next = dragWindow(start, 100, 50, 2000);
    expect(next.width).toBeCloseTo(480, 9);
    expect(next.center).toBeCloseTo(80, 9);
  });

  it('never reaches a width of zero', () => {
    expect(dragWindow({ center: 0, width: 10 }, -1e6, 0, 100).width).toBeGreaterThan(0);
  });

  it('keeps about four figures', () => {
    expect(roundWindow({ center: 40.123456, width: 400.98765 })).toEqual({
      center: 40.1,
      width: 401,
    });
    expect(roundWindow({ center: 0.00123456, width: 0.0023456 }).width).toBeCloseTo(0.002346, 9);
  });
});

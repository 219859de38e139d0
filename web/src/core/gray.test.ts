import { describe, expect, it } from 'vitest';
import { pixelsOf } from './gray';

const grays = (out: Uint8ClampedArray) => [...out].filter((_, n) => n % 4 === 0);

describe('pixelsOf', () => {
  const values = new Int16Array([-1000, -160, 0, 240, 3000]);
  const window = { center: 40, width: 400 };

  it('maps the window to black and white', () => {
    expect(grays(pixelsOf(values, 1, window, false))).toEqual([0, 0, 102, 255, 255]);
  });

  it('inverts', () => {
    expect(grays(pixelsOf(values, 1, window, true))).toEqual([255, 255, 153, 0, 0]);
  });

  it('keeps colours', () => {
    const rgb = pixelsOf(new Uint8Array([200, 40, 20]), 3, null, false);
    expect([...rgb]).toEqual([200, 40, 20, 255]);
  });
});

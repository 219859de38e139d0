/** Values through a window to the pixels of a picture, without any library. */
import type { Values } from './shuffle';
import { toRange, type Window } from './window';

/** RGBA bytes of a slice: values of one channel through the window, of three as they are. */
export function pixelsOf(
  values: Values,
  channels: 1 | 3,
  window: Window | null,
  inverted: boolean,
): Uint8ClampedArray<ArrayBuffer> {
  const count = values.length / channels;
  const out = new Uint8ClampedArray(4 * count);
  if (channels === 3 || !window) {
    for (let n = 0; n < count; n++) {
      for (let c = 0; c < 3; c++) out[4 * n + c] = values[n * channels + (channels === 3 ? c : 0)]!;
      out[4 * n + 3] = 255;
    }
    return out;
  }
  const { lower, upper } = toRange(window);
  const scale = (inverted ? -255 : 255) / Math.max(upper - lower, 1e-12);
  const start = inverted ? upper : lower;
  for (let n = 0; n < count; n++) {
    const gray = (values[n]! - start) * scale;
    out[4 * n] = out[4 * n + 1] = out[4 * n + 2] = gray;
    out[4 * n + 3] = 255;
  }
  return out;
}

/** Display windows: center and width in the unit of the values. */
export interface Window {
  center: number;
  width: number;
}

export interface Range {
  lower: number;
  upper: number;
}

export const toRange = ({ center, width }: Window): Range => ({
  lower: center - width / 2,
  upper: center + width / 2,
});

export const toWindow = ({ lower, upper }: Range): Window => ({
  center: (lower + upper) / 2,
  width: upper - lower,
});

/** The smallest width, as a share of the value range, that a drag may reach. */
const NARROWEST = 1e-3;

/**
 * The window after dragging by (dx, dy) pixels: to the right is wider (less contrast), down is
 * darker (a lower center makes brighter), 500 px span the larger of the window and a tenth of the range.
 */
export function dragWindow(start: Window, dx: number, dy: number, valueRange: number): Window {
  const step = Math.max(start.width, valueRange / 10) / 500;
  const width = Math.max(start.width + dx * step, valueRange * NARROWEST, Number.EPSILON);
  return { center: start.center + dy * step, width };
}

/** A rounding that keeps about four figures of the window's width. */
export function roundWindow({ center, width }: Window): Window {
  const digits = Math.max(0, 3 - Math.floor(Math.log10(Math.max(width, 1e-12))));
  const round = (x: number) => Number(x.toFixed(Math.min(digits, 12)));
  return { center: round(center), width: round(width) };
}

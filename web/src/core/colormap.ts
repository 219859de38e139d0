/** Colours of values, and their legend. */
import type { Vec3 } from './vector';

export interface ColorTable {
  name: string;
  /** From low to high, evenly spaced, 0..1. */
  colors: Vec3[];
}

export const GRAY: ColorTable = {
  name: 'gray',
  colors: [
    [0, 0, 0],
    [1, 1, 1],
  ],
};

/** The named map, else gray. */
export const findTable = (tables: readonly ColorTable[], name: string): ColorTable =>
  tables.find((table) => table.name === name) ?? GRAY;

/** (value, r, g, b) from `lower` to `upper`; `invert` swaps the ends. */
export function colorPoints(
  { colors }: ColorTable,
  lower: number,
  upper: number,
  invert = false,
): [number, number, number, number][] {
  const last = Math.max(1, colors.length - 1);
  return colors.map((_, n) => {
    const [r, g, b] = colors[invert ? colors.length - 1 - n : n]!;
    return [lower + ((upper - lower) * n) / last, r, g, b];
  });
}

/** Distinct colours for the numbers of a label map: hues a golden angle apart. */
export function labelColor(number: number): Vec3 {
  const hue = ((number - 1) * 137.508) % 360;
  const channel = (offset: number): number => {
    const k = (offset + hue / 30) % 12;
    return 0.58 - 0.42 * Math.max(-1, Math.min(k - 3, 9 - k, 1));
  };
  return [channel(0), channel(8), channel(4)];
}

/** CSS gradient from left to right. */
export function cssGradient({ colors }: ColorTable, invert = false): string {
  const ordered = invert ? [...colors].reverse() : colors;
  const stops = ordered.map((c) => `rgb(${c.map((x) => Math.round(x * 255)).join(' ')})`);
  return `linear-gradient(to right, ${stops.join(', ')})`;
}

/** CSS gradient from the bottom (low) to the top (high). */
export const cssColumn = (table: ColorTable, invert = false): string =>
  cssGradient(table, invert).replace('to right', 'to top');

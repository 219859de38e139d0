/** How often values occur, for drawing under a transfer function. */
export interface Histogram {
  lower: number;
  upper: number;
  counts: number[];
}

/** At most this many values are looked at. */
const MOST_SAMPLES = 400_000;

/** Counts of evenly wide bins; values that are not finite or lie outside do not count. */
export function histogram(
  values: ArrayLike<number>,
  lower: number,
  upper: number,
  bins: number,
): Histogram {
  const counts = new Array<number>(bins).fill(0);
  const stride = Math.max(1, Math.floor(values.length / MOST_SAMPLES));
  const width = upper - lower || 1;
  for (let n = 0; n < values.length; n += stride) {
    const bin = Math.floor(((values[n]! - lower) / width) * bins);
    if (bin >= 0 && bin < bins) counts[bin]!++;
    else if (values[n] === upper) counts[bins - 1]!++;
  }
  return { lower, upper, counts };
}

/** Heights 0..1 of the bins, logarithmic, so that rare tissue shows beside air. */
export function barHeights({ counts }: Histogram): number[] {
  const most = Math.log1p(Math.max(1, ...counts));
  return counts.map((count) => Math.log1p(count) / most);
}

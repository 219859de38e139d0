/** Volume presets as transfer functions in the unit of the values. */
export interface TransferPreset {
  mode: 'composite' | 'mip';
  scale: 'value' | 'relative';
  color: [number, number, number, number][];
  opacity: [number, number][];
}

export interface Transfer {
  mode: 'composite' | 'mip';
  color: [number, number, number, number][];
  opacity: [number, number][];
}

/**
 * The preset's points in value units, moved by `shift`. `relative` points (0..1) span the given
 * range: the 1st to 99.8th percentile, which `percentileRange` takes from the loaded values.
 */
export function transferFunctions(
  preset: TransferPreset,
  range: { low: number; high: number },
  shift: number,
): Transfer {
  const width = range.high - range.low || 1;
  const place = (x: number) => (preset.scale === 'relative' ? range.low + x * width : x) + shift;
  return {
    mode: preset.mode,
    color: preset.color.map(([x, r, g, b]) => [place(x), r, g, b]),
    opacity: preset.opacity.map(([x, a]) => [place(x), a]),
  };
}

/** At most this many values are looked at for the percentiles. */
const SAMPLES = 200_000;

export function percentileRange(
  values: ArrayLike<number>,
  low = 0.01,
  high = 0.998,
): { low: number; high: number } {
  const stride = Math.max(1, Math.floor(values.length / SAMPLES));
  const sample = new Float64Array(Math.ceil(values.length / stride));
  let count = 0;
  for (let n = 0; n < values.length; n += stride) {
    const value = values[n]!;
    if (Number.isFinite(value)) sample[count++] = value;
  }
  if (count === 0) return { low: 0, high: 1 };
  const sorted = sample.subarray(0, count).sort();
  const at = (share: number) => sorted[Math.min(count - 1, Math.floor(share * (count - 1)))]!;
  return { low: at(low), high: at(high) };
}

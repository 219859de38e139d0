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
 * The preset's points in value units, moved by `shift`; `relative` points (0..1) span `range`.
 */
export function transferFunctions(
  preset: TransferPreset,
  [low, high]: readonly [number, number],
  shift: number,
): Transfer {
  const width = high - low || 1;
  const place = (x: number) => (preset.scale === 'relative' ? low + x * width : x) + shift;
  return {
    mode: preset.mode,
    color: preset.color.map(([x, r, g, b]) => [place(x), r, g, b]),
    opacity: preset.opacity.map(([x, a]) => [place(x), a]),
  };
}

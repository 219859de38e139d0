/** Moving grids: 4x4 matrices, as rows, on LPS mm. */

/** `transform` (16 numbers, row by row) after `affine`; the affine itself where there is none. */
export function moved(affine: number[][], transform: number[] | null): number[][] {
  if (!transform) return affine;
  return [0, 1, 2, 3].map((row) =>
    [0, 1, 2, 3].map((column) =>
      [0, 1, 2, 3].reduce((sum, n) => sum + transform[row * 4 + n]! * affine[n]![column]!, 0),
    ),
  );
}

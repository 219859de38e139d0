import { describe, expect, it } from 'vitest';
import { conventionalFlips, directionLetters, edgeLetters } from './orientation';

describe('directionLetters', () => {
  it.each([
    [[1, 0, 0], 'L'],
    [[-1, 0, 0], 'R'],
    [[0, 1, 0], 'P'],
    [[0, -1, 0], 'A'],
    [[0, 0, 1], 'H'],
    [[0, 0, -1], 'F'],
    [[0.3, 0.95, 0], 'PL'],
    [[-0.6, 0, -0.8], 'FR'],
    [[0.1, 0, 0.99], 'H'],
    [[0, 0, 0], ''],
  ] as [[number, number, number], string][])('%j is %s', (direction, letters) => {
    expect(directionLetters(direction)).toBe(letters);
  });
});

describe('edgeLetters', () => {
  it('puts the patient’s left at the right of an axial slice and anterior at the top', () => {
    expect(edgeLetters([1, 0, 0], [0, 1, 0])).toEqual({
      right: 'L',
      left: 'R',
      top: 'A',
      bottom: 'P',
    });
  });
});

describe('conventionalFlips', () => {
  it('leaves conventional planes alone', () => {
    for (const [right, down] of [
      [
        [1, 0, 0],
        [0, 1, 0],
      ],
      [
        [1, 0, 0],
        [0, 0, -1],
      ],
      [
        [0, 1, 0],
        [0, 0, -1],
      ],
    ] as [[number, number, number], [number, number, number]][]) {
      expect(conventionalFlips(right, down)).toEqual({ horizontal: false, vertical: false });
    }
  });

  it('turns a NIfTI (RAS) slice the right way up', () => {
    expect(conventionalFlips([-1, 0, 0], [0, -1, 0])).toEqual({ horizontal: true, vertical: true });
    expect(conventionalFlips([0, -1, 0], [0, 0, 1])).toEqual({ horizontal: true, vertical: true });
  });
});

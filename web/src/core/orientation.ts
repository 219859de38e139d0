/** Patient directions as letters: Left, Right, Anterior, Posterior, Head, Foot (LPS axes). */
import { scale, type Vec3 } from './vector';

const POSITIVE = ['L', 'P', 'H'] as const;
const NEGATIVE = ['R', 'A', 'F'] as const;

/** A component below this share of the direction is left out of the letters (about 11 degrees). */
const SMALLEST = 0.2;

/** Letters of a direction, the strongest first: [1, 0, 0] is "L", an oblique one e.g. "PL". */
export function directionLetters(direction: Vec3): string {
  const length = Math.hypot(...direction);
  if (!(length > 0)) return '';
  return direction
    .map((component, axis) => ({ share: component / length, axis }))
    .filter(({ share }) => Math.abs(share) > SMALLEST)
    .sort((a, b) => Math.abs(b.share) - Math.abs(a.share))
    .map(({ share, axis }) => (share > 0 ? POSITIVE : NEGATIVE)[axis])
    .join('');
}

export interface EdgeLetters {
  top: string;
  bottom: string;
  left: string;
  right: string;
}

/** The letters at the four edges of a view, from where right and down on the screen point. */
export function edgeLetters(right: Vec3, down: Vec3): EdgeLetters {
  return {
    right: directionLetters(right),
    left: directionLetters(scale(right, -1)),
    bottom: directionLetters(down),
    top: directionLetters(scale(down, -1)),
  };
}

/**
 * The mirroring that shows a plane the way radiology does: patient left on the right side of the
 * screen, anterior or head at the top. Only mirrors; it never turns a plane by 90 degrees.
 */
export function conventionalFlips(
  right: Vec3,
  down: Vec3,
): { horizontal: boolean; vertical: boolean } {
  const strongest = (v: Vec3) => v.indexOf([...v].sort((a, b) => Math.abs(b) - Math.abs(a))[0]!);
  const [r, d] = [strongest(right), strongest(down)];
  const horizontal = (r === 0 || r === 1) && d !== r && right[r]! < 0;
  const vertical = (d === 1 && down[1] < 0) || (d === 2 && down[2] > 0);
  return { horizontal, vertical };
}

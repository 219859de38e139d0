/** What each kind of note needs to be drawn, and how it is called. */
import type { NoteKind } from '../data/types';

export interface KindFacts {
  label: string;
  /** Presses that complete it; 0: until a double click or Enter. */
  presses: number;
  /** Whether values inside are measured. */
  region: boolean;
  /** Drawn while the button is held. */
  freehand?: boolean;
  /** Words are asked for. */
  words?: boolean;
}

export const KINDS: Record<NoteKind, KindFacts> = {
  length: { label: 'Length', presses: 2, region: false },
  polyline: { label: 'Polyline', presses: 0, region: false },
  angle: { label: 'Angle', presses: 3, region: false },
  cobb: { label: 'Cobb angle', presses: 4, region: false },
  bidirectional: { label: 'Bidirectional', presses: 2, region: false },
  rectangle: { label: 'Rectangle', presses: 2, region: true },
  ellipse: { label: 'Ellipse', presses: 2, region: true },
  freehand: { label: 'Freehand area', presses: 2, region: true, freehand: true },
  spline: { label: 'Spline area', presses: 0, region: true },
  probe: { label: 'Probe', presses: 1, region: false },
  arrow: { label: 'Arrow', presses: 2, region: false, words: true },
  text: { label: 'Text', presses: 1, region: false, words: true },
  sphere: { label: 'Threshold sphere', presses: 2, region: true },
  'key-image': { label: 'Key image', presses: 0, region: false },
};

/** Kinds that are drawn with the mouse. */
export type DrawnKind = Exclude<NoteKind, 'key-image'>;

export const DRAWN = Object.keys(KINDS).filter((kind) => kind !== 'key-image') as DrawnKind[];

export const isDrawn = (name: string): name is DrawnKind => (DRAWN as string[]).includes(name);

/** Presses (or knots) that a shape must have to be kept. */
export const fewest = (kind: NoteKind): number =>
  kind === 'spline' || kind === 'freehand' ? 3 : kind === 'polyline' ? 2 : KINDS[kind].presses;

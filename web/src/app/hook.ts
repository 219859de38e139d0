/**
 * `window.medvox`: a read-only look at the state, for end-to-end tests and for support.
 *
 * `medvox.state()` gives a plain copy: image, layout, window, slices and zoom per view, loaded
 * share, the last probe and pinned probe, measurements with their numbers, 3D camera, errors.
 */
import type { Note } from '../data/types';
import { notesOf } from '../notes/state';
import type { State } from '../state/model';
import { getState } from '../state/store';

export interface MedvoxHook {
  readonly version: number;
  state(): Snapshot;
}

export type Snapshot = Omit<State, 'studies' | 'presets'> & {
  kind: string | null;
  /** The notes of the shown image's series, without the removed ones. */
  measurements: Note[];
  /** Their results by name. */
  results: Record<string, number>[];
};

function snapshot(): Snapshot {
  const { studies, presets, ...state } = getState();
  void [studies, presets];
  const measurements = notesOf(state.notes, state.info?.series_id);
  const results = measurements.map((note) =>
    Object.fromEntries(note.results.map(({ name, value }) => [name, value])),
  );
  return structuredClone({ ...state, kind: state.info?.kind ?? null, measurements, results });
}

declare global {
  interface Window {
    readonly medvox?: MedvoxHook;
  }
}

export function installHook(target: Window): void {
  const hook: MedvoxHook = Object.freeze({ version: 1, state: snapshot });
  Object.defineProperty(target, 'medvox', { value: hook, configurable: true });
}

/**
 * `window.medvox`: a read-only look at the state, for end-to-end tests and for support.
 *
 * `medvox.state()` gives a plain copy: image, layout, window, slices and zoom per view, loaded
 * share, the last probe and pinned probe, measurements with their numbers, 3D camera, errors.
 */
import type { State } from '../state/model';
import { getState } from '../state/store';

export interface MedvoxHook {
  readonly version: number;
  state(): Snapshot;
}

export type Snapshot = Omit<State, 'studies' | 'presets'> & { kind: string | null };

function snapshot(): Snapshot {
  const { studies, presets, ...state } = getState();
  void [studies, presets];
  return structuredClone({ ...state, kind: state.info?.kind ?? null });
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

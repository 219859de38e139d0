/** What the user prefers, kept by the server in the user's data folder. */
import { withKey } from '../core/keymap';
import { noteApi } from '../data/notes';
import type { Preferences } from '../data/types';
import { getState, patch, report } from './store';

export async function loadPreferences(): Promise<void> {
  try {
    patch({ preferences: await noteApi.preferences() });
  } catch (error) {
    report(error, 'preferences');
  }
}

function prefer(part: Partial<Preferences>): void {
  const preferences = { ...getState().preferences, ...part };
  patch({ preferences });
  noteApi.setPreferences(preferences).catch((error) => report(error, 'preferences'));
}

export const setTheme = (theme: Preferences['theme']): void => prefer({ theme });

export const setKey = (id: string, key: string): void =>
  prefer({ keys: withKey(getState().preferences.keys ?? {}, id, key) });

export const usualKeys = (): void => prefer({ keys: {} });

/** Requests for saved measurements and for what the user prefers. */
import { BASE, imagePath, json, query, send } from './api';
import type { Note, NoteDocument, Preferences, SavedNotes } from './types';

const body = (method: string, value: object): RequestInit => ({
  method,
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(value),
});

export const noteApi = {
  read: (imageId: string) => json<NoteDocument>(`${imagePath(imageId)}/notes`),
  save: (imageId: string, changes: Note[]) =>
    json<SavedNotes>(`${imagePath(imageId)}/notes`, body('POST', { changes })),
  preferences: () => json<Preferences>(`${BASE}/preferences`),
  setPreferences: (preferred: Preferences) =>
    json<Preferences>(`${BASE}/preferences`, body('PUT', preferred)),
  formats: () => json<string[]>(`${BASE}/export-formats`),
  movie: async (imageId: string, asked: object) =>
    (await send(`${imagePath(imageId)}/movie?${query(asked)}`)).blob(),
  volume: async (imageId: string, suffix: string) => {
    const answer = await send(`${imagePath(imageId)}/export?${query({ suffix })}`);
    const told = /filename="?([^";]+)/.exec(answer.headers.get('content-disposition') ?? '');
    return { blob: await answer.blob(), name: told?.[1] ?? `volume${suffix}` };
  },
};

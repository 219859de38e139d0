/** Requests for saved measurements and for what the user prefers. */
import { BASE, imagePath, json } from './api';
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
};

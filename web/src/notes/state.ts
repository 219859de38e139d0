/** The notes of all opened series as plain data, and every change of them with undo. */
import type { Note, NoteDocument, NoteKind } from '../data/types';

export interface SeriesNotes {
  /** An image of the series, for requests. */
  imageId: string;
  version: number;
  notes: Note[];
  /** Ids of notes that are not saved yet. */
  unsaved: string[];
  loaded: boolean;
}

/** One change of the user's: how notes were, and how they are since. */
export interface Step {
  seriesId: string;
  before: Note[];
  after: Note[];
}

export type Saving =
  | { state: 'saved' | 'saving' }
  | { state: 'waiting'; what: string; advice: string };

export interface NotesState {
  series: Record<string, SeriesNotes>;
  selected: string | null;
  /** What is being drawn. */
  draft: Draft | null;
  past: Step[];
  future: Step[];
  saving: Saving;
  /** What a new sphere counts. */
  threshold: Note['threshold'];
  color: string;
}

export interface Draft {
  kind: NoteKind;
  view: string;
  /** As far as it goes; the last one follows the pointer. */
  points: Note['points'];
}

export const NO_NOTES: NotesState = {
  series: {},
  selected: null,
  draft: null,
  past: [],
  future: [],
  saving: { state: 'saved' },
  threshold: { kind: 'share', value: 0.41 },
  color: '',
};

const MOST_STEPS = 500;

/** Whether two notes say the same, apart from what saving adds. */
export function sameContent(a: Note, b: Note): boolean {
  return JSON.stringify(content(a)) === JSON.stringify(content(b));
}

/** What a user says of a note, in a fixed order. */
function content(note: Note): unknown[] {
  const { id, kind, points, voxels, outline, normal, view, slice, time, name, text, color } = note;
  const { hidden, locked, deleted, threshold, results, link } = note;
  const quantities = results.map((quantity) => [quantity.name, quantity.value, quantity.unit]);
  const limit = threshold && [threshold.kind, threshold.value];
  const drawn = [id, kind, points, voxels, outline, normal, view, slice, time, limit];
  return [...drawn, name, text, color, hidden, locked, deleted, quantities, link];
}

export const notesOf = (state: NotesState, seriesId: string | undefined): Note[] =>
  (seriesId && state.series[seriesId]?.notes.filter((note) => !note.deleted)) || [];

export const findNote = (state: NotesState, id: string | null): [string, Note] | null => {
  for (const [seriesId, { notes }] of Object.entries(state.series)) {
    const note = notes.find((candidate) => candidate.id === id);
    if (note) return [seriesId, note];
  }
  return null;
};

/** Makes room for a series whose notes are on their way. */
export function expectSeries(state: NotesState, seriesId: string, imageId: string): NotesState {
  const known = state.series[seriesId];
  const fresh = { imageId, version: 0, notes: [], unsaved: [], loaded: false };
  return {
    ...state,
    series: { ...state.series, [seriesId]: known ? { ...known, imageId } : fresh },
  };
}

function withNotes(
  state: NotesState,
  seriesId: string,
  change: (series: SeriesNotes) => SeriesNotes,
): NotesState {
  const series = state.series[seriesId];
  return series ? { ...state, series: { ...state.series, [seriesId]: change(series) } } : state;
}

/** Puts notes in, each in the place of the one of its id; they count as unsaved. */
export function putNotes(state: NotesState, seriesId: string, changed: Note[]): NotesState {
  return withNotes(state, seriesId, (series) => {
    const byId = new Map(changed.map((note) => [note.id, note]));
    const notes = series.notes.map((note) => byId.get(note.id) ?? note);
    const known = new Set(series.notes.map(({ id }) => id));
    const fresh = changed.filter(({ id }) => !known.has(id));
    const unsaved = [...new Set([...series.unsaved, ...byId.keys()])];
    return { ...series, notes: [...notes, ...fresh], unsaved };
  });
}

/** A change of the user's that can be undone. */
export function commit(
  state: NotesState,
  seriesId: string,
  before: Note[],
  after: Note[],
): NotesState {
  const step = { seriesId, before, after };
  const past = [...state.past, step].slice(-MOST_STEPS);
  return { ...putNotes(state, seriesId, after), past, future: [] };
}

export const addNote = (state: NotesState, seriesId: string, note: Note): NotesState => ({
  ...commit(state, seriesId, [{ ...note, deleted: true }], [note]),
  selected: note.kind === 'key-image' ? state.selected : note.id,
  draft: null,
});

/** Changes some notes alike; locked ones only where the lock itself is changed. */
export function editNotes(state: NotesState, ids: string[], change: Partial<Note>): NotesState {
  let next = state;
  for (const [seriesId, { notes }] of Object.entries(state.series)) {
    const before = notes.filter(
      (note) => ids.includes(note.id) && (!note.locked || 'locked' in change || 'hidden' in change),
    );
    if (before.length === 0) continue;
    next = commit(
      next,
      seriesId,
      before,
      before.map((note) => ({ ...note, ...change })),
    );
  }
  return next;
}

export function removeNotes(state: NotesState, ids: string[]): NotesState {
  const next = editNotes(state, ids, { deleted: true });
  const { selected } = state;
  return { ...next, selected: selected && ids.includes(selected) ? null : selected };
}

/** Content of one note on the revision of another. */
const onRevision = (note: Note, known: Note | undefined): Note => ({
  ...note,
  revision: known?.revision ?? note.revision,
  created: known?.created ?? note.created,
});

function replay(state: NotesState, step: Step, notes: Note[]): NotesState {
  const known = new Map(state.series[step.seriesId]?.notes.map((note) => [note.id, note]));
  const next = putNotes(
    state,
    step.seriesId,
    notes.map((note) => onRevision(note, known.get(note.id))),
  );
  const gone = notes.some(({ id, deleted }) => deleted && id === state.selected);
  return { ...next, selected: gone ? null : next.selected };
}

export function undo(state: NotesState): NotesState {
  const step = state.past.at(-1);
  if (!step) return state;
  const next = replay(state, step, step.before);
  return { ...next, past: state.past.slice(0, -1), future: [...state.future, step] };
}

export function redo(state: NotesState): NotesState {
  const step = state.future.at(-1);
  if (!step) return state;
  const next = replay(state, step, step.after);
  return { ...next, past: [...state.past, step], future: state.future.slice(0, -1) };
}

/**
 * Takes what the server has. Notes that were changed here since they were `sent` stay as they are; their
 * revision moves on where the server has what was sent, so that a change of another window is noticed.
 */
export function takeDocument(
  state: NotesState,
  seriesId: string,
  document: NoteDocument,
  sent: Note[] = [],
): NotesState {
  return withNotes(state, seriesId, (series) => {
    const sentById = new Map(sent.map((note) => [note.id, note]));
    const here = new Map(series.notes.map((note) => [note.id, note]));
    const stillUnsaved: string[] = [];
    const notes = document.notes.map((theirs) => {
      const own = here.get(theirs.id);
      here.delete(theirs.id);
      if (!own || !series.unsaved.includes(theirs.id)) return theirs;
      const was = sentById.get(theirs.id);
      if (was && sameContent(was, own)) return theirs;
      stillUnsaved.push(theirs.id);
      return was && sameContent(was, theirs) ? { ...own, revision: theirs.revision } : own;
    });
    const kept = [...here.values()].filter(({ id }) => series.unsaved.includes(id));
    stillUnsaved.push(...kept.map(({ id }) => id));
    return {
      ...series,
      version: document.version,
      notes: [...notes, ...kept],
      unsaved: stillUnsaved,
      loaded: true,
    };
  });
}

export const unsavedNotes = (series: SeriesNotes): Note[] =>
  series.notes.filter(({ id }) => series.unsaved.includes(id));

export const unsavedCount = (state: NotesState): number =>
  Object.values(state.series).reduce((sum, { unsaved }) => sum + unsaved.length, 0);

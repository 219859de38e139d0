import { describe, expect, it } from 'vitest';
import type { Note, NoteDocument } from '../data/types';
import {
  addNote,
  editNotes,
  expectSeries,
  NO_NOTES,
  notesOf,
  redo,
  removeNotes,
  takeDocument,
  undo,
} from './state';
import { toCsv } from './words';

const note = (id: string, more: Partial<Note> = {}): Note => ({
  id,
  kind: 'length',
  image_id: 'i',
  space: 'patient',
  points: [
    [0, 0, 0],
    [3, 4, 0],
  ],
  outline: [],
  voxels: [],
  grid: 'stored',
  normal: [0, 0, 1],
  view: 'stack',
  slice: 0,
  in_slice: true,
  time: 0,
  source: null,
  frame_of_reference: null,
  name: '',
  text: '',
  color: '',
  hidden: false,
  locked: false,
  threshold: null,
  results: [{ name: 'length', value: 5, unit: 'mm' }],
  sampling: 'none',
  calibration: 'patient',
  link: '',
  created: '',
  modified: '',
  author: '',
  revision: 0,
  deleted: false,
  ...more,
});

const document = (notes: Note[], version = 1): NoteDocument => ({
  schema: 1,
  key: 'k',
  version,
  study_uid: null,
  series_uid: null,
  modality: null,
  notes,
});

const EMPTY = expectSeries(NO_NOTES, 's', 'i');
const names = (state: typeof EMPTY) => notesOf(state, 's').map(({ id, name }) => `${id}${name}`);

describe('notes', () => {
  it('undoes and redoes drawing, changing and removing', () => {
    const drawn = addNote(EMPTY, 's', note('a'));
    const named = editNotes(drawn, ['a'], { name: '1' });
    const gone = removeNotes(named, ['a']);
    expect(names(gone)).toEqual([]);
    expect(names(undo(gone))).toEqual(['a1']);
    expect(names(undo(undo(gone)))).toEqual(['a']);
    const begun = undo(undo(undo(gone)));
    expect(names(begun)).toEqual([]);
    expect(undo(begun)).toBe(begun);
    expect(names(redo(redo(begun)))).toEqual(['a1']);
  });

  it('leaves locked notes as they are', () => {
    const locked = editNotes(addNote(EMPTY, 's', note('a')), ['a'], { locked: true });
    expect(names(removeNotes(locked, ['a']))).toEqual(['a']);
    expect(names(removeNotes(editNotes(locked, ['a'], { locked: false }), ['a']))).toEqual([]);
  });

  it('keeps what is not saved when the server tells its own', () => {
    const mine = addNote(EMPTY, 's', note('a'));
    const both = takeDocument(mine, 's', document([note('b', { revision: 1 })]));
    expect(names(both)).toEqual(['b', 'a']);
    expect(both.series.s?.unsaved).toEqual(['a']);
  });

  it('keeps a change made while an older state was on its way', () => {
    const sent = addNote(EMPTY, 's', note('a'));
    const since = editNotes(sent, ['a'], { name: ' since' });
    const answered = takeDocument(since, 's', document([note('a', { revision: 1 })]), [note('a')]);
    expect(names(answered)).toEqual(['a since']);
    expect(answered.series.s?.notes[0]?.revision).toBe(1);
    expect(answered.series.s?.unsaved).toEqual(['a']);
  });

  it('does not take the revision of another window’s change', () => {
    const loaded = takeDocument(EMPTY, 's', document([note('a', { revision: 1 })]));
    const mine = editNotes(loaded, ['a'], { name: ' mine' });
    const theirs = note('a', { revision: 2, name: ' theirs' });
    const told = takeDocument(mine, 's', document([theirs], 2));
    expect(told.series.s?.notes[0]).toMatchObject({ name: ' mine', revision: 1 });
  });
});

describe('toCsv', () => {
  it('quotes what separates, and disarms formulas', () => {
    const [, row] = toCsv([note('a', { name: '=1+1, "x"' })]).split('\r\n');
    expect(row?.startsWith(`"'=1+1, ""x""",length,length,5,mm,patient`)).toBe(true);
  });
});

/** Loading and saving of notes: at once, again and again while the server does not answer, never lost. */
import { randomId } from '../core/id';
import { ApiError, errorBody } from '../data/api';
import { noteApi } from '../data/notes';
import type { ImageInfo, Note } from '../data/types';
import { centroid } from '../notes/shapes';
import {
  addNote,
  expectSeries,
  type NotesState,
  notesOf,
  putNotes,
  redo,
  removeNotes,
  type Saving,
  takeDocument,
  undo,
  unsavedCount,
  unsavedNotes,
} from '../notes/state';
import { openImage } from './actions';
import type { State } from './model';
import { setCursor, setLayout, setSlice, setTime, shownSlice, urlHash } from './reducers';
import { change, getState, patch, report, watch } from './store';

/** A drag is saved once, at its end; quick changes together. */
const PAUSE_MS = 300;
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 15_000;

export function changeNotes<A extends unknown[]>(
  change: (notes: NotesState, ...args: A) => NotesState,
  ...args: A
): void {
  patch({ notes: change(getState().notes, ...args) });
}

export const undoNotes = (): void => changeNotes(undo);
export const redoNotes = (): void => changeNotes(redo);

const keep = (seriesId: string): string => `medvox-unsaved:${seriesId}`;

/** What could not be saved yet outlives a reload of the page. */
function backUp(): void {
  for (const [seriesId, series] of Object.entries(getState().notes.series)) {
    try {
      const unsaved = unsavedNotes(series);
      if (unsaved.length > 0) localStorage.setItem(keep(seriesId), JSON.stringify(unsaved));
      else if (series.loaded) localStorage.removeItem(keep(seriesId));
    } catch {
      // A full or forbidden storage: the page itself still holds them.
    }
  }
}

function backedUp(seriesId: string): Note[] {
  try {
    return JSON.parse(localStorage.getItem(keep(seriesId)) ?? '[]') as Note[];
  } catch {
    return [];
  }
}

/** Other windows of this browser are told at once; others look when they come to the front. */
const windows =
  typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('medvox-notes');

async function load(seriesId: string, imageId: string): Promise<void> {
  const fresh = !getState().notes.series[seriesId];
  changeNotes(expectSeries, seriesId, imageId);
  try {
    const document = await noteApi.read(imageId);
    changeNotes(takeDocument, seriesId, document);
    const rest = fresh ? backedUp(seriesId) : [];
    if (rest.length > 0) changeNotes(putNotes, seriesId, rest);
  } catch (error) {
    if (fresh) report(error, 'saved measurements');
  }
}

let timer: ReturnType<typeof setTimeout> | undefined;
let busy = false;
let wait = FIRST_RETRY_MS;

const say = (saving: Saving): void => patch({ notes: { ...getState().notes, saving } });

function soon(ms: number): void {
  clearTimeout(timer);
  timer = setTimeout(() => void saveAll(), ms);
}

async function saveAll(): Promise<void> {
  if (busy) return;
  const waiting = Object.entries(getState().notes.series).filter(([, s]) => s.unsaved.length > 0);
  if (waiting.length === 0) return;
  busy = true;
  if (getState().notes.saving.state === 'saved') say({ state: 'saving' });
  try {
    for (const [seriesId] of waiting) await saveOne(seriesId);
    wait = FIRST_RETRY_MS;
    say({ state: 'saved' });
  } catch (error) {
    failed(error);
  } finally {
    busy = false;
    backUp();
    if (unsavedCount(getState().notes) > 0) soon(wait);
  }
}

async function saveOne(seriesId: string): Promise<void> {
  const series = getState().notes.series[seriesId];
  if (!series) return;
  const sent = unsavedNotes(series);
  const { document } = await noteApi.save(series.imageId, sent);
  changeNotes(takeDocument, seriesId, document, sent);
  windows?.postMessage({ seriesId, version: document.version });
}

function failed(error: unknown): void {
  const { what, advice } = errorBody(error, 'measurements');
  const gone = !(error instanceof ApiError) || error.status === 0;
  say({ state: 'waiting', what, advice: gone ? '' : advice });
  wait = Math.min(wait * 2, LONGEST_RETRY_MS);
}

/** Fetches what other windows have saved of the shown series. */
export async function refreshNotes(): Promise<void> {
  for (const [seriesId, { imageId }] of Object.entries(getState().notes.series)) {
    await load(seriesId, imageId);
  }
}

/** Follows the shown image and every change; returns the function that ends it. */
export function keepNotes(page: Window): () => void {
  const stops = [
    watch(
      (s) => s.info,
      (info) => info && void load(info.series_id, info.id),
    ),
    watch(
      (s) => s.notes.series,
      () => {
        if (unsavedCount(getState().notes) === 0) return;
        if (!busy && getState().notes.saving.state !== 'waiting') soon(PAUSE_MS);
        backUp();
      },
    ),
  ];
  const onFocus = () => void refreshNotes();
  const onVisible = () => page.document.visibilityState === 'visible' && void refreshNotes();
  const onMessage = ({ data }: MessageEvent<{ seriesId: string; version: number }>) => {
    const series = getState().notes.series[data.seriesId];
    if (series && series.version < data.version) void load(data.seriesId, series.imageId);
  };
  const onLeave = (event: BeforeUnloadEvent) => {
    if (getState().notes.saving.state === 'waiting') event.preventDefault();
  };
  page.addEventListener('focus', onFocus);
  page.document.addEventListener('visibilitychange', onVisible);
  page.addEventListener('beforeunload', onLeave);
  windows?.addEventListener('message', onMessage);
  return () => {
    for (const stop of stops) stop();
    clearTimeout(timer);
    page.removeEventListener('focus', onFocus);
    page.document.removeEventListener('visibilitychange', onVisible);
    page.removeEventListener('beforeunload', onLeave);
    windows?.removeEventListener('message', onMessage);
  };
}

/** Shows the slice, time point and plane that a note was drawn on. */
export async function jumpTo(note: Note): Promise<void> {
  if (getState().info?.id !== note.image_id) await openImage(note.image_id);
  const { layout } = getState();
  change(setTime, note.time);
  if (note.points.length > 0 && note.space === 'patient' && layout !== 'stack') {
    const at = note.kind === 'sphere' ? note.points[0]! : centroid(note.points);
    change(setCursor, at);
  } else if (note.slice !== null) {
    if (layout !== 'stack') change(setLayout, 'stack');
    change(setSlice, note.slice);
  }
  changeNotes((notes) => ({
    ...notes,
    selected: note.points.length > 0 ? note.id : notes.selected,
  }));
}

/** Saves at once, where the server did not answer before. */
export function saveNow(): void {
  wait = FIRST_RETRY_MS;
  soon(0);
}

/** Marks the shown slice, with the view as it is now; a marked one is marked no more. */
export function markKeyImage(): void {
  const state = getState();
  const { info } = state;
  if (!info || !state.notes.series[info.series_id]) return;
  const slice = shownSlice(state);
  const known = notesOf(state.notes, info.series_id).find(
    (note) =>
      note.kind === 'key-image' &&
      note.image_id === info.id &&
      note.slice === slice &&
      note.time === state.time,
  );
  if (known) changeNotes(removeNotes, [known.id]);
  else changeNotes(addNote, info.series_id, keyImage(state, info, slice));
}

function keyImage(state: State, info: ImageInfo, slice: number): Note {
  return {
    id: randomId(),
    kind: 'key-image',
    image_id: info.id,
    space: info.grids.stored.affine ? 'patient' : 'image',
    points: [],
    outline: [],
    voxels: [],
    grid: 'stored',
    normal: null,
    view: state.activeView,
    slice,
    in_slice: state.layout === 'stack',
    time: state.time,
    source: null,
    frame_of_reference: info.grids.stored.frame_of_reference,
    name: '',
    text: '',
    color: '',
    hidden: false,
    locked: false,
    threshold: null,
    results: [],
    sampling: 'none',
    calibration: info.pixel_spacing?.source ?? 'none',
    link: urlHash(state).replace(/^#/, ''),
    created: '',
    modified: '',
    author: '',
    revision: 0,
    deleted: false,
  };
}

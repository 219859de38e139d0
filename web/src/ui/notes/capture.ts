/** Key images as pictures: each view is shown again, taken, and the page put back as it was. */
import { decodeHash } from '../../core/hash';
import { makePdf } from '../../core/pdf';
import { TEXTS } from '../../core/texts';
import type { Note } from '../../data/types';
import { notesOf } from '../../notes/state';
import { noteLines } from '../../notes/words';
import { openImage } from '../../state/actions';
import type { ViewName } from '../../state/model';
import { setTime, urlHash } from '../../state/reducers';
import { change, getState, patch } from '../../state/store';
import { jpegOf, pictureOf } from '../../tools/notes/picture';
import { workspace } from '../../tools/workspace';

const LONGEST_MS = 8000;

const frame = (): Promise<unknown> => new Promise((done) => requestAnimationFrame(done));

/** Waits until the page shows what it was asked for. */
async function shown(): Promise<void> {
  const end = performance.now() + LONGEST_MS;
  const ready = () => {
    const { info, shown: drawn } = getState();
    return info !== null && drawn;
  };
  do {
    await frame();
    await new Promise((done) => setTimeout(done, 60));
  } while (!ready() && performance.now() < end);
  await frame();
  await frame();
}

async function go(hash: string): Promise<void> {
  const url = decodeHash(`#${hash.replace(/^#/, '')}`);
  if (!url.imageId) return;
  await openImage(url.imageId, url);
  if (url.time !== null) change(setTime, url.time);
  await shown();
}

/** Pictures of key images, in order; null where one could not be shown. */
export async function captureAll(
  keys: Note[],
  each: (note: Note, canvas: HTMLCanvasElement | null) => void,
): Promise<void> {
  const before = urlHash(getState());
  const { selected } = getState().notes;
  patch({ notes: { ...getState().notes, selected: null } });
  try {
    for (const note of keys) {
      await go(note.link);
      each(note, await pictureOf(workspace(), note.view as ViewName));
    }
  } finally {
    await go(before);
    patch({ notes: { ...getState().notes, selected } });
  }
}

/** Measurements on the slice of a key image, as lines. */
export function linesOf(key: Note): string[] {
  const { notes, info } = getState();
  const here = notesOf(notes, info?.series_id).filter(
    (note) =>
      note.kind !== 'key-image' &&
      !note.hidden &&
      note.image_id === key.image_id &&
      note.slice === key.slice &&
      note.time === key.time,
  );
  return here.map((note) => noteLines(note).join('   '));
}

export const keyTitle = (key: Note): string => key.text || TEXTS.slice((key.slice ?? 0) + 1);

export async function pdfOf(pictures: [Note, HTMLCanvasElement][]): Promise<Blob> {
  const { info, session } = getState();
  const pages = [];
  for (const [note, canvas] of pictures) {
    const source = note.source?.sop_instance_uid;
    pages.push({
      title: keyTitle(note),
      lines: [
        ...linesOf(note),
        ...(source ? [`Instance ${source}, frame ${note.source?.frame ?? 1}`] : []),
        session?.notice ?? '',
      ],
      jpeg: await jpegOf(canvas),
      width: canvas.width,
      height: canvas.height,
    });
  }
  const bytes = makePdf(pages, info?.label ?? TEXTS.keyImages);
  return new Blob([bytes as Uint8Array<ArrayBuffer>], { type: 'application/pdf' });
}

import { Button, Loader, Modal } from '@mantine/core';
import { IconDownload, IconTrash } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { TEXTS } from '../../core/texts';
import type { Note } from '../../data/types';
import { editNotes, notesOf, removeNotes } from '../../notes/state';
import { changeNotes, jumpTo } from '../../state/notes';
import { report } from '../../state/store';
import { pngOf } from '../../tools/notes/picture';
import { useMedvox } from '../useMedvox';
import { captureAll, keyTitle, linesOf, pdfOf } from './capture';
import { saveBlob } from './files';

/** The marked images of the series: look, name, go to, take along. */
export default function KeyGallery({ onClose }: { onClose: () => void }) {
  const series = useMedvox((s) => s.info?.series_id);
  const state = useMedvox((s) => s.notes);
  const [pictures, setPictures] = useState<Map<string, HTMLCanvasElement>>(new Map());
  const [busy, setBusy] = useState(true);
  const keys = notesOf(state, series).filter(({ kind }) => kind === 'key-image');
  // biome-ignore lint/correctness/useExhaustiveDependencies: taken once, when the gallery opens
  useEffect(() => {
    const take = (note: Note, canvas: HTMLCanvasElement | null) =>
      canvas && setPictures((known) => new Map(known).set(note.id, canvas));
    captureAll(keys, take)
      .catch((error) => report(error, TEXTS.keyImages))
      .finally(() => setBusy(false));
  }, []);
  const taken = keys.flatMap((note): [Note, HTMLCanvasElement][] => {
    const canvas = pictures.get(note.id);
    return canvas ? [[note, canvas]] : [];
  });
  const savePdf = async () => saveBlob(await pdfOf(taken), 'key-images.pdf');
  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      title={TEXTS.keyImages}
      closeButtonProps={{ 'aria-label': 'Close key images' }}
    >
      {keys.length === 0 && <p>{TEXTS.noKeys}</p>}
      <div className="key-gallery">
        {keys.map((note) => (
          <KeyCard key={note.id} note={note} canvas={pictures.get(note.id)} onJump={onClose} />
        ))}
      </div>
      {keys.length > 0 && (
        <Button size="xs" disabled={busy || taken.length === 0} onClick={() => void savePdf()}>
          {TEXTS.savePdf}
        </Button>
      )}
    </Modal>
  );
}

interface CardProps {
  note: Note;
  canvas: HTMLCanvasElement | undefined;
  onJump: () => void;
}

function KeyCard({ note, canvas, onJump }: CardProps) {
  const title = keyTitle(note);
  const save = async () => canvas && saveBlob(await pngOf(canvas), 'key-image.png');
  const go = () => {
    onJump();
    void jumpTo(note);
  };
  return (
    <figure data-key-image={note.id}>
      <button
        type="button"
        className="key-picture"
        aria-label={`${TEXTS.jump} ${title}`}
        onClick={go}
      >
        {canvas ? (
          <img src={canvas.toDataURL('image/jpeg', 0.8)} alt={title} />
        ) : (
          <Loader size="sm" />
        )}
      </button>
      <input
        className="note-name"
        aria-label={`${TEXTS.note} – ${title}`}
        defaultValue={note.text}
        placeholder={title}
        onBlur={(event) => {
          const text = event.currentTarget.value.trim();
          if (text !== note.text) changeNotes(editNotes, [note.id], { text });
        }}
      />
      {linesOf(note).map((line) => (
        <div key={line} className="quiet">
          {line}
        </div>
      ))}
      <Button size="compact-xs" variant="subtle" disabled={!canvas} onClick={() => void save()}>
        <IconDownload size={14} /> {TEXTS.savePng}
      </Button>
      <Button
        size="compact-xs"
        variant="subtle"
        color="gray"
        aria-label={TEXTS.removeKey}
        onClick={() => changeNotes(removeNotes, [note.id])}
      >
        <IconTrash size={14} />
      </Button>
    </figure>
  );
}

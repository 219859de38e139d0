import './notes.css';
import { Button } from '@mantine/core';
import {
  IconArrowBackUp,
  IconArrowForwardUp,
  IconChartHistogram,
  IconChartLine,
  IconEye,
  IconEyeOff,
  IconLock,
  IconLockOpen,
  IconTrash,
} from '@tabler/icons-react';
import { lazy, memo, type ReactNode, Suspense, useState } from 'react';
import { TEXTS } from '../../core/texts';
import type { Note } from '../../data/types';
import { KINDS } from '../../notes/kinds';
import { editNotes, notesOf, removeNotes, unsavedCount } from '../../notes/state';
import { noteLines, noteTitle, toCsv, toJson } from '../../notes/words';
import { changeNotes, jumpTo, redoNotes, saveNow, undoNotes } from '../../state/notes';
import { getState } from '../../state/store';
import { useMedvox } from '../useMedvox';
import { copyText, saveText } from './files';
import { ThresholdFields } from './ThresholdFields';

const Plot = lazy(() => import('./Plot'));

const edit = (id: string, change: Partial<Note>) => changeNotes(editNotes, [id], change);

/** Measurements of the shown series: list, undo, tables, what is saved. */
export default function NotesPanel() {
  const series = useMedvox((s) => s.info?.series_id);
  const state = useMedvox((s) => s.notes);
  const notes = notesOf(state, series).filter((note) => note.kind !== 'key-image');
  if (notes.length === 0 && state.past.length === 0 && state.future.length === 0) return null;
  return (
    <section data-panel="measurements">
      <h3>
        {TEXTS.measurements}
        <span>
          <Small label={TEXTS.undo} disabled={state.past.length === 0} onClick={undoNotes}>
            <IconArrowBackUp size={15} />
          </Small>
          <Small label={TEXTS.redo} disabled={state.future.length === 0} onClick={redoNotes}>
            <IconArrowForwardUp size={15} />
          </Small>
        </span>
      </h3>
      <SavingLine />
      {notes.length === 0 ? <p className="quiet">{TEXTS.none}</p> : <Actions notes={notes} />}
      <ul className="note-list">
        {notes.map((note) => (
          <NoteItem key={note.id} note={note} selected={note.id === state.selected} />
        ))}
      </ul>
    </section>
  );
}

function Actions({ notes }: { notes: Note[] }) {
  const [copied, setCopied] = useState(false);
  const ids = notes.map(({ id }) => id);
  const hidden = notes.every((note) => note.hidden);
  const copy = async () => {
    await copyText(toCsv(notes, '\t'));
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  const button = (label: string, onClick: () => unknown) => (
    <Button size="compact-xs" variant="subtle" onClick={onClick}>
      {label}
    </Button>
  );
  return (
    <div className="note-actions">
      {button(copied ? TEXTS.copied : TEXTS.copyTable, copy)}
      {button(TEXTS.saveCsv, () => saveText(toCsv(notes), 'measurements.csv', 'text/csv'))}
      {button(TEXTS.saveJson, () =>
        saveText(toJson(notes), 'measurements.json', 'application/json'),
      )}
      {button(hidden ? TEXTS.showAll : TEXTS.hideAll, () =>
        changeNotes(editNotes, ids, { hidden: !hidden }),
      )}
      {button(TEXTS.removeAll, () => changeNotes(removeNotes, ids))}
    </div>
  );
}

function SavingLine() {
  const saving = useMedvox((s) => s.notes.saving);
  const count = useMedvox((s) => unsavedCount(s.notes));
  if (saving.state !== 'waiting' || count === 0) {
    const text = count === 0 ? TEXTS.saved : TEXTS.saving;
    return (
      <p className="quiet" role="status" data-saving={count === 0 ? 'saved' : 'saving'}>
        {text}
      </p>
    );
  }
  return (
    <div className="note-unsaved" role="alert" data-saving="waiting">
      <strong>{`${TEXTS.unsaved(count)}: ${saving.what}`}</strong>
      <span>{`${TEXTS.kept} ${saving.advice}`}</span>
      <Button size="compact-xs" variant="light" color="yellow" onClick={saveNow}>
        {TEXTS.retry}
      </Button>
    </div>
  );
}

interface SmallProps {
  label: string;
  disabled?: boolean;
  pressed?: boolean;
  onClick: () => void;
  children: ReactNode;
}

function Small({ label, disabled, pressed, onClick, children }: SmallProps) {
  return (
    <button
      type="button"
      className="tool small"
      aria-label={label}
      title={label}
      aria-pressed={pressed}
      disabled={disabled}
      onClick={onClick}
    >
      {children}
    </button>
  );
}

const hasPlot = ({ kind }: Note): boolean =>
  KINDS[kind].region || kind === 'length' || kind === 'polyline' || kind === 'bidirectional';

const NoteItem = memo(function NoteItem({ note, selected }: { note: Note; selected: boolean }) {
  const [plotted, setPlotted] = useState(false);
  const title = noteTitle(note);
  const lines = noteLines({ ...note, name: '' });
  return (
    <li
      className="measure"
      data-measurement={note.kind}
      data-id={note.id}
      aria-current={selected ? 'true' : undefined}
    >
      <div className="note-head">
        <input
          type="color"
          aria-label={`${TEXTS.color} – ${title}`}
          value={note.color || '#5eead4'}
          disabled={note.locked}
          onChange={(event) => edit(note.id, { color: event.currentTarget.value })}
        />
        <NameField note={note} />
      </div>
      <button
        type="button"
        className="note-lines"
        aria-label={`${TEXTS.jump} ${title}`}
        onClick={() => void jumpTo(note)}
      >
        {lines.map((line) => (
          <span key={line}>{line}</span>
        ))}
        <span className="quiet">{placeText(note)}</span>
      </button>
      {note.kind === 'sphere' && selected && !note.locked && <ThresholdFields note={note} />}
      <div className="note-buttons">
        {hasPlot(note) && (
          <Small
            label={`${TEXTS.plot} – ${title}`}
            pressed={plotted}
            onClick={() => setPlotted(!plotted)}
          >
            {KINDS[note.kind].region ? (
              <IconChartHistogram size={14} />
            ) : (
              <IconChartLine size={14} />
            )}
          </Small>
        )}
        <Small
          label={`${note.hidden ? TEXTS.show : TEXTS.hide} – ${title}`}
          pressed={note.hidden}
          onClick={() => edit(note.id, { hidden: !note.hidden })}
        >
          {note.hidden ? <IconEyeOff size={14} /> : <IconEye size={14} />}
        </Small>
        <Small
          label={`${note.locked ? TEXTS.unlock : TEXTS.lock} – ${title}`}
          pressed={note.locked}
          onClick={() => edit(note.id, { locked: !note.locked })}
        >
          {note.locked ? <IconLock size={14} /> : <IconLockOpen size={14} />}
        </Small>
        <Small
          label={TEXTS.remove}
          disabled={note.locked}
          onClick={() => changeNotes(removeNotes, [note.id])}
        >
          <IconTrash size={14} />
        </Small>
      </div>
      {plotted && (
        <Suspense fallback={null}>
          <Plot note={note} />
        </Suspense>
      )}
    </li>
  );
});

/** The name, or the words of an arrow or text. */
function NameField({ note }: { note: Note }) {
  const words = KINDS[note.kind].words;
  const known = words ? note.text : note.name;
  const [typed, setTyped] = useState<string | null>(null);
  const done = () => {
    if (typed !== null && typed !== known) edit(note.id, words ? { text: typed } : { name: typed });
    setTyped(null);
  };
  return (
    <input
      className="note-name"
      aria-label={`${TEXTS.name} – ${noteTitle(note)}`}
      value={typed ?? known}
      placeholder={KINDS[note.kind].label}
      maxLength={200}
      disabled={note.locked}
      onChange={(event) => setTyped(event.currentTarget.value)}
      onBlur={done}
      onKeyDown={(event) => event.key === 'Enter' && event.currentTarget.blur()}
    />
  );
}

function placeText(note: Note): string {
  const parts = [note.view === 'stack' ? '' : note.view];
  if (note.slice !== null) parts.push(TEXTS.slice(note.slice + 1));
  const { info } = getState();
  if ((info?.time_points ?? 1) > 1) parts.push(TEXTS.time(note.time + 1));
  return parts.filter(Boolean).join(' · ');
}

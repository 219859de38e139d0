/** The keyboard of the page: what each command does; `core/keymap` says which key it has. */
import { commandOf } from '../core/keymap';
import { DRAWN } from '../notes/kinds';
import { notesOf, removeNotes } from '../notes/state';
import { go } from '../state/actions';
import { setLook, straighten } from '../state/look';
import type { State, ToolName } from '../state/model';
import { changeNotes, markKeyImage, redoNotes, undoNotes } from '../state/notes';
import { resetView, scrollView, setLayout, sliceCount, stepTime } from '../state/reducers';
import { change, getState, patch } from '../state/store';

const scroll = (steps: number) => change(scrollView, getState().activeView, steps);

function zoom(factor: number): void {
  const { activeView, cameras } = getState();
  const camera = cameras[activeView] ?? { zoom: 1, pan: [0, 0] };
  patch({ cameras: { ...cameras, [activeView]: { ...camera, zoom: camera.zoom * factor } } });
}

const slices = (state: State): number => (state.info ? sliceCount(state.info) : 1);

/** The selected note, else the last one drawn. */
function removeNote(): void {
  const { notes, info } = getState();
  const drawn = notesOf(notes, info?.series_id).filter(({ kind }) => kind !== 'key-image');
  const id = notes.selected ?? drawn.at(-1)?.id;
  if (id) changeNotes(removeNotes, [id]);
}

/** The list of a node's studies. */
const list = () => getState().node !== null && go({ page: 'studies', study: null });

const TOOLS: ToolName[] = ['window', 'crosshair', 'pan', 'zoom', ...DRAWN];

const DO: Record<string, () => unknown> = {
  ...Object.fromEntries(TOOLS.map((tool) => [`tool-${tool}`, () => patch({ tool })])),
  invert: () => patch({ invert: !getState().invert }),
  fit: () => patch({ cameras: {} }),
  reset: () => change(resetView),
  studies: list,
  'hide-patient': () => patch({ hidePatient: !getState().hidePatient }),
  overlay: () => patch({ showOverlay: !getState().showOverlay }),
  'key-image': markKeyImage,
  undo: undoNotes,
  redo: redoNotes,
  list: () => patch({ sidebar: !getState().sidebar }),
  header: () => patch({ header: !getState().header }),
  details: () => patch({ panel: !getState().panel }),
  help: () => patch({ help: !getState().help }),
  stored: () => change(setLayout, 'stack'),
  planes: () => change(setLayout, 'mpr'),
  solid: () => change(setLayout, 'volume'),
  three: () => change(setLayout, 'three'),
  grid: () => change(setLayout, 'grid'),
  magnifier: () => change(setLook, { magnifier: !getState().look.magnifier }),
  straighten: () => change(straighten),
  'zoom-in': () => zoom(1.25),
  'zoom-out': () => zoom(0.8),
  play: () => patch({ playing: !getState().playing && (getState().info?.time_points ?? 1) > 1 }),
  'slice-back': () => scroll(-1),
  'slice-on': () => scroll(1),
  'slices-back': () => scroll(-10),
  'slices-on': () => scroll(10),
  'first-slice': () => scroll(-slices(getState()) - 1e4),
  'last-slice': () => scroll(slices(getState()) + 1e4),
  'time-back': () => change(stepTime, -1),
  'time-on': () => change(stepTime, 1),
  'remove-note': removeNote,
};

/** Fields, menus and sliders keep their own keys. */
function typing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    target.closest('input, textarea, select, [role="slider"], [role="menu"], [role="dialog"]') !==
      null
  );
}

/** A focused button is pressed with the space bar, not the cine. */
const pressing = (event: KeyboardEvent): boolean =>
  event.key === ' ' &&
  event.target instanceof HTMLElement &&
  event.target.closest('button') !== null;

export function listenToKeys(target: Window): () => void {
  const onKey = (event: KeyboardEvent) => {
    if (typing(event.target) || pressing(event)) return;
    const { page, notes, preferences } = getState();
    const drawing = notes.draft !== null && (event.key === 'Enter' || event.key === 'Escape');
    if (drawing) {
      event.preventDefault();
      void import('../tools/notes/drawing').then(({ drawingKey }) => drawingKey(event.key));
      return;
    }
    const id = commandOf(event, preferences.keys);
    if (!id || (page !== 'viewer' && id !== 'hide-patient')) return;
    event.preventDefault();
    DO[id]?.();
  };
  target.addEventListener('keydown', onKey);
  return () => target.removeEventListener('keydown', onKey);
}

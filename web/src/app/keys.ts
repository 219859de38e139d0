/** The keyboard of the page; the help dialog lists it. */
import { go } from '../state/actions';
import { setLook, straighten } from '../state/look';
import type { State, ToolName } from '../state/model';
import { resetView, scrollView, setLayout, sliceCount, stepTime } from '../state/reducers';
import { change, getState, patch } from '../state/store';

const TOOL_KEYS: Record<string, ToolName> = {
  w: 'window',
  c: 'crosshair',
  g: 'pan',
  z: 'zoom',
  p: 'probe',
  l: 'length',
  t: 'rectangle',
};

const scroll = (steps: number) => change(scrollView, getState().activeView, steps);

function zoom(factor: number): void {
  const { activeView, cameras } = getState();
  const camera = cameras[activeView] ?? { zoom: 1, pan: [0, 0] };
  patch({ cameras: { ...cameras, [activeView]: { ...camera, zoom: camera.zoom * factor } } });
}

const slices = (state: State): number => (state.info ? sliceCount(state.info) : 1);

async function removeLast(): Promise<void> {
  const last = getState().measurements.at(-1);
  if (last) (await import('../tools/annotations')).removeMeasurement(last.id);
}

/** The list of a node's studies. */
const list = () => getState().node !== null && go({ page: 'studies', study: null });

const COMMANDS: Record<string, () => unknown> = {
  i: () => patch({ invert: !getState().invert }),
  f: () => patch({ cameras: {} }),
  r: () => change(resetView),
  s: list,
  h: () => patch({ hidePatient: !getState().hidePatient }),
  o: () => patch({ showOverlay: !getState().showOverlay }),
  b: () => patch({ sidebar: !getState().sidebar }),
  d: () => patch({ header: !getState().header }),
  n: () => patch({ panel: !getState().panel }),
  '?': () => patch({ help: !getState().help }),
  '1': () => change(setLayout, 'stack'),
  '2': () => change(setLayout, 'mpr'),
  '3': () => change(setLayout, 'volume'),
  '4': () => change(setLayout, 'three'),
  '5': () => change(setLayout, 'grid'),
  m: () => change(setLook, { magnifier: !getState().look.magnifier }),
  x: () => change(straighten),
  '+': () => zoom(1.25),
  '=': () => zoom(1.25),
  '-': () => zoom(0.8),
  ' ': () => patch({ playing: !getState().playing && (getState().info?.time_points ?? 1) > 1 }),
  ArrowUp: () => scroll(-1),
  ArrowDown: () => scroll(1),
  PageUp: () => scroll(-10),
  PageDown: () => scroll(10),
  Home: () => scroll(-slices(getState()) - 1e4),
  End: () => scroll(slices(getState()) + 1e4),
  ArrowLeft: () => change(stepTime, -1),
  ArrowRight: () => change(stepTime, 1),
  Delete: removeLast,
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
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || pressing(event)) {
      return;
    }
    if (getState().page !== 'viewer' && event.key.toLowerCase() !== 'h') return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const tool = TOOL_KEYS[key];
    const command = tool ? () => patch({ tool }) : COMMANDS[key];
    if (!command) return;
    event.preventDefault();
    command();
  };
  target.addEventListener('keydown', onKey);
  return () => target.removeEventListener('keydown', onKey);
}

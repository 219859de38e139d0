/** Mouse and keys in a table of views: they only change the state, the panes follow it. */
import { add, scale, type Vec3 } from '../core/vector';
import { dragWindow, roundWindow } from '../core/window';
import type { Panes } from '../render/looking/panes';
import { setPane } from '../state/look';
import { defaultWindow, setCursor, setSlice } from '../state/reducers';
import { change, getState, patch } from '../state/store';

/** Goes through slices: all panes together, or one where positions are not linked. */
export function paneWheel(panes: Panes, n: number, steps: number): void {
  const { look, cursor, slice } = getState();
  const pane = look.table.panes[n];
  const step = panes.stepOf(n);
  if (!pane) return;
  if (!step || !cursor) {
    if (look.table.linked.position) change(setSlice, slice + steps);
    else change(setPane, n, { offsetMm: pane.offsetMm + steps });
    return;
  }
  const { normal, mm } = step;
  // The normal points to the viewer: downwards goes along rising coordinates in every plane.
  const rising = normal.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0) > 0 ? 1 : -1;
  if (look.table.linked.position) {
    change(setCursor, add(cursor, scale(normal, steps * mm * rising)) as Vec3);
  } else {
    change(setPane, n, { offsetMm: pane.offsetMm + steps * mm * rising });
  }
}

/** Window, zoom or shift by dragging with the buttons that do so in every view. */
export function paneDrag(n: number, buttons: number, dx: number, dy: number): void {
  const { tool } = getState();
  if (buttons === 2 || (buttons === 1 && tool === 'zoom')) zoom(n, 1.008 ** -dy);
  else if (buttons === 4 || (buttons === 1 && tool === 'pan')) shift(n, dx, dy);
  else if (buttons === 1 && tool === 'window') dragPaneWindow(n, dx, dy);
}

const cameraKey = (n: number): string => (getState().look.table.linked.zoom ? 'grid' : `pane${n}`);

function zoom(n: number, factor: number): void {
  const { cameras } = getState();
  const camera = cameras[cameraKey(n)] ?? { zoom: 1, pan: [0, 0] };
  patch({ cameras: { ...cameras, [cameraKey(n)]: { ...camera, zoom: camera.zoom * factor } } });
}

function shift(n: number, dx: number, dy: number): void {
  const { cameras } = getState();
  const { zoom: factor, pan } = cameras[cameraKey(n)] ?? { zoom: 1, pan: [0, 0] };
  const moved: [number, number] = [pan[0] + dx, pan[1] + dy];
  patch({ cameras: { ...cameras, [cameraKey(n)]: { zoom: factor, pan: moved } } });
}

function dragPaneWindow(n: number, dx: number, dy: number): void {
  const { look, window, info, others } = getState();
  const pane = look.table.panes[n];
  const shown = pane?.imageId ? others[pane.imageId] : info;
  if (!pane || !window || !info || !shown) return;
  const range = shown.value.max - shown.value.min;
  const common =
    shown.id === info.id || (look.table.linked.window && shown.modality === info.modality);
  if (common) {
    patch({ window: roundWindow(dragWindow(window, dx, dy, range)) });
    return;
  }
  const { center, width } = pane;
  const own = center !== null && width !== null ? { center, width } : defaultWindow(shown);
  change(setPane, n, roundWindow(dragWindow(own, dx, dy, range)));
}

/** Reads the value under the pointer; a press with the crosshair brings all panes there. */
export function panePointer(
  panes: Panes,
  n: number,
  canvas: [number, number],
  pressed: boolean,
): void {
  const found = panes.valueAt(n, canvas);
  if (found) {
    const { value, info, mm } = found;
    const { time } = getState();
    patch({
      probe: {
        view: 'stack',
        grid: info.grids.regular ? 'regular' : 'stored',
        voxel: found.voxel,
        time,
        value,
        unit: info.value.unit,
        patientMm: mm,
      },
    });
  } else patch({ probe: null });
  if (!pressed || getState().tool !== 'crosshair') return;
  const world = panes.worldAt(n, canvas);
  if (world) change(setCursor, world);
}

/** Zooming a view to a stated scale. */
import { norm } from '../core/vector';
import { slicePlane } from '../render/images';
import { screenSteps } from '../render/viewInfo';
import { getState, patch } from '../state/store';
import { workspace } from './workspace';

/** CSS defines an inch as 96 px. */
const PX_PER_MM = 96 / 25.4;

/** `pixels`: a pixel of the image takes one of the screen; `real`: a millimetre takes a millimetre. */
export function scaleView(to: 'pixels' | 'real'): void {
  const { activeView, info, cameras } = getState();
  const viewport = workspace().viewport(activeView);
  if (!info || activeView === 'volume' || !viewport?.getDefaultActor()) return;
  const perPixel = norm(screenSteps(viewport).right);
  const wanted = to === 'real' ? 1 / PX_PER_MM : pixelSize();
  const camera = cameras[activeView] ?? { zoom: 1, pan: [0, 0] };
  const zoom = (viewport.getZoom() * perPixel) / wanted;
  patch({ cameras: { ...cameras, [activeView]: { ...camera, zoom } } });
}

function pixelSize(): number {
  const { info } = getState();
  const grid = info!.grids.stored;
  return norm(slicePlane({ info: info!, name: 'stored', grid, store: null! }, 0).iStep);
}

/** The one viewer of the page, made when the first views appear. */
import { detectCapabilities, startRendering } from '../render/setup';
import { Viewer } from '../render/viewer';
import { patch } from '../state/store';
import { startTools } from './toolbox';

let viewer: Viewer | null = null;

export function workspace(): Viewer {
  if (!viewer) {
    const capabilities = detectCapabilities();
    patch({ capabilities });
    viewer = new Viewer(startRendering(capabilities));
    startTools(viewer);
  }
  return viewer;
}

/** The one viewer of the page, made when the first views appear. */

import type { Looking } from '../render/looking/looking';
import { detectCapabilities, startRendering } from '../render/setup';
import { Viewer } from '../render/viewer';
import { getState, patch, watch } from '../state/store';
import { startTools } from './toolbox';

let viewer: Viewer | null = null;

export function workspace(): Viewer {
  if (!viewer) {
    const capabilities = detectCapabilities();
    patch({ capabilities });
    viewer = new Viewer(startRendering(capabilities));
    startTools(viewer);
    loadLookingLater();
  }
  return viewer;
}

/** The parts that look at images more closely; loaded when they are first asked for. */
export async function looking(): Promise<Looking> {
  const { startLooking } = await import('../render/looking/looking');
  return startLooking(workspace());
}

/** After the first picture, so that it does not wait for them. */
function loadLookingLater(): void {
  if (getState().shown) return void looking();
  const stop = watch(
    (s) => s.shown,
    (shown) => {
      if (!shown) return;
      stop();
      void looking();
    },
  );
}

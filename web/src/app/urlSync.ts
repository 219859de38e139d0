/** Keeps the view state in the URL, and follows a URL that is changed by hand. */
import { decodeHash } from '../core/hash';
import { openImage } from '../state/actions';
import { urlHash } from '../state/reducers';
import { getState, store } from '../state/store';

const DELAY_MS = 250;

export function keepUrl(window: Window): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let written = window.location.hash;
  const write = () => {
    timer = undefined;
    const state = getState();
    // A fragment that was changed by hand is on its way to `onHash`: leave it alone.
    if (!state.info || window.location.hash !== written) return;
    window.history.replaceState(null, '', urlHash(state));
    written = window.location.hash;
  };
  const stop = store.subscribe(() => {
    timer ??= setTimeout(write, DELAY_MS);
  });
  const onHash = () => {
    if (window.location.hash === written) return;
    written = window.location.hash;
    const url = decodeHash(window.location.hash);
    if (url.imageId) void openImage(url.imageId, url);
  };
  window.addEventListener('hashchange', onHash);
  return () => {
    stop();
    clearTimeout(timer);
    window.removeEventListener('hashchange', onHash);
  };
}

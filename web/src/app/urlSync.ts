/** Keeps the view state in the URL, and follows a URL that is changed by hand. */
import { decodeHash } from '../core/hash';
import { decodePlace, encodePlace, samePlace } from '../core/place';
import { go, openImage } from '../state/actions';
import { urlHash } from '../state/reducers';
import { getState, store, watch } from '../state/store';

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
  // Another place is another entry of the history, so that Back leads to the list.
  const move = () => {
    const { node, page, study } = getState();
    const place = { page, study };
    if (node === null || samePlace(decodePlace(window.location.hash), place)) return;
    window.history.pushState(null, '', encodePlace(place));
    written = window.location.hash;
  };
  const stopMoving = watch((state) => `${state.page} ${state.study}`, move);
  const onHash = () => {
    if (window.location.hash === written) return;
    written = window.location.hash;
    const place = decodePlace(window.location.hash);
    const { node, page, study } = getState();
    if (node !== null && !samePlace(place, { page, study })) {
      go(place, decodeHash(window.location.hash));
      return;
    }
    const url = decodeHash(window.location.hash);
    if (url.imageId) void openImage(url.imageId, url);
  };
  window.addEventListener('hashchange', onHash);
  return () => {
    stop();
    stopMoving();
    clearTimeout(timer);
    window.removeEventListener('hashchange', onHash);
  };
}

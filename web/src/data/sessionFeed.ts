/** The session as it changes: server-sent events, or polling where the stream does not work. */
import { api } from './api';
import type { Session } from './types';

const POLL_MS = 1500;
/** Without a first event in this time (a proxy that buffers, say) polling takes over. */
const PATIENCE_MS = 4000;

/** Calls `onSession` at every change; returns the function that stops it. */
export function followSession(
  onSession: (session: Session) => void,
  onError: (error: unknown) => void,
): () => void {
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let source: EventSource | null = null;

  const poll = async () => {
    try {
      const session = await api.session();
      if (!stopped) onSession(session);
    } catch (error) {
      if (!stopped) onError(error);
    }
    if (!stopped) timer = setTimeout(poll, POLL_MS);
  };
  const fallBack = () => {
    source?.close();
    source = null;
    clearTimeout(timer);
    if (!stopped) void poll();
  };

  if (typeof EventSource === 'undefined') {
    void poll();
  } else {
    source = new EventSource(api.eventsUrl());
    timer = setTimeout(fallBack, PATIENCE_MS);
    source.addEventListener('session', (event) => {
      clearTimeout(timer);
      onSession(JSON.parse((event as MessageEvent<string>).data) as Session);
    });
    source.onerror = () => {
      // The browser reconnects by itself unless the stream was refused.
      if (source?.readyState === EventSource.CLOSED) fallBack();
    };
  }
  return () => {
    stopped = true;
    clearTimeout(timer);
    source?.close();
  };
}

"""Fan-out of "something changed" from any thread to any number of waiting requests."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator


class Feed:
    """Wakes every listener after a change; changes in quick succession are told once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self.closed = False

    def publish(self) -> None:
        """Tell all listeners, from whatever thread."""
        with self._lock:
            listeners = list(self._listeners.items())
        for event, loop in listeners:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(event.set)

    def close(self) -> None:
        """End all listening."""
        self.closed = True
        self.publish()

    @property
    def listeners(self) -> int:
        """How many are listening."""
        return len(self._listeners)

    async def changes(self, interval_s: float = 0.1, patience_s: float = 15) -> AsyncIterator[bool]:
        """Yield at once, then after every change.

        Parameters
        ----------
        interval_s
            Least time between two changes told.
        patience_s
            Without a change for this long, False is yielded (a sign of life for the line).
        """
        event = asyncio.Event()
        event.set()
        with self._lock:
            self._listeners[event] = asyncio.get_running_loop()
        try:
            while not self.closed:
                try:
                    await asyncio.wait_for(event.wait(), patience_s)
                except TimeoutError:
                    yield False
                    continue
                event.clear()
                yield True
                await asyncio.sleep(interval_s)
        finally:
            with self._lock:
                del self._listeners[event]

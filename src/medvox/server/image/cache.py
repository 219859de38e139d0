"""A cache with a byte bound that makes each thing once, however many threads ask for it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any


class ByteCache:
    """Keeps the things used last, as many as fit.

    Parameters
    ----------
    limit
        Bytes kept. One thing larger than that is kept alone until the next one comes.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._making: dict[Hashable, Future[Any]] = {}
        self._bytes = 0

    @property
    def nbytes(self) -> int:
        """Bytes kept now."""
        return self._bytes

    def get(self, key: Hashable, make: Callable[[], tuple[Any, int]]) -> Any:
        """Return the thing of a key.

        Parameters
        ----------
        make
            Makes the thing and says its bytes; called by one thread, the others wait for it. Its error
            goes to all who wait, and the next call tries again.
        """
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
            waiting = self._making.get(key)
            if waiting is None:
                mine = self._making[key] = Future()
        return self._make(key, mine, make) if waiting is None else waiting.result()

    def _make(self, key: Hashable, mine: Future[Any], make: Callable[[], tuple[Any, int]]) -> Any:
        try:
            thing, size = make()
        except BaseException as error:
            with self._lock:
                del self._making[key]
            mine.set_exception(error)
            raise
        with self._lock:
            del self._making[key]
            self._kept[key] = (thing, size)
            self._bytes += size
            while self._bytes > self.limit and len(self._kept) > 1:
                _, (_, freed) = self._kept.popitem(last=False)
                self._bytes -= freed
        mine.set_result(thing)
        return thing

    def peek(self, key: Hashable) -> Any:
        """Return the thing of a key if it is kept, else None."""
        with self._lock:
            return self._kept.get(key, (None, 0))[0]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0

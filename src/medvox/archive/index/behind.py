"""Behind: one thread writes what the journal has kept into the index; who asks waits for it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Engine

from medvox.archive.index.write import Written, apply
from medvox.core.errors import AccessError

MOST: Final = 2000
"""Records in one transaction."""
_PAUSE_S: Final = 0.25
"""Time in which records gather, unless somebody waits for them."""
_RETRY_S: Final = 0.5
_PATIENCE_S: Final = 5.0
"""How long one waits for a database that fails."""


class Item:
    """A record on its way into the index.

    Parameters
    ----------
    written
        The record.
    """

    __slots__ = ("is_kept", "settled", "written")

    def __init__(self, written: Written) -> None:
        self.written = written
        self.settled = threading.Event()
        self.is_kept = False

    def settle(self, *, is_kept: bool) -> None:
        """Say whether the record survives a loss of power, or was refused."""
        self.is_kept = is_kept
        self.settled.set()


class IndexWriter:
    """Writes records into the index in the order in which they were put; safe to use from several threads.

    Parameters
    ----------
    engine
        The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changed = threading.Condition()
        self._items: deque[Item] = deque()
        self._by_uid: dict[str, list[Item]] = {}
        self._put = self._done = 0
        self._is_hurried = self._is_closed = False
        self._writing = threading.Lock()
        self.fault = ""
        self._thread = threading.Thread(target=self._run, name="medvox-index", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Records that are not in the index yet."""
        return len(self._items)

    def put(self, written: Written) -> Item:
        """Add a record; it is written once it is settled, after those before it."""
        item = Item(written)
        with self._changed:
            self._items.append(item)
            self._put += 1
            uid = written.entry.get("sop_uid")
            if uid:
                self._by_uid.setdefault(uid, []).append(item)
            if len(self._items) in (1, MOST):  # the thread need not be woken by those between
                self._changed.notify_all()
        return item

    def pending(self, sop_uid: str) -> list[Item]:
        """Records of an instance that are not in the index yet."""
        with self._changed:
            return list(self._by_uid.get(sop_uid, ()))

    def flush(self, timeout_s: float = 60.0) -> None:
        """Wait until what was put before is in the index.

        Raises
        ------
        AccessError
            If it is not after the time given: the database is full or locked.
        """
        with self._changed:
            wanted = self._put
            if self._done >= wanted:
                return
            self._is_hurried = True
            self._changed.notify_all()
            end = time.monotonic() + timeout_s
            while self._done < wanted and time.monotonic() < end:
                if self.fault:  # the database was asked already and did not answer
                    end = min(end, time.monotonic() + _PATIENCE_S)
                self._changed.wait(_RETRY_S)
            if self._done < wanted:
                raise AccessError(
                    "the index is behind what was received",
                    got=self.fault or None,
                    advice="Make room on its disk; nothing that was acknowledged is lost",
                )

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Keep the thread from writing."""
        with self._writing:
            yield

    def close(self) -> None:
        """Write what is settled and end the thread; what is not written is replayed at the next start."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._is_closed)
                if not self._is_closed:
                    self._changed.wait_for(
                        lambda: self._is_hurried or self._is_closed or len(self._items) >= MOST, _PAUSE_S
                    )
                batch = list(self._items)[:MOST]
            if not batch:
                return
            for item in batch:
                item.settled.wait()
            if not self._written(batch):
                return
            with self._changed:
                for item in batch:
                    self._items.popleft()
                    self._forget(item)
                self._done += len(batch)
                self._is_hurried = bool(self._items) and self._is_hurried
                self._changed.notify_all()

    def _forget(self, item: Item) -> None:
        uid = item.written.entry.get("sop_uid")
        if uid:
            left = [one for one in self._by_uid[uid] if one is not item]
            if left:
                self._by_uid[uid] = left
            else:
                del self._by_uid[uid]

    def _written(self, batch: list[Item]) -> bool:
        """Write a batch, again and again until the database takes it; False when closed before."""
        while True:
            try:
                with self._writing, self._engine.begin() as connection:
                    apply(connection, [item.written for item in batch if item.is_kept])
            except Exception as error:  # whatever it is, a thread that ends would hold all up in silence
                self.fault = type(error).__name__
                if self._is_closed:
                    return False
                time.sleep(_RETRY_S)
            else:
                self.fault = ""
                return True

"""Fresh values: small tables held in memory, read anew when they may have changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from medvox.core.errors import AccessError

MAX_AGE_S: Final = 1.0
"""A change that another process makes is seen after this many seconds."""

T = TypeVar("T")


class Fresh(Generic[T]):
    """A value that is never older than `MAX_AGE_S`; safe to use from several threads.

    Parameters
    ----------
    load
        Reads it.
    """

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._kept: tuple[float, T] | None = None

    def __call__(self) -> T:
        """Return the value.

        Raises
        ------
        AccessError
            If it cannot be read.
        """
        kept = self._kept
        if kept is None or time.monotonic() - kept[0] > MAX_AGE_S:
            with self._lock:
                kept = self._kept
                if kept is None or time.monotonic() - kept[0] > MAX_AGE_S:
                    kept = self._kept = time.monotonic(), self._read()
        return kept[1]

    def forget(self) -> None:
        """Read the value anew when it is asked for next."""
        with self._lock:
            self._kept = None

    def _read(self) -> T:
        try:
            return self._load()
        except SQLAlchemyError as error:
            raise AccessError("the node's state cannot be read", got=type(error).__name__) from error

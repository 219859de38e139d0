"""Base: what an archive asks of the way in which bytes and index are kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Engine

from medvox.archive.collecting import Collected
from medvox.archive.model import Outcome, StorageFullError
from medvox.archive.store.disk import Buffer
from medvox.archive.store.records import Kind
from medvox.core.errors import WriteError
from medvox.core.finding import Finding
from medvox.core.progress import Progress

IsSame = Callable[[], bool]
"""Tells whether an instance says the same as a version of it that is there."""


class Keeping(Protocol):
    """Keeps records durably and in the index; safe to use from several threads.

    Every method that keeps something raises `StorageFullError` if it cannot be kept now; then it is not
    shown, and later calls work again when the fault is gone.
    """

    @property
    def engine(self) -> Engine:
        """Database of the index."""
        ...

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Damage that was met when it was opened."""
        ...

    def keep(
        self, kind: Kind, entry: dict[str, Any], data: Sequence[Buffer], is_same: IsSame | None = None
    ) -> Outcome:
        """Keep an instance unless it is there; return when it survives a loss of power.

        `is_same` is asked, while others go on, before it becomes a new version.
        """
        ...

    def keep_linked(
        self, entry: dict[str, Any], path: Path, name: str, is_same: IsSame | None = None
    ) -> Outcome:
        """Keep an instance whose file is taken in as it is; `name` is of its content."""
        ...

    def change(self, entry: dict[str, Any], count: Callable[[Connection], int]) -> int:
        """Keep a change of a study that is found by the next query; nothing where `count` gives 0.

        Parameters
        ----------
        entry
            With the study's UID and, in ``"change"``, what is done.
        count
            How many instances it concerns; returned.
        """
        ...

    def settle(self) -> None:
        """Wait until what was kept before is in the index.

        Raises
        ------
        AccessError
            If it takes too long.
        """
        ...

    def read(self, place: str, offset: int, size: int) -> bytes:
        """Return bytes of the store.

        Raises
        ------
        MissingError, AccessError
            If they are not there, or the system refuses.
        """
        ...

    def collect_later(self, places: Collection[str]) -> None:
        """Note in which places bytes are about to be needed no more."""
        ...

    def collect(self, progress: Progress) -> Collected:
        """Take out the bytes that no version needs."""
        ...

    def reindex(self, progress: Progress) -> tuple[Finding, ...]:
        """Make the index anew from the bytes alone; return the damage that was met."""
        ...

    def close(self) -> None:
        """Close everything; what was kept is there at the next start."""
        ...


def storage_full(error: BaseException | None) -> StorageFullError:
    """Return the refusal that a fault of the store or the database leads to."""
    if isinstance(error, WriteError):
        return StorageFullError(error.what, where=error.where, got=error.got)
    return StorageFullError("the index cannot be reached", got=type(error).__name__)

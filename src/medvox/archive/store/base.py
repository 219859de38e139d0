"""Base: what every store gives back of what was kept in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from medvox.archive.store.records import Damage, Record


class Store(Protocol):
    """Bytes and records, as an index and readers need them; safe to use from several threads.

    How records are kept differs: a journal appends and syncs, an object store writes them together. What
    all have in common is tested by `medvox.testing.store_contract.StoreContract`.
    """

    def identity(self) -> str:
        """Return what tells this store from others, the same for ever."""
        ...

    def segments(self) -> list[str]:
        """Names of what holds records, in the order in which they were kept."""
        ...

    def walk(self, segment: str) -> Iterator[Record | Damage]:
        """Yield the records of a segment, and what is none."""
        ...

    def read(self, place: str, offset: int, size: int) -> bytes:
        """Return bytes of a segment, or of the file that an entry names.

        Raises
        ------
        MissingError, AccessError
            If they are not there, or the system refuses.
        """
        ...

    def close(self) -> None:
        """End using the store."""
        ...

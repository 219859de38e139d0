"""Shared: an object store has the bytes, and the index is written before an instance is acknowledged.

Several processes with one PostgreSQL database act as one archive. What one of them receives at a time goes
into one transaction: it holds the UIDs, so that two processes that get the same instance agree on its
versions; writes a segment of records into the store, from which the index can be made again; and commits
the rows.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from medvox.archive.collecting import Collected
from medvox.archive.index.engine import hold, open_engine
from medvox.archive.index.identity import claim, last_order, next_order, set_order
from medvox.archive.index.write import Written, add, clear, outcome, outcomes
from medvox.archive.keeping.base import IsSame, storage_full
from medvox.archive.migrations.running import INDEX, migrate
from medvox.archive.model import ArchiveSettings, Outcome
from medvox.archive.recovery import records_of
from medvox.archive.store.disk import Buffer
from medvox.archive.store.object import ObjectStore
from medvox.archive.store.records import Kind
from medvox.core.errors import AccessError, UnsupportedError, WriteError
from medvox.core.finding import Finding
from medvox.core.progress import Progress, silent

MOST: Final = 200
"""Instances in one transaction."""
INDEX_FILE: Final = "index.sqlite"
_INDEX: Final = "index"
_ROWS: Final = "rows"


@dataclass(slots=True, eq=False)
class _Waiting:
    """A record that is to be kept, and what became of it.

    Parameters
    ----------
    written
        The record; its place is not known yet.
    count
        Of a change: how many instances it concerns.
    """

    written: Written
    count: Callable[[Connection], int] | None = None
    outcome: Outcome = Outcome.STORED
    counted: int = 0
    error: BaseException | None = None
    is_kept: bool = False
    is_done: bool = False


class SharedKeeping:
    """An object store and a database, see `Keeping`; used by several processes if that is PostgreSQL.

    Parameters
    ----------
    settings
        Where they are.

    Raises
    ------
    AccessError
        If they cannot be reached.
    UsageError
        If the index is that of another store.
    """

    def __init__(self, settings: ArchiveSettings) -> None:
        self._store = ObjectStore(
            settings.objects or "", is_durable=settings.is_durable, timeout_s=settings.object_timeout_s
        )
        settings.store.mkdir(parents=True, exist_ok=True)
        self._engine: Engine = open_engine(settings.index or settings.store / INDEX_FILE, is_synced=True)
        self._changed = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._is_busy = False
        try:
            migrate(self._engine, INDEX)
            self._findings = self._brought_up()
        except SQLAlchemyError as error:
            self._engine.dispose()
            raise AccessError("the index cannot be opened", got=type(error).__name__) from error
        except BaseException:
            self._engine.dispose()
            raise

    @property
    def engine(self) -> Engine:
        """Database of the index."""
        return self._engine

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Damage that was met when it was opened."""
        return self._findings

    def keep(
        self, kind: Kind, entry: dict[str, Any], data: Sequence[Buffer], is_same: IsSame | None = None
    ) -> Outcome:
        """Put the file of an instance that is not there, then its record."""
        return self._kept(entry, data, "", is_same)

    def keep_linked(
        self, entry: dict[str, Any], path: Path, name: str, is_same: IsSame | None = None
    ) -> Outcome:
        """Put a copy of a file."""
        return self._kept(entry, (path.read_bytes(),), name, is_same)

    def collect_later(self, places: Collection[str]) -> None:
        """Refuse: objects are never taken away."""
        raise UnsupportedError(
            "the bin of an object store cannot be emptied yet", got=f"{len(places)} places"
        )

    def collect(self, progress: Progress) -> Collected:
        """Take out nothing."""
        progress(0, 0, "Emptying the bin")
        return Collected()

    def change(self, entry: dict[str, Any], count: Callable[[Connection], int]) -> int:
        """Keep a change of a study."""
        item = _Waiting(_unplaced(Kind.CHANGE, entry), count)
        self._submit(item)
        return item.counted

    def settle(self) -> None:
        """Nothing is behind."""

    def read(self, place: str, offset: int, size: int) -> bytes:
        """Return bytes of the file of an instance."""
        return self._store.read(place, offset, size)

    def reindex(self, progress: Progress) -> tuple[Finding, ...]:
        """Make the index anew; all processes wait with what they receive meanwhile."""
        with self._engine.begin() as connection:
            return self._replayed(connection, progress)

    def close(self) -> None:
        """Close the database."""
        self._store.close()
        self._engine.dispose()

    def _brought_up(self) -> tuple[Finding, ...]:
        """Make the index of a store that has records which it has not."""
        with self._engine.begin() as connection:
            hold(connection, alone=(_INDEX,))
            claim(connection, self._store.identity())
            if not self._store.segments(last_order(connection)):
                return ()
            return self._replayed(connection, silent)

    def _replayed(self, connection: Connection, progress: Progress) -> tuple[Finding, ...]:
        findings: list[Finding] = []
        hold(connection, alone=(_INDEX, _ROWS))
        clear(connection)
        segments = self._store.segments()
        progress(0, len(segments), "Reading the records")
        for number, (segment, found) in enumerate(self._store.walk_all(segments), start=1):
            add(connection, list(records_of(segment, found, findings)))
            progress(number, len(segments), "Reading the records")
        if segments:
            set_order(connection, int(segments[-1].partition("-")[0]))
        return tuple(findings)

    def _kept(
        self, entry: dict[str, Any], data: Sequence[Buffer], name: str, is_same: IsSame | None
    ) -> Outcome:
        try:
            with self._engine.connect() as connection:
                found = outcome(connection, entry["sop_uid"], entry["digest"])
            if found is Outcome.SAME or (found is Outcome.VERSION and is_same is not None and is_same()):
                return Outcome.SAME
            entry["place"] = self._store.put(entry, data, name)
        except (SQLAlchemyError, WriteError) as error:
            raise storage_full(error) from error
        entry["size"] = sum(map(len, data))
        item = _Waiting(_unplaced(Kind.LINKED, entry))
        self._submit(item)
        return item.outcome

    def _submit(self, item: _Waiting) -> None:
        """Have a record kept, together with those of other threads, by one of them."""
        with self._changed:
            self._waiting.append(item)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: item.is_done or not self._is_busy)
                if item.is_done:
                    break
                self._is_busy = True
                batch = _first(self._waiting)
                del self._waiting[: len(batch)]
            try:
                self._commit(batch)
            finally:
                with self._changed:
                    self._is_busy = False
                    for one in batch:
                        one.is_done = True
                    self._changed.notify_all()
        if not item.is_kept:
            raise storage_full(item.error) from item.error

    def _commit(self, batch: Sequence[_Waiting]) -> None:
        """Keep records in one transaction; one that the database does not take leaves out no other."""
        try:
            with self._engine.begin() as connection:
                if batch[0].count is None:
                    self._add(connection, batch)
                else:
                    self._apply(connection, batch[0])
            for item in batch:
                item.is_kept = True
        except (SQLAlchemyError, WriteError) as error:
            is_one = isinstance(error, SQLAlchemyError) and not isinstance(error, OperationalError)
            if is_one and len(batch) > 1:
                for item in batch:
                    self._commit([item])
                return
            for item in batch:
                item.error = error

    def _add(self, connection: Connection, batch: Sequence[_Waiting]) -> None:
        entries = [item.written.entry for item in batch]
        hold(
            connection,
            alone=tuple(f"instance {entry['sop_uid']}" for entry in entries),
            shared=(_INDEX, *(f"study {entry['study_uid']}" for entry in entries)),
        )
        found = outcomes(connection, [item.written for item in batch])
        for item, one in zip(batch, found, strict=True):
            item.outcome = one
        self._write(connection, [item.written for item in batch if item.outcome is not Outcome.SAME])

    def _apply(self, connection: Connection, item: _Waiting) -> None:
        hold(connection, alone=(f"study {item.written.entry['study_uid']}",), shared=(_INDEX,))
        item.counted = item.count(connection) if item.count else 0
        if item.counted:
            self._write(connection, [item.written])

    def _write(self, connection: Connection, written: Sequence[Written]) -> None:
        """Write records into the store, then into the index, where all processes wait for each other."""
        if not written:
            return
        order = next_order(connection)
        placed = self._store.write(order, [(one.kind, one.entry) for one in written])
        hold(connection, alone=(_ROWS,))
        add(connection, list(records_of(self._store.segment(order), placed, [])))


def _unplaced(kind: Kind, entry: dict[str, Any]) -> Written:
    return Written(kind, entry, "", 0, 0, 0, 0)


def _first(waiting: Sequence[_Waiting]) -> list[_Waiting]:
    """Cut what comes first: one change, or the instances before the next one."""
    if waiting[0].count is not None:
        return [waiting[0]]
    end = next((n for n, item in enumerate(waiting) if item.count is not None), len(waiting))
    return list(waiting[: min(end, MOST)])

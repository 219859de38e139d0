"""Journaled: a journal on this machine is the truth, and one thread writes the index behind it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from medvox.archive.collecting import Collected, collect, finish, note
from medvox.archive.index.behind import IndexWriter, Item
from medvox.archive.index.engine import open_engine
from medvox.archive.index.identity import claim
from medvox.archive.index.known import KnownDigests
from medvox.archive.index.write import Written
from medvox.archive.keeping.base import IsSame, storage_full
from medvox.archive.migrations.running import INDEX, migrate
from medvox.archive.model import ArchiveSettings, Outcome, StorageFullError
from medvox.archive.recovery import replay
from medvox.archive.store.disk import Buffer, Disk
from medvox.archive.store.journal import Appended
from medvox.archive.store.local import LocalStore
from medvox.archive.store.records import Kind
from medvox.core.errors import AccessError, WriteError
from medvox.core.finding import Finding
from medvox.core.progress import Progress

MOST_WAITING: Final = 50_000
"""Records that may wait for the index; while there are more, nothing is received."""
INDEX_FILE: Final = "index.sqlite"


class JournaledKeeping:
    """Segments in a folder of this machine, see `Keeping`; used by one process at a time.

    Parameters
    ----------
    settings
        Where it is.
    disk
        What writes the journal.

    Raises
    ------
    AccessError
        If another process has it open, or the database of the index cannot be reached.
    WriteError
        If its folder cannot be written.
    UsageError
        If the index is that of another store.
    """

    def __init__(self, settings: ArchiveSettings, disk: Disk | None = None) -> None:
        self._store = LocalStore(
            settings.store, disk, is_durable=settings.is_durable, segment_bytes=settings.segment_bytes
        )
        with ExitStack() as undone:
            undone.callback(self._store.close)
            self._engine: Engine = open_engine(settings.index or settings.store / INDEX_FILE)
            undone.callback(self._engine.dispose)
            try:
                migrate(self._engine, INDEX, may_empty=settings.index is None)
                if settings.index is not None:
                    with self._engine.begin() as connection:
                        claim(connection, self._store.identity())
                finish(self._store, self._engine)
                self._findings = replay(self._store, self._engine)
            except SQLAlchemyError as error:
                raise AccessError("the index cannot be opened", got=type(error).__name__) from error
            undone.pop_all()
        self._writer = IndexWriter(self._engine)
        self._digests = KnownDigests(self._engine)
        self._order = threading.Lock()
        self._upkeep = threading.Lock()

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
        """Append an instance that is not there, and wait until it is durable."""
        while True:
            with self._order:
                twin = _twin(self._writer.pending(entry["sop_uid"]), entry["digest"])
                found = Outcome.SAME if twin else self._known(entry)
                is_asked = found is Outcome.VERSION and is_same is not None
                if found is not Outcome.SAME and not is_asked:
                    appended, item = self._append(kind, entry, data)
            if is_asked and is_same is not None:
                if is_same():
                    return Outcome.SAME
                is_same = None
                continue
            if twin:
                twin.settled.wait()
                if not twin.is_kept:
                    continue
            elif found is not Outcome.SAME:
                self._commit(appended, item)
            return found

    def keep_linked(
        self, entry: dict[str, Any], path: Path, name: str, is_same: IsSame | None = None
    ) -> Outcome:
        """Keep an instance whose file is taken in by a hard link."""
        found = self._known(entry)
        if found is Outcome.SAME or (found is Outcome.VERSION and is_same is not None and is_same()):
            return Outcome.SAME
        with self._upkeep:  # else a file that is taken in again could be taken away
            try:
                entry["place"] = self._store.link(path, name)
            except WriteError as error:
                raise storage_full(error) from error
            return self.keep(Kind.LINKED, entry, ())

    def change(self, entry: dict[str, Any], count: Callable[[Connection], int]) -> int:
        """Append a change and wait until it is durable and in the index."""
        with self._order:
            self._writer.flush()
            try:
                with self._engine.connect() as connection:
                    found = count(connection)
            except SQLAlchemyError as error:
                raise storage_full(error) from error
            if found:
                self._commit(*self._append(Kind.CHANGE, entry))
                self._writer.flush()  # what is received next is compared with the index
        return found

    def collect_later(self, places: Collection[str]) -> None:
        """Note in which segments and files bytes are about to be needed no more."""
        with self._upkeep:
            note(self._store, places)

    def collect(self, progress: Progress) -> Collected:
        """Replace segments that have bytes which no version needs."""
        with self._upkeep:
            with self._order:
                self._writer.flush()
                segments = self._store.roll()
            return collect(self._store, self._engine, segments, progress)

    def settle(self) -> None:
        """Wait until what was kept before is in the index."""
        self._writer.flush()

    def read(self, place: str, offset: int, size: int) -> bytes:
        """Return bytes of a segment or a linked file."""
        return self._store.read(place, offset, size)

    def reindex(self, progress: Progress) -> tuple[Finding, ...]:
        """Make the index anew; what is received meanwhile goes in afterwards."""
        self._writer.flush()
        with self._upkeep, self._writer.paused():
            return replay(self._store, self._engine, is_whole=True, progress=progress)

    def close(self) -> None:
        """Bring the index up to date and close everything."""
        self._writer.close()
        self._digests.close()
        self._store.close()
        self._engine.dispose()

    def _known(self, entry: dict[str, Any]) -> Outcome:
        """Tell whether an instance is there, in the index or on its way."""
        pending = self._writer.pending(entry["sop_uid"])
        digests = self._digests.of(entry["sop_uid"])
        if entry["digest"] in digests:
            return Outcome.SAME
        return Outcome.VERSION if digests or pending else Outcome.STORED

    def _append(
        self, kind: Kind, entry: dict[str, Any], data: Sequence[Buffer] = ()
    ) -> tuple[Appended, Item]:
        """Append a record and put it on its way into the index, in this order for all threads."""
        if self._writer.waiting > MOST_WAITING:
            raise StorageFullError("the index is too far behind", got=self._writer.fault or None)
        try:
            appended = self._store.append(kind, entry, data)
        except WriteError as error:
            raise storage_full(error) from error
        end = appended.offset + appended.length
        place = appended.segment, appended.offset, end, appended.data_offset, appended.data_length
        return appended, self._writer.put(Written(kind, entry, *place))

    def _commit(self, appended: Appended, item: Item) -> None:
        is_kept = False
        try:
            self._store.commit(appended)
            is_kept = True
        except WriteError as error:
            raise storage_full(error) from error
        finally:
            item.settle(is_kept=is_kept)


def _twin(pending: list[Item], digest: str) -> Item | None:
    """An instance with the same data set on its way into the index, that was not refused."""
    same = [item for item in pending if item.written.entry["digest"] == digest]
    return next((item for item in same if item.is_kept or not item.settled.is_set()), None)

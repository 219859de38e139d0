"""Archive: receives instances, keeps them durably, and finds them again."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import Connection, Engine, func, select

from medvox.archive.audit import Audit, Event
from medvox.archive.collecting import Collected, collect, finish, note
from medvox.archive.entry import WANTED, entry_of, is_uid
from medvox.archive.index import query as queries
from medvox.archive.index.behind import IndexWriter, Item
from medvox.archive.index.changes import DELETE, PROTECT, RESTORE
from medvox.archive.index.engine import make_tables, sqlite_engine
from medvox.archive.index.tables import INSTANCES, STUDIES
from medvox.archive.index.write import Written
from medvox.archive.model import (
    NOBODY,
    ArchiveSettings,
    InstanceRow,
    InvalidObjectError,
    Origin,
    Outcome,
    Page,
    Query,
    Received,
    StorageFullError,
)
from medvox.archive.recovery import replay
from medvox.archive.store.disk import Buffer, Disk
from medvox.archive.store.journal import Appended
from medvox.archive.store.local import LocalStore
from medvox.archive.store.records import Kind
from medvox.core.errors import AccessError, FormatError, MedvoxError, MissingError, WriteError
from medvox.core.finding import Finding, Level
from medvox.core.progress import Progress, silent
from medvox.dicom.in_memory import header_of
from medvox.dicom.writing.files.encode import file_meta

MOST_WAITING: Final = 50_000
"""Records that may wait for the index; while there are more, nothing is received."""


class Archive:
    """Instances in a folder of this machine; safe to use from several threads.

    Opening it puts into the index what the journal has kept and the index has not, see `findings`.

    Parameters
    ----------
    settings
        Where it is.
    disk
        What writes the journal.
    findings
        Damage that was met.
    audit
        Who did what; new versions, deleted and restored studies are in it by themselves.
    """

    def __init__(self, settings: ArchiveSettings, disk: Disk | None = None) -> None:
        self._store = LocalStore(
            settings.store, disk, is_durable=settings.is_durable, segment_bytes=settings.segment_bytes
        )
        try:
            self._engine: Engine = sqlite_engine(settings.store / "index.sqlite")
            make_tables(self._engine)
            finish(self._store, self._engine)
            self.findings: tuple[Finding, ...] = replay(self._store, self._engine)
            self.audit = Audit(settings.store / "audit.sqlite")
        except BaseException:
            self._store.close()
            raise
        self._writer = IndexWriter(self._engine)
        self._order = threading.Lock()
        self._upkeep = threading.Lock()

    @classmethod
    def open(cls, settings: ArchiveSettings) -> Archive:
        """Open an archive, made if there is none.

        Raises
        ------
        AccessError
            If another process has it open.
        WriteError
            If its folder cannot be written.
        """
        return cls(settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def receive(
        self,
        data: Buffer,
        *,
        transfer_syntax: str,
        sop_class_uid: str = "",
        sop_instance_uid: str = "",
        origin: Origin = NOBODY,
    ) -> Received:
        """Keep an instance; return when it survives a loss of power.

        Parameters
        ----------
        data
            The data set without file meta information.
        transfer_syntax
            UID of its encoding.
        sop_class_uid, sop_instance_uid
            What was announced; empty if nothing was.
        origin
            Who sent it.

        Raises
        ------
        InvalidObjectError
            If it is no data set, lacks a UID, or is not what was announced. It is not kept.
        StorageFullError
            If it cannot be kept now. It is not shown.
        """
        entry = checked_entry(data, transfer_syntax, (sop_class_uid, sop_instance_uid))
        prefix = file_meta(entry["sop_class"], entry["sop_uid"], entry["transfer_syntax"])
        entry |= {"origin": origin_text(origin), "data_set_offset": len(prefix)}
        return self._keep(Kind.INSTANCE, entry, (prefix, data))

    def keep_linked(self, entry: dict[str, Any], path: Path, name: str) -> Received:
        """Keep an instance whose file is taken in by a hard link, see `medvox.archive.importing`."""
        known = self._known(entry)
        if known is Outcome.SAME:
            return _received(known, entry)
        with self._upkeep:  # else a file that is taken in again could be taken away
            try:
                entry["place"] = self._store.link(path, name)
            except WriteError as error:
                raise StorageFullError(error.what, where=error.where, got=error.got) from error
            return self._keep(Kind.LINKED, entry, ())

    def find(self, query: Query) -> Page:
        """Return a page of the answer to a query; what was received before is found.

        Raises
        ------
        UsageError
            If the query makes no sense.
        AccessError
            If the index cannot be brought up to date.
        """
        self._writer.flush()
        with self._engine.connect() as connection:
            return queries.page(connection, query)

    def instances(
        self,
        study_uid: str | None = None,
        series_uid: str | None = None,
        sop_uid: str | None = None,
        *,
        is_history: bool = False,
    ) -> Iterator[InstanceRow]:
        """Yield the instances of a study, a series or one UID; with `is_history` all their versions."""
        self._writer.flush()
        with self._engine.connect() as connection:
            yield from queries.instance_rows(
                connection,
                study_uid=study_uid,
                series_uid=series_uid,
                sop_uid=sop_uid,
                is_history=is_history,
            )

    def read(self, row: InstanceRow) -> bytes:
        """Return the DICOM file of an instance (PS3.10).

        Raises
        ------
        MissingError, AccessError
            If the bytes are not there, or the system refuses.
        """
        return self._read(row, 0)

    def read_data_set(self, row: InstanceRow) -> bytes:
        """Return the data set of an instance, as it was received."""
        return self._read(row, row.data_set_offset)

    def delete(self, study_uid: str, *, reason: str, who: str) -> int:
        """Put the instances of a study into the bin, from which `restore` takes them; return how many.

        Raises
        ------
        MissingError
            If there is no such study.
        AccessError
            If it is protected.
        StorageFullError
            If the change cannot be kept.
        """
        self._refuse_protected(study_uid)
        return self._change(DELETE, study_uid, {"reason": reason, "who": who}, is_live=True)

    def restore(self, study_uid: str, *, who: str) -> int:
        """Take the instances of a study out of the bin; return how many.

        Raises
        ------
        MissingError
            If nothing of the study is in the bin.
        StorageFullError
            If the change cannot be kept.
        """
        return self._change(RESTORE, study_uid, {"who": who}, is_live=False)

    @contextmanager
    def index(self) -> Iterator[Connection]:
        """Give a connection to the index, brought up to date, for other modules of this package to read."""
        self._writer.flush()
        with self._engine.connect() as connection:
            yield connection

    def change(self, entry: dict[str, Any], count: Callable[[Connection], int]) -> int:
        """Keep a change, see `medvox.archive.index.changes`, that is found by the next query.

        Parameters
        ----------
        entry
            ``change`` and what it needs; it is done at the ``time`` that it says, else now.
        count
            How many instances or studies it concerns; returned. Nothing is kept where it gives 0.

        Raises
        ------
        StorageFullError
            If it cannot be kept.
        """
        with self._order:
            self._writer.flush()
            with self._engine.connect() as connection:
                found = count(connection)
            if found:
                appended, item = self._append(Kind.CHANGE, {"time": time.time_ns()} | entry)
                self._commit(appended, item)
                self._writer.flush()  # what is received next is compared with the index
        return found

    def collect(self, progress: Progress = silent) -> Collected:
        """Take bytes that no version needs out of the store, see `medvox.archive.collecting`.

        Raises
        ------
        WriteError
            If the system refuses; what was not taken out is at the next time.
        """
        with self._upkeep:
            with self._order:
                self._writer.flush()
                segments = self._store.roll()
            return collect(self._store, self._engine, segments, progress)

    def collect_later(self, places: Collection[str]) -> None:
        """Note in which places of the store bytes are about to be needed no more, before they are not."""
        with self._upkeep:
            note(self._store, places)

    def protect(self, study_uid: str, *, who: str, is_protected: bool = True) -> None:
        """Keep a study from being deleted, by anybody and by rules of retention; or let it be again.

        Raises
        ------
        MissingError
            If there is no such study.
        """
        entry = {"change": PROTECT, "study_uid": study_uid, "is_protected": is_protected}
        if not self.change(entry, lambda found: queries.count_of_study(found, study_uid, is_live=True)):
            raise MissingError("there is no such study", got=study_uid)
        self.audit.append(Event(who, "protect" if is_protected else "unprotect", study_uid))

    def verify(self, progress: Progress = silent) -> tuple[Finding, ...]:
        """Read every version of every instance again and compare its digest."""
        self._writer.flush()
        with self._engine.connect() as connection:
            total = int(connection.scalar(select(func.count()).select_from(INSTANCES)) or 0)
        findings = []
        progress(0, total, "Verifying")
        for done, row in enumerate(self.instances(is_history=True), start=1):
            try:
                fault = "" if _digest(self.read_data_set(row)) == row.digest else "the digest differs"
            except MedvoxError as error:
                fault = error.reason
            if fault:
                findings.append(
                    Finding("damaged-content", Level.ERROR, f"{row.place} at {row.offset}", fault)
                )
            progress(done, total, "Verifying")
        return tuple(findings)

    def reindex(self, progress: Progress = silent) -> tuple[Finding, ...]:
        """Make the index anew from the bytes alone; return the damage that was met.

        Queries see the old index until the new one is whole.
        """
        self._writer.flush()
        with self._upkeep, self._writer.paused():
            return replay(self._store, self._engine, is_whole=True, progress=progress)

    def close(self) -> None:
        """Bring the index up to date and close everything."""
        self._writer.close()
        self.audit.close()
        self._store.close()
        self._engine.dispose()

    def _read(self, row: InstanceRow, skipped: int) -> bytes:
        """Return bytes of an instance, from where they are now if they were moved since the row was read."""
        try:
            return self._store.read(row.place, row.offset + skipped, row.size - skipped)
        except MissingError:
            rows = self.instances(sop_uid=row.sop_uid, is_history=True)
            now = next((one for one in rows if one.digest == row.digest and one.place != row.place), None)
            if now is None:
                raise
            return self._store.read(now.place, now.offset + skipped, now.size - skipped)

    def _keep(self, kind: Kind, entry: dict[str, Any], data: tuple[Buffer, ...]) -> Received:
        """Append an instance that is not there, and wait until it is durable."""
        while True:
            with self._order:
                twin = _twin(self._writer.pending(entry["sop_uid"]), entry["digest"])
                outcome = Outcome.SAME if twin else self._known(entry)
                if outcome is not Outcome.SAME:
                    appended, item = self._append(kind, entry, data)
            if twin:
                twin.settled.wait()
                if not twin.is_kept:
                    continue
            elif outcome is not Outcome.SAME:
                self._commit(appended, item)
                if outcome is Outcome.VERSION:
                    who = json.loads(entry["origin"])[0]
                    self.audit.append(Event(who, "version", entry["sop_uid"], detail=entry["digest"]))
            return _received(outcome, entry)

    def _known(self, entry: dict[str, Any]) -> Outcome:
        """Tell whether an instance is there, in the index or on its way."""
        uid, digest = entry["sop_uid"], entry["digest"]
        pending = self._writer.pending(uid)
        query = select(INSTANCES.c.digest).where(INSTANCES.c.sop_uid == uid, INSTANCES.c.deleted == 0)
        with self._engine.connect() as connection:
            digests = set(connection.scalars(query))
        if digest in digests:
            return Outcome.SAME
        return Outcome.VERSION if digests or pending else Outcome.STORED

    def _append(
        self, kind: Kind, entry: dict[str, Any], data: tuple[Buffer, ...] = ()
    ) -> tuple[Appended, Item]:
        """Append a record and put it on its way into the index, in this order for all threads."""
        if self._writer.waiting > MOST_WAITING:
            raise StorageFullError("the index is too far behind", got=self._writer.fault or None)
        try:
            appended = self._store.append(kind, entry, data)
        except WriteError as error:
            raise StorageFullError(error.what, where=error.where, got=error.got) from error
        end = appended.offset + appended.length
        place = appended.segment, appended.offset, end, appended.data_offset, appended.data_length
        return appended, self._writer.put(Written(kind, entry, *place))

    def _commit(self, appended: Appended, item: Item) -> None:
        is_kept = False
        try:
            self._store.commit(appended)
            is_kept = True
        except WriteError as error:
            raise StorageFullError(error.what, where=error.where, got=error.got) from error
        finally:
            item.settle(is_kept=is_kept)

    def _change(self, change: str, study_uid: str, more: dict[str, Any], *, is_live: bool) -> int:
        entry = {"change": change, "study_uid": study_uid, **more}
        count = self.change(entry, lambda found: queries.count_of_study(found, study_uid, is_live=is_live))
        if not count:
            raise MissingError("there is no such study", got=study_uid)
        self.audit.append(Event(more["who"], change, study_uid, detail=more.get("reason", "")))
        return count

    def _refuse_protected(self, study_uid: str) -> None:
        with self.index() as connection:
            is_protected = connection.scalar(
                select(STUDIES.c.is_protected).where(STUDIES.c.study_uid == study_uid)
            )
        if is_protected:
            raise AccessError("the study is protected", got=study_uid, advice="Take the protection off first")


def _twin(pending: list[Item], digest: str) -> Item | None:
    """An instance with the same data set on its way into the index, that was not refused."""
    same = [item for item in pending if item.written.entry["digest"] == digest]
    return next((item for item in same if item.is_kept or not item.settled.is_set()), None)


def _digest(data: Buffer) -> str:
    return hashlib.sha256(data).hexdigest()


def origin_text(origin: Origin) -> str:
    """Return how an origin is written into a record."""
    return json.dumps([origin.caller, origin.address], ensure_ascii=False)


def _received(outcome: Outcome, entry: dict[str, Any]) -> Received:
    uids = (entry[name] for name in ("study_uid", "series_uid", "sop_uid", "sop_class", "digest"))
    return Received(outcome, *uids)


def checked_entry(data: Buffer, transfer_syntax: str, announced: tuple[str, str]) -> dict[str, Any]:
    """Return what the index keeps of a data set, after it was checked.

    Raises
    ------
    InvalidObjectError
        If it is no data set, lacks a UID, or is not what was announced (class and instance UID).
    """
    if not is_uid(transfer_syntax):
        raise InvalidObjectError("the transfer syntax is no UID", where="the received instance")
    try:
        header = header_of(data, transfer_syntax, "the received instance", WANTED)
        entry = entry_of(header)
    except FormatError as error:
        raise InvalidObjectError(
            error.what, where=error.where, got=error.got, expected=error.expected
        ) from error
    cut = [one for one in header.findings if one.code == "truncated-pixel-data"]
    if cut or (header.pixel and header.pixel.offset + max(header.pixel.length, 0) > header.size):
        raise InvalidObjectError("the pixel data are cut off", where=header.name)
    for stated, name in zip(announced, ("sop_class", "sop_uid"), strict=True):
        if stated and stated != entry[name]:
            raise InvalidObjectError(
                "the data set is not what was announced", where=name, got=entry[name], expected=stated
            )
    return entry | {
        "transfer_syntax": header.transfer_syntax,
        "digest": _digest(data),
        "received": time.time_ns(),
    }

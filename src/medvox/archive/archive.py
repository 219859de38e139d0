"""Archive: receives instances, keeps them durably, and finds them again."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from medvox.archive.audit import Audit, Event
from medvox.archive.collecting import Collected
from medvox.archive.entry import WANTED, entry_of, is_uid
from medvox.archive.index import query as queries
from medvox.archive.index.changes import DELETE, PROTECT, RESTORE
from medvox.archive.index.listing import instance_rows
from medvox.archive.index.tables import INSTANCES, STUDIES
from medvox.archive.keeping.base import Keeping
from medvox.archive.keeping.clustered import SharedKeeping
from medvox.archive.keeping.journaled import JournaledKeeping
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
)
from medvox.archive.store.disk import Buffer, Disk
from medvox.archive.store.records import Kind
from medvox.core.errors import AccessError, FormatError, MedvoxError, MissingError, UsageError
from medvox.core.finding import Finding, Level
from medvox.core.progress import Progress, silent
from medvox.dicom.in_memory import header_of
from medvox.dicom.writing.files.encode import file_meta


class Archive:
    """Instances in a folder of this machine or in an object store; safe to use from several threads.

    Opening it puts into the index what the store has kept and the index has not, see `findings`. A folder
    is used by one process at a time, an object store with a PostgreSQL index by as many as there are.

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
        self._keeping: Keeping = (
            JournaledKeeping(settings, disk) if settings.objects is None else SharedKeeping(settings)
        )
        try:
            self.audit = Audit(settings.index or settings.store / "audit.sqlite")
        except BaseException:
            self._keeping.close()
            raise
        self.findings: tuple[Finding, ...] = self._keeping.findings

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
        is_compared: bool = True,
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
        is_compared
            Whether other bytes that say the same as a version that is there (another transfer syntax, the
            same elements and pixels) are the same; else they are a new version.

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
        is_same = (lambda: self._is_same(entry, data)) if is_compared else None
        return self._noted(self._keeping.keep(Kind.INSTANCE, entry, (prefix, data), is_same), entry)

    def keep_linked(self, entry: dict[str, Any], path: Path, name: str) -> Received:
        """Keep an instance whose file is taken in as it is, see `medvox.archive.importing`."""

        def is_same() -> bool:
            return self._is_same(entry, path.read_bytes()[entry["data_set_offset"] :])

        return self._noted(self._keeping.keep_linked(entry, path, name, is_same), entry)

    def find(self, query: Query) -> Page:
        """Return a page of the answer to a query; what was received before is found.

        Raises
        ------
        UsageError
            If the query makes no sense.
        AccessError
            If the index cannot be brought up to date.
        """
        with self._reading() as connection:
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
        with self._reading() as connection:
            yield from instance_rows(
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
        return self._read(row, 0, row.size)

    def read_data_set(self, row: InstanceRow) -> bytes:
        """Return the data set of an instance, as it was received."""
        skipped = row.data_set_offset
        return self._read(row, skipped, row.size - skipped)

    def read_part(self, row: InstanceRow, offset: int, size: int) -> bytes:
        """Return bytes of the DICOM file of an instance, counted from its first.

        Raises
        ------
        UsageError
            If they are not in the file.
        MissingError, AccessError
            As `read`.
        """
        if offset < 0 or size < 0 or offset + size > row.size:
            raise UsageError("these bytes are not in the file", got=(offset, size), expected=row.size)
        return self._read(row, offset, size)

    def up_to_date(self) -> Engine:
        """Return the database of the index, once what was received before is in it.

        Raises
        ------
        AccessError
            If the index cannot be brought up to date.
        """
        self._keeping.settle()
        return self._keeping.engine

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
        with self.index() as connection:
            of_study = STUDIES.c.study_uid == study_uid
            is_protected = connection.scalar(select(STUDIES.c.is_protected).where(of_study))
        if is_protected:
            raise AccessError("the study is protected", got=study_uid, advice="Take the protection off first")
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

    @contextmanager
    def index(self) -> Iterator[Connection]:
        """Give a connection to the index, brought up to date, for other modules of this package to read."""
        with self._reading() as connection:
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
        return self._keeping.change({"time": time.time_ns()} | entry, count)

    def collect_later(self, places: Collection[str]) -> None:
        """Note in which places of the store bytes are about to be needed no more, before they are not.

        Raises
        ------
        UnsupportedError
            If nothing can be taken out of this store.
        """
        self._keeping.collect_later(places)

    def collect(self, progress: Progress = silent) -> Collected:
        """Take bytes that no version needs out of the store, see `medvox.archive.collecting`.

        Raises
        ------
        UnsupportedError
            If nothing can be taken out of this store.
        WriteError
            If the system refuses; what was not taken out is at the next time.
        """
        return self._keeping.collect(progress)

    def verify(self, progress: Progress = silent) -> tuple[Finding, ...]:
        """Read every version of every instance again and compare its digest."""
        with self._reading() as connection:
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
        return self._keeping.reindex(progress)

    def close(self) -> None:
        """Bring the index up to date and close everything."""
        self._keeping.close()
        self.audit.close()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """Give a connection to the index, in which is what was received before."""
        self._keeping.settle()
        try:
            with self._keeping.engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise AccessError("the index cannot be read", got=type(error).__name__) from error

    def _read(self, row: InstanceRow, offset: int, size: int) -> bytes:
        """Return bytes of an instance, from where they are now if they were moved since the row was read."""
        try:
            return self._keeping.read(row.place, row.offset + offset, size)
        except MissingError:
            rows = list(self.instances(sop_uid=row.sop_uid, is_history=True))
            now = next((one for one in rows if one.digest == row.digest and one.place != row.place), None)
            if now is None:
                raise
            return self._keeping.read(now.place, now.offset + offset, size)

    def _is_same(self, entry: dict[str, Any], data: Buffer) -> bool:
        """Tell whether a data set says the same as a version of its instance that is live."""
        from medvox.archive.sameness import same_content

        uid, i = entry["sop_uid"], INSTANCES.c
        with self._reading() as connection:
            live = set(connection.scalars(select(i.digest).where(i.sop_uid == uid, i.deleted == 0)))
            rows = [
                row for row in instance_rows(connection, sop_uid=uid, is_history=True) if row.digest in live
            ]
        return any(
            same_content((self.read_data_set(row), row.transfer_syntax), (data, entry["transfer_syntax"]))
            for row in reversed(rows)
            if row.study_uid == entry["study_uid"]
        )

    def _noted(self, outcome: Outcome, entry: dict[str, Any]) -> Received:
        """Say what became of an instance; a new version of one is audited."""
        if outcome is Outcome.VERSION:
            who = json.loads(entry["origin"])[0]
            self.audit.append(Event(who, "version", entry["sop_uid"], detail=entry["digest"]))
        uids = (entry[name] for name in ("study_uid", "series_uid", "sop_uid", "sop_class", "digest"))
        return Received(outcome, *uids)

    def _change(self, change: str, study_uid: str, more: dict[str, Any], *, is_live: bool) -> int:
        """Keep a change of a study and audit it."""

        def count(connection: Connection) -> int:
            return queries.count_of_study(connection, study_uid, is_live=is_live)

        found = self.change({"change": change, "study_uid": study_uid, **more}, count)
        if not found:
            raise MissingError("there is no such study", got=study_uid)
        self.audit.append(Event(more["who"], change, study_uid, detail=more.get("reason", "")))
        return found


def _digest(data: Buffer) -> str:
    return hashlib.sha256(data).hexdigest()


def origin_text(origin: Origin) -> str:
    """Return how an origin is written into a record."""
    return json.dumps([origin.caller, origin.address], ensure_ascii=False)


def warm_up() -> None:
    """Load the compiled code that reads headers (0.6 s), so that the first instance need not wait for it."""
    element = b"\x08\0\x18\0UI\x04\x001.2\0"
    header_of(element, "1.2.840.10008.1.2.1", "an example", WANTED)


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

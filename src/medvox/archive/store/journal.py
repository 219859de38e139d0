"""Journal: appends records to segments and waits, with others, until they survive a loss of power."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medvox.archive.store import records
from medvox.archive.store.disk import Buffer, Disk
from medvox.archive.store.records import Kind
from medvox.core.errors import WriteError

SEGMENT_BYTES = 1 << 30
SUFFIX = ".seg"


@dataclass(slots=True, eq=False)
class _Segment:
    """A segment that is being written."""

    path: Path
    descriptor: int
    header: bytes
    end: int
    synced: int = 0
    is_syncing: bool = False
    is_broken: bool = False
    users: int = field(default=0)


@dataclass(frozen=True, slots=True, eq=False)
class Appended:
    """A record that was appended, and is not durable before `Journal.commit`.

    Parameters
    ----------
    segment
        Name of the segment.
    offset, length
        Place of the record in it.
    data_offset, data_length
        Place of its data in it.
    sequence
        Its number among those of this writer.
    """

    segment: str
    offset: int
    length: int
    data_offset: int
    data_length: int
    sequence: int
    _file: _Segment


class Journal:
    """Writes records one after another; safe to use from several threads.

    A writer begins a segment of its own: two processes never write to one file, and what an earlier run
    left behind is never written over.

    Parameters
    ----------
    folder
        Where the segments are; it is there.
    disk
        What writes and waits.
    is_durable
        Whether `commit` waits for the disk.
    segment_bytes
        Size from which on a new segment is begun.
    """

    def __init__(
        self,
        folder: Path,
        disk: Disk | None = None,
        *,
        is_durable: bool = True,
        segment_bytes: int = SEGMENT_BYTES,
        writer: str | None = None,
    ) -> None:
        self._folder = folder
        self._disk = disk or Disk()
        self._is_durable = is_durable
        self._most = segment_bytes
        self._writer = writer or secrets.token_hex(6)
        self._number = 0
        self._sequence = 0
        self._changed = threading.Condition()
        self._file: _Segment | None = None

    def append(self, kind: Kind, entry: Mapping[str, Any], data: Sequence[Buffer] = ()) -> Appended:
        """Append a record.

        Raises
        ------
        WriteError
            If the system refuses: the disk is full, or broken. Nothing of the record counts; the next one
            goes to a new segment.
        """
        with self._changed:
            self._sequence += 1
            file = self._segment(sum(map(len, data)))
            buffers = records.encode(kind, self._sequence, entry, data, file.header)
            length = sum(len(part) for part in buffers)
            offset = file.end
            try:
                self._disk.write(file.descriptor, buffers, offset)
            except OSError as error:
                self._leave(file)
                raise WriteError(
                    "the instance cannot be stored",
                    where=file.path,
                    got=error.strerror or type(error).__name__,
                ) from error
            file.end += length
            file.users += 1
            data_length = length - records.data_offset(buffers) - len(buffers[-1])
            start = offset + records.data_offset(buffers)
            return Appended(file.path.name, offset, length, start, data_length, self._sequence, file)

    def commit(self, appended: Appended) -> None:
        """Wait until a record survives a loss of power; one wait of the disk serves all that are there.

        Raises
        ------
        WriteError
            If the disk reports that it could not keep what was written. What was not committed before
            must be taken for lost, and its segment is never written again.
        """
        file, end = appended._file, appended.offset + appended.length  # noqa: SLF001
        try:
            if self._is_durable:
                self._wait(file, end)
        finally:
            self._release(file)

    def roll(self) -> None:
        """Write no more to the present segment; the next record begins a new one."""
        with self._changed:
            if self._file is not None:
                self._leave(self._file)

    def close(self) -> None:
        """Close the segment; what was appended and not committed may be lost."""
        with self._changed:
            if self._file is not None:
                self._leave(self._file)

    def _wait(self, file: _Segment, end: int) -> None:
        with self._changed:
            while file.is_syncing and file.synced < end and not file.is_broken:
                self._changed.wait()
            if file.synced >= end:
                return
            if file.is_broken:
                raise WriteError("the disk could not keep what was written", where=file.path)
            file.is_syncing, upto = True, file.end
        try:
            self._disk.sync(file.descriptor)
        except OSError as error:
            with self._changed:
                file.is_broken, file.is_syncing = True, False
                self._leave(file)
                self._changed.notify_all()
            raise WriteError(
                "the disk could not keep what was written", where=file.path, got=error.strerror
            ) from error
        with self._changed:
            file.synced, file.is_syncing = max(file.synced, upto), False
            self._changed.notify_all()

    def _segment(self, length: int) -> _Segment:
        """Return the segment to write to: a new one where the last is full or was left."""
        file = self._file
        if file is not None and (file.end + length <= self._most or file.end == records.SEGMENT_HEADER):
            return file
        if file is not None:
            self._leave(file)
        self._number += 1
        path = self._folder / f"{self._writer}-{self._number:06d}{SUFFIX}"
        try:
            descriptor = self._disk.create(path)
            try:
                header = records.segment_header(self._writer, self._number)
                self._disk.write(descriptor, [header], 0)
                if self._is_durable:
                    self._disk.sync(descriptor)
                    self._disk.sync_folder(self._folder)
            except OSError:
                self._disk.close(descriptor)
                raise
        except OSError as error:
            raise WriteError("no new segment can be begun", where=path, got=error.strerror) from error
        self._file = _Segment(path, descriptor, header, len(header), len(header))
        return self._file

    def _leave(self, file: _Segment) -> None:
        """Write no more to a segment; it is closed when nobody waits for it any more."""
        if self._file is file:
            self._file = None
        if not file.users:
            self._disk.close(file.descriptor)

    def _release(self, file: _Segment) -> None:
        with self._changed:
            file.users -= 1
            if not file.users and self._file is not file:
                self._disk.close(file.descriptor)

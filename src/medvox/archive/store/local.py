"""Local store: the segments of a journal and linked files in one folder of this machine."""

from __future__ import annotations

import itertools
import mmap
import os
import re
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from medvox.archive.store import records
from medvox.archive.store.disk import Buffer, Disk
from medvox.archive.store.journal import SUFFIX, Appended, Journal
from medvox.archive.store.records import Damage, Kind, Record
from medvox.core.errors import AccessError, MissingError, WriteError

SEGMENTS: Final = "segments"
FILES: Final = "files"
_RUN = re.compile(r"(\d{8})[0-9a-f]+-\d+(\.c\d+)?" + re.escape(SUFFIX))
_OPEN_FILES: Final = 64
_READ_ONLY: Final = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class LocalStore:
    """Bytes of instances in a folder; safe to use from several threads, by one process at a time.

    Names of segments ascend in the order in which they were begun: the first digits number the runs.

    Parameters
    ----------
    folder
        The store; made if missing.
    disk
        What writes and waits.
    is_durable
        Whether `commit` waits for the disk.
    segment_bytes
        Size from which on a new segment is begun.

    Raises
    ------
    AccessError
        If another process has it open.
    WriteError
        If its folders cannot be made.
    """

    def __init__(
        self, folder: Path, disk: Disk | None = None, *, is_durable: bool = True, segment_bytes: int = 1 << 30
    ) -> None:
        self._folder, self._disk, self._is_durable = folder, disk or Disk(), is_durable
        self._segments = folder / SEGMENTS
        try:
            if not folder.exists():
                folder.mkdir(parents=True)
                folder.chmod(0o700)  # patients' images: for the owner alone
            self._segments.mkdir(exist_ok=True)
            (folder / FILES).mkdir(exist_ok=True)
            self._disk.sync_folder(folder)
            self._disk.sync_folder(folder.resolve().parent)
            self._lock = _locked(folder / "lock")
        except AccessError:
            raise
        except OSError as error:
            raise WriteError("the store cannot be opened", where=folder, got=error.strerror) from error
        runs = [int(found[1]) for path in self._segments.iterdir() if (found := _RUN.fullmatch(path.name))]
        writer = f"{max(runs, default=0) + 1:08d}{secrets.token_hex(3)}"
        self._journal = Journal(
            self._segments, self._disk, is_durable=is_durable, segment_bytes=segment_bytes, writer=writer
        )
        self._opened: dict[str, int] = {}
        self._reading = threading.Lock()

    def identity(self) -> str:
        """Return what tells this store from others, kept in a file of it.

        Raises
        ------
        WriteError
            If there is none and it cannot be made.
        """
        path = self._folder / "identity"
        try:
            if not path.exists():
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
                try:
                    os.write(descriptor, secrets.token_hex(16).encode())
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
                self._disk.sync_folder(self._folder)
            return path.read_text("ascii")
        except OSError as error:
            raise WriteError("the store cannot be opened", where=path, got=error.strerror) from error

    def append(self, kind: Kind, entry: Mapping[str, Any], data: Sequence[Buffer] = ()) -> Appended:
        """Append a record, see `Journal.append`."""
        return self._journal.append(kind, entry, data)

    def commit(self, appended: Appended) -> None:
        """Wait until a record is durable, see `Journal.commit`."""
        self._journal.commit(appended)

    @property
    def folder(self) -> Path:
        """The folder."""
        return self._folder

    @property
    def disk(self) -> Disk:
        """What writes and waits."""
        return self._disk

    def roll(self) -> list[str]:
        """Begin a new segment with the next record; return the names of all there are until then."""
        self._journal.roll()
        return self.segments()

    def forget(self, segment: str) -> None:
        """Close a segment that is taken away."""
        with self._reading:
            descriptor = self._opened.pop(segment, None)
        if descriptor is not None:
            os.close(descriptor)

    def read(self, place: str, offset: int, size: int) -> bytes:
        """Return bytes of a segment or a linked file.

        Parameters
        ----------
        place
            Name of a segment, or ``"files/…"``.
        offset, size
            Which bytes.

        Raises
        ------
        MissingError, AccessError
            If they are not there, or the system refuses.
        """
        try:
            if place.startswith(FILES + "/"):
                descriptor = os.open(self._folder / place, _READ_ONLY)
            else:
                with self._reading:
                    descriptor = os.dup(self._descriptor(place))
            try:
                found = _read_at(descriptor, offset, size)
            finally:
                os.close(descriptor)
        except FileNotFoundError as error:
            raise MissingError("the bytes of an instance are missing", where=place) from error
        except OSError as error:
            raise AccessError(f"cannot be read: {error.strerror}", where=place) from error
        if len(found) < size:
            raise MissingError("the bytes of an instance are cut off", where=place, got=len(found))
        return found

    def segments(self) -> list[str]:
        """Names of all segments, the oldest first."""
        return sorted(path.name for path in self._segments.glob("*" + SUFFIX))

    def walk(self, segment: str, start: int = 0) -> Iterator[Record | Damage]:
        """Yield the records of a segment from a position on, and what is none."""
        path = self._segments / segment
        if path.stat().st_size <= max(start, records.SEGMENT_HEADER):
            return
        with (
            path.open("rb") as stream,
            mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
            memoryview(content) as view,
        ):
            yield from records.walk(view, max(start, records.SEGMENT_HEADER))

    def size(self, segment: str) -> int:
        """Bytes of a segment."""
        return (self._segments / segment).stat().st_size

    def sync(self, segment: str) -> None:
        """Make durable what a process that was killed may have left in a segment.

        Raises
        ------
        WriteError
            If the disk cannot keep it.
        """
        if not self._is_durable:
            return
        try:
            descriptor = os.open(self._segments / segment, os.O_RDWR | getattr(os, "O_BINARY", 0))
            try:
                self._disk.sync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise WriteError("a segment cannot be made durable", where=segment, got=error.strerror) from error

    def link(self, source: Path, name: str) -> str:
        """Take a file in by a hard link, or a copy where none can be made; return its place.

        It is durable when this returns.

        Raises
        ------
        WriteError
            If the system refuses; nothing half written is left under the name.
        """
        folder = self._folder / FILES / name[:2]
        target = folder / f"{name}.dcm"
        try:
            if not folder.is_dir():
                folder.mkdir(exist_ok=True)
                self._disk.sync_folder(folder.parent)
            if not target.exists():
                self._link(source.resolve(), target)
        except OSError as error:
            raise WriteError("the file cannot be taken in", where=source, got=error.strerror) from error
        return f"{FILES}/{name[:2]}/{name}.dcm"

    def _link(self, source: Path, target: Path) -> None:
        import shutil

        new = target.with_suffix(f".{secrets.token_hex(4)}.new")
        try:
            try:
                os.link(source, new)
            except OSError:
                shutil.copyfile(source, new)
            if self._is_durable:
                descriptor = os.open(new, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
            new.replace(target)
            if self._is_durable:
                self._disk.sync_folder(target.parent)
        finally:
            new.unlink(missing_ok=True)

    def close(self) -> None:
        """Close all files and let other processes open the store."""
        self._journal.close()
        with self._reading:
            for descriptor in self._opened.values():
                os.close(descriptor)
            self._opened.clear()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _descriptor(self, place: str) -> int:
        """Descriptor of a segment, kept open until `forget`."""
        known = self._opened.pop(place, None)
        if known is None:
            known = os.open(self._segments / place, _READ_ONLY)
        self._opened[place] = known  # the last is the one used last
        for old in list(itertools.islice(self._opened, max(0, len(self._opened) - _OPEN_FILES))):
            os.close(self._opened.pop(old))
        return known


def _read_at(descriptor: int, offset: int, size: int) -> bytes:
    """Read up to `size` bytes; less at the end of the file."""
    parts: list[bytes] = []
    while size > 0:
        if hasattr(os, "pread"):
            part = os.pread(descriptor, size, offset)
        else:
            os.lseek(descriptor, offset, os.SEEK_SET)
            part = os.read(descriptor, size)
        if not part:
            break
        parts.append(part)
        offset, size = offset + len(part), size - len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _locked(path: Path) -> int:
    """Open a file and lock it until the process ends; -1 where the system has no such locks."""
    try:
        import fcntl
    except ImportError:
        return -1
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise AccessError("another process has this store open", where=path.parent) from None
    return descriptor

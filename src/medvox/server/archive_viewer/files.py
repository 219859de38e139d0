"""Files: studies of an archive as folders that the viewer can read, a bounded number of bytes of them."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from medvox.archive.archive import Archive
from medvox.archive.model import InstanceRow
from medvox.core.errors import MissingError, WriteError
from medvox.core.progress import Progress

FILES_BYTES: Final = 20 << 30
"""Bytes kept of studies that were opened, by default."""
_SUFFIX: Final = ".dcm"


class StudyFiles:
    """Folders of studies, one file an instance; those used last stay.

    An archived instance is a part of a segment, and what reads slices reads files. So a study is copied once
    when it is opened: headers of all instances are needed at once anyway.

    Parameters
    ----------
    archive
        Where instances are.
    folder
        For this purpose alone: private, emptied now.
    most_bytes
        Bytes kept; a larger study is kept alone.
    is_open
        Whether a study is being looked at; its files stay.

    Raises
    ------
    WriteError
        If the folder cannot be made.
    """

    def __init__(
        self,
        archive: Archive,
        folder: Path,
        most_bytes: int = FILES_BYTES,
        is_open: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._archive, self._folder, self._most, self._is_open = archive, folder, most_bytes, is_open
        self._lock = threading.Lock()
        self._sizes: dict[str, int] = {}
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700, parents=True)
        except OSError as error:
            raise WriteError(
                "the folder of opened studies cannot be made", where=folder, got=error.strerror
            ) from error

    @property
    def nbytes(self) -> int:
        """Bytes kept now."""
        with self._lock:
            return sum(self._sizes.values())

    def folder(self, study_uid: str) -> Path:
        """Return the folder of a study, made if missing; it is empty until `fill`."""
        folder = self._folder / study_uid
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise WriteError("a study cannot be opened", where=study_uid, got=error.strerror) from error
        return folder

    def versions(self, study_uid: str) -> frozenset[str]:
        """Names of the files that a study has now in the archive; empty if it is not there."""
        return frozenset(map(_name, self._archive.instances(study_uid)))

    def fill(self, study_uid: str, progress: Progress) -> frozenset[str]:
        """Bring the folder of a study up to date; return its files.

        Raises
        ------
        MissingError
            If there is no such study.
        WriteError
            If the disk refuses.
        """
        rows = {_name(row): row for row in self._archive.instances(study_uid)}
        if not rows:
            raise MissingError("there is no such study in the archive", got=study_uid)
        folder = self.folder(study_uid)
        try:
            there = set(os.listdir(folder))  # noqa: PTH208 - names alone
            for name in there - rows.keys():
                (folder / name).unlink()
            self._make_room(study_uid, sum(row.size for row in rows.values()))
            missing = [name for name in rows if name not in there]
            for done, name in enumerate(missing):
                progress(done, len(missing), "Fetching")
                _write(folder / name, self._archive.read(rows[name]))
        except OSError as error:
            if isinstance(error, MissingError | WriteError):
                raise
            raise WriteError("a study cannot be opened", where=study_uid, got=error.strerror) from error
        return frozenset(rows)

    def remove(self, study_uid: str) -> None:
        """Remove the files of a study."""
        with self._lock:
            self._sizes.pop(study_uid, None)
            shutil.rmtree(self._folder / study_uid, ignore_errors=True)

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _make_room(self, study_uid: str, size: int) -> None:
        """Count a study as the last used, and remove others until all fit."""
        with self._lock:
            self._sizes.pop(study_uid, None)
            for other in self._closed():
                if sum(self._sizes.values()) + size <= self._most:
                    break
                del self._sizes[other]
                shutil.rmtree(self._folder / other, ignore_errors=True)
            self._sizes[study_uid] = size

    def _closed(self) -> Iterable[str]:
        return [uid for uid in self._sizes if not self._is_open(uid)]


def _name(row: InstanceRow) -> str:
    return f"{row.sop_uid}-{row.version}{_SUFFIX}"


def _write(path: Path, content: bytes) -> None:
    """Write a file that is there only when it is whole; hidden before, so that no scan reads it."""
    new = path.with_name(f".{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    new.replace(path)

"""The folder of saved notes: one file a series, written whole, safe for several processes."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from medvox.core.errors import AccessError, LimitError, UsageError, WriteError
from medvox.core.settings import current
from medvox.core.study import Series
from medvox.formats.atomic import atomic_file
from medvox.workflows.notes.document import from_json, to_json
from medvox.workflows.notes.merging import merged
from medvox.workflows.notes.model import SCHEMA, Note, NoteDocument

MOST_NOTES: Final = 10_000
MOST_POINTS: Final = 20_000
_WHOLE_BYTES: Final = 64 << 20
_SAMPLE_BYTES: Final = 1 << 16
_UID: Final = re.compile(r"[0-9.]{1,64}")
_ID: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class SeriesOfNotes:
    """Whose notes are asked for.

    Parameters
    ----------
    key
        Name of the file, without its suffix.
    study_uid, series_uid, modality
        As the header says.
    """

    key: str
    study_uid: str | None
    series_uid: str | None
    modality: str | None

    @classmethod
    def of(cls, series: Series, study_uid: str | None = None) -> SeriesOfNotes:
        """Name a series: by its UID, outside of DICOM by its content."""
        modality = series.modality
        if series.uid and _UID.fullmatch(series.uid):
            return cls(f"uid-{series.uid}", study_uid, series.uid, modality)
        files = [instance.file.partition("!/")[0] for instance in series.instances]
        return cls(f"sha256-{content_digest(files)}", study_uid, series.uid, modality)


def content_digest(files: Sequence[str]) -> str:
    """Digest of what files hold, not of their names: 32 hexadecimal digits.

    Files of more than 64 MiB together are known by their sizes and samples of 64 KiB (begin, middle, end).
    """
    names = list(dict.fromkeys(files))
    digest = hashlib.sha256()
    try:
        sizes = [Path(name).stat().st_size for name in names]
        is_whole = sum(sizes) <= _WHOLE_BYTES
        for name, size in zip(names, sizes, strict=True):
            digest.update(size.to_bytes(8, "little"))
            with Path(name).open("rb") as file:
                for part in _parts(file, size, is_whole):
                    digest.update(part)
    except OSError:  # not a file of this machine: an object store, or gone
        digest.update("\0".join(names).encode(errors="surrogateescape"))
    return digest.hexdigest()[:32]


def _parts(file: IO[bytes], size: int, is_whole: bool) -> Iterator[bytes]:
    if is_whole or size <= 3 * _SAMPLE_BYTES:
        while part := file.read(1 << 20):
            yield part
        return
    for start in (0, size // 2, size - _SAMPLE_BYTES):
        file.seek(start)
        yield file.read(_SAMPLE_BYTES)


def usual_folder() -> Path:
    """Folder of notes among the user's data."""
    from platformdirs import user_data_path

    return (current().data_folder or user_data_path("medvox", appauthor=False)) / "notes"


class NoteFolder:
    """Saved notes; all methods may be called from any thread, and several processes may share the folder.

    Parameters
    ----------
    folder
        Made when something is saved.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()

    def read(self, whose: SeriesOfNotes) -> NoteDocument:
        """Return the notes of a series; an empty document where none were saved.

        Raises
        ------
        FormatError
            If the file is damaged; it is left as it is.
        AccessError
            If it may not be read.
        """
        path = self._path(whose)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return NoteDocument(SCHEMA, whose.key, 0, whose.study_uid, whose.series_uid, whose.modality)
        except OSError as error:
            raise AccessError("the saved measurements cannot be read", where=path) from error
        return from_json(data, path)

    def save(
        self, whose: SeriesOfNotes, changes: Iterable[Note], author: str
    ) -> tuple[NoteDocument, tuple[str, ...]]:
        """Merge changes into the notes of a series, and wait until they are on the disk.

        Returns
        -------
        document, copies
            As `medvox.workflows.notes.merging.merged`.

        Raises
        ------
        FormatError, UnsupportedError
            If the file is damaged or of a later version; it is left as it is.
        LimitError, UsageError
            If there are too many notes or points, or an id is none.
        AccessError, WriteError
            If the system refuses; the file is as it was.
        """
        changes = list(changes)
        if any(len(n.points) > MOST_POINTS or len(n.outline) > MOST_POINTS for n in changes):
            raise LimitError("a measurement has too many points", expected=f"at most {MOST_POINTS}")
        if not all(_ID.fullmatch(n.id) for n in changes):
            raise UsageError("a measurement has no proper id", expected="32 hexadecimal digits")
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._locked():
            before = self.read(whose)
            document, copies = merged(before, changes, author, now)
            if document is before:
                return before, ()
            if len(document.notes) > MOST_NOTES:
                raise LimitError("a series has too many measurements", expected=f"at most {MOST_NOTES}")
            data = to_json(document)
            with atomic_file(self._path(whose), durable=True) as file:
                file.write(data)
        return document, copies

    def _path(self, whose: SeriesOfNotes) -> Path:
        return self.folder / f"{whose.key}.json"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other threads and processes from saving."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = (self.folder / ".lock").open("ab")
        except OSError as error:
            raise WriteError("the folder of measurements cannot be written", where=self.folder) from error
        with self._lock, lock:
            if os.name == "posix":
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

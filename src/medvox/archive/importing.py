"""Importing: takes DICOM files of a folder into an archive, by hard links where the disk allows."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from medvox.archive.archive import Archive, checked_entry, origin_text
from medvox.archive.model import Origin, Outcome, StorageFullError
from medvox.archive.store.naming import content_name
from medvox.core.errors import MedvoxError, MissingError, UnknownFormatError
from medvox.core.finding import Finding, Level
from medvox.core.progress import Progress, silent
from medvox.dicom import tags
from medvox.dicom.scan import read_header
from medvox.formats.inputs import InputFile

IMPORT = Origin("import")
_MARK = b"DICM"
_SHORTEST = 132


def import_folder(
    archive: Archive, folder: Path, progress: Progress = silent, origin: Origin = IMPORT
) -> tuple[dict[Outcome, int], tuple[Finding, ...]]:
    """Take in all DICOM files under a folder; one bad file never stops it.

    The archive keeps each file under a name of its own: a hard link, or a copy where none can be made. A
    linked file must not be changed in place afterwards; `Archive.verify` tells if one was.

    Parameters
    ----------
    archive
        Where to.
    folder
        Of the files; links to folders are not followed.
    progress
        Receives files done.
    origin
        Who does it.

    Returns
    -------
    counts
        How many were stored, the same, or new versions.
    findings
        ``not-stored`` for each file that is no instance; other files than DICOM are left out silently.

    Raises
    ------
    MissingError
        If there is no such folder.
    StorageFullError
        If nothing can be stored; what was taken in before is kept.
    """
    if not folder.is_dir():
        raise MissingError("there is no such folder", where=folder)
    paths = sorted(Path(top) / name for top, _, names in os.walk(folder) for name in names)
    counts = dict.fromkeys(Outcome, 0)
    findings = []
    progress(0, len(paths), "Importing")
    for done, path in enumerate(paths, start=1):
        try:
            counts[_taken(archive, path, origin)] += 1
        except StorageFullError:
            raise
        except UnknownFormatError:
            pass
        except MedvoxError as error:
            findings.append(Finding("not-stored", Level.ERROR, str(path.relative_to(folder)), error.reason))
        progress(done, len(paths), "Importing")
    return counts, tuple(findings)


def _taken(archive: Archive, path: Path, origin: Origin) -> Outcome:
    """Take in one file."""
    try:
        with path.open("rb") as stream:
            if path.stat().st_size <= _SHORTEST or stream.read(_SHORTEST)[-4:] != _MARK:
                raise UnknownFormatError("this is not a DICOM file", where=path.name)
            stream.seek(0)
            with (
                mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
                memoryview(content) as view,
            ):
                syntax, start = _meta(path, len(view))
                with view[start:] as data:
                    entry = checked_entry(data, syntax, ("", ""))
                size, prefix = len(view), bytes(view[:start])
    except OSError as error:
        if isinstance(error, MedvoxError):
            raise
        raise UnknownFormatError(f"cannot be read: {error.strerror}", where=path.name) from error
    entry |= {"origin": origin_text(origin), "data_set_offset": start, "size": size}
    return archive.keep_linked(entry, path, content_name(entry["digest"], prefix)).outcome


def _meta(path: Path, size: int) -> tuple[str, int]:
    """Return the transfer syntax of a file and where its data set begins."""
    header = read_header(InputFile(path, path.name, size), (tags.TRANSFER_SYNTAX_UID,))
    return header.transfer_syntax, header.encoding.start

"""Media: the DICOMDIR of a CD, DVD or folder made after PS3.10; used where it is, never required."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medvox.core.errors import AccessError, FormatError
from medvox.core.finding import Finding, Level
from medvox.dicom.elements.wanted import DIRECTORY_RECORDS
from medvox.formats.inputs import InputFile
from medvox.formats.remote.mirror import fetched

if TYPE_CHECKING:
    from pydicom import Dataset

    from medvox.dicom.header import Header

_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
_MEDIA_STORAGE_CLASS = 0x00020002
_NAMED = 5
"""Stale entries that a finding names."""


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """One file that a DICOMDIR names.

    Parameters
    ----------
    path
        The file, as it is spelled on disk; as the DICOMDIR spells it where it is not there.
    exists
        Whether it is there.
    kind
        Directory Record Type (0004,1430): ``"IMAGE"``, ``"SR DOCUMENT"`` …
    sop_instance_uid, transfer_syntax
        Referenced SOP Instance and Transfer Syntax UID in File; empty where not stated.
    """

    path: Path
    exists: bool
    kind: str
    sop_instance_uid: str = ""
    transfer_syntax: str = ""


def is_dicomdir(header: Header) -> bool:
    """Tell whether a file is a DICOMDIR (Media Storage Directory, PS3.3 F)."""
    return header.text(_MEDIA_STORAGE_CLASS) == _STORAGE_DIRECTORY or DIRECTORY_RECORDS in header


def dicomdir_entries(path: Path) -> tuple[DirectoryEntry, ...]:
    """Read the files that a DICOMDIR names, in its order.

    Names are File IDs of up to eight components (PS3.10 8.2), looked up below the folder of the DICOMDIR
    in any case of letters and with ISO 9660's ``;1``. Names that lead out of that folder are left out.

    Raises
    ------
    FormatError
        If it is no DICOMDIR that can be read.
    AccessError
        If the system refuses.
    """
    from pydicom import dcmread

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fetched(path)
            records = list(dcmread(path, force=True).get("DirectoryRecordSequence") or ())
            spelled = list(_file_ids(records))
        except Exception as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise AccessError(f"cannot be read: {error.strerror}", where=path.name) from None
            raise FormatError("the DICOMDIR cannot be read", where=path.name) from error
    folder = _Folder(path.parent)
    entries = []
    for parts, record in spelled:
        found = folder.find(parts)
        entries.append(
            DirectoryEntry(
                path=found or path.parent.joinpath(*parts),
                exists=found is not None,
                kind=str(record.get("DirectoryRecordType", "")),
                sop_instance_uid=str(record.get("ReferencedSOPInstanceUIDInFile", "")),
                transfer_syntax=str(record.get("ReferencedTransferSyntaxUIDInFile", "")),
            )
        )
    return tuple(entries)


def _file_ids(records: Sequence[Dataset]) -> Iterator[tuple[tuple[str, ...], Dataset]]:
    """Components of the Referenced File ID (0004,1500) of each record that has one."""
    for record in records:
        value = record.get("ReferencedFileID")
        if not value:
            continue
        text = [value] if isinstance(value, str) else list(value)
        parts = tuple(part for name in text for part in str(name).replace("\\", "/").split("/") if part)
        if parts and not any(part in (".", "..") or ":" in part for part in parts):
            yield parts, record


class _Folder:
    """Finds files below a folder whatever the case of their names."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._names: dict[Path, dict[str, str]] = {}

    def _listing(self, folder: Path) -> dict[str, str]:
        if folder not in self._names:
            try:
                self._names[folder] = {_plain(entry.name): entry.name for entry in folder.iterdir()}
            except OSError:
                self._names[folder] = {}
        return self._names[folder]

    def find(self, parts: tuple[str, ...]) -> Path | None:
        place = self._root
        for part in parts:
            name = self._listing(place).get(_plain(part))
            if name is None:
                return None
            place = place / name
        return place if place.is_file() else None


def _plain(name: str) -> str:
    """Name as ISO 9660 level 1 compares it."""
    return name.lower().partition(";")[0].rstrip(".")


def listed_files(
    directories: Sequence[Header], files: Sequence[InputFile]
) -> tuple[list[InputFile], list[Finding]]:
    """Return the files that DICOMDIRs name and that are not among `files`.

    Returns
    -------
    more
        Those that are there.
    findings
        ``dicomdir-stale`` for a DICOMDIR that names files that are not there, ``unreadable-file`` for one
        that cannot be read.
    """
    known = {file.path.resolve() for file in files}
    more: list[InputFile] = []
    findings: list[Finding] = []
    for header in directories:
        try:
            entries = dicomdir_entries(Path(header.file))
        except (AccessError, FormatError) as error:
            findings.append(Finding("unreadable-file", Level.WARNING, header.name, error.reason))
            continue
        folder = Path(header.file).parent
        for entry in entries:
            if entry.exists and entry.path.resolve() not in known:
                known.add(entry.path.resolve())
                name = str(Path(header.name).parent / entry.path.relative_to(folder))
                more.append(InputFile(entry.path, name, entry.path.stat().st_size))
        gone = [entry.path.relative_to(folder).as_posix() for entry in entries if not entry.exists]
        if gone:
            text = f"{len(gone)} of {len(entries)} files are not there: {', '.join(gone[:_NAMED])}"
            text += " …" if len(gone) > _NAMED else ""
            findings.append(Finding("dicomdir-stale", Level.WARNING, header.name, text, "PS3.10 8"))
    return more, findings

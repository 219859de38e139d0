"""Exporting: studies of an archive on standard media, or as plain files."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from medvox.archive.archive import Archive
from medvox.archive.audit import Event
from medvox.archive.model import InstanceRow
from medvox.core.errors import AccessError, MissingError, WriteError
from medvox.core.progress import Progress, silent
from medvox.dicom.writing.media import write_media
from medvox.formats.base import WriteReport


def export_media(
    archive: Archive,
    study_uids: Sequence[str],
    target: str | PathLike[str],
    *,
    who: str,
    label: str = "MEDVOX",
    progress: Progress = silent,
) -> WriteReport:
    """Write studies to a standard medium: a folder with DICOMDIR, an ISO image, a ZIP archive.

    Beside the target, room for as much again is needed while it is written.

    Parameters
    ----------
    archive
        Where the studies are.
    study_uids
        Which.
    target
        A name ending in ``.iso`` or ``.zip``, else a folder that is not there yet or is empty.
    who
        For the audit.
    label
        See `write_media`.
    progress
        Receives instances done.

    Returns
    -------
    WriteReport
        As of `write_media`: objects that are no images are told as lost.

    Raises
    ------
    MissingError
        If a study is not there, or has no image.
    WriteError, AccessError, DependencyError
        As `write_media`.
    """
    target = Path(target)
    rows = [row for uid in dict.fromkeys(study_uids) for row in _rows(archive, uid)]
    try:
        target.absolute().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".medvox-", dir=target.absolute().parent) as folder:
            progress(0, len(rows), "Reading the archive")
            for number, row in enumerate(rows, start=1):
                (Path(folder) / f"{number:08d}.dcm").write_bytes(archive.read(row))
                progress(number, len(rows), "Reading the archive")
            report = write_media(Path(folder), target, label=label, progress=progress)
    except PermissionError as error:
        if isinstance(error, AccessError):
            raise
        raise AccessError("the system does not allow writing here", where=target) from error
    except OSError as error:
        if isinstance(error, WriteError | MissingError):
            raise
        raise WriteError("writing failed", where=target, got=error.strerror) from error
    archive.audit.append(*(Event(who, "export", uid) for uid in dict.fromkeys(study_uids)))
    return report


def _rows(archive: Archive, study_uid: str) -> list[InstanceRow]:
    rows = list(archive.instances(study_uid=study_uid))
    if not rows:
        raise MissingError("there is no such study", got=study_uid)
    return rows

"""Write standard media: a folder with DICOMDIR, an ISO 9660 image, a ZIP archive (PS3.11 D, PS3.12)."""

from __future__ import annotations

import secrets
import shutil
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

from medvox.core.errors import AccessError, DependencyError, MedvoxError, MissingError, WriteError
from medvox.core.progress import Progress, silent, track
from medvox.dicom import tags
from medvox.dicom.header import Header
from medvox.dicom.writing.files.encode import EXPLICIT_LITTLE
from medvox.dicom.writing.media.directory import MediaFile, directory_bytes
from medvox.dicom.writing.options import Source
from medvox.dicom.writing.source import headers_of
from medvox.formats.base import WriteReport

DIRECTORY = "DICOMDIR"
_NAMED = 5
_KINDS = ("PT", "ST", "SE", "IM")


def write_media(
    instances: Source, target: str | PathLike[str], *, label: str = "MEDVOX", progress: Progress = silent
) -> WriteReport:
    """Write images to a standard medium (general purpose interchange, PS3.11 annex D).

    The files are copied byte by byte; only the directory is new.

    Parameters
    ----------
    instances
        Files, a series, a study, or a folder of files.
    target
        A name ending in ``.iso`` or ``.zip``, else a folder that is not there yet or is empty.
    label
        File-set ID and volume label: at most 16 capitals, digits and underscores.

    Returns
    -------
    WriteReport
        The files on the medium (or the one image); objects that are no images are told as lost, made-up
        keys of the directory are told as notes.

    Raises
    ------
    MissingError
        If none of the files is a DICOM image.
    DependencyError
        If an ISO image is asked for and pycdlib is not installed.
    WriteError, AccessError
        If the target is there already, or the system refuses; nothing is left then.
    """
    target = Path(target)
    headers, others = _images(headers_of(instances))
    files = _named(headers)
    directory, made = directory_bytes(files, label[:16].upper())
    losses = [f"{name} is no image: it is not on the medium." for name in others[:_NAMED]]
    if len(others) > _NAMED:
        losses.append(f"{len(others) - _NAMED} more objects are no images: they are not on the medium.")
    notes = [*made, *_profile_notes(headers)]
    write = {".iso": _write_iso, ".zip": _write_zip}.get(target.suffix.lower(), _write_folder)
    with _unused(target) as temporary:
        names = write(files, directory, temporary, label[:16].upper(), progress)
        temporary.replace(target)
    return WriteReport(tuple(target / name for name in names) or (target,), tuple(losses), tuple(notes))


def _images(headers: Sequence[Header]) -> tuple[list[Header], list[str]]:
    images = [h for h in headers if h.pixel is not None and h.text(tags.SOP_INSTANCE_UID)]
    if not images:
        raise MissingError("no file is a DICOM image", got=f"{len(headers)} objects")
    kept = {id(h) for h in images}
    distinct = {h.text(tags.SOP_INSTANCE_UID): h for h in reversed(images)}
    return list(reversed(distinct.values())), [h.name for h in headers if id(h) not in kept]


def _named(headers: Sequence[Header]) -> list[MediaFile]:
    """Give each image its File ID: patient, study, series and image by number."""
    counts: Counter[tuple[str, ...]] = Counter()
    numbers: dict[tuple[str, ...], int] = {}
    files = []
    for header in sorted(headers, key=_order):
        who = f"{header.text(tags.PATIENT_ID)}\n{header.text(tags.PATIENT_NAME)}"
        study, series = header.text(tags.STUDY_INSTANCE_UID), header.text(tags.SERIES_INSTANCE_UID)
        path = (who, study, series, header.text(tags.SOP_INSTANCE_UID))
        for depth in range(1, 5):
            if path[:depth] not in numbers:
                counts[path[: depth - 1]] += 1
                numbers[path[:depth]] = counts[path[: depth - 1]]
        places = [numbers[path[:depth]] for depth in range(1, 5)]
        names = (f"{kind}{n:06d}" for kind, n in zip(_KINDS, places, strict=True))
        files.append(MediaFile(header, tuple(names)))
    return files


def _order(header: Header) -> tuple[str, str, int, str, int]:
    return (
        header.text(tags.PATIENT_ID) + header.text(tags.PATIENT_NAME),
        header.text(tags.STUDY_DATE) + header.text(tags.STUDY_INSTANCE_UID),
        header.integer(tags.SERIES_NUMBER) or 0,
        header.text(tags.SERIES_INSTANCE_UID),
        header.integer(tags.INSTANCE_NUMBER) or 0,
    )


def _profile_notes(headers: Sequence[Header]) -> list[str]:
    other = [h for h in headers if h.transfer_syntax != EXPLICIT_LITTLE]
    if not other:
        return []
    text = "The profile STD-GEN-CD has Explicit VR Little Endian files only"
    return [f"{text}: {len(other)} of {len(headers)} are encoded otherwise, and were copied as they are."]


# -- targets -------------------------------------------------------------------------------------


@contextmanager
def _unused(target: Path) -> Iterator[Path]:
    """Temporary name beside a target that is not there, or an empty folder."""
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise WriteError("the target is there already", where=target, advice="Name one that is not there")
    temporary = target.with_name(f".{target.name[:80]}.{secrets.token_hex(6)}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
    except MedvoxError:
        raise
    except PermissionError as error:
        raise AccessError("the system does not allow writing here", where=target) from error
    except OSError as error:
        raise WriteError("writing failed", where=target, got=error.strerror) from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def _write_folder(
    files: Sequence[MediaFile], directory: bytes, target: Path, _label: str, progress: Progress
) -> list[str]:
    target.mkdir()
    for file in track(files, progress, "Writing media", len(files)):
        path = target.joinpath(*file.file_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file.header.file, path)
    (target / DIRECTORY).write_bytes(directory)
    return [DIRECTORY, *("/".join(file.file_id) for file in files)]


def _write_zip(
    files: Sequence[MediaFile], directory: bytes, target: Path, _label: str, progress: Progress
) -> list[str]:
    """ZIP file as a medium (PS3.12 annex V)."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        archive.writestr(DIRECTORY, directory)
        for file in track(files, progress, "Writing media", len(files)):
            archive.write(file.header.file, "/".join(file.file_id))
    return []


def _write_iso(
    files: Sequence[MediaFile], directory: bytes, target: Path, label: str, progress: Progress
) -> list[str]:
    """ISO 9660 level 1 (PS3.12 annex F)."""
    try:
        import pycdlib
    except ImportError as error:
        raise DependencyError(
            "an ISO image needs pycdlib", advice="Install it by: pip install medvox[media]"
        ) from error
    from io import BytesIO

    image = pycdlib.PyCdlib()
    image.new(interchange_level=1, vol_ident=label)
    image.add_fp(BytesIO(directory), len(directory), f"/{DIRECTORY}.;1")
    folders = {file.file_id[:n] for file in files for n in (1, 2, 3)}
    for folder in sorted(folders, key=lambda parts: (len(parts), parts)):
        image.add_directory("/" + "/".join(folder))
    for file in track(files, progress, "Writing media", len(files)):
        image.add_file(file.header.file, "/" + "/".join(file.file_id) + ".;1")
    image.write(str(target))
    image.close()
    return []

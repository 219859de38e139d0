"""Where the outputs go: the format, the folder, and the name of each image's file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medvox.core.errors import MedvoxError, MissingError, UsageError
from medvox.core.study import Image, Scan, Series, Study
from medvox.formats.base import Format
from medvox.formats.registry import available, detect, format_for_name
from medvox.formats.stack import PICTURE_FORMATS
from medvox.workflows import names
from medvox.workflows.convert.options import ConvertOptions

_FOLDER_OF_ROOT = Path()
DICOM = "DICOM"
"""Formats that are a folder of files where the name has no suffix."""
_NUMBERED = PICTURE_FORMATS - {"TIFF", "OME-TIFF"}
"""Formats of one slice a file."""


@dataclass(frozen=True, slots=True)
class Task:
    """One image, and the name of its file.

    Parameters
    ----------
    study, series, image
        What is converted.
    stem
        Path below the target folder, without suffix.
    extra
        Fields to add to the sidecar.
    """

    study: Study
    series: Series
    image: Image
    stem: Path
    extra: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """Where everything goes.

    Parameters
    ----------
    form
        Format of the files.
    folder
        Folder that all files lie below.
    name
        Name of the one file, where the target is a file.
    is_one_file
        Whether a DICOM series is one multi-frame file, not a folder.
    """

    form: Format
    folder: Path
    name: str | None = None
    is_one_file: bool = False

    @property
    def is_dicom(self) -> bool:
        """Whether DICOM files are written."""
        return self.form.name == DICOM

    @property
    def is_nifti(self) -> bool:
        """Whether NIfTI files are written."""
        return self.form.name.startswith("NIfTI")

    def file_name(self, task: Task) -> Path:
        """Name of an image's file beside its sidecars, see `written_name`."""
        if self.name is not None:
            return Path(self.name)
        if self.is_dicom and self.is_one_file:
            return Path(task.stem.name + ".dcm")
        return written_name(self.form, task.stem.name, task.image.grid.shape[0])

    @property
    def suffix(self) -> str:
        """Suffix of the files."""
        if self.name is None:
            return self.form.names_written[0]
        fits = [s for s in self.form.names_written if s and self.name.lower().endswith(s)]
        return self.name[-len(max(fits, key=len)) :] if fits else Path(self.name).suffix


def written_name(form: Format, stem: str, slices: int) -> Path:
    """Return the name under which a format writes a volume into a folder of many.

    A DICOM series is a folder of files. Slices that become numbered pictures go into a folder of their own:
    the files of two volumes could be taken for one stack otherwise.
    """
    if form.name == DICOM:
        return Path(stem)
    file = stem + form.names_written[0]
    return Path(stem, file) if form.name in _NUMBERED and slices > 1 else Path(file)


def target_of(path: Path, to: str | None) -> Target:
    """Tell whether a target is a folder or a file, and which format is written.

    Parameters
    ----------
    path
        A folder, there or not; or a name with the suffix of a format that can be written.
    to
        Key of the format; None: by the suffix, NIfTI for folders.

    Raises
    ------
    UsageError
        If the format is unknown or cannot be written.
    """
    form = None if to is None else writable(to)
    if _is_folder(path, form):
        return Target(form or writable("nifti"), path)
    return Target(form or format_for_name(path.name), path.parent, path.name)


def _is_folder(path: Path, form: Format | None) -> bool:
    if path.is_dir():  # some formats are folders with a suffix (.zarr)
        return not _fits_a_format(path, form)
    suffix = path.suffix and not path.suffix[1:].isdigit()
    return not suffix or (form is not None and not any(form.names_written))


def _fits_a_format(path: Path, form: Format | None) -> bool:
    try:
        return bool(path.suffix) and detect(path) is (form or format_for_name(path.name))
    except MedvoxError:
        return False


def writable(key: str) -> Format:
    """Return the format of a key.

    Raises
    ------
    UsageError
        If no format that can be written has it.
    """
    written = {name: form for name, form in available() if form.writes}
    if key.lower() not in written:
        raise UsageError("no such format to write", got=key, expected=sorted(written))
    return written[key.lower()]


def planned(scan: Scan, source: Path, target: Target, options: ConvertOptions) -> list[Task]:
    """Give every image its name, then take those that are wanted.

    Names do not depend on the choice, so that a later run with another choice gives the same ones.

    Raises
    ------
    MissingError
        If nothing is an image, or none is wanted.
    UsageError
        If the target is one file and there are several images.
    """
    found = [
        (study, series, image)
        for study in scan.studies
        for series in study.series
        for image in series.images
        if not _is_output(image, source, target.folder)
    ]
    if not found:
        raise MissingError("no image to convert", where=source, advice=_reasons(scan))
    taken: set[str] = set()
    tasks = []
    for study, series, image in found:
        stem = names.file_stem(
            options.template, study, series, image, source.resolve().name, options.keep_identity
        )
        folder = _folder_of(image, source).as_posix() if options.tree else ""
        stem = names.distinct(f"{folder}/{stem}" if folder not in ("", ".") else stem, taken)
        tasks.append(Task(study, series, image, Path(stem)))
    wanted = [task for task in tasks if is_wanted(task.series, task.image, options.series)]
    if not wanted:
        there = sorted({f"{t.series.number} {t.series.description}" for t in tasks})
        raise MissingError("no such series", where=source, got=list(options.series), expected=there[:20])
    if target.name is not None and len(wanted) > 1:
        raise UsageError(
            f"the source holds {len(wanted)} images, the target is one file",
            where=target.folder / target.name,
            advice="Name a folder, or choose with --series: " + "; ".join(t.image.label for t in wanted[:10]),
        )
    if target.name is not None:
        return [_named(wanted[0], target)]
    return wanted


def _named(task: Task, target: Target) -> Task:
    assert target.name is not None
    stem = target.name.removesuffix(target.suffix) if target.suffix else target.name
    return Task(task.study, task.series, task.image, Path(stem))


def _is_output(image: Image, source: Path, folder: Path) -> bool:
    """Whether an image lies in the target, and that below the source: an earlier run wrote it."""
    below, root = folder.resolve(), source.resolve()
    if below == root or not below.is_relative_to(root) or not image.instances:
        return False
    return Path(image.instances[0].file).resolve().is_relative_to(below)


def _reasons(found: Scan) -> str | None:
    return "; ".join(f"{f.where}: {f.text}" for f in list(found.all_findings())[:3]) or None


def _folder_of(image: Image, source: Path) -> Path:
    """Folder of an image's first file below the source; that of the source itself for members of archives."""
    if not image.instances or not source.is_dir():
        return _FOLDER_OF_ROOT
    folder = Path(image.instances[0].file).parent
    try:
        below = folder.resolve().relative_to(source.resolve())
    except ValueError:
        return _FOLDER_OF_ROOT
    return Path(*(names.safe_name(part) or "_" for part in below.parts))


def is_wanted(series: Series, image: Image, wanted: Sequence[str]) -> bool:
    """Whether one of the numbers or texts fits a series or its image; none given fits all."""
    text = f"{series.description}\n{image.label}".lower()
    return not wanted or any(
        str(series.number) == word if re.fullmatch(r"\d+", word) else word.lower() in text for word in wanted
    )

"""Picture lists (.lst): a text that names the picture files of a stack, one a line, as 3D-DOCTOR has them.

What is public of that program's lists is that they are text naming one slice file a line. The lines that say
sizes are this module's own, tolerant in writing: ``name = numbers``, ``name: numbers`` or ``name numbers``.

=====================================  ============================================================
line                                   means
=====================================  ============================================================
``# …``, ``; …``, ``// …``, empty      nothing
``slice_001.tif``, ``"a slice.png"``   the next slice; relative to the list, in its folder or below
``pixel size = 0.5 0.75``              distance of columns and of rows (one number: of both)
``slice distance = 3``                 of slices; also ``slice thickness`` and ``slice spacing``
``spacing = 0.5 0.75 3``               columns, rows, slices
``size = 512 512``                     columns and rows; checked
``slices = 120``, or the number alone  how many names follow; checked
``affine lps = …`` (12 numbers)        (column, row, slice, 1) to LPS mm, row by row
=====================================  ============================================================

Lengths are mm, or bear ``um`` or ``cm``.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medvox.core import affine as aff
from medvox.core import settings
from medvox.core.axes import CHANNEL, SPATIAL, reverse_index_order
from medvox.core.errors import FormatError, LimitError, MissingError, UnsupportedError, WriteError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid, Space
from medvox.core.lazy import FrameArray
from medvox.core.progress import Progress, silent, track
from medvox.core.study import HeaderElement, Image
from medvox.core.volume import Volume
from medvox.formats.atomic import atomic_file
from medvox.formats.base import Format, Head, WriteReport
from medvox.formats.content import Content
from medvox.formats.files import read_bytes
from medvox.formats.losses import common_losses
from medvox.formats.registry import detect
from medvox.formats.stack import PICTURE_FORMATS
from medvox.formats.stored import stored_values
from medvox.formats.text_header import file_beside, grid_or_pixels, say

AnyArray = NDArray[Any]
MAGIC = "# picture list of medvox"
_PICTURES = re.compile(r"\.(tiff?|png|jpe?g|jp2|j2k|bmp|gif|p[gpna]m|webp|dcm)[\"']?$", re.IGNORECASE)
_KEYS = {
    "pixel size": 2, "pixel spacing": 2, "slice distance": 1, "slice thickness": 1, "slice spacing": 1,
    "spacing": 3, "voxel size": 3, "size": 2, "slices": 1, "number of slices": 1, "affine lps": 12,
}  # fmt: skip
_KEY_LINE = re.compile(
    rf"^({'|'.join(sorted(map(re.escape, _KEYS), key=len, reverse=True))})\s*(?:\(mm\))?\s*[:=\s]\s*(.*)$",
    re.IGNORECASE,
)
_UNITS = {"mm": 1.0, "um": 1e-3, "µm": 1e-3, "cm": 10.0, "": 1.0}
_MOST_TEXT = 1 << 24
_MOST_FILES = 100_000
_TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")


@dataclass(frozen=True, slots=True)
class PictureListFormat(Format):
    """Picture list."""

    name: ClassVar[str] = "Picture list"
    suffixes: ClassVar[tuple[str, ...]] = (".lst",)
    writes: ClassVar[bool] = True
    holds: ClassVar[str] = "names of picture files with spacing; written with one TIFF a slice, affine kept"
    lossy: ClassVar[str] = (
        "axes before k but colors, unit, rescale, frame of reference, uneven slices, windows"
    )

    def sniff(self, head: Head) -> float:
        """Look for lines that name pictures or say sizes, and no others."""
        if head.folder or head.gzipped or b"\0" in head.first:
            return 0.0
        text = head.first.decode("utf-8", "replace")
        if text.startswith(MAGIC):
            return 1.0
        lines = text.splitlines()[: None if head.size <= len(head.first) else -1]
        kinds = {_kind(line) for line in lines}
        if "name" not in kinds or "other" in kinds:
            return 0.0
        return 0.9 if head.suffix_text.endswith(".lst") else 0.5

    def images(self, path: Path) -> tuple[Image, ...]:
        """Read the list and the header of each picture; one image."""
        return (_content(_read(path), path).image(),)

    def header(self, path: Path) -> tuple[HeaderElement, ...]:
        """Each line that says something."""
        found = _read(path)
        sizes = tuple(HeaderElement(key, "numbers", "", say(values)) for key, values in found.keys.items())
        names = enumerate(found.files[:1000], 1)
        return (*sizes, *(HeaderElement(f"slice {n}", "file", "", file.name) for n, file in names))

    def companions(self, path: Path) -> tuple[Path, ...]:
        """Return the pictures."""
        return _read(path).files

    def write(self, volume: Volume, path: Path, progress: Progress = silent) -> WriteReport:
        """Write a TIFF for each slice, NAME_0001.tif and so on, and the list once they are there."""
        if volume.lead_axes:
            raise UnsupportedError(
                "a picture list holds one volume",
                where=path,
                got=volume.axes,
                advice="Take one position first: volume.at(axis=position)",
            )
        stored = stored_values(volume, _accepted, progress, keeps_rescale=False)
        last = (
            np.moveaxis(stored.values, volume.axes.index(CHANNEL), -1) if volume.is_colour else stored.values
        )
        grid = volume.grid
        names = [f"{path.stem}_{n + 1:04}.tif" for n in range(len(last))]
        lines = [MAGIC, f"slices = {len(last)}", f"size = {grid.shape[2]} {grid.shape[1]}"]
        if grid.space is not Space.PIXEL:
            k, j, i = grid.spacing_mm
            lines.append(f"spacing = {say((i, j, k))}")
        if grid.space is Space.PATIENT:
            lines.append(f"affine lps = {say(reverse_index_order(grid.affine)[:3])}")
        files = _write_slices(last, [path.with_name(name) for name in names], progress)
        with atomic_file(path) as file:
            file.write("\n".join([*lines, *(f'"{name}"' for name in names), ""]).encode("utf-8"))
        return WriteReport(
            (path, *files), (*common_losses(volume, _kept(grid)), *_losses(grid), *stored.losses)
        )


# -- reading ------------------------------------------------------------------------------------


@dataclass(slots=True)
class _List:
    """What a list says."""

    keys: dict[str, tuple[float, ...]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    files: tuple[Path, ...] = ()
    findings: list[Finding] = field(default_factory=list)


def _kind(line: str) -> str:
    text = line.strip()
    if not text or text.startswith(("#", ";", "//")):
        return "nothing"
    if _PICTURES.search(text):
        return "name"
    return "key" if _KEY_LINE.match(text) or text.isdecimal() else "other"


def _read(path: Path) -> _List:
    raw = read_bytes(path, 0, _MOST_TEXT + 1)
    if len(raw) > _MOST_TEXT:
        raise LimitError("the list is too long", where=path, expected=f"at most {_MOST_TEXT} bytes")
    found = _List()
    for number, line in enumerate(raw.decode("utf-8", "replace").lstrip("\ufeff").splitlines(), 1):
        kind = _kind(line)
        text = line.strip()
        if kind == "name":
            found.names.append(text.strip("\"'"))
        elif kind == "key":
            key, values = _key(text, path, number)
            found.keys[key] = values
        elif kind == "other":
            raise FormatError(
                "a line of the list is neither a picture's name nor a size", where=path, got=f"line {number}"
            )
    if not found.names or len(found.names) > _MOST_FILES:
        raise FormatError("the list names no pictures, or too many", where=path, got=len(found.names))
    told = found.keys.get("slices")
    if told is not None and told[0] != len(found.names):
        raise FormatError(
            "the list does not name as many pictures as it says",
            where=path,
            got=len(found.names),
            expected=told[0],
        )
    found.files = tuple(_file(path, name, found.findings) for name in found.names)
    return found


def _key(text: str, path: Path, number: int) -> tuple[str, tuple[float, ...]]:
    """Name and numbers of a line that says a size."""
    match = _KEY_LINE.match(text)
    key, rest = (match.group(1).lower(), match.group(2)) if match else ("slices", text)
    words = re.findall(r"[^\s,;x]+", rest.lower().replace("×", " "))
    unit = _UNITS.get(words[-1]) if words and words[-1] in _UNITS else None
    try:
        values = tuple(float(word) for word in (words[:-1] if unit else words))
    except ValueError:
        values = ()
    count = _KEYS[key]
    if count == 2 and len(values) == 1 and key != "size":
        values *= 2
    positive = key == "affine lps" or all(v > 0 for v in values)
    if len(values) != count or not all(abs(v) < 1e12 for v in values) or not positive:
        raise FormatError(
            f"the line {key!r} is wrong", where=path, got=f"line {number}", expected=f"{count} numbers"
        )
    plain = {"pixel spacing": "pixel size", "voxel size": "spacing", "number of slices": "slices"}
    plain |= {"slice thickness": "slice distance", "slice spacing": "slice distance"}
    return plain.get(key, key), tuple(v * (unit or 1.0) for v in values)


def _file(path: Path, name: str, findings: list[Finding]) -> Path:
    """Find a picture: where the list says, if that is in its folder; else of the same name beside it."""
    windows = PureWindowsPath(name)
    if not windows.is_absolute() and not windows.drive and not name.startswith(("/", "\\")):
        return file_beside(path, name)
    try:
        found = file_beside(path, windows.name)
    except MissingError as error:
        raise FormatError(
            "the list names a picture outside its folder, and none of that name is beside it",
            where=path,
            advice="Put the pictures into the folder of the list",
        ) from error
    if not findings:
        text = "the list names places outside its folder: pictures of the same names beside it are read"
        findings.append(Finding("vendor-quirk", Level.INFO, str(path), text))
    return found


def _content(found: _List, path: Path) -> Content:
    singles = [_single(file, path) for file in found.files]
    first = singles[0]
    for file, image in zip(found.files, singles, strict=True):
        if (image.shape, image.axes) != (first.shape, first.axes):
            raise FormatError("the pictures of the list differ in size or color", where=path, got=file.name)
    rows, columns = first.grid.shape[1:]
    told = found.keys.get("size")
    if told is not None and told != (columns, rows):
        raise FormatError(
            "the pictures are not of the size that the list says", where=path, got=(columns, rows)
        )
    shape = (len(singles), rows, columns)
    grid, findings = _grid(found, shape, path)
    channels = first.shape[:1] if CHANNEL in first.axes else ()
    dtype = first.open().dtype
    return Content(
        path=path,
        grid=grid,
        array=lambda: FrameArray(shape[:1], (rows, columns, *channels), dtype, _Pictures(tuple(singles))),
        axes=((CHANNEL,) if channels else ()) + SPATIAL,
        lead_shape=channels,
        findings=(*found.findings, *findings),
        files=found.files,
    )


def _single(file: Path, path: Path) -> Image:
    form = detect(file)
    if form.name not in PICTURE_FORMATS:
        raise UnsupportedError(
            "the list names a file that is no picture", where=path, got=f"{file.name}: {form.name}"
        )
    images = form.images(file)
    if len(images) != 1 or images[0].grid.shape[0] != 1 or set(images[0].axes) - {CHANNEL, *SPATIAL}:
        raise UnsupportedError("the list names a file of several pictures", where=path, got=file.name)
    return images[0]


def _grid(found: _List, shape: tuple[int, int, int], path: Path) -> tuple[Grid, tuple[Finding, ...]]:
    keys = found.keys
    if "affine lps" in keys:
        matrix = np.eye(4)
        matrix[:3] = np.reshape(keys["affine lps"], (3, 4))
        return grid_or_pixels(shape, reverse_index_order(matrix), Space.PATIENT, path)
    spacing = keys.get("spacing")
    if spacing is None and "pixel size" in keys and ("slice distance" in keys or shape[0] == 1):
        spacing = (*keys["pixel size"], *keys.get("slice distance", (1.0,)))
    if spacing is None:
        text = "the list does not say pixel size and slice distance: distances are in pixels"
        return Grid.pixels(shape), (Finding("no-spacing", Level.WARNING, str(path), text),)
    matrix = aff.compose((spacing[2], spacing[1], spacing[0]), np.eye(3)[:, ::-1], (0, 0, 0))
    text = "a list of pictures does not say where they lie in the patient"
    return Grid(shape, matrix, space=Space.LOCAL), (Finding("no-geometry", Level.INFO, str(path), text),)


@dataclass(frozen=True, slots=True, eq=False)
class _Pictures:
    """Reads one frame from each file; a `FrameReader`."""

    images: tuple[Image, ...]

    def __call__(self, frames: Sequence[int], out: AnyArray, progress: Progress = silent) -> None:
        def read(n: int) -> None:
            values = np.asarray(self.images[frames[n]].open().data)
            picture = values[0] if values.ndim == 3 else np.moveaxis(values[:, 0], 0, -1)
            if picture.shape != out[n].shape or picture.dtype != out.dtype:
                where = self.images[frames[n]].instances[0].file
                raise FormatError(
                    "a picture of the list differs in size or type", where=where, got=picture.dtype
                )
            out[n] = picture

        with ThreadPoolExecutor(settings.current().threads) as pool:
            for _ in track(pool.map(read, range(len(frames))), progress, "Reading", len(frames)):
                pass


# -- writing ------------------------------------------------------------------------------------


def _accepted(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    return dtype if dtype.name in _TYPES else None


def _kept(grid: Grid) -> list[str]:
    return ["space"] if grid.space in (Space.PIXEL, Space.LOCAL) else []


def _losses(grid: Grid) -> Iterator[str]:
    plain = np.array_equal(grid.direction, np.eye(3)[:, ::-1]) and not grid.affine[:3, 3].any()
    if grid.space is not Space.PATIENT and not plain:
        yield "The file does not hold the orientation and position of the grid."


def _write_slices(slices: AnyArray, targets: Sequence[Path], progress: Progress) -> tuple[Path, ...]:
    """Write all slices into a hidden folder, then move them to their names."""
    from tifffile import imwrite

    try:
        folder = Path(tempfile.mkdtemp(dir=targets[0].parent, prefix=".medvox-"))
    except OSError as error:
        raise WriteError("writing failed", where=targets[0].parent, got=error.strerror) from error
    try:
        for n in track(range(len(targets)), progress, "Writing"):
            picture = np.ascontiguousarray(slices[n])
            color = picture.ndim == 3 and picture.shape[2] == 3 and picture.dtype.kind == "u"
            imwrite(
                folder / targets[n].name,
                picture,
                photometric="rgb" if color else "minisblack",
                planarconfig="contig" if picture.ndim == 3 else None,
                metadata=None,
            )
        for target in targets:
            os.replace(folder / target.name, target)  # noqa: PTH105
    except OSError as error:
        raise WriteError("writing failed", where=targets[0].parent, got=error.strerror) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tuple(targets)

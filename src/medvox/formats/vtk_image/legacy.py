"""Legacy VTK files of the data set STRUCTURED_POINTS: lines of text, values as text or big-endian bytes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import CHANNEL, SPATIAL
from medvox.core.errors import FormatError, LimitError, UnsupportedError
from medvox.core.grid import Space
from medvox.core.lazy import LazyArray
from medvox.core.progress import Progress, silent
from medvox.core.study import HeaderElement, Image
from medvox.core.volume import Volume
from medvox.formats.atomic import atomic_file
from medvox.formats.base import Format, Head, WriteReport
from medvox.formats.content import Content
from medvox.formats.files import read_bytes, size_of
from medvox.formats.losses import common_losses
from medvox.formats.stored import stored_values
from medvox.formats.text_header import numbers, say, sizes
from medvox.formats.values.block import Block, kept
from medvox.formats.values.text import ascii_array
from medvox.formats.vtk_image.place import components_last, grid_of, numbers_of

AnyArray = NDArray[Any]
MAGIC = b"# vtk DataFile Version"
TYPES = {
    "char": "i1", "signed_char": "i1", "unsigned_char": "u1", "short": "i2", "unsigned_short": "u2",
    "int": "i4", "unsigned_int": "u4", "long": "i8", "unsigned_long": "u8", "vtkidtype": "i8",
    "vtktypeint64": "i8", "vtktypeuint64": "u8", "float": "f4", "double": "f8",
}  # fmt: skip
"""Types by their names in small letters; long is 64 bits, as where VTK files are mostly written."""
_NAMES = {
    "i1": "signed_char", "u1": "unsigned_char", "i2": "short", "u2": "unsigned_short", "i4": "int",
    "u4": "unsigned_int", "i8": "vtktypeint64", "u8": "vtktypeuint64", "f4": "float", "f8": "double",
}  # fmt: skip
_VECTORS = {"vectors": 3, "normals": 3, "tensors": 9, "tensors6": 6}
_MOST_LINE = 4096
_OTHERS = "POLYDATA, UNSTRUCTURED_GRID, STRUCTURED_GRID, RECTILINEAR_GRID or FIELD"


@dataclass(frozen=True, slots=True)
class VtkFormat(Format):
    """Legacy VTK image.

    Parameters
    ----------
    ascii
        Whether values are written as text; bytes are read slice by slice.
    """

    name: ClassVar[str] = "VTK legacy image (.vtk)"
    suffixes: ClassVar[tuple[str, ...]] = (".vtk",)
    writes: ClassVar[bool] = True
    holds: ClassVar[str] = "STRUCTURED_POINTS; scalars, colors, vectors, fields; text or big-endian bytes"
    lossy: ClassVar[str] = "direction, axes before k, unit, rescale, frame of reference, windows"

    ascii: bool = False

    def sniff(self, head: Head) -> float:
        """Look for the first line; meshes are known too, to be refused by name."""
        return 1.0 if head.first.startswith(MAGIC) and not head.gzipped else 0.0

    def images(self, path: Path) -> tuple[Image, ...]:
        """Read the header lines; one image for each array."""
        found = _Reader(path).read()
        if not found.arrays:
            raise FormatError("the file has no scalars", where=path, expected="POINT_DATA and SCALARS")
        return tuple(_content(found, array, path).image() for array in found.arrays)

    def header(self, path: Path) -> tuple[HeaderElement, ...]:
        """Every line of text."""
        found = _Reader(path).read()
        return tuple(
            HeaderElement(key, "text", "", value[:4000], identifying=key == "title")
            for key, value in found.lines
        )

    def write(self, volume: Volume, path: Path, progress: Progress = silent) -> WriteReport:
        """Write version 3.0, which every VTK reads."""
        stored = stored_values(volume, _accepted, progress, keeps_rescale=False)
        arranged = np.ascontiguousarray(components_last(volume, stored.values, path))
        values = arranged.astype(arranged.dtype.newbyteorder(">"), copy=False)
        losses = [*common_losses(volume, _kept(volume)), *stored.losses, *_lost_place(volume)]
        with atomic_file(path) as file:
            file.write(self._head(volume, arranged).encode("ascii"))
            if self.ascii:
                for row in arranged.reshape(-1, arranged.shape[-1]):
                    file.write((say_values(row) + "\n").encode("ascii"))
            else:
                file.write(values.reshape(-1).view(np.uint8).data)
                file.write(b"\n")
        return WriteReport((path,), tuple(losses))

    def _head(self, volume: Volume, values: AnyArray) -> str:
        origin, spacing, _ = numbers_of(volume.grid)
        kind = _NAMES[values.dtype.str[1:]]
        count = math.prod(volume.grid.shape)
        if volume.channels > 4:
            arrays = f"FIELD FieldData 1\nvalues {volume.channels} {count} {kind}\n"
        else:
            parts = f" {volume.channels}" if volume.is_colour else ""
            arrays = f"SCALARS values {kind}{parts}\nLOOKUP_TABLE default\n"
        return (
            f"{MAGIC.decode()} 3.0\nmedvox\n{'ASCII' if self.ascii else 'BINARY'}\n"
            "DATASET STRUCTURED_POINTS\n"
            f"DIMENSIONS {' '.join(str(n) for n in reversed(volume.grid.shape))}\n"
            f"SPACING {say(spacing)}\nORIGIN {say(origin)}\n"
            f"POINT_DATA {count}\n{arrays}"
        )


def say_values(values: AnyArray) -> str:
    """Write numbers so that they read back exactly."""
    return " ".join(map(str if values.dtype.kind in "iu" else repr, values.tolist()))


# -- reading ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Array:
    """One array of point or cell data, where its values begin, and whether they are colors as 0 to 1."""

    name: str
    stored: np.dtype[Any]
    components: int
    start: int
    cells: bool
    colors: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    """What the lines of a file say."""

    binary: bool
    dimensions: tuple[int, int, int]
    origin: list[float]
    spacing: list[float]
    arrays: tuple[_Array, ...]
    lines: tuple[tuple[str, str], ...]


class _Reader:
    """Goes through a file line by line, past the values of each array."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.at = 0
        self.size = size_of(path)
        self.lines: list[tuple[str, str]] = []
        self.binary = False

    def read(self) -> _Found:
        """Read all lines.

        Raises
        ------
        FormatError, UnsupportedError
            If they are not those of an image.
        """
        if not self._line().startswith(MAGIC.decode()):
            raise FormatError("no VTK file", where=self.path, expected=MAGIC.decode())
        self.lines.append(("title", self._line()))
        mode = self._line().strip().upper()
        if mode not in ("ASCII", "BINARY"):
            raise FormatError(
                "the third line is wrong", where=self.path, got=mode[:40], expected="ASCII, BINARY"
            )
        self.binary = mode == "BINARY"
        keys = dict(self._geometry())
        k, j, i = reversed(sizes(self._need(keys, "DIMENSIONS"), 3, "DIMENSIONS", self.path))
        spacing = keys.get("SPACING") or keys.get("ASPECT_RATIO") or "1 1 1"
        return _Found(
            binary=self.binary,
            dimensions=(k, j, i),
            origin=numbers(keys.get("ORIGIN", "0 0 0"), 3, "ORIGIN", self.path),
            spacing=numbers(spacing, 3, "SPACING", self.path),
            arrays=tuple(self._arrays()),
            lines=(("encoding", mode), *self.lines),
        )

    def _need(self, keys: dict[str, str], name: str) -> str:
        if name not in keys:
            raise FormatError(f"the file has no {name}", where=self.path)
        return keys[name]

    def _line(self) -> str:
        """Next line, also an empty one."""
        raw = read_bytes(self.path, self.at, _MOST_LINE)
        end = raw.find(b"\n")
        if end < 0 and len(raw) == _MOST_LINE:
            raise FormatError("a line of the header has no end", where=self.path, got=f"byte {self.at}")
        self.at += len(raw) if end < 0 else end + 1
        return (raw if end < 0 else raw[:end]).decode("latin-1").rstrip("\r")

    def _words(self) -> list[str]:
        """Words of the next line that has any; none at the end of the file."""
        while self.at < self.size:
            words = self._line().split()
            if words and words[0].upper() == "METADATA":
                while self.at < self.size and self._line().strip():
                    pass
            elif words:
                self.lines.append((words[0], " ".join(words[1:])))
                if len(self.lines) > 10_000:
                    raise LimitError("the header has too many lines", where=self.path)
                return words
        return []

    def _geometry(self) -> Iterator[tuple[str, str]]:
        """Keys up to the line that begins the data."""
        words = self._words()
        if len(words) == 2 and words[0].upper() == "DATASET" and words[1].upper() != "STRUCTURED_POINTS":
            raise UnsupportedError(
                "the VTK file holds no image",
                where=self.path,
                got=words[1][:40],
                expected="STRUCTURED_POINTS",
                advice=f"{_OTHERS} cannot be read as images",
            )
        if len(words) != 2 or words[0].upper() != "DATASET":
            raise FormatError("the file has no data set", where=self.path, got=" ".join(words)[:40])
        while words := self._words():
            key = words[0].upper()
            if key in ("POINT_DATA", "CELL_DATA"):
                self._counted = (key, words[1:])
                return
            if key == "FIELD":
                list(self._field(words, cells=False))
            else:
                yield key, " ".join(words[1:])
        raise FormatError("the file ends before its data", where=self.path, expected="POINT_DATA")

    def _arrays(self) -> Iterator[_Array]:
        key, rest = self._counted
        count, cells = self._count(rest), key == "CELL_DATA"
        while words := self._words():
            name = words[0].lower()
            if name in ("point_data", "cell_data"):
                count, cells = self._count(words[1:]), name == "cell_data"
            elif name == "scalars":
                yield self._scalars(words, count, cells)
            elif name == "color_scalars" and len(words) == 3:
                kind = "unsigned_char" if self.binary else "float"
                found = self._array(words[1], kind, self._count(words[2:]), count, cells)
                yield replace(found, colors=not self.binary)
            elif name in _VECTORS and len(words) == 3:
                yield self._array(words[1], words[2], _VECTORS[name], count, cells)
            elif name == "texture_coordinates" and len(words) == 4:
                yield self._array(words[1], words[3], self._count(words[2:3]), count, cells)
            elif name == "lookup_table" and len(words) == 3:
                self._array(
                    words[1], "unsigned_char" if self.binary else "float", 4, self._count(words[2:]), cells
                )
            elif name == "field":
                yield from self._field(words, cells)
            else:
                raise FormatError("a line of the file is not understood", where=self.path, got=name[:40])

    def _scalars(self, words: Sequence[str], count: int, cells: bool) -> _Array:
        if len(words) not in (3, 4):
            raise FormatError("the line SCALARS is wrong", where=self.path, got=" ".join(words)[:60])
        before = self.at
        following = self._line().split()
        if not following or following[0].upper() != "LOOKUP_TABLE":
            self.at = before  # the line may be left out
        parts = self._count(words[3:]) if len(words) == 4 else 1
        return self._array(words[1], words[2], parts, count, cells)

    def _field(self, words: Sequence[str], cells: bool) -> Iterator[_Array]:
        for _ in range(self._count(words[2:])):
            line = self._words()
            if len(line) != 4:
                raise FormatError("an array of a field is wrong", where=self.path, got=" ".join(line)[:60])
            yield self._array(line[0], line[3], self._count(line[1:2]), self._count(line[2:3]), cells)

    def _count(self, words: Sequence[str]) -> int:
        text = words[0] if words else ""
        if not (text.isascii() and text.isdecimal() and len(text) < 16):
            raise FormatError("a count of the header is no whole number", where=self.path, got=text[:40])
        return int(text)

    def _array(self, name: str, kind: str, components: int, count: int, cells: bool) -> _Array:
        """Note an array, and go past its values."""
        if kind.lower() not in TYPES:
            raise UnsupportedError(
                "the type of an array cannot be read", where=self.path, got=kind[:40], expected=list(TYPES)
            )
        if not 1 <= components <= 65535:
            raise FormatError("the number of components is out of range", where=self.path, got=components)
        stored = np.dtype(">" + TYPES[kind.lower()])
        found = _Array(name, stored, components, self.at, cells)
        if self.binary:
            self.at = min(self.at + count * components * stored.itemsize, self.size)
        else:
            self._pass_text(count * components)
        return found

    def _pass_text(self, count: int) -> None:
        """Go past some numbers in text."""
        while count > 0 and self.at < self.size:
            raw = read_bytes(self.path, self.at, 1 << 20)
            words = list(re.finditer(rb"\S+", raw))
            if len(raw) == 1 << 20 and words and words[-1].end() == len(raw):
                words = words[:-1]
            if not words:
                self.at += len(raw)
                continue
            taken = words[:count]
            count -= len(taken)
            self.at += taken[-1].end()


def _content(found: _Found, array: _Array, path: Path) -> Content:
    k, j, i = (max(n - 1, 1) if array.cells else n for n in found.dimensions)
    half = 0.5 if array.cells else 0.0
    grid, findings = grid_of((k, j, i), (found.origin, found.spacing, None), (half, half, half), path)
    frame = (j, i, array.components) if array.components > 1 else (j, i)
    block = Block(path, array.start, (k,), frame, array.stored)
    if found.binary:
        block.check("DIMENSIONS")
    lead = (array.components,) if array.components > 1 else ()
    return Content(
        path=path,
        grid=grid,
        array=block.array if found.binary else lambda: _text_array(block, array.colors),
        axes=((CHANNEL,) if lead else ()) + SPATIAL,
        lead_shape=lead,
        label=f"{path.name}, {array.name}" if len(found.arrays) > 1 else "",
        findings=findings,
        facts=(("array", array.name),),
    )


def _text_array(block: Block, colors: bool) -> LazyArray:
    """Numbers in text; those of COLOR_SCALARS are 0 to 1 and stand for 0 to 255, as VTK reads them."""
    values = ascii_array(block)
    if not colors:
        return values

    def load() -> AnyArray:
        scaled = np.clip(np.nan_to_num(np.asarray(values)), 0, 1) * 255
        rounded: AnyArray = np.rint(scaled).astype(np.uint8)
        return rounded

    return kept(block.shape, np.dtype(np.uint8), load)


# -- writing ------------------------------------------------------------------------------------


def _accepted(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    return dtype if dtype.str[1:] in _NAMES else None


def _kept(volume: Volume) -> list[str]:
    return ["space"] if volume.grid.space is Space.LOCAL else []


def _lost_place(volume: Volume) -> Iterator[str]:
    if not np.array_equal(volume.grid.direction, np.eye(3)[:, ::-1]):
        yield "The file does not hold the orientation of the axes: origin and spacing are written."
    if volume.grid.space is Space.PATIENT:
        yield "The file does not hold that the place in the patient is known."

"""NRRD (.nrrd; .nhdr with a data file), Slicer's .seg.nrrd included: any space, list and vector axes."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import CHANNEL, SPATIAL, TIME
from medvox.core.errors import FormatError, UnsupportedError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Space
from medvox.core.lazy import LazyArray
from medvox.core.progress import Progress, silent
from medvox.core.study import HeaderElement, Image
from medvox.core.volume import Volume
from medvox.formats.atomic import atomic_file
from medvox.formats.base import Format, Head, WriteReport, shortened
from medvox.formats.content import Content
from medvox.formats.files import read_bytes, size_of
from medvox.formats.losses import common_losses, even_step
from medvox.formats.nrrd import header as headers
from medvox.formats.nrrd.header import Axis, NrrdHeader
from medvox.formats.stored import stored_values
from medvox.formats.text_header import file_beside
from medvox.formats.values.block import Block, kept
from medvox.formats.values.compression import Container, pack
from medvox.formats.values.text import ascii_array, hex_array

_TYPE_NAMES = {
    "i1": "signed char|int8|int8_t", "u1": "uchar|unsigned char|uint8|uint8_t",
    "i2": "short|short int|signed short|signed short int|int16|int16_t",
    "u2": "ushort|unsigned short|unsigned short int|uint16|uint16_t",
    "i4": "int|signed int|int32|int32_t", "u4": "uint|unsigned int|uint32|uint32_t",
    "i8": "longlong|long long|long long int|signed long long|signed long long int|int64|int64_t",
    "u8": "ulonglong|unsigned long long|unsigned long long int|uint64|uint64_t",
    "f4": "float", "f8": "double",
}  # fmt: skip
TYPES = {name: code for code, names in _TYPE_NAMES.items() for name in names.split("|")}
_WRITTEN = {
    "i1": "int8", "u1": "uint8", "i2": "int16", "u2": "uint16", "i4": "int32", "u4": "uint32",
    "i8": "int64", "u8": "uint64", "f4": "float", "f8": "double",
}  # fmt: skip
_CONTAINERS: dict[str, Container] = {"gz": "gzip", "gzip": "gzip", "bz2": "bzip2", "bzip2": "bzip2"}
_PRIVATE = ("patient", "name", "dicom")


@dataclass(frozen=True, slots=True)
class NrrdFormat(Format):
    """NRRD.

    Parameters
    ----------
    encoding
        Of written values: ``"gzip"``, or ``"raw"``, which is read slice by slice.
    """

    name: ClassVar[str] = "NRRD"
    suffixes: ClassVar[tuple[str, ...]] = (".nrrd", ".nhdr", ".seg.nrrd")
    writes: ClassVar[bool] = True
    written_suffixes: ClassVar[tuple[str, ...]] = (".nrrd", ".nhdr")
    reads_ranges: ClassVar[bool] = True
    holds: ClassVar[str] = (
        "attached or detached; raw, gzip, bzip2, text, hex; any affine and space, time, lists, vectors, units"
    )
    lossy: ClassVar[str] = "rescale, frame of reference, uneven slices, windows"

    encoding: Literal["gzip", "raw"] = "gzip"

    def sniff(self, head: Head) -> float:
        """Look for the magic ``NRRD000``."""
        return 1.0 if head.first.startswith(headers.MAGIC) and not head.gzipped else 0.0

    def images(self, path: Path) -> tuple[Image, ...]:
        """Read the header; one image a file."""
        return (_content(path).image(),)

    def header(self, path: Path) -> tuple[HeaderElement, ...]:
        """Every field and key/value pair (the segments of a .seg.nrrd are pairs)."""
        header = headers.parse(path)
        fields = [HeaderElement(name, "field", "", shortened(value)) for name, value in header.fields.items()]
        return tuple(fields + [_pair(name, value) for name, value in header.pairs.items()])

    def companions(self, path: Path) -> tuple[Path, ...]:
        """Return the data file of a detached header."""
        header = headers.parse(path)
        return (_data_file(header),) if "data file" in header.fields else ()

    def write(self, volume: Volume, path: Path, progress: Progress = silent) -> WriteReport:
        """Write one file (.nrrd), or a header and a data file beside it (.nhdr); any affine is kept."""
        stored = stored_values(volume, _accepted, progress, keeps_rescale=False)
        order = [name for name in volume.axes[:-3] if name != CHANNEL] + list(SPATIAL)
        order += [CHANNEL] if volume.is_colour else []
        arranged = np.ascontiguousarray(stored.values.transpose([volume.axes.index(n) for n in order]))
        values = arranged.astype(arranged.dtype.newbyteorder("<"), copy=False)
        raw = values.reshape(-1).view(np.uint8)
        data = None
        if path.name.lower().endswith(".nhdr"):
            data = path.with_suffix(".raw.gz" if self.encoding == "gzip" else ".raw")
        text = _header_text(volume, values, order, self.encoding, data)
        with ExitStack() as stack:
            file = stack.enter_context(atomic_file(path))
            into = stack.enter_context(atomic_file(data)) if data else file
            file.write(text.encode("utf-8"))
            if self.encoding == "gzip":
                pack([raw], into, "gzip", progress=progress)
            else:
                into.write(raw.data)
        losses = [*_losses(volume), *stored.losses]
        return WriteReport((path, data) if data else (path,), tuple(losses))


# -- reading ------------------------------------------------------------------------------------


def _content(path: Path) -> Content:
    header = headers.parse(path)
    named = headers.axes(header)
    grid, findings = headers.grid(header, named)
    lead, array, kept_channels = _values(header, named)
    if kept_channels:
        text = "RGBA: the fourth channel is left out"
        findings = (*findings, Finding("alpha-dropped", Level.WARNING, str(path), text))
    unit = header.fields.get("sample units", "").strip('"')
    return Content(
        path=path,
        grid=grid,
        array=array,
        axes=(*(axis.name for axis in lead), *SPATIAL),
        lead_shape=tuple(axis.size for axis in lead),
        unit=unit or "1",
        coordinates={a.name: _seconds(a) for a in lead if a.name == TIME and a.step_s > 0},
        findings=findings,
    )


def _seconds(axis: Axis) -> tuple[float, ...]:
    return tuple(float(t) for t in axis.start_s + axis.step_s * np.arange(axis.size))


def _values(header: NrrdHeader, named: list[Axis]) -> tuple[list[Axis], Any, bool]:
    """Axes before k as they are shown, what makes the array, and whether alpha is left out.

    In C order the axes are those of the header read backwards. One axis behind (j, i) is shown as
    channels of each frame; whatever lies otherwise is read as a whole and turned.
    """
    stored = [axis for axis in reversed(named) if axis.size > 1 or axis.name in SPATIAL]
    if all(axis.name != "k" for axis in stored):
        at = next(n for n, axis in enumerate(stored) if axis.name == "j")
        stored.insert(at, Axis("k", 1, "domain"))
    names = [axis.name for axis in stored]
    others = [axis for axis in stored if axis.name not in SPATIAL]
    if names[-2:] == ["j", "i"] or names[-3:-1] == ["j", "i"]:
        width = 2 if names[-1] == "i" else 3
        inner = stored[-1:] if width == 3 else []
        before = stored[:-width]
        shown = [axis for axis in before if axis.name != "k"]
        shown_before = [*shown, *(axis for axis in before if axis.name == "k")]
        order = tuple(shown_before.index(axis) for axis in before)
        alpha = bool(inner) and inner[0].kind == "rgba-color" and inner[0].size == 4
        block = _block(header, [a.size for a in shown_before], [a.size for a in stored[-width:]])
        block = _with(block, order, 3 if alpha else None)
        lead = shown + [Axis(a.name, 3 if alpha else a.size, a.kind) for a in inner]
        return lead, _array(header, block), alpha
    sizes = [axis.size for axis in stored]
    block = _block(header, sizes[:-2], sizes[-2:])
    target = [*(axis.name for axis in others), *SPATIAL]
    turn = [names.index(name) for name in target]
    shape = tuple(stored[n].size for n in turn)
    whole = _array(header, block)

    def array() -> LazyArray:
        return kept(shape, block.stored.newbyteorder("="), lambda: whole().read().transpose(turn))

    return others, array, False


def _with(block: Block, order: tuple[int, ...], channels: int | None) -> Block:
    return Block(
        block.path,
        block.start,
        block.lead_shape,
        block.frame_shape,
        block.stored,
        block.container,
        block.stream_start,
        order,
        channels,
    )


def _block(header: NrrdHeader, lead: list[int], frame: list[int]) -> Block:
    stored = _type(header)
    encoding = header.need("encoding").lower()
    source, start = header.path, header.start
    if "data file" in header.fields:
        source, start = _data_file(header), 0
    start = _skip_lines(source, start, header.number("line skip"), header)
    skip = header.number("byte skip")
    if skip < -1:
        raise FormatError("byte skip is below -1", where=header.path, got=skip)
    if encoding in _CONTAINERS:
        if skip:
            raise UnsupportedError("byte skip within packed values cannot be read", where=header.path)
        return Block(source, 0, tuple(lead), tuple(frame), stored, _CONTAINERS[encoding], start)
    block = Block(source, start + max(skip, 0), tuple(lead), tuple(frame), stored)
    if skip != -1:
        return block
    return Block(source, max(size_of(source) - block.nbytes, 0), tuple(lead), tuple(frame), stored)


def _array(header: NrrdHeader, block: Block) -> Any:
    encoding = header.need("encoding").lower()
    if encoding in ("txt", "text", "ascii"):
        return lambda: ascii_array(block)
    if encoding == "hex":
        return lambda: hex_array(block)
    if encoding != "raw" and encoding not in _CONTAINERS:
        raise UnsupportedError("encoding cannot be read", where=header.path, got=encoding[:20])
    block.check("sizes")
    return block.array


def _type(header: NrrdHeader) -> np.dtype[Any]:
    name = " ".join(header.need("type").lower().split())
    if name not in TYPES:
        raise UnsupportedError("type cannot be read", where=header.path, got=name[:40])
    stored = np.dtype(TYPES[name])
    text = header.need("encoding").lower() in ("txt", "text", "ascii")
    if stored.itemsize == 1 or text:
        return stored
    endian = header.need("endian").lower()
    if endian not in ("little", "big"):
        raise FormatError("endian is neither little nor big", where=header.path, got=endian[:20])
    return stored.newbyteorder("<" if endian == "little" else ">")


def _data_file(header: NrrdHeader) -> Path:
    name = header.fields["data file"]
    if name.upper().startswith("LIST") or "%" in name:
        raise UnsupportedError("values in several files cannot be read", where=header.path, got=name[:40])
    return file_beside(header.path, name)


def _skip_lines(path: Path, start: int, lines: int, header: NrrdHeader) -> int:
    if not 0 <= lines <= 100_000:
        raise FormatError("line skip is out of range", where=header.path, got=lines)
    if not lines:
        return start
    raw = read_bytes(path, start, 1 << 24)
    at = 0
    for _ in range(lines):
        at = raw.find(b"\n", at) + 1
        if not at:
            raise FormatError("line skip leads beyond the file", where=header.path, got=lines)
    return start + at


def _pair(name: str, value: str) -> HeaderElement:
    private = any(word in name.lower() for word in _PRIVATE) and not name.startswith("Segment")
    return HeaderElement(name, "pair", "", shortened(value), identifying=private)


# -- writing ------------------------------------------------------------------------------------


def _accepted(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    return dtype if dtype.str[1:] in _WRITTEN else None


def _losses(volume: Volume) -> list[str]:
    space = volume.grid.space
    keeps = ["even_times", "unit"] + (["space"] if space in (Space.LOCAL, Space.PIXEL) else [])
    return common_losses(volume, keeps)


def _header_text(
    volume: Volume, values: NDArray[Any], order: list[str], encoding: str, data: Path | None
) -> str:
    fast_first = list(reversed(order))
    extent = " ".join(str(n) for n in reversed(values.shape))
    lines = [
        "NRRD0004",
        f"type: {_WRITTEN[values.dtype.str[1:]]}",
        f"dimension: {values.ndim}",
        *_space_lines(volume, fast_first),
        f"sizes: {extent}",
        f"kinds: {' '.join(_kind(name, volume) for name in fast_first)}",
        "endian: little",
        f"encoding: {encoding}",
        *_time_lines(volume, fast_first),
    ]
    if volume.unit != "1":
        lines.append(f"sample units: {_one_line(volume.unit)}")
    if data:
        return "\n".join([*lines, f"data file: {data.name}"]) + "\n"
    return "\n".join(lines) + "\n\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _kind(name: str, volume: Volume) -> str:
    if name in SPATIAL:
        return "domain"
    if name == CHANNEL:
        return "RGB-color" if volume.channels == 3 and volume.dtype == np.uint8 else "vector"
    return "list"  # also for time: ITK and Slicer take the kind "time" for a fourth axis of space


def _space_lines(volume: Volume, names: list[str]) -> list[str]:
    grid = volume.grid
    if grid.space is Space.PIXEL:
        return []
    columns = {name: grid.affine[:3, n] for n, name in enumerate(SPATIAL)}
    directions = " ".join(_vector(columns[name]) if name in columns else "none" for name in names)
    space = "3D-right-handed" if grid.space is Space.LOCAL else "left-posterior-superior"
    return [
        f"space: {space}",
        f"space directions: {directions}",
        f"space origin: {_vector(grid.origin_mm if grid.is_even else grid.affine[:3, 3])}",
    ]


def _vector(values: NDArray[np.float64]) -> str:
    return "(" + ",".join(repr(float(v)) for v in values) + ")"


def _time_lines(volume: Volume, names: list[str]) -> list[str]:
    """Write unit, start and step of the time axis; NaN for the others (NRRD: "spacings", "axis mins")."""
    even = even_step(volume)
    if TIME not in names:
        return []
    units = "units: " + " ".join('"s"' if name == TIME else '""' for name in names)
    if even is None:
        return [units]
    start, step = even
    nan = math.nan
    return [
        units,
        "spacings: " + " ".join(repr(step if name == TIME else nan) for name in names),
        "axis mins: " + " ".join(repr(start if name == TIME else nan) for name in names),
    ]

"""VTI: VTK's XML file of an image; values as text, in base64, or appended as bytes, plain or packed."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, ClassVar
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import CHANNEL, SPATIAL
from medvox.core.errors import FormatError, LimitError, UnsupportedError
from medvox.core.finding import Finding
from medvox.core.grid import Grid, Space
from medvox.core.lazy import LazyArray
from medvox.core.progress import Progress, silent
from medvox.core.study import HeaderElement, Image
from medvox.core.volume import Volume
from medvox.formats.atomic import atomic_file
from medvox.formats.base import Format, Head, WriteReport
from medvox.formats.content import Content
from medvox.formats.files import check_claim, read_bytes
from medvox.formats.losses import common_losses
from medvox.formats.safe_xml import MOST_XML, Element, parse_xml
from medvox.formats.stored import stored_values
from medvox.formats.text_header import is_orthonormal, numbers, say
from medvox.formats.values.block import Block, kept
from medvox.formats.vtk_image.arrays import (
    NAMES,
    TYPES,
    Encoding,
    StoredArray,
    check_compressor,
)
from medvox.formats.vtk_image.place import components_last, grid_of, is_plain, numbers_of

AnyArray = NDArray[Any]
_APPENDED = re.compile(rb"<AppendedData\b[^>]*>\s*_")
_BLOCK = 1 << 15
"""Bytes packed at a time, as VTK does."""
_ROOT = re.compile(rb"<VTKFile\b")
_MOST_ARRAYS = 1000


@dataclass(frozen=True, slots=True)
class VtiFormat(Format):
    """VTK XML ImageData.

    Parameters
    ----------
    compress
        Whether written values are packed (zlib); plain values are read slice by slice.
    """

    name: ClassVar[str] = "VTK image (.vti)"
    suffixes: ClassVar[tuple[str, ...]] = (".vti",)
    writes: ClassVar[bool] = True
    holds: ClassVar[str] = (
        "point or cell arrays with components; text, base64, appended; zlib, LZ4, LZMA; affine with direction"
    )
    lossy: ClassVar[str] = "axes before k, unit, rescale, frame of reference, uneven slices, windows"

    compress: bool = False

    def sniff(self, head: Head) -> float:
        """Look for the root element; files of other types are known too, to be refused by name."""
        if head.gzipped or not head.first.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            return 0.0
        if not _ROOT.search(head.first):
            return 0.0
        return 1.0 if b"ImageData" in head.first else 0.9

    def images(self, path: Path) -> tuple[Image, ...]:
        """Read the header; one image for each array, the active one first."""
        return tuple(content.image() for content in _contents(_read(path), path))

    def header(self, path: Path) -> tuple[HeaderElement, ...]:
        """Attributes of every element, arrays as one line each."""
        found = _read(path)
        lines: list[HeaderElement] = []
        _list(found.root, 0, lines)
        return tuple(lines)

    def write(self, volume: Volume, path: Path, progress: Progress = silent) -> WriteReport:
        """Write one piece with one array, its values appended as bytes."""
        stored = stored_values(volume, _accepted, progress, keeps_rescale=False)
        arranged = np.ascontiguousarray(components_last(volume, stored.values, path))
        values = arranged.astype(arranged.dtype.newbyteorder("<"), copy=False)
        plain = is_plain(volume.grid)
        losses = [*common_losses(volume, ["space"] if _keeps_space(volume.grid) else []), *stored.losses]
        if plain and volume.grid.space is Space.PATIENT:
            losses.append("The file does not hold that the place in the patient is known: its origin is 0.")
        if not is_orthonormal(volume.grid.affine):
            losses.append("The axes are sheared: other programs may take them to be at right angles.")
        with atomic_file(path) as file:
            file.write(self._head(volume, values).encode("utf-8"))
            self._append(file, values.reshape(-1).view(np.uint8), progress)
            file.write(b"\n  </AppendedData>\n</VTKFile>\n")
        return WriteReport((path,), tuple(losses))

    def _head(self, volume: Volume, values: AnyArray) -> str:
        origin, spacing, direction = numbers_of(volume.grid)
        extent = " ".join(f"0 {n - 1}" for n in reversed(volume.grid.shape))
        name = quoteattr(_clean(volume.label) or "values")
        parts = f' NumberOfComponents="{volume.channels}"' if volume.is_colour else ""
        packer = ' compressor="vtkZLibDataCompressor"' if self.compress else ""
        kind = NAMES[values.dtype.str[1:]]
        return (
            '<?xml version="1.0"?>\n'
            '<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" header_type="UInt64"'
            f"{packer}>\n"
            f'  <ImageData WholeExtent="{extent}" Origin="{say(origin)}" Spacing="{say(spacing)}"'
            f' Direction="{say(direction)}">\n'
            f'    <Piece Extent="{extent}">\n'
            f"      <PointData Scalars={name}>\n"
            f'        <DataArray type="{kind}" Name={name}{parts} format="appended" offset="0"/>\n'
            "      </PointData>\n"
            "    </Piece>\n"
            "  </ImageData>\n"
            '  <AppendedData encoding="raw">\n'
            "   _"
        )

    def _append(self, file: BinaryIO, raw: NDArray[np.uint8], progress: Progress) -> None:
        if not self.compress:
            file.write(np.array([raw.size], "<u8").tobytes())
            file.write(raw.data)
            return
        import zlib

        starts = range(0, raw.size, _BLOCK)
        place = file.tell()
        file.write(bytes(8 * (3 + len(starts))))
        lengths = []
        for n, start in enumerate(starts):
            progress(n, len(starts), "Compressing")
            lengths.append(file.write(zlib.compress(raw[start : start + _BLOCK].tobytes(), 1)))
        file.seek(place)
        file.write(np.array([len(starts), _BLOCK, raw.size % _BLOCK, *lengths], "<u8").tobytes())
        file.seek(0, 2)


# -- reading ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _File:
    """The XML, and how its bytes are to be read."""

    root: Element
    image: Element
    encoding: Encoding


def _read(path: Path) -> _File:
    for size in (1 << 16, 1 << 22, MOST_XML + 1):  # appended values need not be read to read the header
        raw = read_bytes(path, 0, size)
        match = _APPENDED.search(raw)
        if match is not None or len(raw) < size:
            break
    if match is None and len(raw) > MOST_XML:
        raise LimitError("the XML is too long", where=path, expected=f"at most {MOST_XML} bytes")
    root = parse_xml(raw if match is None else raw[: match.start()] + b"</VTKFile>", path)
    kind = root.attributes.get("type", "")
    if root.name != "VTKFile" or kind != "ImageData":
        raise UnsupportedError(
            "the VTK file holds no image",
            where=path,
            got=(kind or root.name)[:40],
            expected="ImageData",
            advice="Meshes and grids of other kinds cannot be read as images",
        )
    image = root.find("ImageData")
    if image is None:
        raise FormatError("the file has no ImageData", where=path)
    order = ">" if root.attributes.get("byte_order", "LittleEndian") == "BigEndian" else "<"
    width = root.attributes.get("header_type", "UInt32")
    if width not in ("UInt32", "UInt64"):
        raise FormatError(
            "the header type is not known", where=path, got=width[:40], expected="UInt32, UInt64"
        )
    compressor = check_compressor(root.attributes.get("compressor", ""), path)
    start = None if match is None else match.end()
    in_base64 = match is not None and b"base64" in match.group().replace(b"'", b'"')
    length_type = np.dtype(order + TYPES[width])
    return _File(root, image, Encoding(path, order, length_type, compressor, start, in_base64))


def _contents(file: _File, path: Path) -> list[Content]:
    whole = _extent(file.image, "WholeExtent", path)
    pieces = [_Piece.of(element, file.encoding, whole, path) for element in file.image.all("Piece")]
    if not pieces:
        raise FormatError("the image has no Piece", where=path)
    if len(pieces) > 100_000:
        raise LimitError("the image has too many pieces", where=path, got=len(pieces))
    cells = not any(piece.arrays for piece in pieces)
    if cells:
        pieces = [replace(piece, arrays=piece.cell_arrays, cells=True) for piece in pieces]
    names = list(dict.fromkeys(array.name for piece in pieces for array in piece.arrays))
    if not names:
        raise FormatError("the image has no point data and no cell data", where=path)
    grid, findings = _grid(file.image, whole, cells, path)
    active = pieces[0].active if pieces[0].active in names else names[0]
    ordered = [active, *(name for name in names if name != active)]
    return [_content(name, pieces, grid, findings, len(names) > 1) for name in ordered]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of the image: its extent (first and last index of i, j, k) and its arrays."""

    path: Path
    whole: tuple[int, ...]
    extent: tuple[int, ...]
    arrays: tuple[StoredArray, ...]
    cell_arrays: tuple[StoredArray, ...]
    active: str
    cells: bool = False

    @classmethod
    def of(cls, element: Element, encoding: Encoding, whole: tuple[int, ...], path: Path) -> _Piece:
        extent = _extent(element, "Extent", path)
        inside = all(
            whole[2 * n] <= extent[2 * n] and extent[2 * n + 1] <= whole[2 * n + 1] for n in range(3)
        )
        if not inside:
            raise FormatError("a piece lies outside the whole extent", where=path, got=extent, expected=whole)
        points, cells = element.find("PointData"), element.find("CellData")
        known = (points or cells or element).attributes
        active = known.get("Scalars") or known.get("Vectors") or ""
        return cls(path, whole, extent, _arrays(points, encoding), _arrays(cells, encoding), active)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Slices, rows, columns."""
        return _shape(self.extent, self.cells)

    @property
    def place(self) -> tuple[slice, ...]:
        """Where the piece lies in the whole."""
        starts = [self.extent[2 * n] - self.whole[2 * n] for n in (2, 1, 0)]
        return tuple(slice(s, s + n) for s, n in zip(starts, self.shape, strict=True))


def _shape(extent: Sequence[int], cells: bool) -> tuple[int, int, int]:
    sizes = [extent[2 * n + 1] - extent[2 * n] + (0 if cells else 1) for n in (2, 1, 0)]
    k, j, i = (max(size, 1) for size in sizes)
    return k, j, i


def _extent(element: Element, name: str, path: Path) -> tuple[int, ...]:
    found = numbers(element.attributes.get(name, ""), 6, name, path)
    if any(not abs(n) < 1 << 31 or n != int(n) for n in found):
        raise FormatError(f"{name} is not made of whole numbers", where=path)
    extent = tuple(int(n) for n in found)
    if any(extent[2 * n] > extent[2 * n + 1] for n in range(3)):
        raise FormatError(f"{name} is empty", where=path, got=extent)
    return extent


def _arrays(element: Element | None, encoding: Encoding) -> tuple[StoredArray, ...]:
    if element is None:
        return ()
    found = []
    for n, array in enumerate(element.all("DataArray")):
        if n >= _MOST_ARRAYS:
            raise LimitError("there are too many arrays", where=encoding.path)
        known = array.attributes
        if known.get("type") not in TYPES:
            continue
        counts = known.get("NumberOfComponents") or "1", known.get("offset") or "0"
        if not all(text.isascii() and text.isdecimal() and len(text) < 19 for text in counts):
            raise FormatError("components or offset of an array are not whole", where=encoding.path)
        components, offset = map(int, counts)
        if not 1 <= components <= 65535:
            raise FormatError("the number of components is out of range", where=encoding.path, got=components)
        form = known.get("format", "ascii")
        if form not in ("ascii", "binary", "appended"):
            raise FormatError("the format of an array is not known", where=encoding.path, got=form[:40])
        stored = np.dtype(encoding.order + TYPES[known["type"]])
        name = known.get("Name") or f"array {n + 1}"
        found.append(StoredArray(name, components, stored, form, encoding, array.text, offset))
    return tuple(found)


def _grid(image: Element, whole: Sequence[int], cells: bool, path: Path) -> tuple[Grid, tuple[Finding, ...]]:
    known = image.attributes
    origin = numbers(known.get("Origin", "0 0 0"), 3, "Origin", path)
    spacing = numbers(known.get("Spacing", "1 1 1"), 3, "Spacing", path)
    direction = numbers(known.get("Direction", "1 0 0 0 1 0 0 0 1"), 9, "Direction", path)
    half = 0.5 if cells else 0.0
    start = (whole[0] + half, whole[2] + half, whole[4] + half)
    return grid_of(_shape(whole, cells), (origin, spacing, direction), start, path)


def _content(
    name: str, pieces: Sequence[_Piece], grid: Grid, findings: tuple[Finding, ...], several: bool
) -> Content:
    path = pieces[0].path
    found = [(piece, array) for piece in pieces for array in piece.arrays if array.name == name]
    first = found[0][1]
    if any((a.components, a.stored) != (first.components, first.stored) for _, a in found):
        raise FormatError("the pieces hold one array in several types", where=path, got=name[:60])
    if sum(math.prod(piece.shape) for piece, _ in found) < math.prod(grid.shape):
        raise FormatError("the pieces do not cover the whole extent", where=path, got=name[:60])
    count = first.components
    check_claim(path, math.prod(grid.shape) * count * first.stored.itemsize, None, "WholeExtent")
    lead = (count,) if count > 1 else ()
    return Content(
        path=path,
        grid=grid,
        array=lambda: _lazy(found, grid.shape, lead),
        axes=((CHANNEL,) if lead else ()) + SPATIAL,
        lead_shape=lead,
        label=f"{path.name}, {name}" if several else "",
        findings=findings,
        facts=(("array", name),),
    )


def _lazy(
    found: Sequence[tuple[_Piece, StoredArray]], shape: tuple[int, int, int], lead: tuple[int, ...]
) -> LazyArray:
    """Frame by frame where the values lie in the file as they are; else all at once."""
    piece, first = found[0]
    start = first.plain_start
    if len(found) == 1 and piece.shape == shape and start is not None:
        block = Block(piece.path, start, shape[:1], (*shape[1:], *lead), first.stored)
        block.check("WholeExtent")
        return block.array()

    def load() -> AnyArray:
        out = np.zeros((*shape, *lead), first.stored.newbyteorder("="))
        for part, array in found:
            values = array.values(math.prod(part.shape) * math.prod(lead))
            out[part.place] = values.reshape(*part.shape, *lead)
        return np.moveaxis(out, -1, 0) if lead else out

    return kept((*lead, *shape), first.stored.newbyteorder("="), load)


def _list(element: Element, depth: int, lines: list[HeaderElement]) -> None:
    for key, value in element.attributes.items():
        lines.append(HeaderElement(f"{element.name}.{key}", "text", "", value[:4000], depth))
    for child in element.children[:_MOST_ARRAYS]:
        _list(child, depth + 1, lines)


# -- writing ------------------------------------------------------------------------------------


def _accepted(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    return dtype if dtype.str[1:] in NAMES else None


def _keeps_space(grid: Grid) -> bool:
    return grid.space is Space.LOCAL and is_plain(grid)


def _clean(name: str) -> str:
    """Name without what XML cannot hold."""
    return "".join(c for c in name if c.isprintable())[:200]

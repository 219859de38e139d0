"""GIPL, the volumes of Guy's Image Processing Lab: 256 bytes of header and values, all big-endian.

Sources: the fields as IRTK, MIRTK and ITK have them. ITK takes the origin for the first voxel and knows no
orientation; IRTK's extension (the number 815 at byte 244) takes it for the middle and adds two axes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import CHANNEL, SPATIAL, TIME, lps_from_ras, reverse_index_order
from medvox.core.errors import FormatError, TruncatedError, UnsupportedError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid, Space
from medvox.core.progress import Progress, silent
from medvox.core.study import HeaderElement, Image
from medvox.core.volume import Volume
from medvox.formats.base import Format, Head, WriteReport
from medvox.formats.content import Content
from medvox.formats.files import read_bytes
from medvox.formats.losses import common_losses, even_step, unplaced_losses
from medvox.formats.stored import stored_values
from medvox.formats.text_header import grid_or_pixels
from medvox.formats.values.block import Block
from medvox.formats.values.compression import GZIP_MAGIC, first_bytes, write_parts

START = 256
HEADER = np.dtype(
    [
        ("dims", ">u2", 4), ("type", ">u2"), ("steps", ">f4", 4), ("patient", "S80"), ("matrix", ">f4", 20),
        ("flags", ">u1", 2), ("minimum", ">f8"), ("maximum", ">f8"), ("origin", ">f8", 4),
        ("offset", ">f4"), ("calibration", ">f4"), ("extension", ">u4"), ("user", ">f4"), ("magic", ">u4"),
    ]
)  # fmt: skip
MAGICS = (719555000, 4026526128)
TYPES = {7: "i1", 8: "u1", 15: "i2", 16: "u2", 31: "u4", 32: "i4", 64: "f4", 65: "f8"}
_CODES = {name: code for code, name in TYPES.items()}
_OTHERS = {1: "binary", 144: "complex", 160: "complex", 192: "complex", 193: "complex", 200: "surface"}
_EXTENSION = 815
_LONGEST = 65535
_NO_TIMES = (0.0, 1.0)
"""Start and step that ITK writes where it knows none."""


@dataclass(frozen=True, slots=True)
class GiplFormat(Format):
    """GIPL; a .gz suffix packs it."""

    name: ClassVar[str] = "GIPL"
    suffixes: ClassVar[tuple[str, ...]] = (".gipl", ".gipl.gz")
    writes: ClassVar[bool] = True
    holds: ClassVar[str] = "whole numbers to 32 bits, floats; spacing and origin, a fourth axis (time in s)"
    lossy: ClassVar[str] = "orientation, unit, rescale, channels, frame of reference, uneven slices, windows"

    def sniff(self, head: Head) -> float:
        """Look for one of the two magic numbers at byte 252."""
        magic = int.from_bytes(head.first[252:256], "big")
        return 1.0 if len(head.first) >= START and magic in MAGICS else 0.0

    def images(self, path: Path) -> tuple[Image, ...]:
        """Read the header; one image a file."""
        return (_content(path).image(),)

    def header(self, path: Path) -> tuple[HeaderElement, ...]:
        """Every field."""
        header = _read_header(path)
        return tuple(_line(header, name) for name in HEADER.names or ())

    def write(self, volume: Volume, path: Path, progress: Progress = silent) -> WriteReport:
        """Write a file as ITK does: spacing and the position of the first voxel, no orientation."""
        lead = list(volume.axes[:-3])
        if len(lead) > 1:
            raise UnsupportedError("GIPL is written with four axes at most", where=path, got=volume.axes)
        stored = stored_values(volume, _accepted, progress, keeps_rescale=False)
        values = np.ascontiguousarray(stored.values, stored.values.dtype.newbyteorder(">"))
        times = even_step(volume)
        keeps = ["even_times"] if times and times != _NO_TIMES else []
        losses = [*unplaced_losses(volume.grid), *common_losses(volume, [*keeps, "space"]), *stored.losses]
        if lead == [CHANNEL]:
            losses.append("The file does not hold the name of the axis channel: it holds a fourth axis.")
        header = _header(volume, values, path)
        parts = [np.frombuffer(header.tobytes(), np.uint8), values.reshape(-1).view(np.uint8)]
        write_parts(path, parts, progress=progress)
        return WriteReport((path,), tuple(losses))


# -- reading ------------------------------------------------------------------------------------


def _read_header(path: Path) -> Any:
    raw = first_bytes(path, START)
    if len(raw) < START:
        raise TruncatedError("the file ends within its header", where=path, got=len(raw), expected=START)
    header = np.frombuffer(raw, HEADER, 1)[0]
    if int(header["magic"]) not in MAGICS:
        raise FormatError("no GIPL magic number at byte 252", where=path, got=int(header["magic"]))
    if int(header["type"]) not in TYPES:
        known = _OTHERS.get(int(header["type"]), "no known type")
        raise UnsupportedError("the type cannot be read", where=path, got=f"{header['type']} ({known})")
    return header


def _content(path: Path) -> Content:
    header = _read_header(path)
    i, j, k, frames = (max(int(n), 1) for n in header["dims"])  # unused ones may be 0
    if 0 in header["dims"][:2].tolist():
        raise FormatError("a size is zero", where=path, got=header["dims"].tolist())
    packed = read_bytes(path, 0, 3) == GZIP_MAGIC
    lead = (frames,) if frames > 1 else ()
    stored = np.dtype(">" + TYPES[int(header["type"])])
    block = Block(path, START, (*lead, k), (j, i), stored, "gzip" if packed else None)
    block.check("dims")
    grid, findings = _grid(header, (k, j, i), path)
    return Content(
        path=path,
        grid=grid,
        array=block.array,
        axes=((TIME,) if lead else ()) + SPATIAL,
        lead_shape=lead,
        coordinates=_times(header, frames),
        findings=findings,
    )


@np.errstate(all="ignore")  # what is not finite is refused by the grid
def _grid(header: Any, shape: tuple[int, int, int], path: Path) -> tuple[Grid, tuple[Finding, ...]]:
    steps = header["steps"][:3].astype(np.float64)
    if shape[0] == 1 and not steps[2] > 0:
        steps[2] = 1.0
    origin = header["origin"][:3].astype(np.float64)
    matrix = np.eye(4)
    if int(header["extension"]) != _EXTENSION:
        matrix[:3, :3] = np.diag(steps)
        matrix[:3, 3] = origin
        text = "GIPL has no orientation: axes as in ITK; the place in the patient is not known"
        grid, faults = grid_or_pixels(shape, reverse_index_order(matrix), Space.LOCAL, path)
        return grid, (*faults, Finding("no-geometry", Level.INFO, str(path), text))
    along_i, along_j = header["matrix"][:3].astype(np.float64), header["matrix"][4:7].astype(np.float64)
    matrix[:3, :3] = np.stack([along_i, along_j, np.cross(along_i, along_j)], axis=1) * steps
    matrix[:3, 3] = origin - matrix[:3, :3] @ ((np.array(shape[::-1]) - 1) / 2)
    text = "orientation from IRTK's extension, in its world: right, anterior, superior"
    grid, faults = grid_or_pixels(shape, lps_from_ras(matrix), Space.PATIENT, path)
    return grid, (*faults, Finding("geometry-assumed", Level.INFO, str(path), text))


def _times(header: Any, frames: int) -> dict[str, tuple[float, ...]]:
    start, step = float(header["origin"][3]), float(header["steps"][3])
    usable = math.isfinite(start) and math.isfinite(step) and step > 0 and abs(start) < 1e18
    if frames < 2 or not usable or (start, step) == _NO_TIMES:
        return {}
    return {TIME: tuple(start + step * n for n in range(frames))}


def _line(header: Any, name: str) -> HeaderElement:
    value = np.asarray(header[name])
    if value.dtype.kind == "S":
        text = bytes(header[name]).split(b"\0")[0].decode("latin-1")
        return HeaderElement(name, "text", "", text, identifying=bool(text.strip()))
    return HeaderElement(name, value.dtype.name, "", str(value.tolist()))


# -- writing ------------------------------------------------------------------------------------


def _accepted(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    return dtype if dtype.str[1:] in _CODES else None


def _header(volume: Volume, values: NDArray[Any], path: Path) -> Any:
    sizes = [*reversed(volume.grid.shape), values.shape[0] if values.ndim == 4 else 1]
    if max(sizes) > _LONGEST:
        raise UnsupportedError("an axis is too long for GIPL", where=path, got=sizes, expected=_LONGEST)
    start, step = even_step(volume) or _NO_TIMES
    header = np.zeros((), HEADER)
    header["dims"], header["type"] = sizes, _CODES[values.dtype.str[1:]]
    header["steps"] = [*reversed(volume.grid.spacing_mm), step]
    header["origin"] = [*volume.grid.affine[:3, 3], start]
    finite = values[np.isfinite(values)]
    if finite.size:
        header["minimum"], header["maximum"] = float(finite.min()), float(finite.max())
    header["magic"] = MAGICS[1]
    return header

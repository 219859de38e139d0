"""MRC and CCP4 maps, the volumes of electron microscopy: 1024 bytes of header, symmetry, values.

Sources: MRC2014 (Cheng et al., J. Struct. Biol. 2015, doi 10.1016/j.jsb.2015.04.002); IMOD's
mrc_format.txt for the sign of bytes and for modes 16 and 101. Distances are in ångström.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import CHANNEL, SPATIAL, reverse_index_order
from medvox.core.errors import FormatError, TruncatedError, UnsupportedError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid, Space
from medvox.core.progress import Progress, silent
from medvox.core.study import HeaderElement, Image
from medvox.core.volume import Volume
from medvox.formats.base import Format, Head, WriteReport
from medvox.formats.content import Content
from medvox.formats.files import read_bytes
from medvox.formats.losses import common_losses, unplaced_losses
from medvox.formats.stored import stored_values
from medvox.formats.text_header import grid_or_pixels
from medvox.formats.values.block import Block
from medvox.formats.values.compression import GZIP_MAGIC, first_bytes, write_parts

FloatArray = NDArray[np.float64]

START = 1024
_FIELDS: list[tuple[Any, ...]] = [
    ("n", "i4", 3), ("mode", "i4"), ("nstart", "i4", 3), ("m", "i4", 3), ("cella", "f4", 3),
    ("cellb", "f4", 3), ("map_axes", "i4", 3), ("dmin", "f4"), ("dmax", "f4"), ("dmean", "f4"),
    ("ispg", "i4"), ("nsymbt", "i4"), ("extra1", "u1", 8), ("exttyp", "S4"), ("nversion", "i4"),
    ("extra2", "u1", 40), ("imod_stamp", "i4"), ("imod_flags", "i4"), ("extra3", "u1", 36),
    ("origin", "f4", 3), ("map", "S4"), ("machst", "u1", 4), ("rms", "f4"), ("nlabl", "i4"),
    ("label", "S80", 10),
]  # fmt: skip
_LITTLE = np.dtype([(field[0], "<" + field[1], *field[2:]) for field in _FIELDS])
_BIG = _LITTLE.newbyteorder(">")
MAP = b"MAP "
MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2", 16: "u1"}
_CODES = {"i1": 0, "i2": 1, "f4": 2, "u2": 6, "f2": 12}
_OTHERS = {3: "complex integers", 4: "complex numbers", 7: "32-bit whole numbers", 101: "4-bit values"}
_RGB = 16
_STACKS = range(401, 631)
"""Space groups of stacks of volumes."""
_IMOD_STAMP, _SIGNED_BYTES = 1146047817, 1
_MM = 1e-7
"""An ångström."""
_LONGEST = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class MrcFormat(Format):
    """MRC; a .gz suffix packs it."""

    name: ClassVar[str] = "MRC"
    suffixes: ClassVar[tuple[str, ...]] = (
        ".mrc",
        ".mrc.gz",
        ".map",
        ".map.gz",
        ".rec",
        ".ccp4",
        ".st",
        ".mrcs",
    )
    writes: ClassVar[bool] = True
    written_suffixes: ClassVar[tuple[str, ...]] = (".mrc", ".mrc.gz", ".map", ".map.gz")
    holds: ClassVar[str] = (
        "8- and 16-bit whole numbers, 16- and 32-bit floats, RGB; spacing and origin, stacks of volumes"
    )
    lossy: ClassVar[str] = (
        "orientation, unit, rescale, times, channels but RGB, frame of reference, uneven slices, windows"
    )

    def sniff(self, head: Head) -> float:
        """Look for ``MAP`` at byte 208, and for sizes, a mode and axes that can be."""
        header = _parse(head.first)
        if header is None or not _is_plausible(header):
            return 0.0
        return 1.0 if bytes(header["map"])[:3] == MAP[:3] else 0.5

    def images(self, path: Path) -> tuple[Image, ...]:
        """Read the header; one image a file."""
        return (_content(path).image(),)

    def header(self, path: Path) -> tuple[HeaderElement, ...]:
        """Every field; labels may name people."""
        header = _read_header(path)
        return tuple(_line(header, name) for name in _LITTLE.names or () if not name.startswith("extra"))

    def write(self, volume: Volume, path: Path, progress: Progress = silent) -> WriteReport:
        """Write MRC2014, little-endian; several volumes become a stack of volumes (space group 401)."""
        lead = list(volume.axes[:-3])
        rgb = volume.channels == 3 and volume.value_dtype == np.uint8 and lead[-1:] == [CHANNEL]
        if len(lead) - rgb > 1:
            raise UnsupportedError("MRC is written with one axis before space", where=path, got=volume.axes)
        accepts = _accepted_rgb if rgb else _accepted
        stored = stored_values(volume, accepts, progress, False, np.dtype(np.float32))
        values = np.moveaxis(stored.values, len(lead) - 1, -1) if rgb else stored.values
        values = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
        losses = [*unplaced_losses(volume.grid), *common_losses(volume, ["space"]), *stored.losses]
        names = [name for name in lead if not (rgb and name == CHANNEL)]
        if names:
            losses.append(
                f"The file does not hold the name of the axis {names[0]}: it holds several volumes."
            )
        header = _header(volume, values, rgb, path)
        parts = [np.frombuffer(header.tobytes(), np.uint8), values.reshape(-1).view(np.uint8)]
        write_parts(path, parts, progress=progress)
        return WriteReport((path,), tuple(losses))


# -- reading ------------------------------------------------------------------------------------


def _parse(raw: bytes) -> Any:
    """Header in the byte order that its machine stamp names, else in the one in which the mode can be."""
    if len(raw) < START:
        return None
    little, big = (np.frombuffer(raw, dtype, 1)[0] for dtype in (_LITTLE, _BIG))
    stamp = int(little["machst"][0])
    if stamp == 0x44:
        return little
    if stamp == 0x11:
        return big
    return little if 0 <= int(little["mode"]) < 1 << 16 else big


def _is_plausible(header: Any) -> bool:
    axes = sorted(header["map_axes"].tolist())
    return bool(
        (header["n"] > 0).all()
        and int(header["mode"]) in {*MODES, *_OTHERS}
        and int(header["nsymbt"]) >= 0
        and (axes == [1, 2, 3] or (axes == [0, 0, 0] and bytes(header["map"])[:3] == MAP[:3]))
    )


def _read_header(path: Path) -> Any:
    raw = first_bytes(path, START)
    header = _parse(raw)
    if header is None:
        raise TruncatedError("the file ends within its header", where=path, got=len(raw), expected=START)
    if not _is_plausible(header):
        raise FormatError(
            "sizes, mode or axes of the header make no sense",
            where=path,
            got=f"n {header['n'].tolist()}, mode {header['mode']}, axes {header['map_axes'].tolist()}",
        )
    mode = int(header["mode"])
    if mode not in MODES:
        raise UnsupportedError("the mode cannot be read", where=path, got=f"{mode} ({_OTHERS[mode]})")
    return header


def _content(path: Path) -> Content:
    header = _read_header(path)
    i, j, n = (int(size) for size in header["n"])
    k = int(header["m"][2]) if int(header["ispg"]) in _STACKS else n
    if k < 1 or n % k:
        raise FormatError(
            "the sections do not make whole volumes", where=path, got=n, expected=f"n times {k}"
        )
    lead = (n // k,) if n > k else ()
    channels = (3,) if int(header["mode"]) == _RGB else ()
    packed = read_bytes(path, 0, 3) == GZIP_MAGIC
    start = START + int(header["nsymbt"])
    block = Block(path, start, (*lead, k), (j, i, *channels), _stored(header), "gzip" if packed else None)
    block.check("n")
    grid, findings = _grid(header, (k, j, i), path)
    return Content(
        path=path,
        grid=grid,
        array=block.array,
        axes=(*(("volume",) if lead else ()), *((CHANNEL,) if channels else ()), *SPATIAL),
        lead_shape=lead + channels,
        findings=findings,
    )


def _stored(header: Any) -> np.dtype[Any]:
    """Type of the values; bytes are signed unless IMOD wrote them and says otherwise."""
    mode = int(header["mode"])
    imod = int(header["imod_stamp"]) == _IMOD_STAMP and not int(header["imod_flags"]) & _SIGNED_BYTES
    name = "u1" if mode == 0 and imod else MODES[mode]
    return np.dtype(name).newbyteorder("<" if header.dtype["mode"].byteorder in "=<" else ">")


@np.errstate(all="ignore")  # what is not finite is refused by the grid
def _grid(header: Any, shape: tuple[int, int, int], path: Path) -> tuple[Grid, tuple[Finding, ...]]:
    cell, intervals = header["cella"].astype(np.float64), header["m"].astype(np.float64)
    if not ((cell > 0).all() and (intervals > 0).all()):
        text = "no cell size: distances are in pixels"
        return Grid.pixels(shape), (Finding("no-spacing", Level.WARNING, str(path), text, "MRC2014"),)
    steps = _cell_axes(header["cellb"].astype(np.float64)) * (cell / intervals * _MM)
    order = header["map_axes"].astype(int) - 1
    order = order if sorted(order) == [0, 1, 2] else np.arange(3)
    origin = header["origin"].astype(np.float64) * _MM
    if not origin.any():
        start = np.zeros(3)
        start[order] = header["nstart"]
        origin = steps @ start
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = steps[:, order], origin
    grid, faults = grid_or_pixels(shape, reverse_index_order(matrix), Space.LOCAL, path)
    text = "MRC has no orientation: x, y, z as in ITK; the place in the patient is not known"
    findings = [*faults, Finding("no-geometry", Level.INFO, str(path), text, "MRC2014")]
    if int(header["ispg"]) == 0 and shape[0] > 1:
        text = "space group 0: this may be a stack of pictures; it is shown as one volume"
        findings.append(Finding("geometry-assumed", Level.INFO, str(path), text, "MRC2014"))
    return grid, tuple(findings)


def _cell_axes(angles_deg: FloatArray) -> FloatArray:
    """(3, 3) unit vectors a, b, c as columns: a along x, b in the plane of x and y."""
    if not ((angles_deg > 0) & (angles_deg < 180)).all() or (angles_deg == 90).all():
        return np.eye(3)
    cos_a, cos_b, cos_c = np.cos(np.radians(angles_deg))
    sin_c = math.sin(math.radians(angles_deg[2]))
    y = (cos_a - cos_b * cos_c) / sin_c
    z = 1 - cos_b**2 - y**2
    if z <= 0:  # no such cell
        return np.eye(3)
    return np.array([[1, cos_c, cos_b], [0, sin_c, y], [0, 0, math.sqrt(z)]])


def _line(header: Any, name: str) -> HeaderElement:
    value = np.asarray(header[name])
    if value.dtype.kind == "S":
        texts = [bytes(text).rstrip(b"\0 ").decode("latin-1") for text in value.ravel()]
        text = "\n".join(text for text in texts if text)
        return HeaderElement(name, "text", "", text, identifying=name == "label" and bool(text))
    return HeaderElement(name, value.dtype.name, "", str(value.tolist()))


# -- writing ------------------------------------------------------------------------------------


def _accepted(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    return dtype if dtype.str[1:] in _CODES else None


def _accepted_rgb(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    return dtype if dtype == np.uint8 else None


def _header(volume: Volume, values: NDArray[Any], rgb: bool, path: Path) -> Any:
    k, j, i = volume.grid.shape
    several = values.ndim - rgb == 4
    sections = k * (values.shape[0] if several else 1)
    if max(sections, j, i) > _LONGEST:
        raise UnsupportedError("an axis is too long for MRC", where=path, got=(sections, j, i))
    steps = np.array(volume.grid.spacing_mm[::-1]) / _MM
    header = np.zeros((), _LITTLE)
    header["n"], header["m"] = (i, j, sections), (i, j, k)
    header["mode"] = _RGB if rgb else _CODES[values.dtype.str[1:]]
    header["cella"], header["cellb"] = steps * (i, j, k), 90
    header["map_axes"] = (1, 2, 3)
    header["ispg"] = 401 if several else 1
    header["nversion"], header["map"], header["machst"] = 20140, MAP, (0x44, 0x44, 0, 0)
    header["origin"] = volume.grid.affine[:3, 3] / _MM
    header["nlabl"] = 1
    header["label"][0] = b"medvox"
    with np.errstate(all="ignore"):  # of values that are not finite
        header["dmin"], header["dmax"] = values.min(), values.max()
        header["dmean"], header["rms"] = _mean_and_deviation(values)
    return header


def _mean_and_deviation(values: NDArray[Any]) -> tuple[float, float]:
    """Mean and standard deviation, a section at a time so that little memory is taken."""
    mean = math.fsum(float(part.mean(dtype=np.float64)) for part in values) / len(values)
    squares = (float(np.square(part.astype(np.float64) - mean).mean()) for part in values)
    return mean, math.sqrt(math.fsum(squares) / len(values))

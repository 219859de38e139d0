"""MGH and MGZ, the volumes of FreeSurfer: 284 bytes of header, values and a footer, all big-endian.

Source: FreeSurfer wiki, FsTutorial/MghFormat; what the values of goodRASFlag mean as nibabel and
FreeSurfer's load_mgh.m read them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import CHANNEL, SPATIAL, TIME, lps_from_ras, ras_from_lps
from medvox.core.errors import FormatError, TruncatedError, UnsupportedError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid, Space
from medvox.core.progress import Progress, silent
from medvox.core.study import HeaderElement, Image
from medvox.core.volume import Volume
from medvox.formats.base import Format, Head, WriteReport
from medvox.formats.content import Content
from medvox.formats.files import read_bytes, size_of
from medvox.formats.losses import common_losses, even_step
from medvox.formats.stored import stored_values
from medvox.formats.text_header import grid_or_pixels
from medvox.formats.values.block import Block
from medvox.formats.values.compression import GZIP_MAGIC, first_bytes, unpack, write_parts

START = 284
HEADER = np.dtype(
    [
        ("version", ">i4"), ("dims", ">i4", 4), ("type", ">i4"), ("dof", ">i4"), ("goodRASFlag", ">i2"),
        ("delta", ">f4", 3), ("Mdc", ">f4", (3, 3)), ("Pxyz_c", ">f4", 3), ("unused", "u1", 194),
    ]
)  # fmt: skip
"""Rows of Mdc: directions of i, j, k in (right, anterior, superior). Pxyz_c: where voxel n/2 lies."""
FOOTER = np.dtype([("tr", ">f4"), ("flip_angle", ">f4"), ("te", ">f4"), ("ti", ">f4"), ("fov", ">f4")])
FACTS = {
    "tr": "repetition_time_ms", "flip_angle": "flip_angle_rad", "te": "echo_time_ms",
    "ti": "inversion_time_ms", "fov": "field_of_view_mm",
}  # fmt: skip
TYPES = {0: "u1", 1: "i4", 3: "f4", 4: "i2", 10: "u2"}
_CODES = {name: code for code, name in TYPES.items()}
_OTHERS = {2: "long", 5: "bitmap", 6: "tensor", 7: "complex", 8: "double complex", 9: "RGB"}
_DEFAULT_MDC = np.array([[-1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""Coronal, as FreeSurfer takes it where goodRASFlag is not set."""
_LONGEST = 1 << 31


@dataclass(frozen=True, slots=True)
class MghFormat(Format):
    """MGH; a .mgz or .gz suffix packs it."""

    name: ClassVar[str] = "MGH"
    suffixes: ClassVar[tuple[str, ...]] = (".mgz", ".mgh", ".mgh.gz")
    writes: ClassVar[bool] = True
    holds: ClassVar[str] = (
        "uint8, int16, uint16, int32, float32; any affine, frames over time; TR, TE, TI, flip angle"
    )
    lossy: ClassVar[str] = "unit, rescale, channels, frame of reference, uneven slices, windows"

    def sniff(self, head: Head) -> float:
        """Look for version 1, sizes above zero, a known type and a flag that is 0 or 1."""
        if len(head.first) < HEADER.itemsize:
            return 0.0
        header = np.frombuffer(head.first, HEADER, 1)[0]
        known = int(header["type"]) in {*TYPES, *_OTHERS}
        if header["version"] != 1 or not known or header["goodRASFlag"] not in (0, 1):
            return 0.0
        return 0.9 if (header["dims"] > 0).all() else 0.0

    def images(self, path: Path) -> tuple[Image, ...]:
        """Read the header; one image a file. The footer is read when the image is opened."""
        content = _content(path)
        return (replace(content.image(), reader=lambda: _with_footer(content).volume()),)

    def header(self, path: Path) -> tuple[HeaderElement, ...]:
        """Every field of header and footer."""
        header, footer = _read_header(path), _read_footer(path)
        lines = [_line(header, name) for name in HEADER.names or () if name != "unused"]
        return tuple(
            lines + ([_line(footer, name) for name in FOOTER.names or ()] if footer is not None else [])
        )

    def write(self, volume: Volume, path: Path, progress: Progress = silent) -> WriteReport:
        """Write a file; what was read of an MGH footer goes into the new one."""
        lead = list(volume.axes[:-3])
        if len(lead) > 1:
            raise UnsupportedError("MGH is written with four axes at most", where=path, got=volume.axes)
        stored = stored_values(volume, _accepted, progress, False, np.dtype(np.float32))
        values = np.ascontiguousarray(stored.values, stored.values.dtype.newbyteorder(">"))
        times = even_step(volume)
        keeps = ["even_times"] if times and times[0] == 0 else []
        losses = [*common_losses(volume, keeps), *stored.losses]
        if lead == [CHANNEL]:
            losses.append("The file does not hold the name of the axis channel: it holds frames.")
        parts = [
            np.frombuffer(_header(volume, values).tobytes(), np.uint8),
            values.reshape(-1).view(np.uint8),
            np.frombuffer(_footer(volume, times[1] if times else None).tobytes(), np.uint8),
        ]
        write_parts(path, parts, progress=progress)
        return WriteReport((path,), tuple(losses))


# -- reading ------------------------------------------------------------------------------------


def _read_header(path: Path) -> Any:
    raw = first_bytes(path, START)
    if len(raw) < START:
        raise TruncatedError("the file ends within its header", where=path, got=len(raw), expected=START)
    header = np.frombuffer(raw, HEADER, 1)[0]
    if header["version"] != 1:
        raise FormatError("the version of the header is not 1", where=path, got=int(header["version"]))
    if (header["dims"] < 1).any():
        raise FormatError("a size is below 1", where=path, got=header["dims"].tolist())
    if int(header["type"]) not in TYPES:
        known = _OTHERS.get(int(header["type"]), "no known type")
        raise UnsupportedError("the type cannot be read", where=path, got=f"{header['type']} ({known})")
    return header


def _block(path: Path, header: Any) -> Block:
    i, j, k, frames = (int(n) for n in header["dims"])
    stored = np.dtype(">" + TYPES[int(header["type"])])
    packed = read_bytes(path, 0, 3) == GZIP_MAGIC
    lead = (frames, k) if frames > 1 else (k,)
    block = Block(path, START, lead, (j, i), stored, "gzip" if packed else None)
    block.check("dims")
    return block


def _content(path: Path) -> Content:
    header = _read_header(path)
    block = _block(path, header)
    grid, findings = _grid(header, path)
    frames = int(header["dims"][3])
    return Content(
        path=path,
        grid=grid,
        array=block.array,
        axes=((TIME,) if frames > 1 else ()) + SPATIAL,
        lead_shape=(frames,) if frames > 1 else (),
        findings=findings,
    )


def _with_footer(content: Content) -> Content:
    """Add what the footer says; it lies behind the values, which a packed file has to unpack for it."""
    footer = _read_footer(content.path)
    return replace(content, coordinates=_times(footer, content.lead_shape), facts=_facts(footer))


@np.errstate(all="ignore")  # what is not finite is refused by the grid
def _grid(header: Any, path: Path) -> tuple[Grid, tuple[Finding, ...]]:
    i, j, k = (int(n) for n in header["dims"][:3])
    good = int(header["goodRASFlag"]) > 0
    steps = header["delta"].astype(np.float64) if good else np.ones(3)
    turn = header["Mdc"].astype(np.float64).T if good else _DEFAULT_MDC.T
    center = header["Pxyz_c"].astype(np.float64) if good else np.zeros(3)
    matrix = np.eye(4)
    matrix[:3, :3] = turn * steps
    matrix[:3, 3] = center - matrix[:3, :3] @ (np.array([i, j, k]) / 2)
    affine = lps_from_ras(matrix)
    if good:
        return grid_or_pixels((k, j, i), affine, Space.PATIENT, path)
    text = "goodRASFlag is not set: as FreeSurfer, coronal slices around 0 are taken; distances are in pixels"
    finding = Finding("geometry-assumed", Level.WARNING, str(path), text, "FsTutorial/MghFormat")
    return Grid((k, j, i), affine, space=Space.PIXEL), (finding,)


def _read_footer(path: Path) -> Any:
    """Read the five numbers behind the values; None where they are not there."""
    header = _read_header(path)
    block = _block(path, header)
    end = START + block.nbytes
    if block.container is None:
        raw = read_bytes(path, end, FOOTER.itemsize) if size_of(path) >= end + FOOTER.itemsize else b""
    else:
        try:
            raw = unpack(path, "gzip", FOOTER.itemsize, skip=end).tobytes()
        except FormatError:  # a short or damaged stream: reading the values tells
            raw = b""
    return np.frombuffer(raw, FOOTER, 1)[0] if len(raw) == FOOTER.itemsize else None


def _numbers(footer: Any) -> dict[str, float]:
    """Numbers of the footer that say something."""
    if footer is None:
        return {}
    found = {name: float(footer[name]) for name in FACTS}
    return {name: value for name, value in found.items() if math.isfinite(value) and value > 0}


def _facts(footer: Any) -> tuple[tuple[str, str], ...]:
    return tuple((FACTS[name], f"{value:.9g}") for name, value in _numbers(footer).items())


def _times(footer: Any, lead_shape: tuple[int, ...]) -> dict[str, tuple[float, ...]]:
    """Frames follow each other by TR, as FreeSurfer and nibabel take it."""
    step = _numbers(footer).get("tr")
    return {TIME: tuple(n * step / 1000 for n in range(lead_shape[0]))} if step and lead_shape else {}


def _line(fields: Any, name: str) -> HeaderElement:
    value = np.asarray(fields[name])
    return HeaderElement(name, value.dtype.name, FACTS.get(name, ""), str(value.tolist()))


# -- writing ------------------------------------------------------------------------------------


def _accepted(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    return dtype if dtype.str[1:] in _CODES else None


def _header(volume: Volume, values: NDArray[Any]) -> Any:
    sizes = np.array([*reversed(volume.grid.shape), values.shape[0] if values.ndim == 4 else 1])
    if sizes.max() >= _LONGEST:
        raise UnsupportedError("an axis is too long for MGH", got=sizes.tolist())
    matrix = ras_from_lps(volume.grid.affine)
    steps = np.linalg.norm(matrix[:3, :3], axis=0)
    header = np.zeros((), HEADER)
    header["version"], header["dims"], header["goodRASFlag"] = 1, sizes, 1
    header["type"] = _CODES[values.dtype.str[1:]]
    header["delta"], header["Mdc"] = steps, (matrix[:3, :3] / steps).T
    header["Pxyz_c"] = matrix[:3, 3] + matrix[:3, :3] @ (sizes[:3] / 2)
    return header


def _footer(volume: Volume, step_s: float | None) -> Any:
    footer = np.zeros((), FOOTER)
    known = dict(volume.known_provenance.parameters) if volume.known_provenance.operation == "read" else {}
    for name, fact in FACTS.items():
        try:
            footer[name] = float(known.get(fact, 0))
        except ValueError:
            continue
    if step_s is not None:
        footer["tr"] = step_s * 1000
    return footer

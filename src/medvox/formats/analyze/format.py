"""Analyze 7.5 (.hdr and .img), plain and as SPM99 and SPM2 write it."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import CHANNEL, SPATIAL, TIME
from medvox.core.errors import MissingError, UnsupportedError, WriteError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid, Space
from medvox.core.progress import Progress, silent
from medvox.core.rescale import IDENTITY, Rescale
from medvox.core.study import HeaderElement, Image
from medvox.core.volume import Volume
from medvox.formats.analyze import header as headers
from medvox.formats.analyze.geometry import REFERENCE, USUAL, mat_bytes, origin_field, read_grid, usual_affine
from medvox.formats.analyze.header import AnalyzeHeader
from medvox.formats.atomic import atomic_file
from medvox.formats.base import Format, Head, WriteReport
from medvox.formats.content import Content
from medvox.formats.files import partner, read_bytes
from medvox.formats.losses import common_losses
from medvox.formats.reorder import Reordered, reorder
from medvox.formats.stored import Stored, stored_values
from medvox.formats.values.block import Block
from medvox.formats.values.compression import GZIP_MAGIC, first_bytes

_UNIT_BYTES = 7
"""Longest text in cal_units."""
_EXACT = 2**53
"""Whole numbers up to this are exact as float64."""


@dataclass(frozen=True, slots=True)
class AnalyzeFormat(Format):
    """Analyze 7.5.

    The suffixes are NIfTI's too: by name it is written under .analyze.hdr only, else by its key.
    """

    name: ClassVar[str] = "Analyze"
    suffixes: ClassVar[tuple[str, ...]] = (".hdr", ".img", ".hdr.gz", ".img.gz")
    writes: ClassVar[bool] = True
    written_suffixes: ClassVar[tuple[str, ...]] = (".analyze.hdr", ".analyze.img")
    holds: ClassVar[str] = (
        "7.5, SPM99, SPM2, both byte orders; unit, slope, RGB, a fourth axis; affine in a .mat file"
    )
    lossy: ClassVar[str] = "times, intercept of the scale, frame of reference, uneven slices, windows"

    def sniff(self, head: Head) -> float:
        """Look for sizeof_hdr 348, plausible sizes, no NIfTI magic; for an .img in the .hdr beside it."""
        if headers.recognise(head.first):
            return 0.9
        if head.suffix_text.endswith((".img", ".img.gz")):
            try:
                other = partner(head.path, ".hdr")
                return 0.85 if other and headers.recognise(first_bytes(other, headers.SIZE)) else 0.0
            except (OSError, ValueError):
                return 0.0
        return 0.0

    def images(self, path: Path) -> tuple[Image, ...]:
        """Read the header; one image a pair."""
        return (_content(path).image(),)

    def header(self, path: Path) -> tuple[HeaderElement, ...]:
        """Every field, in file order."""
        header = _read_header(_header_path(path))
        return tuple(_line(header, name) for name in header.fields.dtype.names)

    def companions(self, path: Path) -> tuple[Path, ...]:
        """Return the .img and the .mat file of a .hdr; none of an .img, so that one of the pair is opened."""
        if not path.name.lower().endswith((".hdr", ".hdr.gz")):
            return ()
        return tuple(other for ending in (".img", ".mat") if (other := partner(path, ending)))

    def write(self, volume: Volume, path: Path, progress: Progress = silent) -> WriteReport:
        """Write header and values as SPM2 does, and a .mat file with the affine where the place is known.

        Voxels are brought into the order that programs expect which do not read the .mat file: i to the
        left, j to anterior, k to superior, or as near to it as their axes allow.
        """
        _check_axes(volume, path)
        stored = _stored(volume, progress)
        known = volume.grid.space is Space.PATIENT
        order = reorder(volume.grid, USUAL) if known else Reordered(volume.grid)
        values, sizes, code = _file_order(order.values(stored.values), volume)
        if max(sizes) > headers.MOST_AXIS:
            raise UnsupportedError(
                "an axis is too long for Analyze", where=path, got=sizes, expected="32767 at most"
            )
        head, data, mat = (path.with_suffix(ending) for ending in (".hdr", ".img", ".mat"))
        if not known and mat.exists():
            raise WriteError(
                "a .mat file of another image lies beside",
                where=mat,
                advice="Remove it: readers would use its matrix",
            )
        fields = _fields(volume, order.grid, stored.rescale, sizes, code, values.dtype)
        parts: dict[Path, Any] = {head: headers.pack(fields), data: values.reshape(-1).view(np.uint8).data}
        if known:
            parts[mat] = mat_bytes(order.grid)
        with ExitStack() as stack:
            opened = {name: stack.enter_context(atomic_file(name)) for name in parts}
            for name, content in parts.items():
                opened[name].write(content)
        return WriteReport(tuple(parts), (*_losses(volume), *stored.losses, *order.losses))


# -- reading ------------------------------------------------------------------------------------


def _read_header(path: Path) -> AnalyzeHeader:
    return headers.parse(first_bytes(path, headers.SIZE), str(path))


def _header_path(path: Path) -> Path:
    if not path.name.lower().endswith((".img", ".img.gz")):
        return path
    other = partner(path, ".hdr")
    if other is None:
        raise MissingError("the header of the pair is missing", where=path, expected="a .hdr file beside it")
    return other


def _content(path: Path) -> Content:
    path = _header_path(path)
    header = _read_header(path)
    values = partner(path, ".img")
    if values is None:
        raise MissingError(
            "the values of the pair are missing", where=path, expected="an .img file beside it"
        )
    lead, block = _layout(header, values)
    block.check("dim")
    grid, findings = read_grid(header, partner(path, ".mat"))
    rescale, notes = _rescale(header)
    count = header.voxel[1]
    is_complex = int(header["datatype"]) == headers.COMPLEX
    return Content(
        path=path,
        grid=grid,
        array=block.array,
        axes=(*(name for name, _ in lead), *((CHANNEL,) if count > 1 else ()), *SPATIAL),
        lead_shape=(*(size for _, size in lead), *((count,) if count > 1 else ())),
        unit=header.text("cal_units") or "1",
        rescale=rescale,
        meaning="complex: real and imaginary part" if is_complex else "",
        findings=(*findings, *notes, *_time_note(header, lead)),
    )


def _layout(header: AnalyzeHeader, path: Path) -> tuple[tuple[tuple[str, int], ...], Block]:
    """Name and size of the axes before k, slowest first, and where the values lie."""
    sizes = header.sizes
    number, count = header.voxel
    names = {3: TIME, 4: "dim5", 5: "dim6", 6: "dim7"}
    lead = tuple((names[n], sizes[n]) for n in range(len(sizes) - 1, 2, -1) if sizes[n] > 1)
    k, j, i = sizes[2], sizes[1], sizes[0]
    frame = (j, i) if count == 1 else (j, i, count)
    container = "gzip" if read_bytes(path, 0, 3) == GZIP_MAGIC else None
    shape = (*(size for _, size in lead), k)
    return lead, Block(path, header.start, shape, frame, number, container)  # type: ignore[arg-type]


def _rescale(header: AnalyzeHeader) -> tuple[Rescale, tuple[Finding, ...]]:
    """SPM's scale: funused1 (and funused2), else from the ranges before and after it, as SPM2 reads them."""
    if header.voxel[1] > 1:
        return IDENTITY, ()
    slope, intercept = float(header["funused1"]), float(header["funused2"])
    if math.isfinite(slope) and slope != 0:
        return Rescale.of(slope, intercept if math.isfinite(intercept) else 0.0), ()
    before = int(header["glmax"]) - int(header["glmin"])
    low, high = float(header["cal_min"]), float(header["cal_max"])
    if not before or not math.isfinite(low) or not math.isfinite(high) or low == high:
        return IDENTITY, ()
    slope = (high - low) / before
    intercept = low - slope * int(header["glmin"])
    if (slope, intercept) == (1.0, 0.0):
        return IDENTITY, ()
    text = f"no scale is given: as in SPM2, {slope:.6g} from cal_max, cal_min, glmax and glmin"
    finding = Finding("private-scaling", Level.WARNING, header.where, text, REFERENCE)
    return Rescale.of(slope, intercept), (finding,)


def _time_note(header: AnalyzeHeader, lead: tuple[tuple[str, int], ...]) -> tuple[Finding, ...]:
    step = float(header["pixdim"][4])
    if TIME not in dict(lead) or not math.isfinite(step) or step <= 0:
        return ()
    text = f"pixdim[4] is {step:g}; dbh.h means ms, programs write s too: time points have no times"
    return (Finding("ambiguous-4d", Level.INFO, header.where, text, REFERENCE),)


def _line(header: AnalyzeHeader, name: str) -> HeaderElement:
    kind = header.fields.dtype[name]
    value = header.text(name) if kind.kind == "S" else str(np.asarray(header.fields[name]).tolist())
    identifying = name in headers.IDENTIFYING and value != ""
    return HeaderElement(name, kind.base.name, "", value, identifying=identifying)


# -- writing ------------------------------------------------------------------------------------


def _accepted(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    return dtype if dtype.str[1:] in headers.CODES else None


def _check_axes(volume: Volume, path: Path) -> None:
    if volume.is_colour and (
        volume.channels != 3 or volume.dtype != np.uint8 or not volume.rescale.is_identity
    ):
        raise UnsupportedError("Analyze holds colours of 3 bytes only", where=path, got=volume.dtype)
    if len(volume.lead_axes) > 4:
        raise UnsupportedError("Analyze holds seven axes at most", where=path, got=volume.axes)


def _stored(volume: Volume, progress: Progress) -> Stored:
    """Values to write; a slope is kept where the header's float32 holds it exactly."""
    rescale = volume.rescale
    kept = rescale.is_uniform and rescale.table is None and float(rescale.intercept) == 0
    kept = kept and float(np.float32(rescale.slope)) == float(rescale.slope)
    try:
        return stored_values(volume, _accepted, progress, keeps_rescale=kept)
    except UnsupportedError:
        values = volume.values(progress=progress)
        if values.dtype.kind not in "iu" or max(abs(int(values.min())), abs(int(values.max()))) > _EXACT:
            raise
        text = f"The values are written as float64, every value kept; they were {values.dtype}."
        return Stored(values.astype(np.float64), IDENTITY, (text,))


def _file_order(values: NDArray[Any], volume: Volume) -> tuple[NDArray[Any], tuple[int, ...], int]:
    """Values in C order of the file, sizes with the fastest first, and the data type code."""
    lead = [name for name in volume.lead_axes if name != TIME] + [TIME] * (TIME in volume.axes)
    order = [*lead, *SPATIAL, *([CHANNEL] if volume.is_colour else [])]
    arranged = np.ascontiguousarray(values.transpose([volume.axes.index(name) for name in order]))
    sizes = arranged.shape[: len(lead) + 3][::-1]
    code = headers.RGB if volume.is_colour else headers.CODES[arranged.dtype.str[1:]]
    return arranged.astype(arranged.dtype.newbyteorder("<"), copy=False), sizes, code


def _fields(
    volume: Volume, grid: Grid, rescale: Rescale, sizes: tuple[int, ...], code: int, dtype: np.dtype[Any]
) -> dict[str, Any]:
    pixdim = np.zeros(8)
    pixdim[1:4] = grid.spacing_mm[::-1]
    return {
        "dim": headers.sizes_field(sizes),
        "pixdim": pixdim,
        "datatype": code,
        "bitpix": 24 if code == headers.RGB else 8 * dtype.itemsize,
        "vox_units": b"pixe" if grid.space is Space.PIXEL else b"mm",
        "cal_units": volume.unit.encode("ascii", "replace") if _keeps_unit(volume) else b"",
        "funused1": float(rescale.slope),
        "originator": origin_field(grid),
    }


def _keeps_unit(volume: Volume) -> bool:
    return volume.unit != "1" and volume.unit.isascii() and len(volume.unit) <= _UNIT_BYTES


def _losses(volume: Volume) -> list[str]:
    grid = volume.grid
    keeps = ["unit"] if _keeps_unit(volume) else []
    if grid.space in (Space.LOCAL, Space.PIXEL):
        keeps.append("space")
    losses = common_losses(volume, keeps)
    if grid.space is Space.PATIENT:
        return losses
    unplaced = Grid.pixels(grid.shape)
    if grid.space is not Space.PIXEL:
        matrix = usual_affine(grid.shape, np.array(grid.spacing_mm[::-1]))
        unplaced = replace(unplaced, affine=matrix)
    if not grid.is_close(unplaced):
        losses.append("The file does not hold orientation and position of an image whose place is not known.")
    return losses

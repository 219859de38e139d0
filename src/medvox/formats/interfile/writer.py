"""Writing Interfile in STIR's dialect of 3.3, which (X)MedCon reads too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import TIME
from medvox.core.errors import UnsupportedError
from medvox.core.grid import Grid, Space
from medvox.core.progress import Progress
from medvox.core.rescale import Rescale
from medvox.core.volume import Volume
from medvox.formats.atomic import atomic_file
from medvox.formats.base import WriteReport
from medvox.formats.gantry import POSITIONS, USUAL, scanner_axes
from medvox.formats.interfile.layout import DURATION_KEY, DURATIONS, START_KEY
from medvox.formats.losses import common_losses
from medvox.formats.reorder import Reordered, reorder, straight_axes
from medvox.formats.stored import Stored, stored_values
from medvox.formats.text_header import say

_DATA_SUFFIX = {".hv": ".v", ".h33": ".i33"}
_TYPES = {"i": "signed integer", "u": "unsigned integer", "f": "float"}
_STORED = ("i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8")
_PATIENT = {"HF": "head_in", "FF": "feet_in", "S": "supine", "P": "prone", "DR": "right", "DL": "left"}
_MODALITIES = {"PT": "PT", "NM": "nucmed", "CT": "CT", "MR": "MR"}


def write_pair(volume: Volume, path: Path, progress: Progress) -> WriteReport:
    """Write header and values.

    Volumes of a known place are stored along the scanner's axes, their slices in its order; axes that are
    not the patient's cannot be held.

    Raises
    ------
    UnsupportedError
        If the volume has colours, more than one axis before k, or numbers that cannot be held.
    """
    if volume.is_colour or len(volume.axes) > 4:
        raise UnsupportedError(
            "Interfile is written with one value a voxel and one axis before k at most",
            where=path,
            got=volume.axes,
        )
    stored, by_slice = _stored(volume, progress)
    place = _place(volume)
    order = reorder(volume.grid, POSITIONS[place]) if place else Reordered(volume.grid)
    rescale = order.rescale(stored.rescale)
    values = np.ascontiguousarray(order.values(stored.values))
    values = values.astype(values.dtype.newbyteorder("<"), copy=False)
    suffix = next((s for s in _DATA_SUFFIX if path.name.lower().endswith(s)), ".hv")
    data = path.with_suffix(_DATA_SUFFIX[suffix])
    text = "".join(f"{line}\n" for line in _lines(volume, order.grid, rescale, values, data.name, place))
    with ExitStack() as stack:
        head, body = stack.enter_context(atomic_file(path)), stack.enter_context(atomic_file(data))
        head.write(text.encode("utf-8"))
        body.write(values.reshape(-1).view(np.uint8).data)
    losses = [*_losses(volume, place, by_slice), *stored.losses, *order.losses]
    return WriteReport((path, data), tuple(losses))


def _stored(volume: Volume, progress: Progress) -> tuple[Stored, bool]:
    """Values to write and their scale, and whether each slice keeps its own."""
    rescale = volume.rescale
    plain = rescale.table is None and not rescale.intercept.any()
    if not plain or rescale.is_uniform:
        return stored_values(volume, _accepted, progress, keeps_rescale=plain), False
    bare = volume.derive(volume.data, "stored")
    stored = stored_values(bare, _accepted, progress)
    return Stored(stored.values, rescale, stored.losses), True


def _accepted(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    return dtype if dtype.str[1:] in _STORED else None


def _place(volume: Volume) -> str | None:
    """Patient position to write; None where the place is not known or no position has these axes."""
    grid = volume.grid
    if grid.space is not Space.PATIENT or not straight_axes(grid):
        return None
    letters = "".join(reversed(grid.letters))
    return next((name for name, axes in POSITIONS.items() if axes == letters), USUAL)


def _losses(volume: Volume, place: str | None, by_slice: bool) -> list[str]:
    grid, keeps = volume.grid, ["times"]
    if by_slice:
        keeps.append("slice_rescale")
    if volume.modality in (None, *_MODALITIES):
        keeps.append("modality")
    if grid.space in (Space.LOCAL, Space.PIXEL):
        keeps.append("space")
    losses = common_losses(volume, keeps)
    if place is None and grid.space is Space.PATIENT:
        text = "The axes are oblique or sheared: the file holds spacing, but neither orientation nor position"
        losses += [f"{text}.", "The file does not hold the place in the patient."]
    elif place is None and grid.space is Space.PIXEL:
        if not grid.is_close(Grid.pixels(grid.shape)):
            losses.append("The file does not hold the affine of an image in pixels.")
    elif place is None and not grid.is_close(_unplaced(grid)):
        losses.append("The file does not hold orientation and position of an image whose place is not known.")
    return losses


def _unplaced(grid: Grid) -> Grid:
    """Grid as a reader takes it from a header without a place; see `geometry`."""
    k, j, i = grid.spacing_mm
    axes = scanner_axes(USUAL)
    matrix = np.eye(4)
    matrix[:3, :3] = axes[:, ::-1] * (k, j, i)
    matrix[:3, 3] = axes @ (-(grid.shape[2] // 2) * i, -(grid.shape[1] // 2) * j, 0.0)
    return Grid(grid.shape, matrix, space=Space.LOCAL)


def _lines(
    volume: Volume, grid: Grid, rescale: Rescale, values: NDArray[Any], data: str, place: str | None
) -> Iterator[str]:
    yield "!INTERFILE :="
    yield f"!imaging modality := {_MODALITIES.get(volume.modality or '', 'unknown')}"
    yield "!version of keys := 3.3"
    yield f"name of data file := {data}"
    yield "!GENERAL DATA :="
    yield "!GENERAL IMAGE DATA :="
    if place is not None:
        yield f"patient orientation := {_PATIENT[place[:2]]}"
        yield f"patient rotation := {_PATIENT[place[2:]]}"
    yield "!type of data := PET"
    yield "imagedata byte order := LITTLEENDIAN"
    yield "!PET STUDY (General) :="
    yield "!PET data type := Image"
    yield "process status := Reconstructed"
    yield f"!number format := {_TYPES[values.dtype.kind]}"
    yield f"!number of bytes per pixel := {values.dtype.itemsize}"
    yield "number of dimensions := 3"
    yield from _axes(grid, place)
    yield from _frames(volume, rescale, values)
    yield "!END OF INTERFILE :="


def _axes(grid: Grid, place: str | None) -> Iterator[str]:
    sizes, steps = grid.shape[::-1], grid.spacing_mm[::-1]
    for axis, (name, size, step) in enumerate(zip("xyz", sizes, steps, strict=True), start=1):
        yield f"matrix axis label [{axis}] := {name}"
        yield f"!matrix size [{axis}] := {size}"
        if grid.space is not Space.PIXEL:
            yield f"scaling factor (mm/pixel) [{axis}] := {say(step)}"
    if place is not None:
        first = scanner_axes(place).T @ grid.affine[:3, 3]
        for axis, offset in enumerate(first, start=1):
            yield f"first pixel offset (mm) [{axis}] := {say(offset)}"


def _frames(volume: Volume, rescale: Rescale, values: NDArray[Any]) -> Iterator[str]:
    frames = values.shape[0] if values.ndim == 4 else 1
    yield f"number of time frames := {frames}"
    times = volume.coordinates.get(TIME, ())
    durations = _durations(volume, frames)
    slopes = np.broadcast_to(rescale.slope, (*values.shape[:-3], values.shape[-3])).reshape(frames, -1)
    for frame in range(frames):
        if times:
            yield f"{START_KEY}[{frame + 1}] := {say(times[frame])}"
        if durations:
            yield f"{DURATION_KEY}[{frame + 1}] := {durations[frame]}"
        if rescale.is_uniform and frames == 1 and rescale.is_identity:
            continue
        slope = say(rescale.slope) if rescale.is_uniform else "{" + ", ".join(map(say, slopes[frame])) + "}"
        yield f"image scaling factor[{frame + 1}] := {slope}"
        yield f"data offset in bytes[{frame + 1}] := {frame * values[0].nbytes if frames > 1 else 0}"
    if rescale.is_uniform and not rescale.is_identity:
        yield f"quantification units := {say(rescale.slope)}"


def _durations(volume: Volume, frames: int) -> list[str]:
    """Durations of the frames in seconds, as the file that the volume was read from had them."""
    known = volume.known_provenance
    words = dict(known.parameters).get(DURATIONS, "").split() if known.operation == "read" else []
    return words if len(words) == frames else []

"""Slices of a volume as pictures: patient planes with square pixels, as radiology hangs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import CHANNEL, LETTERS
from medvox.core.errors import UsageError
from medvox.core.grid import Grid, Space
from medvox.core.volume import Volume
from medvox.processing.resample import resample
from medvox.rendering.look import Look
from medvox.rendering.picture import Picture

AnyArray = NDArray[Any]
FloatArray = NDArray[np.float64]
Plane = Literal["axial", "coronal", "sagittal", "stored"]


@dataclass(frozen=True, slots=True)
class _Hanging:
    """LPS directions to the right and down on the screen, and the axis that slices are counted along."""

    right: tuple[float, float, float]
    down: tuple[float, float, float]
    axis: tuple[float, float, float]


_HANGINGS: Mapping[str, _Hanging] = MappingProxyType(
    {
        "axial": _Hanging((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        "coronal": _Hanging((1, 0, 0), (0, 0, -1), (0, 1, 0)),
        "sagittal": _Hanging((0, 1, 0), (0, 0, -1), (1, 0, 0)),
    }
)
"""The patient's right on the left (seen from the feet or the front); sagittal seen from the left."""

MAX_SIDE = 4096
_ALIGNED_COSINE = 1 - 1e-6


def slice_positions(grid: Grid, plane: Plane) -> FloatArray:
    """Positions in mm where slices of a plane lie, ascending along S, P or L.

    Where the voxels line up with the plane these are the stored slices, rows or columns; else a ladder
    through the bounding box with the spacing of the nearest index axis. For ``"stored"``: the slices'
    depths along their normal.
    """
    if plane == "stored":
        return np.array(grid.depths_mm)
    axis = np.asarray(_hanging(plane).axis)
    nearest = int(np.argmax(np.abs(axis @ grid.direction)))
    if nearest == 0 and not grid.is_even and abs(float(grid.normal @ axis)) > _ALIGNED_COSINE:
        return np.sort(grid.origins_mm @ axis)
    reach = grid.corners_mm() @ axis
    step = grid.spacing_mm[nearest]
    count = int(np.floor((reach.max() - reach.min()) / step + 1e-3)) + 1
    return np.asarray(reach.min() + step * np.arange(count))


def slice_image(
    volume: Volume,
    plane: Plane = "axial",
    index: int | None = None,
    position_mm: float | None = None,
    lead: Sequence[int] = (),
    look: Look | None = None,
) -> Picture:
    """Picture of one slice, interpolated linearly where voxels and pixels do not coincide.

    Parameters
    ----------
    plane
        A patient plane, or ``"stored"``: the slice as stored, rows down, columns to the right.
    index
        Number in `slice_positions` (for ``"stored"`` the slice number k); None: the middle.
    position_mm
        Position along S, P or L (for ``"stored"`` the depth along the normal), instead of `index`.
    lead
        Position along `volume.lead_axes`; the first where left out.
    look
        Window, inversion and colors.

    Returns
    -------
    Picture
        Square pixels of the finer in-plane spacing. A lazy volume reads no slices but those needed.

    Raises
    ------
    UsageError
        If the plane is unknown or the index outside.
    """
    positions = slice_positions(volume.grid, plane)
    if position_mm is not None:
        index = int(np.argmin(np.abs(positions - position_mm)))
    number = len(positions) // 2 if index is None else index
    if not 0 <= number < len(positions):
        raise UsageError("no such slice", got=number, expected=f"0 to {len(positions) - 1}")
    at = float(positions[number]) if position_mm is None else position_mm
    target = _stored_grid(volume.grid, number) if plane == "stored" else plane_grid(volume.grid, plane, at)
    values = plane_values(volume, target, lead)
    pixels = (look or Look()).settled(volume).paint(volume, values)
    return Picture(pixels, _pixel_mm(target), edge_letters(target), _label(target, plane, number, at))


def plane_values(volume: Volume, target: Grid, lead: Sequence[int] = ()) -> AnyArray:
    """Values on a one-slice grid as (rows, columns) or (channel, rows, columns) float32, NaN outside."""
    index = volume.grid.to_voxel(target.corners_mm())[:, 0]
    last = volume.grid.shape[0] - 1
    low = int(np.clip(np.floor(index.min() + 1e-6), 0, last))
    high = int(np.clip(np.ceil(index.max() - 1e-6), 0, last))
    if not volume.grid.is_even:  # two slices at least, so that depths keep their order
        low, high = (low, high) if high > low else (max(low - 1, 0), min(low + 1, last))
    part = slab(volume, lead, low, high + 1)
    if part.grid.is_close(target):
        return np.asarray(part.values(np.float32)[..., 0, :, :])
    values = resample(part, target, "linear", outside=np.nan, dtype=np.float32).data
    return np.asarray(values)[..., 0, :, :]


def slab(volume: Volume, lead: Sequence[int], low: int, high: int) -> Volume:
    """Slices low to high (left out) of one position before k, read from lazy data without the others."""
    at = (*lead, *(0,) * (len(volume.lead_shape) - len(lead)))
    left = iter(at)
    key = tuple(slice(None) if name == CHANNEL else next(left) for name in volume.axes[:-3])
    return replace(
        volume,
        data=volume.data[(*key, slice(low, high))],
        grid=volume.grid.crop((slice(low, high), slice(None), slice(None))),
        axes=tuple(name for name in volume.axes if name == CHANNEL or name in ("k", "j", "i")),
        rescale=volume.rescale.at((*at, slice(low, high))),
        coordinates={},
        provenance=None,
    )


def plane_grid(grid: Grid, plane: Plane, position_mm: float) -> Grid:
    """One-slice grid of a patient plane that spans the whole of `grid`, with square pixels."""
    hanging = _hanging(plane)
    right, down, axis = (np.asarray(v) for v in (hanging.right, hanging.down, hanging.axis))
    depth_axis = int(np.argmax(np.abs(axis @ grid.direction)))
    spacing = [s for n, s in enumerate(grid.spacing_mm) if n != depth_axis or grid.shape[0] == 1]
    corners = grid.corners_mm()
    across, along = corners @ right, corners @ down
    pixel = _bounded(min(spacing), max(np.ptp(across), np.ptp(along)))
    columns = int(np.floor(np.ptp(across) / pixel + 1e-3)) + 1
    rows = int(np.floor(np.ptp(along) / pixel + 1e-3)) + 1
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = axis * pixel, down * pixel, right * pixel
    matrix[:3, 3] = axis * position_mm + right * across.min() + down * along.min()
    return Grid((1, rows, columns), matrix, grid.frame_of_reference, None, grid.space)


def _bounded(pixel: float, reach: float) -> float:
    return max(pixel, reach / (MAX_SIDE - 1))


def _stored_grid(grid: Grid, k: int) -> Grid:
    """Grid of stored slice `k`, with square pixels; the very grid of the slice where they are square."""
    one = grid.crop((slice(k, k + 1), slice(None), slice(None)))
    row, column = one.spacing_mm[1:]
    if abs(row - column) <= 1e-3 * min(row, column):
        return replace(one, slice_origins_mm=None)
    rows, columns = one.shape[1:]
    pixel = _bounded(min(row, column), max((rows - 1) * row, (columns - 1) * column))
    matrix = one.affine.copy()
    matrix[:3, 1] *= pixel / row
    matrix[:3, 2] *= pixel / column
    shape = (1, round((rows - 1) * row / pixel) + 1, round((columns - 1) * column / pixel) + 1)
    return Grid(shape, matrix, grid.frame_of_reference, None, grid.space)


def _hanging(plane: str) -> _Hanging:
    if plane not in _HANGINGS:
        raise UsageError("no such plane", got=plane, expected=(*_HANGINGS, "stored"))
    return _HANGINGS[plane]


def _pixel_mm(grid: Grid) -> float | None:
    known = grid.space in (Space.PATIENT, Space.LOCAL, Space.CALIBRATED)
    return grid.spacing_mm[2] if known else None


def direction_letters(direction: Sequence[float] | FloatArray) -> str:
    """Letters of a direction in the patient, the strongest first, e.g. ``"PL"``; at most three.

    Components below a quarter (15°) are left out, like on most workstations (PS3.3 C.7.6.1.1.1 allows up
    to three letters).
    """
    vector = np.asarray(direction, dtype=np.float64)
    vector = vector / np.linalg.norm(vector)
    order = [n for n in np.argsort(-np.abs(vector)) if abs(vector[n]) >= 0.25]
    return "".join(LETTERS[n][0 if vector[n] > 0 else 1] for n in order)


def edge_letters(grid: Grid) -> tuple[str, str, str, str]:
    """Letters for the left, right, top and bottom edge of a slice shown rows down, columns right."""
    if grid.space is not Space.PATIENT:
        return "", "", "", ""
    right, down = grid.affine[:3, 2], grid.affine[:3, 1]
    return (
        direction_letters(-right),
        direction_letters(right),
        direction_letters(-down),
        direction_letters(down),
    )


def _label(grid: Grid, plane: Plane, number: int, position_mm: float) -> str:
    if plane == "stored" or grid.space is not Space.PATIENT:
        return f"{number + 1}"
    axis = {"axial": 2, "coronal": 1, "sagittal": 0}[plane]
    return f"{LETTERS[axis][0 if position_mm >= 0 else 1]} {abs(position_mm):.1f} mm"

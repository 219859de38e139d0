"""Sizes of one mask: volume, surface, position, axes and diameters, with their discretization uncertainty."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import GeometryError, MissingError
from medvox.core.grid import Grid, Space
from medvox.core.labels import LabelMap
from medvox.measurement.quantity import Quantity
from medvox.measurement.size import discretization as error
from medvox.measurement.size.crossing import crossed_perimeter, crossed_surface
from medvox.measurement.size.diameter import Diameter, SliceDiameters, longest_diameter, slice_diameters

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class MaskSize:
    """Sizes of one segment.

    Parameters
    ----------
    name
        Of the segment.
    voxels
        Number of voxels; 0 for an empty segment, whose other fields are empty.
    quantities
        Volume, areas, lengths, in the order of a table.
    centroid_mm
        (3,) LPS, or None.
    axes
        (3, 3) unit vectors (rows, LPS) of the principal axes, the longest first, or None.
    longest
        The longest 3D diameter with its end points, or None.
    in_plane
        RECIST and WHO diameters, or None.
    at_border
        Whether the segment reaches the edge of the image, and may go on beyond it.
    """

    name: str
    voxels: int
    quantities: tuple[Quantity, ...] = ()
    centroid_mm: FloatArray | None = None
    axes: FloatArray | None = None
    longest: Diameter | None = None
    in_plane: SliceDiameters | None = None
    at_border: bool = False

    def __getitem__(self, name: str) -> Quantity:
        for quantity in self.quantities:
            if quantity.name == name:
                return quantity
        raise MissingError("no such quantity", got=name, expected=[q.name for q in self.quantities])


@dataclass(frozen=True, slots=True)
class _Moments:
    """Of the mask on the stored grid; lengths in mm, LPS."""

    volume: float
    centroid: FloatArray
    covariance: FloatArray


def measure_labels(labels: LabelMap) -> tuple[MaskSize, ...]:
    """Measure every segment; empty ones are listed with 0 voxels.

    Fractional segments count from one half; `LabelMap.volume_ml` counts them in part.
    """
    return tuple(measure_mask(labels.mask(s.name), labels.grid, s.name) for s in labels.segments)


def measure_mask(mask: Mask, grid: Grid, name: str = "") -> MaskSize:
    """Measure one mask.

    The volume is that of the stored grid: each slice reaches to the midpoints between positions. Surface,
    perimeter and their uncertainties take the mean slice distance of an uneven stack.

    Parameters
    ----------
    mask
        (k, j, i) on `grid`.

    Raises
    ------
    GeometryError
        If the mask does not fit the grid.
    """
    from medvox.measurement.size.mask_kernels import row_ends, slice_sums

    if mask.shape != grid.shape:
        raise GeometryError(
            "mask does not fit the grid", where=name or None, got=mask.shape, expected=grid.shape
        )
    ends = row_ends(np.ascontiguousarray(mask, bool))
    if not len(ends):
        return MaskSize(name, 0)
    low, high = ends.min(axis=0), ends.max(axis=0)
    box = tuple(slice(int(a), int(b) + 1) for a, b in zip(low, high, strict=True))
    part = np.ascontiguousarray(mask[box], bool)
    sums = slice_sums(part)
    moments = _moments(sums, grid, low)
    spread, axes = np.linalg.eigh(moments.covariance)
    lengths = np.sqrt(5 * spread.clip(0)[::-1])
    cell = grid.affine[:3, :3]
    body = 5 * (moments.covariance + cell @ cell.T / 12)
    volume_95 = error.volume_95(moments.volume, body, cell)
    area, area_95 = crossed_surface(part, cell, body)
    longest = longest_diameter(grid.to_patient(ends), body, cell)
    in_plane = slice_diameters(ends - (low[0], 0, 0), sums, grid, int(low[0]))
    unit = _units(grid.space)
    relative = error.AXIS_95 * volume_95 / moments.volume
    ball = (6 * moments.volume / math.pi) ** (1 / 3)
    made = [
        Quantity("volume", moments.volume / unit.per_volume, unit.volume, volume_95 / unit.per_volume),
        Quantity("surface_area", area, unit.area, area_95),
        Quantity("sphericity", math.pi * ball**2 / area, "1", math.pi * ball**2 / area * area_95 / area),
        Quantity("equivalent_diameter", ball, unit.length, ball * volume_95 / moments.volume / 3),
        *(
            Quantity(n, 2 * float(x), unit.length, 2 * float(x) * relative)
            for n, x in zip(("major_axis", "minor_axis", "least_axis"), lengths, strict=True)
        ),
        Quantity("longest_diameter", longest.length_mm, unit.length, longest.discretization_95),
        *in_plane.quantities(unit.length, unit.area),
        *_slice_quantities(part, sums, cell, unit.length, unit.area),
    ]
    border = bool((low == 0).any() or (high == np.asarray(grid.shape) - 1).any())
    count = int(sums[:, 0].sum())
    return MaskSize(name, count, tuple(made), moments.centroid, axes.T[::-1], longest, in_plane, border)


@dataclass(frozen=True, slots=True)
class _Units:
    length: str
    area: str
    volume: str
    per_volume: float


def _units(space: Space) -> _Units:
    if space is Space.PIXEL:
        return _Units("{pixel}", "{pixel}2", "{pixel}3", 1.0)
    return _Units("mm", "mm2", "mL", 1000.0)


def _moments(sums: FloatArray, grid: Grid, low: NDArray[np.int64]) -> _Moments:
    """Volume, centroid and covariance of the voxel centers, weighted by what each slice stands for.

    Parameters
    ----------
    sums
        (k, 6) of a part of the grid that begins at voxel `low`.
    """
    n, j, i, jj, ii, ji = sums.T
    slices = slice(int(low[0]), int(low[0]) + len(sums))
    weight, origins = grid.voxel_volumes_mm3[slices], grid.origins_mm[slices]
    volume = float(n @ weight)
    row, column = grid.affine[:3, 1], grid.affine[:3, 2]
    full = n > 0
    count = np.where(full, n, 1)
    j, i = j / count, i / count
    centers = origins + (j + low[1])[:, None] * row + (i + low[2])[:, None] * column
    share = n * weight / volume
    centroid = share @ centers
    across = centers - centroid
    covariance = np.einsum("k,ka,kb->ab", share, across, across)
    spread = [(jj / count - j * j) @ share, (ii / count - i * i) @ share, (ji / count - j * i) @ share]
    covariance += spread[0] * np.outer(row, row) + spread[1] * np.outer(column, column)
    covariance += spread[2] * (np.outer(row, column) + np.outer(column, row))
    return _Moments(volume, centroid, covariance)


def _slice_quantities(part: Mask, sums: FloatArray, cell: FloatArray, length: str, area: str) -> list[Any]:
    """Area and perimeter of the slice that has most voxels."""
    k = int(sums[:, 0].argmax())
    size, size_95, around, around_95 = crossed_perimeter(part[k], sums[k], cell)
    return [
        Quantity("largest_slice_area", size, area, size_95),
        Quantity("largest_slice_perimeter", around, length, around_95),
    ]

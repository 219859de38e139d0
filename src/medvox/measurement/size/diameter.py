"""Longest diameters: in 3D (Feret), and in a slice with the perpendicular one (RECIST 1.1, WHO)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medvox.core.grid import Grid
from medvox.measurement.quantity import Quantity
from medvox.measurement.size import discretization as error
from medvox.measurement.size.plane import ellipse, plane_axes, plane_cell

FloatArray = NDArray[np.float64]
PRODUCT = 0.8
"""The errors of the two diameters tend to be opposite: one that lies askew makes the other one longer."""
FEW = 400
"""Points whose distances are all looked at without a convex hull."""


@dataclass(frozen=True, slots=True, eq=False)
class Diameter:
    """A diameter and the (2, 3) LPS voxel centers that it lies along.

    The length is longer than the distance of these centers by what the outermost half voxels hold.
    """

    length_mm: float
    discretization_95: float
    ends_mm: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class SliceDiameters:
    """Longest in-plane diameter over all slices, and the extent across it in the same slice.

    Eisenhauer et al., Eur J Cancer 45:228-247, 2009 (RECIST 1.1); WHO Offset Publication 48, 1979.
    """

    slice: int
    long: Diameter
    short: Diameter

    def quantities(self, length: str, area: str) -> tuple[Quantity, Quantity, Quantity]:
        """RECIST long and short diameter, and their WHO product."""
        long, short = self.long, self.short
        product_95 = PRODUCT * np.hypot(
            long.discretization_95 * short.length_mm, short.discretization_95 * long.length_mm
        )
        return (
            Quantity("recist_long_diameter", long.length_mm, length, long.discretization_95),
            Quantity("recist_short_diameter", short.length_mm, length, short.discretization_95),
            Quantity("who_product", long.length_mm * short.length_mm, area, float(product_95)),
        )


def longest_diameter(points_mm: FloatArray, body: FloatArray, cell: FloatArray) -> Diameter:
    """Longest distance within a mask (maximum Feret diameter).

    Parameters
    ----------
    points_mm
        (n, 3) outermost voxel centers, LPS.
    body
        (3, 3) matrix of the ellipsoid of the same moments, mm².
    cell
        (3, 3) columns: steps of the lattice, mm.
    """
    from medvox.measurement.size.mask_kernels import longest

    outer = _outermost(points_mm)
    length, a, b = longest(outer)
    axes = np.sqrt(np.linalg.eigvalsh(body))[::-1]
    lacks, half = error.reach_3d(axes, 0, abs(float(np.linalg.det(cell))))
    return Diameter(float(length) + lacks, half, np.stack([outer[a], outer[b]]))


def slice_diameters(
    ends: NDArray[np.int64], sums: FloatArray, grid: Grid, first_slice: int
) -> SliceDiameters:
    """Longest in-plane diameter of all slices.

    Parameters
    ----------
    ends
        (n, 3) first and last voxels of each row, slices counted from `first_slice`, in order.
    sums
        (k, 6) of each slice, as of `medvox.measurement.size.mask_kernels.slice_sums`.
    """
    from medvox.measurement.size.mask_kernels import longest

    cell = plane_cell(grid.affine[:3, :3])
    flat = ends[:, 1:] @ cell.T
    best: tuple[float, int, FloatArray, FloatArray] | None = None
    for k in range(len(sums)):
        if not sums[k, 0]:
            continue
        points = _outermost(flat[ends[:, 0] == k])
        length, a, b = longest(points)
        if best is None or length > best[0]:
            best = float(length), k, points, np.stack([points[a], points[b]])
    assert best is not None
    length, k, points, pair = best
    axes = np.sqrt(np.linalg.eigvalsh(ellipse(sums[k], cell)))[::-1]
    pixel = abs(float(np.linalg.det(cell)))
    along = (pair[1] - pair[0]) / length if length else np.array([1.0, 0.0])
    extent = points @ np.array([-along[1], along[0]])
    across = np.stack([points[extent.argmin()], points[extent.argmax()]])
    made = []
    for number, (value, two) in enumerate(((length, pair), (float(np.ptp(extent)), across))):
        lacks, half = error.reach_2d(axes, number, pixel)
        made.append(Diameter(value + lacks, half, _in_patient(two, grid, first_slice + k)))
    return SliceDiameters(first_slice + k, made[0], made[1])


def _in_patient(points: FloatArray, grid: Grid, k: int) -> FloatArray:
    return np.asarray(grid.slice_origin_mm(k) + points @ plane_axes(grid.affine[:3, :3]))


def _outermost(points: FloatArray) -> FloatArray:
    """Corners of the convex hull; all points where they are few or lie in a plane or line."""
    if len(points) <= FEW:
        return points
    from scipy.spatial import ConvexHull, QhullError

    try:
        found: FloatArray = points[ConvexHull(points).vertices]
    except QhullError:
        found = points[ConvexHull(points, qhull_options="QJ").vertices]
    return found

"""Distances in millimetres on the stored grid: anisotropic, uneven and tilted stacks as they are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.grid import TILT_TOLERANCE_DEG, Grid
from medvox.segmentation.regions import Mask
from medvox.segmentation.slabs import in_slabs

AnyArray = NDArray[Any]
FloatArray = NDArray[np.float64]
Window = tuple[slice, slice, slice]
NEAR = 16
"""Up to so many voxels, looking at all neighbors within reach is faster than the lower envelope."""


def box(mask: Mask) -> Window | None:
    """Smallest window that holds what is set; None for an empty mask."""
    from medvox.segmentation.kernels import distance_kernels as kernels

    ends = kernels.box(np.ascontiguousarray(mask))
    if not ends[1]:
        return None
    return slice(*map(int, ends[:2])), slice(*map(int, ends[2:4])), slice(*map(int, ends[4:]))


def widened(window: Window, grid: Grid, reach_mm: float) -> Window:
    """Window grown by a distance on all sides, as far as the grid goes."""
    depths = grid.depths_mm
    low = int(np.searchsorted(depths, depths[window[0].start] - reach_mm - 1e-6))
    high = int(np.searchsorted(depths, depths[window[0].stop - 1] + reach_mm + 1e-6))
    parts = [slice(min(low, window[0].start), max(high, window[0].stop))]
    shift = np.abs(in_plane_shifts(grid)).max(axis=0) if is_leaning(grid) else np.zeros(2)
    for axis in (1, 2):
        more = math.ceil(reach_mm / grid.spacing_mm[axis] + shift[axis - 1] * 2) + 1
        start, stop = window[axis].start - more, window[axis].stop + more
        parts.append(slice(max(start, 0), min(stop, grid.shape[axis])))
    return parts[0], parts[1], parts[2]


def is_leaning(grid: Grid) -> bool:
    """Whether slices do not lie straight above each other."""
    if grid.shape[0] == 1:
        return False
    return grid.tilt_deg > TILT_TOLERANCE_DEG or bool(np.abs(in_plane_shifts(grid)).max() > 0.5)


def in_plane_shifts(grid: Grid) -> FloatArray:
    """(k, 2) how far each slice's first voxel lies beside that of the first, in rows and columns."""
    moved = (grid.origins_mm - grid.origins_mm[0]) @ np.linalg.pinv(grid.affine[:3, 1:3]).T
    return np.asarray(moved)


def squared_distance(mask: Mask, grid: Grid, reach_mm: float = math.inf, *, to: bool = True) -> AnyArray:
    """Square of the distance from each voxel to the nearest one of a mask, between voxel centers.

    Parameters
    ----------
    mask
        (k, j, i).
    grid
        Where its voxels are.
    reach_mm
        Distances above this are not computed: 1e30 stands there.
    to
        Measure to the voxels that are set, or to those that are not.

    Returns
    -------
    array
        (k, j, i) float32, mm²; 1e30 where there is nothing to measure to.

    Notes
    -----
    Slices lie at their own depths. In a tilted stack they lie beside each other too: distances between slices
    are then interpolated within the plane (error below a tenth of a pixel).
    """
    from medvox.segmentation.kernels import distance_kernels as kernels

    limit = reach_mm * reach_mm * (1 + 1e-5) if math.isfinite(reach_mm) else 1e29
    out = np.empty(mask.shape, np.float32)
    steps = np.array(grid.spacing_mm[1:])
    solid = np.ascontiguousarray(mask)
    in_slabs(lambda a, b: kernels.in_planes(solid, to, steps, limit, a, b, out), mask.shape[0])
    if mask.shape[0] == 1:
        return out
    if is_leaning(grid):
        return _across_leaning(out, grid, reach_mm)
    depths = np.asarray(grid.depths_mm - grid.depths_mm[0])
    in_slabs(lambda a, b: kernels.across_planes(out, depths, limit, a, b), mask.shape[1])
    return out


def _across_leaning(planes: AnyArray, grid: Grid, reach_mm: float) -> AnyArray:
    """Combine distances within slices where these lie beside each other."""
    from scipy.ndimage import shift

    distance = np.sqrt(planes)
    beside, depths = in_plane_shifts(grid), grid.depths_mm
    out = planes.copy()
    for k in range(len(planes)):
        for other in range(len(planes)):
            apart = abs(depths[k] - depths[other])
            if other == k or apart > reach_mm or planes[other].min() >= 1e29:
                continue
            moved = shift(
                distance[other],
                beside[other] - beside[k],
                order=1,
                mode="constant",
                cval=1e15,
                prefilter=False,
            )
            np.minimum(out[k], moved * moved + np.float32(apart**2), out=out[k])
    return out


def within_mm(mask: Mask, grid: Grid, distance_mm: float) -> Mask:
    """Voxels whose center is at most so far from that of a voxel of the mask: dilation by a ball.

    Raises
    ------
    UsageError
        If the distance is negative or not finite.
    """
    return _moved(mask, grid, distance_mm, grow=True)


def deeper_than_mm(mask: Mask, grid: Grid, distance_mm: float) -> Mask:
    """Voxels of the mask whose center is more than so far from any voxel outside: erosion by a ball.

    What lies beyond the image counts as neither inside nor outside.
    """
    return _moved(mask, grid, distance_mm, grow=False)


def _moved(mask: Mask, grid: Grid, distance_mm: float, *, grow: bool) -> Mask:
    from medvox.segmentation.kernels import distance_kernels as kernels

    if not 0 <= distance_mm < math.inf:
        raise UsageError("a distance must be a number from 0 up", got=distance_mm)
    window = box(mask)
    if window is None or distance_mm == 0:
        return mask.copy()
    window = widened(window, grid, distance_mm)
    part, local = np.ascontiguousarray(mask[window]), grid.crop(window)
    found = np.empty(part.shape, bool)
    reach = distance_mm * (1 + 5e-6)
    if reach / min(local.spacing_mm) <= NEAR and not is_leaning(local):
        near, steps = np.empty(part.shape, np.float32), np.array(local.spacing_mm[1:])
        depths = np.asarray(local.depths_mm - local.depths_mm[0])
        in_slabs(lambda a, b: kernels.near_in_planes(part, grow, steps, reach, a, b, near), len(part))
        in_slabs(lambda a, b: kernels.near_across(near, depths, reach, grow, a, b, found), len(part))
    else:
        squares = squared_distance(part, local, distance_mm, to=grow)
        in_slabs(lambda a, b: kernels.at_most(squares, reach * reach, grow, a, b, found), len(part))
    out = np.zeros(mask.shape, bool)
    out[window] = found
    return out


def signed_distance(mask: Mask, grid: Grid) -> AnyArray:
    """Distance in mm to the boundary of a mask, negative inside; half a step is taken off on both sides.

    Returns
    -------
    array
        (k, j, i) float32; 1e15 and more for an empty mask, -1e15 and less for a full one.
    """
    half = min(grid.spacing_mm[1:]) / 2
    away = np.sqrt(squared_distance(mask, grid))
    deep = np.sqrt(squared_distance(mask, grid, to=False))
    return np.where(mask, half - deep, away - half).astype(np.float32)

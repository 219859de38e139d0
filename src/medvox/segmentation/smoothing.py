"""Smoothing of masks that keeps their volume."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.segmentation.distance import box, widened
from medvox.segmentation.regions import Mask
from medvox.segmentation.slabs import in_slabs

AnyArray = NDArray[Any]
TAIL = 3.0
"""Gaussians are cut off at so many standard deviations."""


def smooth(mask: Mask, grid: Grid, sigma_mm: float, *, keep_volume: bool = True) -> Mask:
    """Smooth the surface of a mask: mean with a Gaussian, then the level that keeps the volume.

    Parameters
    ----------
    mask
        (k, j, i).
    grid
        Where its voxels are; slices weigh by their true distances and extents.
    sigma_mm
        Standard deviation of the Gaussian.
    keep_volume
        Choose the level of which the volume is nearest to that of the mask; else the level is one half,
        which shrinks what is thin.

    Raises
    ------
    UsageError
        If sigma is not a positive number.
    """
    from medvox.segmentation.kernels import distance_kernels as kernels

    if not 0 < sigma_mm < math.inf:
        raise UsageError("sigma must be above 0 mm", got=sigma_mm)
    window = box(mask)
    if window is None or mask.all():
        return mask.copy()
    window = widened(window, grid, TAIL * sigma_mm)
    part, local = np.ascontiguousarray(mask[window]).view(np.uint8), grid.crop(window)
    starts, along_k = _between_slices(local, sigma_mm)
    weights = [_gaussian(local.spacing_mm[axis], sigma_mm) for axis in (1, 2)]
    volumes = local.voxel_volumes_mm3
    means = np.empty(part.shape, np.uint16)

    def slab(first: int, last: int) -> AnyArray:
        counts = np.zeros(65536)
        kernels.smoothed(part, starts, along_k, *weights, first, last, means, counts, volumes)
        return counts

    counts = np.sum(in_slabs(slab, len(part)), axis=0)
    level = 32768
    if keep_volume:
        wanted = float(part.sum(axis=(1, 2), dtype=np.int64) @ volumes)
        above = np.cumsum(counts[::-1])[::-1]  # volume of values >= level
        level = 1 + int(np.abs(above[1:] - wanted).argmin())
    out = np.zeros(mask.shape, bool)
    out[window] = means >= level
    return out


def _gaussian(step_mm: float, sigma_mm: float) -> NDArray[np.float32]:
    reach = max(1, math.ceil(TAIL * sigma_mm / step_mm))
    x = np.arange(-reach, reach + 1) * step_mm / sigma_mm
    weights = np.exp(-0.5 * x * x)
    return np.asarray(weights / weights.sum(), np.float32)


def _between_slices(grid: Grid, sigma_mm: float) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For each slice, the first that weighs in and the weights from there on."""
    depths, extents = grid.depths_mm, grid.slice_extents_mm
    apart = (depths[:, None] - depths[None]) / sigma_mm
    weights = np.exp(-0.5 * apart**2) * extents * (np.abs(apart) <= TAIL + 1e-6)
    weights /= weights.sum(axis=1, keepdims=True)
    taps = int((weights > 0).sum(axis=1).max())
    starts = np.minimum((weights > 0).argmax(axis=1), len(depths) - taps)
    rows = np.take_along_axis(weights, starts[:, None] + np.arange(taps), axis=1)
    return starts, rows.astype(np.float32)

"""Masks, grids and volumes whose truth is known."""

from __future__ import annotations

import numpy as np

from medvox.core import affine as aff
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment
from medvox.core.volume import Volume

LPS = np.eye(3)[:, ::-1]


def grid(shape, spacing=(1.0, 1.0, 1.0)) -> Grid:
    return Grid(shape, aff.compose(spacing, LPS, (0, 0, 0)))


def uneven(shape, gaps) -> Grid:
    """Slices at uneven depths along z."""
    origins = np.zeros((shape[0], 3))
    origins[1:, 2] = np.cumsum(gaps)
    return Grid.from_origins(shape, np.array([[0, 1.0], [1.0, 0], [0, 0]]), origins)


def tilted(shape, shear=0.5) -> Grid:
    matrix = np.array(aff.compose((1.0, 1.0, 1.0), LPS, (0, 0, 0)))
    matrix[1, 0] = shear  # slices move along rows
    return Grid(shape, matrix)


def points(where: Grid) -> np.ndarray:
    """(k, j, i, 3) LPS mm of the voxel centers."""
    return where.to_patient(np.moveaxis(np.indices(where.shape, dtype=float), 0, -1))


def ball(where: Grid, center_mm, radius_mm) -> np.ndarray:
    return ((points(where) - np.asarray(center_mm, float)) ** 2).sum(axis=-1) <= radius_mm**2


def labels(*masks, where: Grid | None = None) -> LabelMap:
    """One segment a mask, "1", "2", ...; they must not overlap."""
    data = np.zeros(masks[0].shape, np.uint8)
    for number, mask in enumerate(masks, 1):
        data[mask] = number
    segments = tuple(Segment(n, f"part {n}") for n in range(1, len(masks) + 1))
    return LabelMap(data[None], where or grid(data.shape), segments)


def volume(values, where: Grid | None = None, **more) -> Volume:
    return Volume(np.asarray(values), where or grid(values.shape), **more)


def dice(a, b) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def noise(shape, seed=0, sigma=1.5, level=0.8) -> np.ndarray:
    """Blobs with holes and islands of all sizes."""
    from scipy.ndimage import gaussian_filter

    rough = gaussian_filter(np.random.default_rng(seed).normal(size=shape), sigma)
    return rough > level * rough.std()

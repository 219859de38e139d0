"""Volumes on other grids: read at other voxels, put in another order, moved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.affine import invert
from medvox.core.grid import Grid
from medvox.core.volume import Volume


def sample(values: NDArray[Any], source: Grid, target: Grid, outside: float = 0.0) -> NDArray[np.float32]:
    """Linear interpolation of (k, j, i) values on `source` at the voxels of `target`."""
    from scipy.ndimage import affine_transform

    step = invert(source.affine) @ target.affine
    data = np.asarray(values, dtype=np.float32)
    result = affine_transform(
        data, step[:3, :3], step[:3, 3], target.shape, order=1, mode="constant", cval=outside
    )
    return np.asarray(result, dtype=np.float32)


def to_sagittal(volume: Volume) -> Volume:
    """Order an axial (k up, j back, i left) volume as sagittal slices: rows down, columns back."""
    data = np.ascontiguousarray(np.asarray(volume.data).transpose(2, 0, 1)[:, ::-1])
    old = volume.grid.affine
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = old[:3, 2], -old[:3, 0], old[:3, 1]
    matrix[:3, 3] = old[:3, 3] + old[:3, 0] * (volume.grid.shape[0] - 1)
    k, j, i = volume.grid.shape
    grid = Grid((i, k, j), matrix, volume.grid.frame_of_reference, space=volume.grid.space)
    return replace(volume, data=data, grid=grid, provenance=None)


def moved(volume: Volume, motion: NDArray[np.float64], frame_of_reference: str) -> Volume:
    """Carry a volume to another frame of reference by a rigid 4x4 `motion` of its points."""
    grid = replace(volume.grid, affine=motion @ volume.grid.affine, frame_of_reference=frame_of_reference)
    return replace(volume, grid=grid, provenance=None)

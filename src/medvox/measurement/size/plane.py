"""A slice's own flat coordinates, and the ellipse of the same moments as a part of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def plane_axes(cell: FloatArray) -> FloatArray:
    """(2, 3) unit vectors that span the slices: along a row of voxels, and across it."""
    along = cell[:, 2] / np.linalg.norm(cell[:, 2])
    across = cell[:, 1] - (cell[:, 1] @ along) * along
    return np.stack([along, across / np.linalg.norm(across)])


def plane_cell(cell: FloatArray) -> FloatArray:
    """(2, 2) columns: steps of j and i in the coordinates of `plane_axes`, mm."""
    return np.asarray(plane_axes(cell) @ cell[:, 1:])


def ellipse(sums: FloatArray, cell: FloatArray) -> FloatArray:
    """(2, 2) matrix Q of the ellipse ``x' Q^-1 x = 1`` with the moments of one slice's pixels, mm².

    Parameters
    ----------
    sums
        (6,) as of `medvox.measurement.size.mask_kernels.slice_sums`.
    cell
        (2, 2) of `plane_cell`.
    """
    n, j, i, jj, ii, ji = sums
    spread = np.array([[jj / n - (j / n) ** 2, ji / n - j * i / n**2], [0.0, ii / n - (i / n) ** 2]])
    spread[1, 0] = spread[0, 1]
    return np.asarray(4 * cell @ (spread + np.eye(2) / 12) @ cell.T)

"""Affine algebra on 4x4 float64 matrices that map (k, j, i, 1) voxel centres to LPS millimetres."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medvox.core.errors import GeometryError

FloatArray = NDArray[np.float64]

SINGULAR = 1e-12
"""A matrix whose normalized determinant is below this cannot be inverted with meaning."""
LONGEST_MM = 1e12
"""No image is further away, or larger: what is beyond comes from a damaged header."""


def check(affine: ArrayLike, where: object = None) -> FloatArray:
    """Return a read-only float64 copy of a usable affine.

    Raises
    ------
    GeometryError
        If it is not 4x4, not finite, singular, or its last row is not (0, 0, 0, 1).
    """
    try:
        matrix = np.array(affine, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GeometryError("affine is not a matrix of numbers", where=where) from error
    if matrix.shape != (4, 4):
        raise GeometryError("affine has the wrong shape", where=where, got=matrix.shape, expected="(4, 4)")
    if not np.isfinite(matrix).all():
        raise GeometryError("affine holds values that are not finite", where=where)
    if np.abs(matrix).max() > LONGEST_MM:
        raise GeometryError("affine holds absurd lengths", where=where, expected=f"at most {LONGEST_MM:g} mm")
    if not np.array_equal(matrix[3], (0.0, 0.0, 0.0, 1.0)):
        raise GeometryError("last row of the affine is not (0, 0, 0, 1)", where=where, got=matrix[3].tolist())
    norms = np.linalg.norm(matrix[:3, :3], axis=0)
    if (norms == 0).any() or _volume(matrix[:3, :3] / norms) < SINGULAR:
        raise GeometryError("affine is singular", where=where, advice="Check spacing and orientation")
    matrix.setflags(write=False)
    return matrix


def _volume(columns: FloatArray) -> float:
    """Size of the determinant; LAPACK's divides by zero where a pivot is too small to be inverted."""
    (a, b, c), (d, e, f), (g, h, i) = columns.tolist()
    return abs(float(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)))


def compose(spacing_mm: Sequence[float], direction: ArrayLike, origin_mm: Sequence[float]) -> FloatArray:
    """Build an affine.

    Parameters
    ----------
    spacing_mm
        Distance between voxel centres along (k, j, i).
    direction
        (3, 3); column n is the LPS unit vector of index axis n of (k, j, i).
    origin_mm
        LPS position of the centre of voxel (0, 0, 0).
    """
    matrix = np.eye(4)
    matrix[:3, :3] = np.asarray(direction, dtype=np.float64) * np.asarray(spacing_mm, dtype=np.float64)
    matrix[:3, 3] = origin_mm
    return check(matrix)


def spacing(affine: ArrayLike) -> tuple[float, float, float]:
    """Lengths in mm of one step along k, j and i."""
    k, j, i = np.linalg.norm(np.asarray(affine, dtype=np.float64)[:3, :3], axis=0)
    return float(k), float(j), float(i)


def direction(affine: ArrayLike) -> FloatArray:
    """(3, 3) unit vectors in LPS, one column an index axis."""
    columns = np.asarray(affine, dtype=np.float64)[:3, :3]
    result: FloatArray = columns / np.linalg.norm(columns, axis=0)
    return result


def origin(affine: ArrayLike) -> FloatArray:
    """LPS position in mm of the centre of voxel (0, 0, 0)."""
    return np.asarray(affine, dtype=np.float64)[:3, 3].copy()


def apply(affine: ArrayLike, points: ArrayLike) -> FloatArray:
    """Map points of shape (..., 3)."""
    matrix = np.asarray(affine, dtype=np.float64)
    return np.asarray(points, dtype=np.float64) @ matrix[:3, :3].T + matrix[:3, 3]


def invert(affine: ArrayLike) -> FloatArray:
    """Inverse of a usable affine.

    Raises
    ------
    GeometryError
        If it is singular or not finite.
    """
    inverse: FloatArray = np.asarray(np.linalg.inv(check(affine)), dtype=np.float64)
    inverse[3] = (0.0, 0.0, 0.0, 1.0)
    return inverse


def normal(affine: ArrayLike) -> FloatArray:
    """Return the unit normal of the slice plane, pointing the way k grows."""
    columns = np.asarray(affine, dtype=np.float64)[:3, :3]
    across = np.cross(columns[:, 2], columns[:, 1])
    across /= np.linalg.norm(across)
    result: FloatArray = across if across @ columns[:, 0] >= 0 else -across
    return result


def shear_deg(affine: ArrayLike) -> float:
    """Angle in degrees between the k axis and the slice normal: the gantry tilt of a CT stack."""
    step = direction(affine)[:, 0]
    across = np.linalg.norm(np.cross(step, normal(affine)))
    return float(np.degrees(np.arctan2(across, abs(step @ normal(affine)))))


def is_orthogonal(affine: ArrayLike, tolerance: float = 1e-3) -> bool:
    """Whether the index axes are at right angles, cosines within `tolerance`."""
    unit = direction(affine)
    return bool(np.abs(unit.T @ unit - np.eye(3)).max() <= tolerance)

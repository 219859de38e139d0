"""Axis names, and the one place where RAS and LPS meet.

Inside medvox space is LPS (x to the patient's Left, y to Posterior, z to Superior, millimetres;
PS3.3 C.7.6.2.1.1) and voxels are indexed (k, j, i) = slice, row, column. NIfTI, MGH and MINC use RAS
and (i, j, k): they come in and go out through the functions here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medvox.core.errors import UsageError

K, J, I = "k", "j", "i"  # noqa: E741
SPATIAL: tuple[str, str, str] = (K, J, I)
TIME = "time"
CHANNEL = "channel"
ECHO = "echo"
B_VALUE = "b_value"
PHASE = "phase"

LETTERS = (("L", "R"), ("P", "A"), ("S", "I"))
"""Per LPS axis: the letter towards plus and towards minus."""

_FLIP_XY = np.diag([-1.0, -1.0, 1.0, 1.0])
_REVERSE = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], dtype=float)


def lps_from_ras(affine_ijk_ras: ArrayLike) -> NDArray[np.float64]:
    """Turn a (i, j, k) -> RAS matrix into a (k, j, i) -> LPS matrix, both 4x4 in mm.

    Examples
    --------
    >>> lps_from_ras(np.diag([2.0, 3.0, 4.0, 1.0]))[:3, :3].tolist()
    [[0.0, 0.0, -2.0], [0.0, -3.0, 0.0], [4.0, 0.0, 0.0]]
    """
    return np.asarray(_FLIP_XY @ np.asarray(affine_ijk_ras, dtype=np.float64) @ _REVERSE + 0.0)


def ras_from_lps(affine_kji_lps: ArrayLike) -> NDArray[np.float64]:
    """Turn a (k, j, i) -> LPS matrix into a (i, j, k) -> RAS matrix; inverse of `lps_from_ras`."""
    return np.asarray(_FLIP_XY @ np.asarray(affine_kji_lps, dtype=np.float64) @ _REVERSE + 0.0)


def reverse_index_order(affine: ArrayLike) -> NDArray[np.float64]:
    """Turn a (i, j, k) -> space matrix into a (k, j, i) -> space matrix, or back."""
    return np.asarray(np.asarray(affine, dtype=np.float64) @ _REVERSE + 0.0)


def flip_points(points_mm: ArrayLike) -> NDArray[np.float64]:
    """Turn (n, 3) LPS points into RAS points, or back."""
    return np.asarray(points_mm, dtype=np.float64) * (-1.0, -1.0, 1.0)


def orientation_letters(affine: ArrayLike) -> str:
    """Name the patient direction that each index axis (k, j, i) runs towards, e.g. ``"SPL"``.

    The nearest direction is taken for oblique axes, each letter pair used once.
    """
    columns = np.asarray(affine, dtype=np.float64)[:3, :3]
    norms = np.linalg.norm(columns, axis=0)
    cosines = columns / np.where(norms == 0, 1, norms)
    letters = ["", "", ""]
    free = [0, 1, 2]
    for axis in np.argsort(-np.abs(cosines).max(axis=0)):
        row = max(free, key=lambda r: abs(cosines[r, axis]))
        free.remove(row)
        letters[axis] = LETTERS[row][0 if cosines[row, axis] >= 0 else 1]
    return "".join(letters)


def check_axes(axes: Sequence[str], ndim: int) -> tuple[str, ...]:
    """Check axis names: distinct, ending in k, j, i, as many as there are dimensions.

    Raises
    ------
    UsageError
        If any of it fails.
    """
    names = tuple(axes)
    if len(names) != ndim or len(set(names)) != len(names) or names[-3:] != SPATIAL:
        raise UsageError(
            "axis names do not fit the array",
            got=f"{names} for {ndim} dimensions",
            expected="distinct names ending in 'k', 'j', 'i', one a dimension",
        )
    return names

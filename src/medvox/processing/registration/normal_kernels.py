"""Compiled loops of `medvox.processing.registration`; imported only when a registration runs."""

# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return"
from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit  # noqa: TID253
from numpy.typing import NDArray

AnyArray = NDArray[Any]

COUNT, SUM_F, SUM_M, SUM_FF, SUM_MM, SUM_FM = range(6)
"""Sums over all voxels of the overlap; the same six follow over those whose residuals count."""
SQUARES = 12
TUKEY = 4.685 / 1.345
"""Where a residual stops to count (biweight), by where it is cut for the spread (Huber)."""


@njit(nogil=True, cache=True)
def _add(sums: AnyArray, first: int, counts: float, f: float, m: float) -> None:
    sums[first + COUNT] += counts
    sums[first + SUM_F] += counts * f
    sums[first + SUM_M] += counts * m
    sums[first + SUM_FF] += counts * f * f
    sums[first + SUM_MM] += counts * m * m
    sums[first + SUM_FM] += counts * f * m


@njit(nogil=True, cache=True)
def _sample(moving: AnyArray, u: float, v: float, w: float) -> tuple[float, float, float, float]:
    """Value between eight voxels, and its slopes along k, j, i."""
    a = min(int(u), moving.shape[0] - 2)
    b = min(int(v), moving.shape[1] - 2)
    c = min(int(w), moving.shape[2] - 2)
    fu, fv, fw = u - a, v - b, w - c
    m000, m010 = moving[a, b, c], moving[a, b + 1, c]
    m100, m110 = moving[a + 1, b, c], moving[a + 1, b + 1, c]
    d00, d01 = moving[a, b, c + 1] - m000, moving[a, b + 1, c + 1] - m010
    d10, d11 = moving[a + 1, b, c + 1] - m100, moving[a + 1, b + 1, c + 1] - m110
    m00, m01 = m000 + d00 * fw, m010 + d01 * fw
    m10, m11 = m100 + d10 * fw, m110 + d11 * fw
    m0, m1 = m00 + (m01 - m00) * fv, m10 + (m11 - m10) * fv
    along_j = (m01 - m00) * (1 - fu) + (m11 - m10) * fu
    along_i = (d00 * (1 - fv) + d01 * fv) * (1 - fu) + (d10 * (1 - fv) + d11 * fv) * fu
    return m0 + (m1 - m0) * fu, m1 - m0, along_j, along_i


@njit(nogil=True, cache=True)
def normal_equations(  # noqa: PLR0913
    fixed: AnyArray,
    weight: AnyArray,
    moving: AnyArray,
    place: AnyArray,
    center: AnyArray,
    gain: float,
    offset: float,
    most: float,
    start: int,
    stop: int,
) -> Any:
    """Sum up the normal equations of (moving at place(x)) = gain * fixed(x) + offset over slices of `fixed`.

    Parameters
    ----------
    fixed, weight
        (k, j, i) values, and how much each counts; 0: not at all.
    moving
        (k, j, i).
    place
        (3, 4) from an index of `fixed` to an index of `moving`.
    center
        Index of `fixed` that the unknowns turn about.
    gain, offset
        Between the intensities.
    most
        Where residuals are cut for their spread; they count the less the larger (Tukey's biweight), unless it
        is infinite.
    start, stop
        Slices.

    Returns
    -------
    matrix
        (12, 12): of d moving / d (each row of place, about the center), rows k, j, i.
    vector
        (12,).
    sums
        See the names above; squares of residuals as far as they count.
    """
    matrix = np.zeros((12, 12))
    vector = np.zeros(12)
    sums = np.zeros(13)
    row = np.zeros(12)
    nk, nj, ni = moving.shape
    for k in range(start, stop):
        for j in range(fixed.shape[1]):
            for i in range(fixed.shape[2]):
                counts = weight[k, j, i]
                if counts == 0:
                    continue
                u = place[0, 0] * k + place[0, 1] * j + place[0, 2] * i + place[0, 3]
                v = place[1, 0] * k + place[1, 1] * j + place[1, 2] * i + place[1, 3]
                w = place[2, 0] * k + place[2, 1] * j + place[2, 2] * i + place[2, 3]
                if u < 0 or v < 0 or w < 0 or u > nk - 1 or v > nj - 1 or w > ni - 1:
                    continue
                value, du, dv, dw = _sample(moving, u, v, w)
                f = fixed[k, j, i]
                rest = gain * f + offset - value
                size = math.fabs(rest)
                sums[SQUARES] += counts * min(size, most) ** 2
                _add(sums, 0, counts, f, value)
                if most < math.inf:
                    part = size / (TUKEY * most)
                    counts *= (1 - part * part) ** 2 if part < 1 else 0.0
                if counts == 0:
                    continue
                _add(sums, 6, counts, f, value)
                x, y, z = k - center[0], j - center[1], i - center[2]
                row[0], row[1], row[2], row[3] = du * x, du * y, du * z, du
                row[4], row[5], row[6], row[7] = dv * x, dv * y, dv * z, dv
                row[8], row[9], row[10], row[11] = dw * x, dw * y, dw * z, dw
                for p in range(12):
                    part = counts * row[p]
                    vector[p] += part * rest
                    for q in range(p, 12):
                        matrix[p, q] += part * row[q]
    for p in range(12):
        for q in range(p):
            matrix[p, q] = matrix[q, p]
    return matrix, vector, sums

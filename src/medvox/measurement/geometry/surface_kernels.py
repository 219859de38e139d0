"""Compiled loops of `medvox.measurement.geometry.surface`."""

# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return"
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit  # noqa: TID253
from numpy.typing import NDArray

AnyArray = NDArray[Any]


@njit(nogil=True, cache=True)
def closest_on_triangle(  # noqa: PLR0911
    p: AnyArray, a: AnyArray, b: AnyArray, c: AnyArray
) -> AnyArray:
    """Point of a triangle nearest to p (Ericson, Real-Time Collision Detection, 2005, 5.1.5)."""
    ab, ac, ap = b - a, c - a, p - a
    d1, d2 = np.dot(ab, ap), np.dot(ac, ap)
    if d1 <= 0 and d2 <= 0:
        return a.copy()
    bp = p - b
    d3, d4 = np.dot(ab, bp), np.dot(ac, bp)
    if d3 >= 0 and d4 <= d3:
        return b.copy()
    vc = d1 * d4 - d3 * d2
    if vc <= 0 and d1 >= 0 and d3 <= 0:
        return a + ab * (d1 / (d1 - d3))
    cp = p - c
    d5, d6 = np.dot(ab, cp), np.dot(ac, cp)
    if d6 >= 0 and d5 <= d6:
        return c.copy()
    vb = d5 * d2 - d1 * d6
    if vb <= 0 and d2 >= 0 and d6 <= 0:
        return a + ac * (d2 / (d2 - d6))
    va = d3 * d6 - d5 * d4
    if va <= 0 and d4 - d3 >= 0 and d5 - d6 >= 0:
        return b + (c - b) * ((d4 - d3) / ((d4 - d3) + (d5 - d6)))
    total = va + vb + vc
    return a + ab * (vb / total) + ac * (vc / total)


@njit(nogil=True, cache=True)
def closest_of(points: AnyArray, starts: AnyArray, candidates: AnyArray, corners: AnyArray) -> AnyArray:
    """Nearest point on each point's candidate triangles, (n, 3)."""
    found = np.empty_like(points)
    for n in range(len(points)):
        best = np.inf
        for m in range(starts[n], starts[n + 1]):
            t = corners[candidates[m]]
            q = closest_on_triangle(points[n], t[0], t[1], t[2])
            d = ((q - points[n]) ** 2).sum()
            if d < best:
                best = d
                found[n] = q
    return found

"""Compiled loops of `medvox.measurement.size`; imported only when masks are measured."""

# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return"
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit  # noqa: TID253
from numpy.typing import NDArray

AnyArray = NDArray[Any]


@njit(nogil=True, cache=True)
def crossings(mask: AnyArray, offsets: AnyArray) -> AnyArray:
    """Steps along each (k, j, i) offset that enter or leave the mask, (n,); outside the array is empty."""
    nk, nj, ni = mask.shape
    found = np.zeros(len(offsets), np.int64)
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                if not mask[k, j, i]:
                    continue
                for n in range(len(offsets)):
                    x, y, z = k + offsets[n, 0], j + offsets[n, 1], i + offsets[n, 2]
                    if not (0 <= x < nk and 0 <= y < nj and 0 <= z < ni and mask[x, y, z]):
                        found[n] += 2
    return found


@njit(nogil=True, cache=True)
def row_ends(mask: AnyArray) -> AnyArray:
    """(n, 3) first and last mask voxel of each row, once where they are one; slices in order."""
    nk, nj, ni = mask.shape
    found = np.empty((2 * nk * nj, 3), np.int64)
    count = 0
    for k in range(nk):
        for j in range(nj):
            first = -1
            last = -1
            for i in range(ni):
                if mask[k, j, i]:
                    if first < 0:
                        first = i
                    last = i
            if first >= 0:
                found[count, 0], found[count, 1], found[count, 2] = k, j, first
                count += 1
                if last > first:
                    found[count, 0], found[count, 1], found[count, 2] = k, j, last
                    count += 1
    return found[:count].copy()


@njit(nogil=True, cache=True)
def slice_sums(mask: AnyArray) -> AnyArray:
    """(k, 6) for each slice: number of voxels and their sums of j, i, jj, ii and ji."""
    nk, nj, ni = mask.shape
    sums = np.zeros((nk, 6), np.float64)
    for k in range(nk):
        for j in range(nj):
            count = 0
            s = 0
            ss = 0
            for i in range(ni):
                if mask[k, j, i]:
                    count += 1
                    s += i
                    ss += i * i
            if count:
                sums[k, 0] += count
                sums[k, 1] += j * count
                sums[k, 2] += s
                sums[k, 3] += j * j * count
                sums[k, 4] += ss
                sums[k, 5] += j * s
    return sums


@njit(nogil=True, cache=True)
def longest(points: AnyArray) -> Any:
    """Largest distance between (n, d) points, and which two."""
    best = -1.0
    at = (0, 0)
    for a in range(len(points)):
        for b in range(a + 1, len(points)):
            d = 0.0
            for n in range(points.shape[1]):
                d += (points[a, n] - points[b, n]) ** 2
            if d > best:
                best = d
                at = (a, b)
    return np.sqrt(max(best, 0.0)), at[0], at[1]

"""Compiled loops of `medvox.measurement.overlap.boundary`; imported only when boundaries are compared."""

# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return"
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit  # noqa: TID253
from numpy.typing import NDArray

AnyArray = NDArray[Any]


@njit(nogil=True, cache=True)
def bounds(mask: AnyArray) -> AnyArray:
    """First and last (k, j, i) inside, (2, 3); the first is beyond the last where nothing is."""
    nk, nj, ni = mask.shape
    box = np.array([[nk, nj, ni], [-1, -1, -1]], dtype=np.int64)
    for k in range(nk):
        for j in range(nj):
            row = mask[k, j]
            first = 0
            while first < ni and not row[first]:
                first += 1
            if first == ni:
                continue
            last = ni - 1
            while not row[last]:
                last -= 1
            box[0, 0] = min(box[0, 0], k)
            box[1, 0] = max(box[1, 0], k)
            box[0, 1] = min(box[0, 1], j)
            box[1, 1] = max(box[1, 1], j)
            box[0, 2] = min(box[0, 2], first)
            box[1, 2] = max(box[1, 2], last)
    return box


@njit(nogil=True, cache=True)
def border_voxels(mask: AnyArray) -> AnyArray:
    """(n, 3) mask voxels that have a face neighbour outside; beyond the array is outside."""
    nk, nj, ni = mask.shape
    found = np.empty((1024, 3), np.int32)
    count = 0
    for k in range(nk):
        for j in range(nj):
            edge = k in (0, nk - 1) or j in (0, nj - 1)
            for i in range(ni):
                if not mask[k, j, i]:
                    continue
                if (
                    edge
                    or i in (0, ni - 1)
                    or not (
                        mask[k, j, i - 1]
                        and mask[k, j, i + 1]
                        and mask[k, j - 1, i]
                        and mask[k, j + 1, i]
                        and mask[k - 1, j, i]
                        and mask[k + 1, j, i]
                    )
                ):
                    if count == len(found):
                        more = np.empty((2 * count, 3), np.int32)
                        more[:count] = found
                        found = more
                    found[count, 0], found[count, 1], found[count, 2] = k, j, i
                    count += 1
    return found[:count].copy()


@njit(nogil=True, cache=True)
def border_corners(mask: AnyArray) -> AnyArray:
    """(n, 4) corners between voxels of both kinds, and which of the 8 voxels about them are inside.

    Corner (k, j, i) lies between voxels k - 1 and k. Bit 4·dk + 2·dj + di of the code stands for voxel
    (k - 1 + dk, j - 1 + dj, i - 1 + di).
    """
    nk, nj, ni = mask.shape
    found = np.empty((1024, 4), np.int32)
    count = 0
    for k in range(nk + 1):
        for j in range(nj + 1):
            code = 0
            for i in range(ni + 1):
                code = (code >> 1) & 0b01010101
                if i < ni:
                    if k > 0 and j > 0 and mask[k - 1, j - 1, i]:
                        code |= 2
                    if k > 0 and j < nj and mask[k - 1, j, i]:
                        code |= 8
                    if k < nk and j > 0 and mask[k, j - 1, i]:
                        code |= 32
                    if k < nk and j < nj and mask[k, j, i]:
                        code |= 128
                if code in (0, 255):
                    continue
                if count == len(found):
                    more = np.empty((2 * count, 4), np.int32)
                    more[:count] = found
                    found = more
                found[count, 0], found[count, 1], found[count, 2], found[count, 3] = k, j, i, code
                count += 1
    return found[:count].copy()


@njit(nogil=True, cache=True)
def count_pairs(reference: AnyArray, test: AnyArray) -> Any:
    """Voxels of each slice that are in (both, the reference alone, the test alone), (k, 3)."""
    nk, nj, ni = reference.shape
    counts = np.zeros((nk, 3), np.int64)
    for k in range(nk):
        both = np.int64(0)
        first = np.int64(0)
        second = np.int64(0)
        for j in range(nj):
            for i in range(ni):
                a = np.int64(reference[k, j, i])
                b = np.int64(test[k, j, i])
                both += a & b
                first += a
                second += b
        counts[k, 0] = both
        counts[k, 1] = first - both
        counts[k, 2] = second - both
    return counts

"""Compiled loops of distances and of smoothing, separable along columns, rows and slices.

Distances: Felzenszwalb and Huttenlocher, Theory of Computing 8 (2012) 415; slices lie at given depths, which
need not be even.
"""

# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return"
# ruff: noqa: C901, PLR0913
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit  # noqa: TID253
from numpy.typing import NDArray

AnyArray = NDArray[Any]
FAR = np.float32(1e30)


@njit(nogil=True, cache=True)
def _row(mask: AnyArray, value: bool, step: float, limit: float, out: AnyArray) -> bool:
    """Squared distance to the nearest set voxel of a row; return whether there is any within the limit."""
    width = len(mask)
    far = np.float32(1e15)
    d = far
    found = False
    for i in range(width):
        d = np.float32(0) if mask[i] == value else d + np.float32(step)
        out[i] = d
        found = found or d == 0
    if not found:
        out[:] = FAR
        return False
    d = far
    for i in range(width - 1, -1, -1):
        d = min(out[i], d + np.float32(step))
        square = d * d
        out[i] = square if square <= limit else FAR
    return True


@njit(nogil=True, cache=True)
def _envelope(f: AnyArray, z: AnyArray, limit: float, v: AnyArray, edge: AnyArray, out: AnyArray) -> None:
    """out[p] = min over q of f[q] + (z[p] - z[q])²; FAR beyond the limit. z ascends."""
    count = len(z)
    k = -1
    for q in range(count):
        if f[q] >= FAR:
            continue
        s = -np.inf
        while k >= 0:
            p = v[k]
            s = ((f[q] + z[q] * z[q]) - (f[p] + z[p] * z[p])) / (2 * (z[q] - z[p]))
            if s > edge[k]:
                break
            k -= 1
        k += 1
        v[k] = q
        edge[k] = s if k else -np.inf
    if k < 0:
        out[:] = FAR
        return
    at = 0
    for p in range(count):
        while at < k and edge[at + 1] < z[p]:
            at += 1
        d = z[p] - z[v[at]]
        square = f[v[at]] + d * d
        out[p] = square if square <= limit else FAR


@njit(nogil=True, cache=True)
def in_planes(
    mask: AnyArray, value: bool, steps: AnyArray, limit: float, first: int, last: int, out: AnyArray
) -> None:
    """Squared distance within each slice to its nearest voxel of `value`."""
    height, width = mask.shape[1], mask.shape[2]
    turned = np.empty((width, height), np.float32)
    z = np.arange(height) * steps[0]
    v, edge = np.empty(height, np.int64), np.empty(height + 1)
    column = np.empty(height, np.float32)
    for k in range(first, last):
        any_row = False
        for j in range(height):
            any_row |= _row(mask[k, j], value, steps[1], limit, out[k, j])
        if not any_row:
            continue
        for j in range(height):
            for i in range(width):
                turned[i, j] = out[k, j, i]
        for i in range(width):
            _envelope(turned[i], z, limit, v, edge, column)
            turned[i] = column
        for j in range(height):
            for i in range(width):
                out[k, j, i] = turned[i, j]


@njit(nogil=True, cache=True)
def across_planes(squares: AnyArray, depths: AnyArray, limit: float, first: int, last: int) -> None:
    """Second half of `in_planes`: in place, rows `first` to `last` - 1 of every slice."""
    count, width = squares.shape[0], squares.shape[2]
    turned = np.empty((width, count), np.float32)
    v, edge = np.empty(count, np.int64), np.empty(count + 1)
    column = np.empty(count, np.float32)
    for j in range(first, last):
        near = False
        for k in range(count):
            for i in range(width):
                value = squares[k, j, i]
                turned[i, k] = value
                near |= value < FAR
        if not near:
            continue
        for i in range(width):
            _envelope(turned[i], depths, limit, v, edge, column)
            turned[i] = column
        for k in range(count):
            for i in range(width):
                squares[k, j, i] = turned[i, k]


@njit(nogil=True, cache=True, fastmath=True)
def _least(target: AnyArray, source: AnyArray, more: float) -> None:
    for i in range(len(target)):
        target[i] = min(target[i], source[i] + more)


@njit(nogil=True, cache=True)
def near_in_planes(
    mask: AnyArray, value: bool, steps: AnyArray, reach: float, first: int, last: int, out: AnyArray
) -> None:
    """As `in_planes`, by looking at the rows within reach: faster for a reach of a few rows."""
    height, width = mask.shape[1], mask.shape[2]
    plane = np.empty((height, width), np.float32)
    rows = int(reach / steps[0] + 1e-6)
    held = np.empty(height, np.bool_)
    for k in range(first, last):
        for j in range(height):
            held[j] = _row(mask[k, j], value, steps[1], reach * reach, plane[j])
        for j in range(height):
            out[k, j] = plane[j]
            for n in range(max(0, j - rows), min(height, j + rows + 1)):
                if held[n] and n != j:
                    _least(out[k, j], plane[n], np.float32(((n - j) * steps[0]) ** 2))


@njit(nogil=True, cache=True)
def near_across(
    squares: AnyArray, depths: AnyArray, reach: float, inside: bool, first: int, last: int, out: AnyArray
) -> None:
    """Whether a voxel is within reach (`inside`), or not, of the voxels of all slices; ends `in_planes`."""
    count, height, width = squares.shape
    least = np.empty(width, np.float32)
    limit = np.float32(reach * reach)
    for k in range(first, last):
        low, high = k, k + 1
        while low > 0 and depths[k] - depths[low - 1] <= reach:
            low -= 1
        while high < count and depths[high] - depths[k] <= reach:
            high += 1
        for j in range(height):
            least[:] = squares[k, j]
            for n in range(low, high):
                if n != k:
                    _least(least, squares[n, j], np.float32((depths[n] - depths[k]) ** 2))
            for i in range(width):
                out[k, j, i] = (least[i] <= limit) == inside


@njit(nogil=True, cache=True)
def at_most(squares: AnyArray, limit: float, inside: bool, first: int, last: int, out: AnyArray) -> None:
    """Say whether the square is at most the limit, or (not `inside`) above it."""
    for k in range(first, last):
        for j in range(squares.shape[1]):
            for i in range(squares.shape[2]):
                out[k, j, i] = (squares[k, j, i] <= limit) == inside


@njit(nogil=True, cache=True, fastmath=True)
def smoothed(
    mask: AnyArray, starts: AnyArray, along_k: AnyArray, along_j: AnyArray, along_i: AnyArray,
    first: int, last: int, out: AnyArray, counts: AnyArray, volumes: AnyArray,
) -> None:  # fmt: skip
    """Weighted means of a mask of 0 and 1 as whole numbers to 65535, for slices `first` to `last` - 1.

    Slice k is the sum of ``along_k[k, n]`` times slice ``starts[k] + n``; rows and columns have the same
    (odd number of) weights everywhere; what lies beyond the border does not weigh. `counts` gathers
    the volume of each number.
    """
    height, width = mask.shape[1], mask.shape[2]
    rj, ri = len(along_j) // 2, len(along_i) // 2
    plane = np.zeros((height + 2 * rj, width), np.float32)
    line = np.zeros(width + 2 * ri, np.float32)
    row = np.empty(width, np.float32)
    share_j, share_i = _shares(along_j, height), _shares(along_i, width)
    for k in range(first, last):
        plane[rj : rj + height] = 0
        for n in range(along_k.shape[1]):
            w = along_k[k, n]
            if w == 0:
                continue
            source = mask[starts[k] + n]
            for j in range(height):
                for i in range(width):
                    plane[j + rj, i] += w * source[j, i]
        for j in range(height):
            _pairs(plane[j : j + 2 * rj + 1], along_j, line[ri : ri + width])
            for i in range(width):
                row[i] = along_i[ri] * line[i + ri]
            for n in range(ri):
                w, here, there = along_i[n], line[n : n + width], line[2 * ri - n : 2 * ri - n + width]
                for i in range(width):
                    row[i] += w * (here[i] + there[i])
            whole = np.float32(65535) * share_j[j]
            for i in range(width):
                out[k, j, i] = int(min(row[i] * whole * share_i[i] + np.float32(0.5), np.float32(65535)))
            for i in range(width):
                if out[k, j, i]:
                    counts[out[k, j, i]] += volumes[k]


@njit(nogil=True, cache=True, fastmath=True)
def _pairs(rows: AnyArray, weights: AnyArray, out: AnyArray) -> None:
    """Weighted sum of rows; the weights are symmetric."""
    middle, last = len(weights) // 2, len(weights) - 1
    w, here = weights[middle], rows[middle]
    for i in range(len(out)):
        out[i] = w * here[i]
    for n in range(middle):
        w, above, below = weights[n], rows[n], rows[last - n]
        for i in range(len(out)):
            out[i] += w * (above[i] + below[i])


@njit(nogil=True, cache=True)
def _shares(weights: AnyArray, count: int) -> AnyArray:
    """One over the sum of the weights that lie within the image, at each place."""
    reach = len(weights) // 2
    found = np.empty(count, np.float32)
    for n in range(count):
        total = np.float32(0)
        for m in range(len(weights)):
            if 0 <= n + m - reach < count:
                total += weights[m]
        found[n] = np.float32(1) / total
    return found


@njit(nogil=True, cache=True)
def box(mask: AnyArray) -> AnyArray:
    """First and last-plus-one index of what is set along each axis; zeros where nothing is."""
    depth, height, width = mask.shape
    found = np.array([depth, 0, height, 0, width, 0])
    for k in range(depth):
        for j in range(height):
            row = mask[k, j]
            first = -1
            for i in range(width):
                if row[i]:
                    first = i
                    break
            if first < 0:
                continue
            last = first
            for i in range(width - 1, first, -1):
                if row[i]:
                    last = i
                    break
            found[0], found[1] = min(found[0], k), max(found[1], k + 1)
            found[2], found[3] = min(found[2], j), max(found[3], j + 1)
            found[4], found[5] = min(found[4], first), max(found[5], last + 1)
    return found if found[1] else np.zeros(6, np.int64)

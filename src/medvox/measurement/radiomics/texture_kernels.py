"""Compiled loops of the texture matrices; imported only when radiomics runs.

All of them take `levels`, (k, j, i) int32: 0 outside the region, grey levels from 1 inside.
"""

# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return"
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit  # noqa: TID253
from numpy.typing import NDArray

AnyArray = NDArray[Any]


@njit(nogil=True, cache=True)
def cooccurrences(levels: AnyArray, offsets: AnyArray, count: int) -> AnyArray:
    """Symmetric co-occurrences of each offset, (offset, level - 1, level - 1)."""
    nk, nj, ni = levels.shape
    found = np.zeros((len(offsets), count, count), np.float64)
    for n in range(len(offsets)):
        dk, dj, di = offsets[n]
        pairs = np.zeros((count + 1, count + 1), np.int32)
        for k in range(max(0, -dk), min(nk, nk - dk)):
            for j in range(max(0, -dj), min(nj, nj - dj)):
                here = levels[k, j]
                there = levels[k + dk, j + dj]
                for i in range(max(0, -di), min(ni, ni - di)):
                    pairs[here[i], there[i + di]] += 1
        for a in range(count):
            for b in range(count):
                found[n, a, b] = pairs[a + 1, b + 1] + pairs[b + 1, a + 1]
    return found


@njit(nogil=True, cache=True)
def cooccurrence_features(counts: AnyArray) -> AnyArray:
    """The 25 features of one co-occurrence matrix (IBSI 3.6.1 to 3.6.25), in that order."""
    n = counts.shape[0]
    total = counts.sum()
    out = np.full(25, np.nan)
    if total == 0:
        return out
    p = counts / total
    row = p.sum(axis=1)
    difference = np.zeros(n)
    sums = np.zeros(2 * n + 1)
    out[:] = 0.0
    for a in range(n):
        out[1] += (a + 1) * row[a]
        for b in range(n):
            x = p[a, b]
            if x == 0.0:
                continue
            out[0] = max(out[0], x)
            out[3] -= x * np.log2(x)
            out[10] += x * x
            out[19] += (a + 1) * (b + 1) * x
            difference[abs(a - b)] += x
            sums[a + b + 2] += x
    mean = out[1]
    row_entropy = 0.0
    for a in range(n):
        out[2] += (a + 1 - mean) ** 2 * row[a]
        if row[a] > 0:
            row_entropy -= row[a] * np.log2(row[a])
    out[18] = (out[19] - mean * mean) / out[2] if out[2] > 0 else 1.0
    _difference_features(difference, out)
    _sum_features(sums, 2 * mean, out)
    # HXY1 = HXY2 = 2 HX for a symmetric matrix
    out[23] = (out[3] - 2 * row_entropy) / row_entropy if row_entropy > 0 else 0.0
    out[24] = np.sqrt(max(0.0, 1 - np.exp(-2 * (2 * row_entropy - out[3]))))
    return out


@njit(nogil=True, cache=True)
def _difference_features(difference: AnyArray, out: AnyArray) -> None:
    """Features of the distribution of level differences."""
    n = len(difference)
    for d in range(n):
        out[4] += d * difference[d]
    out[12] = out[4]
    for d in range(n):
        x = difference[d]
        if x == 0.0:
            continue
        out[5] += (d - out[4]) ** 2 * x
        out[6] -= x * np.log2(x)
        out[11] += d * d * x
        out[13] += x / (1 + d)
        out[14] += x / (1 + d / n)
        out[15] += x / (1 + d * d)
        out[16] += x / (1 + d * d / (n * n))
        if d > 0:
            out[17] += x / (d * d)


@njit(nogil=True, cache=True)
def _sum_features(sums: AnyArray, mean: float, out: AnyArray) -> None:
    """Features of the distribution of level sums, and the clusters."""
    out[7] = mean
    for s in range(2, len(sums)):
        x = sums[s]
        if x == 0.0:
            continue
        c = s - mean
        out[8] += c * c * x
        out[9] -= x * np.log2(x)
        out[21] += c**3 * x
        out[22] += c**4 * x
    out[20] = out[8]


@njit(nogil=True, cache=True)
def run_lengths(levels: AnyArray, offsets: AnyArray, count: int) -> AnyArray:
    """Runs of equal level along each offset, (offset, level - 1, length - 1)."""
    nk, nj, ni = levels.shape
    longest = max(nk, nj, ni)
    found = np.zeros((len(offsets), count, longest), np.int64)
    for n in range(len(offsets)):
        dk, dj, di = offsets[n]
        for k in range(nk):
            for j in range(nj):
                for i in range(ni):
                    a = levels[k, j, i]
                    if a == 0:
                        continue
                    x, y, z = k - dk, j - dj, i - di
                    if 0 <= x < nk and 0 <= y < nj and 0 <= z < ni and levels[x, y, z] == a:
                        continue
                    length = 1
                    x, y, z = k + dk, j + dj, i + di
                    while 0 <= x < nk and 0 <= y < nj and 0 <= z < ni and levels[x, y, z] == a:
                        length += 1
                        x, y, z = x + dk, y + dj, z + di
                    found[n, a - 1, length - 1] += 1
    return found


@njit(nogil=True, cache=True)
def border_distances(levels: AnyArray, flat: bool) -> AnyArray:
    """City-block distance to the region's outside, 1 at its border; within slices where `flat`."""
    nk, nj, ni = levels.shape
    far = nk + nj + ni
    d = np.zeros((nk + 2, nj + 2, ni + 2), np.int32)
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                if levels[k, j, i] > 0:
                    d[k + 1, j + 1, i + 1] = far
    for k in range(1, nk + 1):
        for j in range(1, nj + 1):
            for i in range(1, ni + 1):
                best = min(d[k, j, i], d[k, j - 1, i] + 1, d[k, j, i - 1] + 1)
                d[k, j, i] = best if flat else min(best, d[k - 1, j, i] + 1)
    for k in range(nk, 0, -1):
        for j in range(nj, 0, -1):
            for i in range(ni, 0, -1):
                best = min(d[k, j, i], d[k, j + 1, i] + 1, d[k, j, i + 1] + 1)
                d[k, j, i] = best if flat else min(best, d[k + 1, j, i] + 1)
    return d[1:-1, 1:-1, 1:-1]


@njit(nogil=True, cache=True)
def zones(levels: AnyArray, distances: AnyArray, flat: bool) -> AnyArray:
    """Connected zones of equal level, (zone, 4): slice of its first voxel, level, size, least distance.

    Neighbours share a face, edge or corner: 26 in 3D, 8 within slices where `flat`.
    """
    nk, nj, ni = levels.shape
    left = levels.copy()
    found = np.empty((levels.size, 4), np.int32)
    stack = np.empty(levels.size, np.int32)
    reach = 0 if flat else 1
    count = 0
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                a = left[k, j, i]
                if a == 0:
                    continue
                left[k, j, i] = 0
                stack[0] = (k * nj + j) * ni + i
                depth = 1
                size = 0
                nearest = distances[k, j, i]
                while depth > 0:
                    depth -= 1
                    place = stack[depth]
                    z = place % ni
                    y = (place // ni) % nj
                    x = place // (ni * nj)
                    size += 1
                    nearest = min(nearest, distances[x, y, z])
                    for u in range(max(0, x - reach), min(nk, x + reach + 1)):
                        for v in range(max(0, y - 1), min(nj, y + 2)):
                            for w in range(max(0, z - 1), min(ni, z + 2)):
                                if left[u, v, w] == a:
                                    left[u, v, w] = 0
                                    stack[depth] = (u * nj + v) * ni + w
                                    depth += 1
                found[count, 0] = k
                found[count, 1] = a
                found[count, 2] = size
                found[count, 3] = nearest
                count += 1
    return found[:count].copy()


@njit(nogil=True, cache=True)
def neighbourhoods(levels: AnyArray, count: int, flat: bool, coarseness: int) -> Any:
    """Grey-tone differences and dependences of each slice (flat) or of all slices together.

    Returns
    -------
    tones
        (slice, level - 1, 2): voxels that have a neighbour in the region, and the sum of the differences
        from their neighbours' mean.
    dependences
        (slice, level - 1, neighbours within `coarseness`): voxels.
    """
    nk, nj, ni = levels.shape
    reach = 0 if flat else 1
    rows = nk if flat else 1
    tones = np.zeros((rows, count, 2), np.float64)
    dependences = np.zeros((rows, count, 27), np.int64)
    for k in range(nk):
        row = k if flat else 0
        for j in range(nj):
            for i in range(ni):
                a = levels[k, j, i]
                if a == 0:
                    continue
                total = 0
                others = -1
                alike = -1
                for u in range(max(0, k - reach), min(nk, k + reach + 1)):
                    for v in range(max(0, j - 1), min(nj, j + 2)):
                        for w in range(max(0, i - 1), min(ni, i + 2)):
                            b = levels[u, v, w]
                            if b > 0:
                                total += b
                                others += 1
                                if abs(a - b) <= coarseness:
                                    alike += 1
                dependences[row, a - 1, alike] += 1
                if others > 0:
                    tones[row, a - 1, 0] += 1
                    tones[row, a - 1, 1] += abs(a - (total - a) / others)
    return tones, dependences


@njit(nogil=True, cache=True)
def cube_codes(mask: AnyArray) -> Any:
    """How often each way to fill a cube of 2 x 2 x 2 voxels occurs, and the sum of the cubes' places.

    The array is taken to be empty around `mask`. Place (k, j, i) is the index of the cube's first voxel,
    from -1; bit 4·dk + 2·dj + di of a code stands for the voxel (dk, dj, di) steps on.
    """
    nk, nj, ni = mask.shape
    counts = np.zeros(256, np.int64)
    places = np.zeros((256, 3), np.int64)
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
                if code not in (0, 255):
                    counts[code] += 1
                    places[code, 0] += k - 1
                    places[code, 1] += j - 1
                    places[code, 2] += i - 1
    return counts, places


@njit(nogil=True, cache=True)
def peak_means(values: AnyArray, inside: AnyArray, offsets: AnyArray) -> AnyArray:
    """Mean over the finite values at `offsets` around each place of `inside`, (n,)."""
    nk, nj, ni = values.shape
    means = np.full(len(inside), np.nan)
    for n in range(len(inside)):
        k, j, i = inside[n]
        total = 0.0
        count = 0
        for m in range(len(offsets)):
            x, y, z = k + offsets[m, 0], j + offsets[m, 1], i + offsets[m, 2]
            if 0 <= x < nk and 0 <= y < nj and 0 <= z < ni and np.isfinite(values[x, y, z]):
                total += values[x, y, z]
                count += 1
        if count > 0:
            means[n] = total / count
    return means

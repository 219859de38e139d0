"""Compiled loops on runs: stretches of set voxels along rows, joined into pieces by union-find.

A mask of (k, j, i) is seen as k*j rows. ``ptr[row]`` is the number of the first run of a row; run n covers
columns ``starts[n]`` to ``ends[n] - 1``. He, Chao, Suzuki, IEEE Trans. Image Process. 17 (2008) 749.
"""

# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return"
# ruff: noqa: PLR0913
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit  # noqa: TID253
from numpy.typing import NDArray

AnyArray = NDArray[Any]


@njit(nogil=True, cache=True)
def count_runs(rows: AnyArray, value: int, first: int, last: int, counts: AnyArray) -> None:
    """Count the runs of `value` in rows `first` to `last` - 1."""
    width = rows.shape[1]
    for row in range(first, last):
        found, before = 0, False
        for i in range(width):
            now = rows[row, i] == value
            if now and not before:
                found += 1
            before = now
        counts[row] = found


@njit(nogil=True, cache=True)
def find_runs(
    rows: AnyArray, value: int, first: int, last: int, ptr: AnyArray, starts: AnyArray, ends: AnyArray
) -> None:
    """Note where the runs begin and end."""
    width = rows.shape[1]
    for row in range(first, last):
        at, before = ptr[row], False
        if at == ptr[row + 1]:
            continue
        for i in range(width):
            now = rows[row, i] == value
            if now != before:
                if now:
                    starts[at] = i
                else:
                    ends[at] = i
                    at += 1
                before = now
        if before:
            ends[at] = width


@njit(nogil=True, cache=True, inline="always")
def _root(parent: AnyArray, n: int) -> int:
    while parent[n] != n:
        parent[n] = parent[parent[n]]
        n = parent[n]
    return n


@njit(nogil=True, cache=True)
def _join_rows(
    a: int, b: int, reach: int, ptr: AnyArray, starts: AnyArray, ends: AnyArray, parent: AnyArray
) -> None:
    """Join runs of two rows that overlap; with `reach` 1 also those that meet at a corner."""
    m, n = ptr[a], ptr[b]
    while m < ptr[a + 1] and n < ptr[b + 1]:
        if starts[m] < ends[n] + reach and starts[n] < ends[m] + reach:
            p, q = _root(parent, m), _root(parent, n)
            if p < q:
                parent[q] = p
            elif q < p:
                parent[p] = q
        if ends[m] < ends[n]:
            m += 1
        else:
            n += 1


@njit(nogil=True, cache=True)
def join(
    shape: AnyArray, corners: bool, across: bool, ptr: AnyArray, starts: AnyArray, ends: AnyArray
) -> AnyArray:
    """Join runs of neighboring rows; return the piece of each run, from 0, and last the number of pieces.

    `corners`: voxels touch by edges and corners too; `across`: also between slices.
    """
    parent = np.arange(len(starts))
    reach = 1 if corners else 0
    height = shape[1]
    for k in range(shape[0]):
        for j in range(height):
            row = k * height + j
            if ptr[row] == ptr[row + 1]:
                continue
            if j:
                _join_rows(row, row - 1, reach, ptr, starts, ends, parent)
            if across and k:
                below = row - height
                _join_rows(row, below, reach, ptr, starts, ends, parent)
                if corners and j:
                    _join_rows(row, below - 1, reach, ptr, starts, ends, parent)
                if corners and j + 1 < height:
                    _join_rows(row, below + 1, reach, ptr, starts, ends, parent)
    piece = np.empty(len(starts) + 1, np.int64)
    count = 0
    for n in range(len(starts)):  # a root has the smallest number of its piece
        if parent[n] == n:
            piece[n] = count
            count += 1
        else:
            piece[n] = piece[_root(parent, n)]
    piece[len(starts)] = count
    return piece


@njit(nogil=True, cache=True)
def measure(
    shape: AnyArray,
    across: bool,
    ptr: AnyArray,
    starts: AnyArray,
    ends: AnyArray,
    piece: AnyArray,
    count: int,
) -> tuple[AnyArray, AnyArray]:
    """Voxels of each piece, and whether it touches the border (of its slice, if not `across`)."""
    size = np.zeros(count, np.int64)
    border = np.zeros(count, np.bool_)
    depth, height, width = shape[0], shape[1], shape[2]
    for k in range(depth):
        for j in range(height):
            row = k * height + j
            edge = j == 0 or j == height - 1 or (across and depth > 1 and (k == 0 or k == depth - 1))
            for n in range(ptr[row], ptr[row + 1]):
                size[piece[n]] += ends[n] - starts[n]
                if edge or starts[n] == 0 or ends[n] == width:
                    border[piece[n]] = True
    return size, border


@njit(nogil=True, cache=True)
def touched(
    rows: AnyArray, ptr: AnyArray, starts: AnyArray, ends: AnyArray, piece: AnyArray, hit: AnyArray
) -> None:
    """Mark the pieces that have a voxel set in another mask, `rows`."""
    for row in range(len(ptr) - 1):
        for n in range(ptr[row], ptr[row + 1]):
            if hit[piece[n]]:
                continue
            for i in range(starts[n], ends[n]):
                if rows[row, i]:
                    hit[piece[n]] = True
                    break


@njit(nogil=True, cache=True)
def paint(
    out: AnyArray, first: int, last: int, ptr: AnyArray, starts: AnyArray, ends: AnyArray, piece: AnyArray,
    value: AnyArray,
) -> None:  # fmt: skip
    """Write the value of its piece into every voxel of a run, where that is not 0."""
    for row in range(first, last):
        for n in range(ptr[row], ptr[row + 1]):
            what = value[piece[n]]
            if what:
                for i in range(starts[n], ends[n]):
                    out[row, i] = what


@njit(nogil=True, cache=True)
def slices(shape: AnyArray, ptr: AnyArray, piece: AnyArray, count: int) -> AnyArray:
    """Slice in which each piece begins."""
    found = np.full(count, -1, np.int64)
    for k in range(shape[0]):
        for n in range(ptr[k * shape[1]], ptr[(k + 1) * shape[1]]):
            if found[piece[n]] < 0:
                found[piece[n]] = k
    return found

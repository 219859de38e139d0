"""Compiled loops of `medvox.processing.resample`; imported only when a resampling runs.

Coordinates: a *place* (u, v, w) is the index (k, j, i) for evenly spaced slices. For uneven ones u is the
depth along the slice normal in mm, v and w are in-plane indices before each slice's own offset is taken off.
"""

# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return"
from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit  # noqa: TID253
from numpy.typing import NDArray

AnyArray = NDArray[Any]

POLE = math.sqrt(3.0) - 2.0
"""Pole of the cubic B-spline's prefilter (Unser, Signal Processing Magazine 16(6), 1999)."""
TAPS = 4


@njit(nogil=True, cache=True)
def _reflect(index: int, count: int) -> int:
    """Index of a neighbour, mirrored about the first and last sample."""
    if index < 0:
        index = -index
    if index >= count:
        index = 2 * (count - 1) - index
    return max(index, 0)


@njit(nogil=True, cache=True)
def _spline_weights(f: float) -> tuple[float, float, float, float]:
    g = 1.0 - f
    return (
        g * g * g / 6.0,
        2.0 / 3.0 - 0.5 * f * f * (2.0 - f),
        2.0 / 3.0 - 0.5 * g * g * (2.0 - g),
        f * f * f / 6.0,
    )


@njit(nogil=True, cache=True)
def axis_taps(x: float, count: int, order: int, at: AnyArray, weight: AnyArray) -> int:
    """Find samples and weights that make up the value at `x` on an even axis; return how many."""
    x = min(max(x, 0.0), count - 1.0)
    if order == 0 or count == 1:
        at[0] = min(int(x + 0.5), count - 1)
        weight[0] = 1.0
        return 1
    first = min(int(x), count - 2)
    f = x - first
    if order == 1:
        at[0], at[1] = first, first + 1
        weight[0], weight[1] = 1.0 - f, f
        return 2
    w = _spline_weights(f)
    for n in range(TAPS):
        at[n] = _reflect(first - 1 + n, count)
        weight[n] = w[n]
    return TAPS


@njit(nogil=True, cache=True)
def _uneven_taps(u: float, depths: AnyArray, order: int, at: AnyArray, weight: AnyArray) -> int:
    """Like `axis_taps` on the slices of an uneven stack: linear, or Lagrange's cubic through four slices."""
    count = len(depths)
    u = min(max(u, depths[0]), depths[count - 1])
    first = min(max(int(np.searchsorted(depths, u, side="right")) - 1, 0), count - 2)
    f = (u - depths[first]) / (depths[first + 1] - depths[first])
    if order == 0:
        at[0] = first + (1 if f >= 0.5 else 0)
        weight[0] = 1.0
        return 1
    if order == 1 or count < TAPS:
        at[0], at[1] = first, first + 1
        weight[0], weight[1] = 1.0 - f, f
        return 2
    first = min(max(first - 1, 0), count - TAPS)
    for n in range(TAPS):
        at[n] = first + n
        product = 1.0
        for m in range(TAPS):
            if m != n:
                product *= (u - depths[first + m]) / (depths[first + n] - depths[first + m])
        weight[n] = product
    return TAPS


@njit(nogil=True, cache=True)
def _slice_index(u: float, depths: AnyArray) -> float:
    """Fractional slice number at a depth, going on linearly beyond both ends."""
    count = len(depths)
    first = min(max(int(np.searchsorted(depths, u, side="right")) - 1, 0), count - 2)
    return first + (u - depths[first]) / (depths[first + 1] - depths[first])


@njit(nogil=True, cache=True)
def _offset(k: float, offsets: AnyArray, axis: int) -> float:
    first = min(max(math.floor(k), 0), len(offsets) - 2)
    return offsets[first, axis] + (k - first) * (offsets[first + 1, axis] - offsets[first, axis])


@njit(nogil=True, cache=True)
def _linear_at(source: AnyArray, k: float, j: float, i: float) -> float:
    nk, nj, ni = source.shape
    k, j, i = min(max(k, 0.0), nk - 1.0), min(max(j, 0.0), nj - 1.0), min(max(i, 0.0), ni - 1.0)
    k0, j0, i0 = int(k), int(j), int(i)
    k1, j1, i1 = min(k0 + 1, nk - 1), min(j0 + 1, nj - 1), min(i0 + 1, ni - 1)
    f, g, h = k - k0, j - j0, i - i0
    a = source[k0, j0, i0] + h * (float(source[k0, j0, i1]) - source[k0, j0, i0])
    b = source[k0, j1, i0] + h * (float(source[k0, j1, i1]) - source[k0, j1, i0])
    c = source[k1, j0, i0] + h * (float(source[k1, j0, i1]) - source[k1, j0, i0])
    d = source[k1, j1, i0] + h * (float(source[k1, j1, i1]) - source[k1, j1, i0])
    a += g * (b - a)
    c += g * (d - c)
    return a + f * (c - a)


@njit(nogil=True, cache=True)
def _taps_at(source: AnyArray, counts: tuple[int, int, int], at: AnyArray, weight: AnyArray) -> float:
    total = 0.0
    for a in range(counts[0]):
        for b in range(counts[1]):
            row = 0.0
            line = source[at[0, a], at[1, b]]
            for c in range(counts[2]):
                row += weight[2, c] * line[at[2, c]]
            total += weight[0, a] * weight[1, b] * row
    return total


@njit(nogil=True, cache=True)
def _value_at(
    source: AnyArray,
    order: int,
    place: tuple[float, float, float],
    depths: AnyArray,
    offsets: AnyArray,
    at: AnyArray,
    weight: AnyArray,
) -> float:
    """Value at a place, NaN outside the voxels (more than half a voxel beyond the outer centres)."""
    u, v, w = place
    uneven = len(depths) > 1
    k, j, i = u, v, w
    if uneven:
        k = _slice_index(u, depths)
        j, i = v - _offset(k, offsets, 0), w - _offset(k, offsets, 1)
    nk, nj, ni = source.shape
    inside = -0.5 <= k <= nk - 0.5 and -0.5 <= j <= nj - 0.5 and -0.5 <= i <= ni - 0.5
    if not inside:
        return np.nan
    if order == 1:
        return float(_linear_at(source, k, j, i))
    if uneven:
        a = _uneven_taps(u, depths, order, at[0], weight[0])
    else:
        a = axis_taps(k, nk, order, at[0], weight[0])
    b = axis_taps(j, nj, order, at[1], weight[1])
    c = axis_taps(i, ni, order, at[2], weight[2])
    return float(_taps_at(source, (a, b, c), at, weight))


@njit(nogil=True, cache=True)
def along_lines(
    source: AnyArray,
    order: int,
    starts: AnyArray,
    steps: AnyArray,
    stack: tuple[AnyArray, AnyArray],
    outside: float,
    out: AnyArray,
) -> None:
    """Fill `out` (slices, rows, columns) along straight lines.

    Parameters
    ----------
    source
        (k, j, i) values, or B-spline coefficients for order 3.
    starts
        (slices, 3) place of the first voxel of each target slice.
    steps
        (2, 3) change of the place with one target row and one target column.
    stack
        Depth (k,) and in-plane offset (k, 2) of each source slice; empty where even.
    outside
        Value where there is no source.
    """
    depths, offsets = stack
    at, weight = np.zeros((3, TAPS), np.int64), np.zeros((3, TAPS))
    rows, columns = out.shape[1:]
    aligned = steps[1, 0] == 0.0 and steps[1, 1] == 0.0
    if aligned and steps[1, 2] != 0.0:
        _aligned_lines(source, order, starts, steps, stack, outside, out)
        return
    flat = source.ravel()
    line = np.empty(3)
    for n in range(out.shape[0]):
        for r in range(rows):
            for axis in range(3):
                line[axis] = starts[n, axis] + r * steps[0, axis]
            first, last, enter, leave = 0, 0, 0, columns
            if len(depths) == 0 and order > 0:
                border = 1.0 if order == 3 else 0.0
                first, last = _columns_within(line, steps[1], source.shape, columns, border)
                enter, leave = _columns_within(line, steps[1], source.shape, columns, -0.6)
            out[n, r, :enter] = outside
            out[n, r, leave:] = outside
            for c in range(enter, leave):
                if first <= c < last:
                    continue
                place = (line[0] + c * steps[1, 0], line[1] + c * steps[1, 1], line[2] + c * steps[1, 2])
                value = _value_at(source, order, place, depths, offsets, at, weight)
                out[n, r, c] = outside if math.isnan(value) else value
            if order == 1:
                _linear_line(flat, source.shape, line, steps[1], first, last, out[n, r])
            elif order == 3:
                _cubic_line(flat, source.shape, line, steps[1], first, last, out[n, r])


@njit(nogil=True, cache=True)
def _columns_within(
    line: AnyArray, step: AnyArray, shape: tuple[int, int, int], columns: int, border: float
) -> tuple[int, int]:
    """First column, and the one after the last, more than `border` inside the outer voxel centres."""
    low, high = 0.0, columns - 1.0
    for axis in range(3):
        least, most = border + 1e-9, shape[axis] - 1.0 - border - 1e-9
        if abs(step[axis]) < 1e-12:
            if not least <= line[axis] <= most:
                return 0, 0
            continue
        a, b = (least - line[axis]) / step[axis], (most - line[axis]) / step[axis]
        low, high = max(low, min(a, b)), min(high, max(a, b))
    first, last = math.ceil(low), math.floor(high) + 1
    return (first, last) if last > first else (0, 0)


@njit(nogil=True, cache=True, fastmath={"contract", "reassoc", "nsz"})
def _linear_line(
    flat: AnyArray,
    shape: tuple[int, int, int],
    line: AnyArray,
    step: AnyArray,
    first: int,
    last: int,
    out: AnyArray,
) -> None:
    kind = out.dtype.type
    row, layer, one = np.uint64(shape[2]), np.uint64(shape[1] * shape[2]), np.uint64(1)
    for c in range(first, last):
        k, j, i = line[0] + c * step[0], line[1] + c * step[1], line[2] + c * step[2]
        k0, j0, i0 = np.int64(k), np.int64(j), np.int64(i)
        f, g, h = kind(k - k0), kind(j - j0), kind(i - i0)
        at = np.uint64(k0) * layer + np.uint64(j0) * row + np.uint64(i0)
        below = at + layer
        a = flat[at] + h * (kind(flat[at + one]) - flat[at])
        b = flat[at + row] + h * (kind(flat[at + row + one]) - flat[at + row])
        p = flat[below] + h * (kind(flat[below + one]) - flat[below])
        q = flat[below + row] + h * (kind(flat[below + row + one]) - flat[below + row])
        a += g * (b - a)
        p += g * (q - p)
        out[c] = a + f * (p - a)


@njit(nogil=True, cache=True, fastmath={"contract", "reassoc", "nsz"})
def _cubic_line(
    flat: AnyArray,
    shape: tuple[int, int, int],
    line: AnyArray,
    step: AnyArray,
    first: int,
    last: int,
    out: AnyArray,
) -> None:
    row, layer = np.uint64(shape[2]), np.uint64(shape[1] * shape[2])
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    for c in range(first, last):
        k, j, i = line[0] + c * step[0], line[1] + c * step[1], line[2] + c * step[2]
        k0, j0, i0 = np.int64(k), np.int64(j), np.int64(i)
        wk, wj = _spline_weights(k - k0), _spline_weights(j - j0)
        w0, w1, w2, w3 = _spline_weights(i - i0)
        corner = np.uint64(k0 - 1) * layer + np.uint64(j0 - 1) * row + np.uint64(i0 - 1)
        total = 0.0
        for a in range(4):
            plane = 0.0
            for b in range(4):
                at = corner + np.uint64(b) * row
                plane += wj[b] * (
                    w0 * flat[at] + w1 * flat[at + one] + w2 * flat[at + two] + w3 * flat[at + three]
                )
            total += wk[a] * plane
            corner += layer
        out[c] = total


@njit(nogil=True, cache=True)
def _aligned_lines(
    source: AnyArray,
    order: int,
    starts: AnyArray,
    steps: AnyArray,
    stack: tuple[AnyArray, AnyArray],
    outside: float,
    out: AnyArray,
) -> None:
    """Target rows run along source rows: blend whole source rows first, then step along the blend."""
    depths, offsets = stack
    nk, nj, ni = source.shape
    at, weight = np.zeros((2, TAPS), np.int64), np.zeros((2, TAPS))
    columns = out.shape[2]
    column_at, column_weight = np.zeros((columns, TAPS), np.int64), np.zeros((columns, TAPS), out.dtype)
    blend = np.zeros(ni, out.dtype)
    known = np.nan
    first = last = taps = 0
    for n in range(out.shape[0]):
        for r in range(out.shape[1]):
            u = starts[n, 0] + r * steps[0, 0]
            v = starts[n, 1] + r * steps[0, 1]
            w = starts[n, 2] + r * steps[0, 2]
            k = u
            if len(depths) > 1:
                k = _slice_index(u, depths)
                v -= _offset(k, offsets, 0)
                w -= _offset(k, offsets, 1)
            if not (-0.5 <= k <= nk - 0.5 and -0.5 <= v <= nj - 0.5):
                out[n, r, :] = outside
                continue
            if len(depths) > 1:
                count_k = _uneven_taps(u, depths, order, at[0], weight[0])
            else:
                count_k = axis_taps(k, nk, order, at[0], weight[0])
            count_j = axis_taps(v, nj, order, at[1], weight[1])
            blend[:] = 0
            for a in range(count_k):
                for b in range(count_j):
                    part = out.dtype.type(weight[0, a] * weight[1, b])
                    if part != 0.0:
                        line = source[at[0, a], at[1, b]]
                        for i in range(ni):
                            blend[i] += part * line[i]
            if w != known:
                known = w
                first, last, taps = _column_taps(w, steps[1, 2], ni, order, column_at, column_weight)
            out[n, r, :first] = outside
            out[n, r, last:] = outside
            _step_along(blend, column_at, column_weight, taps, out[n, r], first, last)


@njit(nogil=True, cache=True)
def _column_taps(
    w: float, step: float, count: int, order: int, at: AnyArray, weight: AnyArray
) -> tuple[int, int, int]:
    """Taps of every target column; returns the first and last column inside and the taps of each."""
    first, last, taps = len(at), 0, 1
    for c in range(len(at)):
        i = w + c * step
        if -0.5 <= i <= count - 0.5:
            taps = axis_taps(i, count, order, at[c], weight[c])
            first, last = min(first, c), c + 1
    return min(first, last), last, taps


@njit(nogil=True, cache=True)
def _step_along(
    blend: AnyArray, at: AnyArray, weight: AnyArray, taps: int, out: AnyArray, first: int, last: int
) -> None:
    if taps == 1:
        for c in range(first, last):
            out[c] = blend[at[c, 0]]
    elif taps == 2:
        for c in range(first, last):
            out[c] = blend[at[c, 0]] * weight[c, 0] + blend[at[c, 1]] * weight[c, 1]
    else:
        for c in range(first, last):
            out[c] = (
                blend[at[c, 0]] * weight[c, 0]
                + blend[at[c, 1]] * weight[c, 1]
                + blend[at[c, 2]] * weight[c, 2]
                + blend[at[c, 3]] * weight[c, 3]
            )


@njit(nogil=True, cache=True)
def at_places(
    source: AnyArray,
    order: int,
    places: AnyArray,
    stack: tuple[AnyArray, AnyArray],
    outside: float,
    out: AnyArray,
) -> None:
    """Fill `out` (n,) with the values at `places` (n, 3); the rest as for `along_lines`."""
    depths, offsets = stack
    at, weight = np.zeros((3, TAPS), np.int64), np.zeros((3, TAPS))
    for n in range(len(out)):
        place = (places[n, 0], places[n, 1], places[n, 2])
        value = _value_at(source, order, place, depths, offsets, at, weight)
        out[n] = outside if math.isnan(value) else value


@njit(nogil=True, cache=True)
def prefilter_lines(values: AnyArray) -> None:
    """Turn (n, m) samples into cubic B-spline coefficients along the first axis, in place, mirrored ends."""
    count, width = values.shape
    if count == 1:
        return
    _start_lines(values)
    for n in range(1, count):
        for m in range(width):
            values[n, m] += POLE * values[n - 1, m]
    scale = POLE / (POLE * POLE - 1.0)
    for m in range(width):
        values[count - 1, m] = scale * (values[count - 1, m] + POLE * values[count - 2, m])
    for n in range(count - 2, -1, -1):
        for m in range(width):
            values[n, m] = POLE * (values[n + 1, m] - values[n, m])
    for n in range(count):
        for m in range(width):
            values[n, m] *= 6.0


@njit(nogil=True, cache=True)
def _start_lines(values: AnyArray) -> None:
    """Start the recursion: the sum over the mirrored signal, exact for short ones."""
    count, width = values.shape
    for m in range(width):
        total, power = float(values[0, m]), POLE
        for n in range(1, min(count, 32)):
            total += power * values[n, m]
            power *= POLE
        if count < 32:  # exact sum over the mirrored signal
            back = POLE ** (2 * count - 2)
            total, left, right = float(values[0, m]), POLE, POLE ** (2 * count - 3)
            for n in range(1, count - 1):
                total += (left + right) * values[n, m]
                left *= POLE
                right /= POLE
            total = (total + POLE ** (count - 1) * values[count - 1, m]) / (1.0 - back)
        values[0, m] = total


@njit(nogil=True, cache=True)
def prefilter_rows(values: AnyArray) -> None:
    """Turn each slice (j, i) of an array into B-spline coefficients along j and i, in place."""
    for k in range(values.shape[0]):
        prefilter_lines(values[k])
        flipped = np.ascontiguousarray(values[k].T)
        prefilter_lines(flipped)
        values[k] = flipped.T

"""Compiled loops of `medvox.processing.bias_field`; imported only when a field is fitted."""

# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return"
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit  # noqa: TID253
from numpy.typing import NDArray

AnyArray = NDArray[Any]


@njit(nogil=True, cache=True, fastmath=True)
def histogram(values: AnyArray, low: float, step: float, bins: int) -> AnyArray:
    """(bins,) counts, each value shared between the two nearest bin centers."""
    counts = np.zeros(bins)
    for n in range(values.size):
        place = max((values[n] - low) / step, 0.0)
        whole = int(place)
        if whole >= bins - 1:
            counts[bins - 1] += 1.0
        else:
            counts[whole] += 1.0 - (place - whole)
            counts[whole + 1] += place - whole
    return counts


@njit(nogil=True, cache=True, fastmath=True)
def residuals(
    values: AnyArray, low: float, step: float, table: AnyArray, weights: AnyArray, out: AnyArray
) -> None:
    """Write (value - table at the value) * weight to `out`, the table read by linear interpolation."""
    last = table.size - 1
    for n in range(values.size):
        place = max((values[n] - low) / step, 0.0)
        whole = int(place)
        if whole >= last:
            sharp = table[last]
        else:
            sharp = table[whole] + (table[whole + 1] - table[whole]) * (place - whole)
        out[n] = (values[n] - sharp) * weights[n]


@njit(nogil=True, cache=True, fastmath=True)
def contract(values: AnyArray, k_axis: Any, j_axis: Any, i_axis: Any, out: AnyArray) -> None:
    """Add up value times basis over all voxels into `out` (a, b, c), axis by axis.

    An axis is the first control point of each place, (n,), and the weights from there on, (n, taps).
    """
    k_first, k_weights = k_axis
    j_first, j_weights = j_axis
    i_first, i_weights = i_axis
    row = np.zeros(out.shape[2], np.float32)
    plane: AnyArray = np.zeros(out.shape[1:], np.float32)
    out[:] = 0.0
    for k in range(values.shape[0]):
        plane[:] = 0.0
        for j in range(values.shape[1]):
            row[:] = 0.0
            for i in range(values.shape[2]):
                value = values[k, j, i]
                if value != 0.0:
                    for c in range(i_weights.shape[1]):
                        row[i_first[i] + c] += value * i_weights[i, c]
            for b in range(j_weights.shape[1]):
                for c in range(row.size):
                    plane[j_first[j] + b, c] += j_weights[j, b] * row[c]
        for a in range(k_weights.shape[1]):
            for b in range(plane.shape[0]):
                for c in range(plane.shape[1]):
                    out[k_first[k] + a, b, c] += k_weights[k, a] * plane[b, c]


@njit(nogil=True, cache=True, fastmath=True)
def evaluate(lattice: AnyArray, k_axis: Any, j_axis: Any, i_axis: Any, out: AnyArray) -> None:
    """Write the values (k, j, i) of the spline with control points `lattice` (a, b, c) to `out`."""
    k_first, k_weights = k_axis
    j_first, j_weights = j_axis
    i_first, i_weights = i_axis
    row = np.zeros(lattice.shape[2], np.float32)
    plane: AnyArray = np.zeros(lattice.shape[1:], np.float32)
    for k in range(out.shape[0]):
        plane[:] = 0.0
        for a in range(k_weights.shape[1]):
            for b in range(plane.shape[0]):
                for c in range(plane.shape[1]):
                    plane[b, c] += k_weights[k, a] * lattice[k_first[k] + a, b, c]
        for j in range(out.shape[1]):
            row[:] = 0.0
            for b in range(j_weights.shape[1]):
                for c in range(row.size):
                    row[c] += j_weights[j, b] * plane[j_first[j] + b, c]
            for i in range(out.shape[2]):
                total = np.float32(0.0)
                for c in range(i_weights.shape[1]):
                    total += i_weights[i, c] * row[i_first[i] + c]
                out[k, j, i] = total

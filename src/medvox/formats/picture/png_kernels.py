"""Compiled loops of `medvox.formats.picture.png_stack`; imported only when many PNG files are read."""

# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return"
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit  # noqa: TID253
from numpy.typing import NDArray

AnyArray = NDArray[Any]


@njit(nogil=True, cache=True)
def unfilter(data: AnyArray, step: int, swapped: bool, out: AnyArray) -> bool:
    """Undo the filters of all rows (PNG 9.2).

    Parameters
    ----------
    data
        (rows * (1 + bytes a row)) uint8: each row behind the number of its filter.
    step
        Bytes of a pixel.
    swapped
        Whether pairs of bytes change places: from PNG's 16-bit values to those of small-endian machines.
    out
        (rows, bytes a row) uint8, filled here.

    Returns
    -------
    bool
        Whether every row had a filter that there is.
    """
    rows, width = out.shape
    above, into = np.zeros(width, np.uint8), np.zeros(width, np.uint8)
    at = 0
    for r in range(rows):
        kind, row = data[at], data[at + 1 : at + 1 + width]
        at += 1 + width
        if kind == 0:
            into[:] = row
        elif kind == 1:
            into[:step] = row[:step]
            for n in range(step, width):
                into[n] = row[n] + into[n - step]
        elif kind == 2:
            for n in range(width):
                into[n] = row[n] + above[n]
        elif kind == 3:
            _average(row, above, step, into)
        elif kind == 4:
            _paeth(row, above, step, into)
        else:
            return False
        if swapped:
            _swap(into, out[r])
        else:
            out[r, :] = into
        above, into = into, above
    return True


@njit(nogil=True, cache=True)
def _swap(row: AnyArray, out: AnyArray) -> None:
    for n in range(0, len(row) - 1, 2):
        out[n], out[n + 1] = row[n + 1], row[n]


@njit(nogil=True, cache=True)
def _average(row: AnyArray, above: AnyArray, step: int, into: AnyArray) -> None:
    for n in range(step):
        into[n] = row[n] + (above[n] >> 1)
    for n in range(step, len(into)):
        into[n] = row[n] + np.uint8((np.int32(into[n - step]) + np.int32(above[n])) >> 1)


@njit(nogil=True, cache=True)
def _paeth(row: AnyArray, above: AnyArray, step: int, into: AnyArray) -> None:
    for first in range(step):
        left, corner = np.int32(0), np.int32(0)
        for n in range(first, len(into), step):
            up = np.int32(above[n])
            to_left, to_up = abs(up - corner), abs(left - corner)
            to_corner = abs(left + up - 2 * corner)
            if to_left <= to_up and to_left <= to_corner:
                guess = left
            elif to_up <= to_corner:
                guess = up
            else:
                guess = corner
            value = np.uint8(row[n] + np.uint8(guess))
            into[n] = value
            left, corner = np.int32(value), up

"""Compiled loops that write numbers as text; imported only when outlines are written."""

# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return"
from __future__ import annotations

from typing import Any

from numba import njit  # noqa: TID253
from numpy.typing import NDArray

AnyArray = NDArray[Any]


@njit(nogil=True, cache=True)
def write_rows(scaled: AnyArray, decimals: int, between: int, after: int, text: AnyArray) -> int:
    """Write (n, m) whole numbers, each over ten to the `decimals`, as rows of decimal text.

    Zeros at the end of fractions are left out. `text` needs 24 bytes a number. Returns the bytes written.
    """
    used = 0
    columns = scaled.shape[1]
    for row in range(scaled.shape[0]):
        for column in range(columns):
            used = _write_number(scaled[row, column], decimals, text, used)
            text[used] = between if column + 1 < columns else after
            used += 1
    return used


@njit(nogil=True, cache=True)
def _write_number(value: int, decimals: int, text: AnyArray, used: int) -> int:
    if value < 0:
        text[used] = 45
        used += 1
        value = -value
    places = decimals
    while places > 0 and value % 10 == 0:
        value //= 10
        places -= 1
    digits = 1
    rest = value // 10
    while rest > 0:
        digits += 1
        rest //= 10
    digits = max(digits, places + 1)
    length = digits + (1 if places else 0)
    at = used + length - 1
    for n in range(digits):
        if places and n == places:
            text[at] = 46
            at -= 1
        text[at] = 48 + value % 10
        value //= 10
        at -= 1
    return used + length

"""Reading a value of a description, whatever stood in the file: a number of the right kind, or our error."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, LimitError

MOST = 1 << 40
_MOST_NUMBERS = 1 << 22


def whole(value: object, name: str, where: object, least: int = 0) -> int:
    """Return a whole number of at least `least`.

    Raises
    ------
    FormatError, LimitError
        If it is none, or absurd.
    """
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdecimal() and len(value) < 20:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise FormatError(
            f"{name} is no whole number", where=where, got=_short(value), expected=f"{least} or more"
        )
    if value > MOST:
        raise LimitError(f"{name} is absurd", where=where, got=value)
    return value


def number(value: object, name: str, where: object) -> float:
    """Return a finite number.

    Raises
    ------
    FormatError
        If it is none.
    """
    try:
        found = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found) or abs(found) > 1e300:
        raise FormatError(f"{name} is no number", where=where, got=_short(value))
    return found


def numbers(value: object, name: str, where: object, count: int | None = None) -> tuple[float, ...]:
    """Return numbers from a list, or from text with blanks, commas, semicolons or slashes between them."""
    items: list[Any]
    if isinstance(value, str):
        items = list(value.translate(str.maketrans(",;/x[]()", "        ")).split())
    else:
        items = _flat(value)
    if len(items) > _MOST_NUMBERS:
        raise LimitError(f"{name} is too long", where=where, got=len(items))
    found = tuple(number(item, name, where) for item in items)
    if count is not None and len(found) != count:
        raise FormatError(f"{name} has the wrong length", where=where, got=len(found), expected=count)
    return found


def _flat(value: object) -> list[Any]:
    found: list[Any] = []
    for item in value if isinstance(value, list | tuple) else [value]:
        found += list(item) if isinstance(item, list | tuple) else [item]
    return found


def text(value: object, name: str, where: object) -> str:
    """Return text of one line.

    Raises
    ------
    FormatError
        If it is none.
    """
    if not isinstance(value, str) or len(value) > 4096 or "\0" in value:
        raise FormatError(f"{name} is no text", where=where, got=_short(value))
    return value


def scale(value: object, name: str, where: object) -> NDArray[np.float64]:
    """Return a number, or nested lists of numbers as an array (axes up to k)."""
    if isinstance(value, list):
        try:
            found = np.array(value, dtype=np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise FormatError(f"{name} is not made of numbers", where=where) from error
        if not np.isfinite(found).all() or found.size == 0 or found.size > _MOST_NUMBERS:
            raise FormatError(f"{name} is not made of finite numbers", where=where)
        return found
    return np.asarray(number(value, name, where))


def affine(value: object, name: str, where: object) -> NDArray[np.float64]:
    """Return a 4x4 matrix from its three or four rows, one after the other."""
    found = numbers(value, name, where)
    if len(found) == 16 and found[12:] == (0.0, 0.0, 0.0, 1.0):
        found = found[:12]
    if len(found) != 12:
        raise FormatError(
            f"{name} has the wrong length",
            where=where,
            got=len(found),
            expected="12 or 16 numbers, row by row",
        )
    matrix = np.eye(4)
    matrix[:3] = np.reshape(found, (3, 4))
    return matrix


def _short(value: object) -> str:
    return repr(value)[:60]


def file_text(raw: bytes, path: Path) -> str:
    """Decode a description.

    Raises
    ------
    FormatError
        If it is no UTF-8.
    """
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError("the description is no UTF-8 text", where=path) from error

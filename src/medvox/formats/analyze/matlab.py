"""Numeric arrays of MATLAB files, level 4 and 5, as SPM writes them.

Parsed here because scipy's compiled reader may end the program when it meets damaged bytes. Source:
MathWorks, MAT-File Format, 2023: level 5 in chapter 1, level 4 in its appendix.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, LimitError, TruncatedError

Array = NDArray[np.float64]

MOST_BYTES = 16 << 20
"""Of an array that was packed."""
_LEVEL_4 = ("f8", "f4", "i4", "i2", "u2", "u1")
_LEVEL_5 = {
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8",
}  # fmt: skip
_MATRIX, _PACKED = 14, 15
_NUMERIC_CLASSES = range(6, 16)
_HEADER = 128


def numeric_arrays(data: bytes) -> dict[str, Array]:
    """Read all numeric arrays of a file, by name.

    Parameters
    ----------
    data
        The whole file.

    Raises
    ------
    FormatError
        If it is no such file, is damaged, or claims more than it has.
    """
    if len(data) > _HEADER and data[126:128] in (b"IM", b"MI"):
        order = "<" if data[126:128] == b"IM" else ">"
        return dict(_level_5(data[_HEADER:], order))
    return dict(_level_4(data))


def _level_4(data: bytes) -> Iterator[tuple[str, Array]]:
    place = 0
    while place < len(data):
        order = "<"
        kind, rows, columns, imaginary, length = _unpack("<5i", data, place)
        if not 0 <= kind <= 5000:
            order = ">"
            kind, rows, columns, imaginary, length = _unpack(">5i", data, place)
        precision = kind // 10 % 10
        known = kind // 1000 == (order == ">") and kind // 100 % 10 == 0 and precision < len(_LEVEL_4)
        if not known or not 0 < length < 256 or min(rows, columns) < 0:
            raise FormatError("not a MATLAB file", where=f"byte {place}")
        start = place + 20 + length
        name = _piece(data, place + 20, length).rstrip(b"\0").decode("latin-1")
        dtype = np.dtype(order + _LEVEL_4[precision])
        size = rows * columns * dtype.itemsize
        values = np.frombuffer(_piece(data, start, size), dtype).astype(np.float64)
        if kind % 10 == 0:
            yield name, values.reshape((rows, columns), order="F")
        place = start + size * (2 if imaginary else 1)


def _level_5(data: bytes, order: str) -> Iterator[tuple[str, Array]]:
    for kind, content in _elements(data, order):
        if kind == _PACKED:
            yield from _level_5(_unpacked(content), order)
        elif kind == _MATRIX:
            found = _array(content, order)
            if found is not None:
                yield found


def _unpacked(content: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        made = unpacker.decompress(content, MOST_BYTES)
    except zlib.error as error:
        raise FormatError("a packed array is damaged") from error
    if unpacker.unconsumed_tail:
        raise LimitError("a packed array is absurdly large", expected=f"up to {MOST_BYTES} bytes")
    return made


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Kind and content of each element; short ones hold up to four bytes within their tag."""
    place = 0
    while place < len(data):
        first, size = _unpack(f"{order}2I", data, place)
        if first >> 16:
            kind, size = first & 0xFFFF, first >> 16
            if size > 4:
                raise FormatError("a short element is too long", where=f"byte {place}", got=size)
            yield kind, data[place + 4 : place + 4 + size]
            place += 8
        else:
            yield first, _piece(data, place + 8, size)
            place += 8 + (size if first == _PACKED else -(-size // 8) * 8)


def _array(content: bytes, order: str) -> tuple[str, Array] | None:
    """Name and values of a real or complex array; of the latter the real part; None of other classes."""
    parts = []
    for part in _elements(content, order):
        parts.append(part)
        if len(parts) == 4:
            break
    if len(parts) < 4:
        return None
    (_, flags), (_, dims), (_, name), (kind, values) = parts
    if _unpack(f"{order}I", flags, 0)[0] & 0xFF not in _NUMERIC_CLASSES or kind not in _LEVEL_5:
        return None
    if len(dims) % 4 or not 8 <= len(dims) <= 32 * 4:
        raise FormatError("an array has no dimensions")
    shape = tuple(int(n) for n in np.frombuffer(dims, f"{order}i4"))
    dtype = np.dtype(order + _LEVEL_5[kind])
    if min(shape) < 0 or math.prod(shape) * dtype.itemsize != len(values):
        raise FormatError("an array does not fill its dimensions", got=shape)
    return name.decode("latin-1"), np.frombuffer(values, dtype).astype(np.float64).reshape(shape, order="F")


def _unpack(form: str, data: bytes, place: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from(form, data, place)
    except struct.error as error:
        raise TruncatedError("a MATLAB file ends early", where=f"byte {place}") from error


def _piece(data: bytes, place: int, size: int) -> bytes:
    if size < 0 or place + size > len(data):
        raise TruncatedError("a MATLAB file ends early", where=f"byte {place}", expected=f"{size} bytes")
    return data[place : place + size]

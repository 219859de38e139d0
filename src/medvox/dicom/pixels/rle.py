"""RLE Lossless (PS3.5 annex G), with the padding that writers leave behind their segments."""

from __future__ import annotations

import struct
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, TruncatedError

AnyArray = NDArray[Any]
HEADER_BYTES = 64
MAX_RATIO = 64
"""A run of 128 equal bytes takes 2."""


def decode_rle(data: bytes, planes: AnyArray, where: str) -> None:
    """Decode one frame into `planes`, (samples, rows, columns), little endian, C-contiguous.

    Raises
    ------
    TruncatedError, FormatError
        If segments are missing, short or corrupt.
    """
    if planes.nbytes > len(data) * MAX_RATIO:
        raise TruncatedError("the RLE frame is too short", where=where, got=len(data))
    flat = planes.reshape(-1)
    target: Any = flat.view(np.uint8)
    try:
        imagecodecs.dicomrle_decode(data, flat.dtype, out=target)
    except (ValueError, RuntimeError):
        plain = _without_padding(data, planes.itemsize * len(planes), planes[0].size, where)
        imagecodecs.dicomrle_decode(plain, flat.dtype, out=target)


def _without_padding(data: bytes, segments: int, length: int, where: str) -> bytes:
    """Rewrite a frame so that every segment yields `length` bytes and ends there."""
    if len(data) < HEADER_BYTES:
        raise TruncatedError("the RLE header is too short", where=where, got=len(data), expected=HEADER_BYTES)
    count, *offsets = struct.unpack_from("<16L", data)
    if count != segments:
        raise FormatError("the number of RLE segments is wrong", where=where, got=count, expected=segments)
    ends = [*offsets[1:count], len(data)]
    parts = []
    for number, (start, end) in enumerate(zip(offsets[:count], ends, strict=True), start=1):
        if not HEADER_BYTES <= start <= len(data):
            raise FormatError("an RLE segment lies outside its frame", where=where, got=start)
        parts.append(_trimmed(data, start, max(end, start), length, f"{where} segment {number}"))
    positions = HEADER_BYTES + np.cumsum([0, *map(len, parts[:-1])])
    header = struct.pack("<16L", count, *positions.tolist(), *[0] * (15 - count))
    return header + b"".join(parts)


def _trimmed(data: bytes, start: int, end: int, length: int, where: str) -> bytes:
    """Take the runs of ``data[start:end]`` until they yield `length` bytes; cut the last one."""
    at, done = start, 0
    while done < length:
        if at >= end:
            raise TruncatedError("an RLE segment ends early", where=where, got=done, expected=length)
        control = data[at]
        if control == 128:  # no operation
            at += 1
            continue
        run = control + 1 if control < 128 else 257 - control
        size = run + 1 if control < 128 else 2
        if at + size > end:
            raise TruncatedError("an RLE segment ends early", where=where, got=done, expected=length)
        if done + run > length:
            return data[start:at] + _cut_run(data[at : at + size], length - done)
        done, at = done + run, at + size
    return data[start:at]


def _cut_run(run: bytes, length: int) -> bytes:
    """Shorten a run to `length` bytes."""
    if run[0] < 128:
        return bytes((length - 1,)) + run[1 : 1 + length]
    return bytes((257 - length,)) + run[1:] if length > 1 else b"\0" + run[1:]

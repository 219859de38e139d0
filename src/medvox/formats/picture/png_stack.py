"""PNG files by the hundred: isal inflates and compiled loops undo the filters, twice as fast as libpng.

A single picture is decoded by libpng (imagecodecs), which needs no compiled loops to be loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

AnyArray = NDArray[Any]

MANY_BYTES = 1 << 24
"""Bytes of values from which loading the compiled loops pays."""

_unfilter: list[Callable[[AnyArray, int, AnyArray], bool]] = []


def prepare(nbytes: int) -> None:
    """Tell that so many bytes of values are about to be decoded; loads the compiled loops if that pays."""
    if nbytes >= MANY_BYTES and not _unfilter:
        from medvox.formats.picture.png_kernels import unfilter

        unfilter(np.zeros(3, np.uint8), 1, np.zeros((1, 2), np.uint8))  # compiled, or read from the cache
        _unfilter.append(unfilter)


def decode_prepared(raw: bytes) -> AnyArray | None:
    """Decode a picture of 8 or 16 bits a sample that is neither interlaced nor indexed.

    Returns
    -------
    numpy.ndarray or None
        (rows, columns[, samples]); None where libpng should do it, or say what is wrong: `prepare` was not
        called, the picture is of another kind, or it is damaged.
    """
    from isal import isal_zlib

    samples = {0: 1, 2: 3, 4: 2, 6: 4}.get(raw[25] if len(raw) > 33 else -1, 0)
    if not _unfilter or not samples or raw[24] not in (8, 16) or raw[28] != 0:
        return None
    columns, rows = (int.from_bytes(raw[n : n + 4], "big") for n in (16, 20))
    step = samples * raw[24] // 8
    packed = _image_data(raw)
    size = rows * (1 + columns * step)
    if packed is None or size > 1100 * len(packed):
        return None
    try:
        data = np.frombuffer(isal_zlib.decompress(packed, 15, size), np.uint8)
    except Exception:  # isal's own kind of error: libpng says what is wrong
        return None
    out = np.empty((rows, columns * step), np.uint8)
    if len(data) != size or not _unfilter[0](data, step, out):
        return None
    values = out if raw[24] == 8 else out.view(np.uint16)
    if raw[24] == 16 and np.little_endian:
        values.byteswap(inplace=True)
    return values.reshape((rows, columns) if samples == 1 else (rows, columns, samples))


def _image_data(raw: bytes) -> bytes | None:
    """Join the image data chunks; None where the file has no end."""
    at, parts = 8, []
    while at + 12 <= len(raw):
        size, kind = int.from_bytes(raw[at : at + 4], "big"), raw[at + 4 : at + 8]
        if kind == b"IDAT":
            parts.append(raw[at + 8 : at + 8 + size])
        elif kind == b"IEND":
            return b"".join(parts)
        at += size + 12
    return None

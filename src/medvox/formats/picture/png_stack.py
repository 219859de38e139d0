"""PNG files by the hundred: libdeflate inflates and compiled loops undo the filters, faster than libpng.

A single picture is decoded by libpng (imagecodecs), which needs no compiled loops to be loaded.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.formats.files import read_bytes

AnyArray = NDArray[Any]

MANY_BYTES = 1 << 24
"""Bytes of values from which loading the compiled loops pays."""


class PngStack:
    """Reads pictures of one kind, 8 or 16 bits a sample, neither interlaced nor indexed."""

    def __init__(self) -> None:
        from medvox.formats.picture.png_kernels import unfilter

        self._unfilter: Callable[[AnyArray, int, bool, AnyArray], bool] = unfilter
        self._local = threading.local()
        unfilter(np.zeros(3, np.uint8), 1, False, np.zeros((1, 2), np.uint8))  # compiled before threads start

    def read_into(self, path: Path, out: AnyArray) -> bool:
        """Read a picture.

        Parameters
        ----------
        out
            (rows, columns) or (rows, columns, 3), of the picture's type, filled here.

        Returns
        -------
        bool
            Whether it was read. Where not, libpng should do it, or say what is wrong: the picture is of
            another kind, or damaged.
        """
        import imagecodecs

        raw = read_bytes(path)
        rows, columns, samples = out.shape if out.ndim == 3 else (*out.shape, 1)
        said = raw[16:24] + raw[24:26] + raw[28:29] if len(raw) > 33 else b""
        colour = 0 if samples == 1 else 2
        size = columns.to_bytes(4, "big") + rows.to_bytes(4, "big")
        if said != size + bytes([8 * out.dtype.itemsize, colour, 0]) or samples not in (1, 3):
            return False
        step = samples * out.dtype.itemsize
        packed = _image_data(raw)
        if packed is None:
            return False
        data = self._buffer(rows * (1 + columns * step))
        try:
            if len(imagecodecs.deflate_decode(packed, out=data.data)) != len(data):
                return False
        except RuntimeError:
            return False
        swapped = out.dtype.itemsize == 2 and sys.byteorder == "little"
        return self._unfilter(data, step, swapped, out.view(np.uint8).reshape(rows, columns * step))

    def _buffer(self, size: int) -> AnyArray:
        """Memory of this thread, used again: getting it anew would take longer than undoing filters."""
        buffer: AnyArray | None = getattr(self._local, "buffer", None)
        if buffer is None or len(buffer) != size:
            buffer = self._local.buffer = np.empty(size, np.uint8)
        return buffer


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

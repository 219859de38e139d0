"""Photometric interpretations: from stored colours to red, green, blue (PS3.3 C.7.6.3.1.2)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

AnyArray = NDArray[Any]

GREY = ("MONOCHROME1", "MONOCHROME2")
PALETTE = "PALETTE COLOR"
RGB = "RGB"
YBR_FULL = ("YBR_FULL", "YBR_FULL_422")
YBR_PARTIAL = ("YBR_PARTIAL_422", "YBR_PARTIAL_420")
YBR_J2K = ("YBR_ICT", "YBR_RCT")
XYB = "XYB"
COLOR = (RGB, *YBR_FULL, *YBR_PARTIAL, *YBR_J2K, XYB)
SUBSAMPLED = ("YBR_FULL_422", "YBR_PARTIAL_422")


def rgb_from_ybr(ybr: AnyArray, photometric: str) -> AnyArray:
    """Convert (rows, columns, 3) luminance and chrominance to red, green and blue, same type.

    YBR_FULL is the full-range form of ITU-R BT.601 (the one JFIF uses); YBR_PARTIAL keeps luminance
    in 16..235 and chrominance in 16..240 (of 8 bits).
    """
    bits = ybr.dtype.itemsize * 8
    top = float((1 << bits) - 1)
    y, cb, cr = (ybr[..., n].astype(np.float32) for n in range(3))
    middle = np.float32(1 << (bits - 1))
    cb -= middle
    cr -= middle
    if photometric in YBR_PARTIAL:
        unit = np.float32(1 << (bits - 8))
        y = (y - 16 * unit) * np.float32(255 / 219)
        cb, cr = cb * np.float32(255 / 224), cr * np.float32(255 / 224)
    out = np.empty(ybr.shape, ybr.dtype)
    for n, channel in enumerate(
        (
            y + np.float32(1.402) * cr,
            y - np.float32(0.344136) * cb - np.float32(0.714136) * cr,
            y + np.float32(1.772) * cb,
        )
    ):
        np.clip(np.rint(channel), 0, top, out=channel)
        out[..., n] = channel
    return out


def ybr_from_422(words: AnyArray, rows: int, columns: int) -> AnyArray:
    """Spread native 4:2:2 samples (Y1 Y2 Cb Cr, PS3.3 C.7.6.3.1.2) to (rows, columns, 3).

    A chrominance sample is shared by the two pixels of its pair.
    """
    pairs = words.reshape(rows, columns // 2, 4)
    out = np.empty((rows, columns // 2, 2, 3), words.dtype)
    out[..., 0] = pairs[..., :2]
    out[..., 1] = pairs[..., 2:3]
    out[..., 2] = pairs[..., 3:4]
    return out.reshape(rows, columns, 3)

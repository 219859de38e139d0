"""Native pixel data: values as they are, packed in bytes (PS3.5 8.1.1, annex D)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, TruncatedError
from medvox.dicom.pixels import photometric
from medvox.dicom.pixels.format import PixelFormat

AnyArray = NDArray[Any]


def is_plain(form: PixelFormat) -> bool:
    """Whether a frame lies in the file just as in memory, byte order and unused bits aside."""
    if form.bits_allocated % 8 or form.palette is not None:
        return False
    return form.samples == 1 or (form.planar == 0 and form.photometric == photometric.RGB)


def frame_bytes(form: PixelFormat, frame: int) -> tuple[int, int, int]:
    """Where a frame lies: first byte and number of bytes in the value, and the bits to skip in the first."""
    first = form.native_frame_bits * frame
    last = first + form.native_frame_bits
    return first // 8, -(-last // 8) - first // 8, first % 8


def decode_native(
    data: bytes | AnyArray,
    skip: int,
    form: PixelFormat,
    where: str,
) -> tuple[AnyArray, str]:
    """Unpack one frame.

    Parameters
    ----------
    data
        The bytes that hold the frame.
    skip
        Bits of the first byte that belong to the frame before.

    Returns
    -------
    samples, photometric
        (rows, columns) or (rows, columns, 3), native byte order, and the interpretation they are in.

    Raises
    ------
    TruncatedError
        If bytes are missing.
    FormatError
        If a chrominance-subsampled frame has an impossible size.
    """
    raw = np.frombuffer(data, np.uint8)
    if len(raw) * 8 < skip + form.native_frame_bits:
        raise TruncatedError("the frame is too short", where=where, got=len(raw))
    packed = form.bits_allocated in (1, 12)
    values = _unpacked(raw, skip, form) if packed else _words(raw, form)
    if form.samples == 1:
        return values.reshape(form.rows, form.columns), form.photometric
    return _colors(values, form, where)


def _words(raw: AnyArray, form: PixelFormat) -> AnyArray:
    dtype = form.stored_dtype
    count = form.native_frame_bits // 8 // dtype.itemsize
    order = dtype.newbyteorder(">" if form.big_endian else "<")
    return np.frombuffer(raw, order, count).astype(dtype, copy=False)


def swap_pairs(raw: AnyArray) -> AnyArray:
    """Swap the bytes of each word: big-endian OW holds smaller values so. A last odd byte stays."""
    out = raw.copy()
    even = len(raw) // 2 * 2
    out[:even] = raw[:even].reshape(-1, 2)[:, ::-1].reshape(-1)
    return out


def _unpacked(raw: AnyArray, skip: int, form: PixelFormat) -> AnyArray:
    """Values of 1 or 12 bits, the first in the lowest bits (PS3.5 8.1.1, figure 8.1.1-1)."""
    count = form.native_frame_bits // form.bits_allocated
    if form.bits_allocated == 1:
        return np.unpackbits(raw, bitorder="little", count=skip + count)[skip:]
    bits = np.unpackbits(raw, bitorder="little", count=skip + 12 * count)[skip:].reshape(count, 12)
    weights = (1 << np.arange(12)).astype(np.uint16)
    return (bits @ weights).astype(np.uint16).view(form.stored_dtype)


def _colors(values: AnyArray, form: PixelFormat, where: str) -> tuple[AnyArray, str]:
    rows, columns, name = form.rows, form.columns, form.photometric
    if name in photometric.SUBSAMPLED:
        if columns % 2:
            raise FormatError(f"{name} needs an even number of columns", where=where, got=columns)
        return photometric.ybr_from_422(values, rows, columns), name
    if name == "YBR_PARTIAL_420":
        raise FormatError("YBR_PARTIAL_420 without compression is not defined", where=where)
    if form.planar == 1:
        return np.moveaxis(values.reshape(3, rows, columns), 0, -1), name
    return values.reshape(rows, columns, 3), name


def clean_bits(values: AnyArray, form: PixelFormat, shifted: bool) -> None:
    """Take away bits that are not the value's, in place; repeat its sign bit above it.

    Parameters
    ----------
    values
        Samples of `form.stored_dtype`.
    shifted
        Whether the value may lie higher than bit 0 (High Bit), as native values can.
    """
    if form.kind != "integer" or values.dtype.kind not in "iu":
        return
    stored, width = form.bits_stored, values.itemsize * 8
    shift = form.high_bit + 1 - stored if shifted else 0
    if stored == width:
        return
    if not form.signed:
        if shift:
            np.right_shift(values, shift, out=values)
        top = (1 << stored) - 1
        if values.max() > top:
            np.bitwise_and(values, values.dtype.type(top), out=values)
        return
    half = 1 << (stored - 1)
    if shift or values.max() >= half or values.min() < -half:
        np.left_shift(values, width - stored - shift, out=values)
        np.right_shift(values, width - stored, out=values)

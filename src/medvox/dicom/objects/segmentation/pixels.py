"""Stored frames of a segmentation, native or compressed (PS3.5 8.2, A.4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, LimitError, MissingError, TruncatedError
from medvox.core.settings import current
from medvox.dicom.objects.pieces import Stored
from medvox.dicom.objects.segmentation.bits import Bytes, frame_rows
from medvox.dicom.pixels import PixelFormat
from medvox.dicom.pixels.codecs import decode_frame
from medvox.dicom.pixels.format import Kind

AnyArray = NDArray[Any]


def bit_rows(stored: Stored) -> Bytes:
    """(n, bytes) packed frames of an object of one bit a pixel.

    Raises
    ------
    TruncatedError
        If Pixel Data are too short.
    """
    ds = stored.dataset
    count, pixels = int(ds.get("NumberOfFrames") or 1), int(ds.Rows) * int(ds.Columns)
    if stored.pixels is not None and stored.pixels.undefined:
        rows = [
            np.packbits(frame.reshape(-1) != 0, bitorder="little") for frame in _decoded(stored, count, 1)
        ]
        return np.stack(rows)
    data = _native(stored, -(-count * pixels // 8))
    return frame_rows(data, count, pixels)


def number_frames(stored: Stored) -> AnyArray:
    """(n, rows, columns) stored numbers of an object of 8 or 16 bits.

    Raises
    ------
    TruncatedError
        If Pixel Data are too short.
    FormatError
        If Bits Allocated is neither 8 nor 16.
    """
    ds = stored.dataset
    bits = int(ds.get("BitsAllocated") or 0)
    if bits not in (8, 16):
        raise FormatError("Bits Allocated does not fit", where=stored.name, got=bits, expected=[1, 8, 16])
    shape = int(ds.get("NumberOfFrames") or 1), int(ds.Rows), int(ds.Columns)
    if stored.pixels is not None and stored.pixels.undefined:
        return np.stack(list(_decoded(stored, shape[0], bits)))
    length = int(np.prod(shape)) * bits // 8
    values = _native(stored, length).view(f"<u{bits // 8}")
    return values.reshape(shape)


def _native(stored: Stored, length: int) -> Bytes:
    span = stored.pixels
    if span is None:
        raise MissingError("the segmentation has no pixel data", where=stored.name)
    if span.stop - span.start < length:
        raise TruncatedError(
            "the pixel data end early",
            where=stored.name,
            got=f"{span.stop - span.start} bytes",
            expected=length,
            advice="Copy the file again from where it came",
        )
    return np.frombuffer(stored.data, np.uint8, length, span.start)


def _decoded(stored: Stored, count: int, bits: int) -> Iterator[AnyArray]:
    from pydicom.encaps import generate_frames

    ds, span = stored.dataset, stored.pixels
    assert span is not None
    rows, columns = int(ds.Rows), int(ds.Columns)
    syntax = str(ds.file_meta.TransferSyntaxUID)
    allocated = max(8, bits)
    kind: Kind = "integer"
    sizes = rows, columns, count, 1, allocated, allocated, allocated - 1
    form = PixelFormat(*sizes, False, "MONOCHROME2", 0, syntax, False, kind)
    encoded = bytes(stored.data[span.start : span.stop])
    made = 0
    for made, data in enumerate(generate_frames(encoded, number_of_frames=count), start=1):
        yield decode_frame(data, form, f"{stored.name}, frame {made}")[0]
    if made != count:
        raise TruncatedError("frames are missing", where=stored.name, got=made, expected=count)


def check_limit(shape: tuple[int, ...], itemsize: int, where: str) -> None:
    """Refuse label maps of more bytes than the settings allow."""
    size = int(np.prod([int(n) for n in shape], dtype=object)) * itemsize
    most = current().max_image_bytes
    if size > most:
        raise LimitError(
            "the segmentation is too large", where=where, got=f"{size} bytes", expected=f"at most {most}",
            advice="MEDVOX_MAX_IMAGE_BYTES sets the limit",
        )  # fmt: skip

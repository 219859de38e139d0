"""Lossless compression of frames, each decoded again before it is written (PS3.5 8.2, A.4)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import MedvoxError, WriteError
from medvox.dicom.pixels.codecs import decode_frame
from medvox.dicom.pixels.format import PixelFormat
from medvox.dicom.writing.files.encode import DEFLATED as DEFLATED_SYNTAX
from medvox.dicom.writing.files.encode import EXPLICIT_LITTLE, PIXEL_DATA, UNDEFINED, Encoded, element, head
from medvox.dicom.writing.files.output import in_threads
from medvox.dicom.writing.options import Compression

AnyArray = NDArray[Any]
_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"
_EXTENDED_OFFSETS, _EXTENDED_LENGTHS = 0x7FE00001, 0x7FE00002
_MOST_BASIC = 0xFFFFFFFF
"""Largest offset of a Basic Offset Table."""
_SYNTAXES = {
    Compression.NONE: EXPLICIT_LITTLE,
    Compression.DEFLATED: DEFLATED_SYNTAX,
    Compression.RLE: "1.2.840.10008.1.2.5",
    Compression.JPEG_LOSSLESS: "1.2.840.10008.1.2.4.70",
    Compression.JPEG_LS: "1.2.840.10008.1.2.4.80",
    Compression.JPEG_2000: "1.2.840.10008.1.2.4.90",
    Compression.HTJ2K: "1.2.840.10008.1.2.4.201",
}


def transfer_syntax_of(compression: Compression) -> str:
    """Transfer Syntax UID of a compression."""
    return _SYNTAXES[compression]


# -- frames --------------------------------------------------------------------------------------


def compressed_frames(frames: AnyArray, compression: Compression) -> list[bytes]:
    """Compress frames in threads, and decode each to see that it is the same.

    Parameters
    ----------
    frames
        (n, rows, columns) or (n, rows, columns, 3), little endian.

    Raises
    ------
    WriteError
        If a frame does not decode to what was given.
    """
    form = _pixel_format(frames, transfer_syntax_of(compression))
    encode = _ENCODERS[compression]

    def one(number: int) -> bytes:
        frame = np.ascontiguousarray(frames[number])
        data = encode(frame)
        data += b"\0" * (len(data) % 2)
        _check(data, frame, form, number)
        return data

    if len(frames) == 1:
        return [one(0)]
    with in_threads() as threads:
        return list(threads.map(one, range(len(frames))))


def _check(data: bytes, frame: AnyArray, form: PixelFormat, number: int) -> None:
    where = f"frame {number + 1}"
    try:
        decoded, _ = decode_frame(data, form, where)
    except MedvoxError as error:
        raise WriteError("a compressed frame cannot be decoded again", where=where, got=error.what) from error
    same = decoded.astype(frame.dtype, copy=False) if decoded.itemsize == frame.itemsize else decoded
    if decoded.itemsize == frame.itemsize and decoded.dtype != frame.dtype:
        same = decoded.view(frame.dtype)
    if not np.array_equal(same, frame):
        raise WriteError("a compressed frame does not decode to what was given", where=where)


def _jpeg_lossless(frame: AnyArray) -> bytes:
    """Process 14, selection value 1 (T.81 H)."""
    import imagecodecs

    space = "RGB" if frame.ndim == 3 else None
    plain = _unsigned(frame)
    coded = imagecodecs.jpeg8_encode(
        plain,
        lossless=True,
        predictor=1,
        bitspersample=8 * plain.dtype.itemsize,  # else 12 are stated for 16
        colorspace=space,
        outcolorspace=space,
    )
    return bytes(coded)


def _jpeg_ls(frame: AnyArray) -> bytes:
    import imagecodecs

    room = bytearray(2 * frame.nbytes + 4096)  # noise may grow
    return bytes(imagecodecs.jpegls_encode(_unsigned(frame), level=0, out=room))


def _jpeg_2000(frame: AnyArray) -> bytes:
    import imagecodecs

    coded = imagecodecs.jpeg2k_encode(frame, 0, codecformat="j2k", reversible=True, mct=False, numthreads=1)
    return bytes(coded)


def _htj2k(frame: AnyArray) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.htj2k_encode(frame, reversible=True))


def _rle(frame: AnyArray) -> bytes:
    """RLE (PS3.5 G): a segment a byte of the sample, the highest first; rows are packed one by one."""
    import imagecodecs

    planes = np.moveaxis(frame, -1, 0) if frame.ndim == 3 else frame[np.newaxis]
    segments = []
    for plane in planes:
        big = np.ascontiguousarray(plane, dtype=plane.dtype.newbyteorder(">"))
        octets = big.view(np.uint8).reshape(*plane.shape, plane.dtype.itemsize)
        for n in range(plane.dtype.itemsize):
            packed = bytes(imagecodecs.packbits_encode(np.ascontiguousarray(octets[..., n]), axis=-1))
            segments.append(packed + b"\0" * (len(packed) % 2))
    starts = [64, *accumulate(map(len, segments), initial=64)][1 : len(segments) + 1]
    return struct.pack("<16L", len(segments), *starts, *[0] * (15 - len(segments))) + b"".join(segments)


def _unsigned(frame: AnyArray) -> AnyArray:
    return frame.view(f"u{frame.dtype.itemsize}")


_ENCODERS: dict[Compression, Callable[[AnyArray], bytes]] = {
    Compression.RLE: _rle,
    Compression.JPEG_LOSSLESS: _jpeg_lossless,
    Compression.JPEG_LS: _jpeg_ls,
    Compression.JPEG_2000: _jpeg_2000,
    Compression.HTJ2K: _htj2k,
}


def _pixel_format(frames: AnyArray, syntax: str) -> PixelFormat:
    """What our own reader is told of the frames."""
    colour = frames.ndim == 4
    bits = frames.dtype.itemsize * 8
    return PixelFormat(
        rows=frames.shape[1],
        columns=frames.shape[2],
        frames=len(frames),
        samples=3 if colour else 1,
        bits_allocated=bits,
        bits_stored=bits,
        high_bit=bits - 1,
        signed=frames.dtype.kind == "i",
        photometric="RGB" if colour else "MONOCHROME2",
        planar=0,
        transfer_syntax=syntax,
        big_endian=False,
        kind="integer",
    )


# -- encapsulation -------------------------------------------------------------------------------


def encapsulated(frames: Sequence[bytes]) -> Encoded:
    """Wrap compressed frames, one fragment each, with a Basic Offset Table (PS3.5 A.4).

    Where an offset does not fit 32 bits, the table is empty and Extended Offset Table and Lengths say it.
    """
    offsets = [0, *accumulate(len(frame) + 8 for frame in frames)][: len(frames)]
    others: dict[int, bytes] = {}
    table = b""
    if offsets[-1] > _MOST_BASIC:
        lengths = [len(frame) for frame in frames]
        others[_EXTENDED_OFFSETS] = element(_EXTENDED_OFFSETS, "OV", _whole(offsets))
        others[_EXTENDED_LENGTHS] = element(_EXTENDED_LENGTHS, "OV", _whole(lengths))
    else:
        table = struct.pack(f"<{len(offsets)}I", *offsets)
    parts: list[bytes | memoryview] = [head(PIXEL_DATA, "OB", UNDEFINED), _item(table)]
    for frame in frames:
        parts += [_ITEM + struct.pack("<I", len(frame)), frame]
    return Encoded([*parts, _END], others)


def _item(data: bytes) -> bytes:
    return _ITEM + struct.pack("<I", len(data)) + data


def _whole(values: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(values)}Q", *values)

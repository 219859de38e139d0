"""Code streams: what the markers of a compressed frame say, before it is decoded.

JPEG markers: ITU-T T.81 B, JPEG-LS T.87 C, JPEG 2000 T.800 A, JPEG XL ISO/IEC 18181-1 D. JFIF and Adobe
markers tell the colour space of a JPEG image (T.871; T.872 6.5.3).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_FRAME_MARKERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC} | {0xF7}
_ARITHMETIC = {0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_HIERARCHICAL = {0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF}


@dataclass(frozen=True, slots=True)
class CodeStream:
    """What the markers say.

    Parameters
    ----------
    rows, columns, components, precision
        Size, and bits of a sample.
    signed
        JPEG 2000: whether samples are signed.
    process
        JPEG: the frame marker (0xC0 baseline … 0xF7 JPEG-LS), else 0.
    ybr
        JPEG: whether markers say that the stream holds luminance and chrominance (True) or red, green
        and blue (False), or nothing (None). JPEG 2000: whether a multi-component transform was used.
    """

    rows: int
    columns: int
    components: int
    precision: int
    signed: bool = False
    process: int = 0
    ybr: bool | None = None

    @property
    def is_lossless_jpeg(self) -> bool:
        """Whether it is one of the lossless JPEG processes (14, 15)."""
        return self.process in (0xC3, 0xC7, 0xCB, 0xCF)

    @property
    def is_arithmetic(self) -> bool:
        """Whether it is JPEG with arithmetic coding."""
        return self.process in _ARITHMETIC

    @property
    def is_hierarchical(self) -> bool:
        """Whether it is hierarchical JPEG."""
        return self.process in _HIERARCHICAL


def jpeg_stream(data: bytes) -> CodeStream | None:
    """Read the markers of a JPEG or JPEG-LS stream up to its frame header; None if there is none."""
    at, ybr = 2, None
    if data[:2] != b"\xff\xd8":
        return None
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF or marker in _STANDALONE:
            at += 1 if marker == 0xFF else 2
            continue
        length = struct.unpack_from(">H", data, at + 2)[0]
        body = data[at + 4 : at + 2 + length]
        if marker in _FRAME_MARKERS:
            return _frame(marker, body, ybr)
        if marker == 0xE0 and body[:5] == b"JFIF\0" and ybr is None:
            ybr = True
        elif marker == 0xEE and body[:5] == b"Adobe" and len(body) >= 12:
            ybr = body[11] != 0
        elif marker == 0xDA:
            return None
        at += 2 + length
    return None


def _frame(marker: int, body: bytes, ybr: bool | None) -> CodeStream | None:
    if len(body) < 6 or len(body) < 6 + 3 * body[5]:
        return None
    precision, rows, columns, components = struct.unpack_from(">BHHB", body)
    names = bytes(body[6 + 3 * n] for n in range(components))
    if ybr is None and names == b"RGB":
        ybr = False
    return CodeStream(rows, columns, components, precision, process=marker, ybr=ybr)


def jpeg_2000_stream(data: bytes) -> CodeStream | None:
    """Read the markers of a JPEG 2000 or HTJ2K code stream, bare or in a JP2 file; None if there is none."""
    start = data.find(b"\xff\x4f\xff\x51") if data[:4] == b"\0\0\0\x0c" else 0
    if start < 0 or data[start : start + 4] != b"\xff\x4f\xff\x51" or len(data) < start + 45:
        return None
    size_x, size_y, origin_x, origin_y = struct.unpack_from(">4L", data, start + 8)
    components = struct.unpack_from(">H", data, start + 40)[0]
    depth = data[start + 42]
    transformed = _has_component_transform(data, start + 4 + struct.unpack_from(">H", data, start + 4)[0])
    return CodeStream(
        rows=size_y - origin_y,
        columns=size_x - origin_x,
        components=components,
        precision=(depth & 0x7F) + 1,
        signed=bool(depth & 0x80),
        ybr=transformed,
    )


def _has_component_transform(data: bytes, at: int) -> bool | None:
    """Read the multiple component transformation byte of the COD marker (T.800 A.6.1)."""
    while at + 12 <= len(data) and data[at] == 0xFF:
        marker, length = struct.unpack_from(">HH", data, at)
        if marker == 0xFF52:
            return data[at + 8] != 0
        if marker == 0xFF90:  # first tile part
            return None
        at += 2 + length
    return None


def jpeg_xl_size(data: bytes) -> tuple[int, int] | None:
    """Read rows and columns of a JPEG XL stream, bare or in boxes (ISO/IEC 18181-1 D.2, 18181-2)."""
    start = data.find(b"\xff\x0a") if data[:4] == b"\0\0\0\x0c" else 0
    if start < 0 or data[start : start + 2] != b"\xff\x0a":
        return None
    bits = _Bits(int.from_bytes(data[start + 2 : start + 18], "little"))
    small = bits.take(1)
    rows = _xl_length(bits, small)
    ratio = bits.take(3)
    if ratio == 0:
        return rows, _xl_length(bits, small)
    above, below = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))[ratio - 1]
    return rows, rows * above // below


def _xl_length(bits: _Bits, small: int) -> int:
    if small:
        return (bits.take(5) + 1) * 8
    return bits.take((9, 13, 18, 30)[bits.take(2)]) + 1


class _Bits:
    """Bits of a number, the lowest first."""

    def __init__(self, number: int) -> None:
        self.number = number

    def take(self, count: int) -> int:
        """Take the next bits off."""
        value = self.number & ((1 << count) - 1)
        self.number >>= count
        return value


def has_end(data: bytes) -> bool:
    """Whether a JPEG stream ends with its end marker, padding aside."""
    return b"\xff\xd9" in data[-64:] or data.rstrip(b"\0\xff ").endswith(b"\xff\xd9")

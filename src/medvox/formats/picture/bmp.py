"""BMP: Windows and OS/2 bitmaps without compression (BITMAPINFOHEADER and its kin, Microsoft)."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, TruncatedError, UnsupportedError
from medvox.formats.base import Head
from medvox.formats.files import check_claim, read_bytes, size_of
from medvox.formats.picture.facts import Facts
from medvox.formats.picture.format import PictureFormat, decode

AnyArray = NDArray[Any]

_HEADERS = (12, 40, 52, 56, 64, 108, 124)
_DEPTHS = (1, 4, 8, 16, 24, 32)
_PACKED = {1: "RLE8", 2: "RLE4", 4: "JPEG", 5: "PNG"}
_FIELDS = 3


class BmpFormat(PictureFormat):
    """BMP: 1 to 32 bits a pixel, grey, RGB, palette (shown as RGB)."""

    name: ClassVar[str] = "BMP"
    suffixes: ClassVar[tuple[str, ...]] = (".bmp", ".dib")
    holds: ClassVar[str] = "8 bits, grey, RGB, palette, without compression"
    lossy: ClassVar[str] = "spacing, place in the patient, unit; types but uint8"
    magic = (b"BM",)
    keeps_spacing: ClassVar[bool] = False

    def sniff(self, head: Head) -> float:
        """Look for the signature and a header that makes sense: two letters are not enough."""
        if not super().sniff(head):
            return 0.0
        try:
            _, _, depth, packing = _header(head.first, head.path)[:4]
        except FormatError:
            return 0.0
        return 0.9 if depth in _DEPTHS and packing <= 6 else 0.0

    def facts(self, path: Path) -> Facts:
        """Read the headers and the colour table.

        Raises
        ------
        UnsupportedError
            For compressed bitmaps.
        """
        raw = read_bytes(path, 0, 1 << 12)
        columns, rows, depth, packing, table, per_meter = _header(raw, path)
        if packing in _PACKED:
            raise UnsupportedError("compressed BMP cannot be read", where=path, got=_PACKED[packing])
        if depth not in _DEPTHS or not columns or not rows:
            raise FormatError("the header makes no sense", where=path, got=f"{columns} x {rows}, {depth} bit")
        stride = (columns * depth + 31) // 32 * 4
        start = int.from_bytes(raw[10:14], "little")
        check_claim(path, stride * rows, size_of(path) - start, "the size in the header")
        grey = depth <= 8 and len(table) > 0 and bool((table == table[:, :1]).all())
        lines = (
            ("size", f"{columns} x {rows}"),
            ("bits a pixel", str(depth)),
            ("colour", "grey" if grey else "palette" if depth <= 8 else "RGB"),
        )
        resolution = (1000 / per_meter[1], 1000 / per_meter[0]) if min(per_meter) > 0 else None
        dtype = np.dtype(np.uint8)
        return Facts(rows, columns, 1 if grey else 3, dtype, lines=lines, resolution_mm=resolution)

    def _decode(self, raw: bytes, path: Path) -> AnyArray:
        import imagecodecs

        return decode(lambda data: imagecodecs.bmp_decode(data, asrgb=True), raw, path)

    def _encode(self, picture: AnyArray, text: str, path: Path) -> bytes:
        import imagecodecs

        return bytes(imagecodecs.bmp_encode(picture))


def _header(raw: bytes, path: Path) -> tuple[int, int, int, int, AnyArray, tuple[int, int]]:
    """Columns, rows, bits a pixel, compression, colour table (n, 3), pixels a meter along x and y."""
    size = int.from_bytes(raw[14:18], "little")
    if not raw.startswith(b"BM") or size not in _HEADERS:
        raise FormatError("no BMP header", where=path)
    if len(raw) < 14 + size:
        raise TruncatedError("the file ends within the header", where=path)
    if size == 12:
        columns, rows, planes, depth = struct.unpack_from("<HHHH", raw, 18)
        packing, colours, per_meter, entry = 0, 0, (0, 0), 3
    else:
        columns, rows, planes, depth, packing = struct.unpack_from("<iiHHI", raw, 18)
        *per_meter_read, colours = struct.unpack_from("<iiI", raw, 38)
        per_meter, entry = (per_meter_read[0], per_meter_read[1]), 4
    if planes != 1 or columns < 0:
        raise FormatError("the header makes no sense", where=path, got=f"{planes} planes, {columns} columns")
    count = min(colours or (1 << depth), 1 << depth) if depth <= 8 else 0
    start = 14 + size + (12 if packing == _FIELDS and size == 40 else 0)
    bytes_read = np.frombuffer(raw[start : start + count * entry], np.uint8)
    table = bytes_read[: len(bytes_read) // entry * entry].reshape(-1, entry)[:, :3]
    return columns, abs(rows), depth, packing, table, per_meter

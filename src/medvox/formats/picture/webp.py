"""WebP (RFC 9649); written without loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, TruncatedError, UnsupportedError
from medvox.core.volume import Volume
from medvox.formats.base import Head
from medvox.formats.files import read_bytes, size_of
from medvox.formats.picture.facts import Facts
from medvox.formats.picture.format import PictureFormat, decode

AnyArray = NDArray[Any]

_ANIMATED, _ALPHA = 0x02, 0x10
_MOST_SIDE = 16383


class WebpFormat(PictureFormat):
    """WebP: 8-bit RGB, lossy and lossless."""

    name: ClassVar[str] = "WebP"
    suffixes: ClassVar[tuple[str, ...]] = (".webp",)
    holds: ClassVar[str] = "8-bit RGB; alpha is left out and reported"
    lossy: ClassVar[str] = "spacing, place in the patient, unit; grey becomes RGB; types but uint8"
    magic = (b"RIFF",)
    keeps_spacing: ClassVar[bool] = False

    def sniff(self, head: Head) -> float:
        """Look for the container and its kind."""
        return super().sniff(head) if head.first[8:12] == b"WEBP" else 0.0

    def facts(self, path: Path) -> Facts:
        """Read the first chunk: VP8X (extended), VP8L (lossless) or VP8 (lossy).

        Raises
        ------
        UnsupportedError
            For animations.
        """
        raw = read_bytes(path, 0, 1 << 12)
        if raw[:4] != b"RIFF" or raw[8:12] != b"WEBP":
            raise FormatError("no WebP signature", where=path)
        claimed, present = int.from_bytes(raw[4:8], "little") + 8, size_of(path)
        if len(raw) < 30 or claimed > present:
            raise TruncatedError("the file ends early", where=path, got=present, expected=claimed)
        kind, size = raw[12:16], int.from_bytes(raw[16:20], "little")
        content = raw[20 : 20 + min(size, 64)]
        columns, rows, alpha = _size(kind, content, path)
        lossless = kind == b"VP8L" or (kind == b"VP8X" and b"VP8L" in raw)
        notes = () if lossless else (("lossy-compression", "WebP"),)
        lines = (("size", f"{columns} x {rows}"), ("first chunk", kind.decode("latin-1")))
        return Facts(rows, columns, 3, np.dtype(np.uint8), alpha, lines, notes=notes)

    def _decode(self, raw: bytes, path: Path) -> AnyArray:
        import imagecodecs

        return decode(imagecodecs.webp_decode, raw, path)

    def _encode(self, picture: AnyArray, text: str, path: Path) -> bytes:
        import imagecodecs

        if max(picture.shape[:2]) > _MOST_SIDE:
            raise UnsupportedError(
                f"WebP holds at most {_MOST_SIDE} rows and columns", where=path, got=picture.shape[:2]
            )
        colour = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=-1)
        return bytes(imagecodecs.webp_encode(colour, lossless=True))

    def _losses(self, volume: Volume) -> list[str]:
        losses = super()._losses(volume)
        if not volume.is_colour:
            text = "WebP has colour only: grey values are written three times, and read with a channel axis."
            losses.append(text)
        return losses


def _size(kind: bytes, content: bytes, path: Path) -> tuple[int, int, bool]:
    """Columns, rows, and whether there is transparency (RFC 9649 2.5 to 2.7)."""
    if kind == b"VP8X" and len(content) >= 10:
        if content[0] & _ANIMATED:
            raise UnsupportedError(
                "animated WebP cannot be read", where=path, advice="Convert it to GIF or PNG"
            )
        columns, rows = (int.from_bytes(content[n : n + 3], "little") + 1 for n in (4, 7))
        return columns, rows, bool(content[0] & _ALPHA)
    if kind == b"VP8L" and len(content) >= 5 and content[0] == 0x2F:
        bits = int.from_bytes(content[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    if kind == b"VP8 " and len(content) >= 10 and content[3:6] == b"\x9d\x01\x2a":
        columns, rows = (int.from_bytes(content[n : n + 2], "little") & 0x3FFF for n in (6, 8))
        if columns and rows:
            return columns, rows, False
    raise FormatError("the first chunk is no picture", where=path, got=kind.decode("latin-1"))

"""PNG (W3C PNG 3rd edition)."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, TruncatedError
from medvox.formats.files import read_bytes
from medvox.formats.picture.facts import SPACING, Facts, spacing_of
from medvox.formats.picture.format import PictureFormat, decode

AnyArray = NDArray[Any]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_BYTES = 1 << 16
_COLOURS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey and alpha", 6: "RGBA"}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


class PngFormat(PictureFormat):
    """PNG: 1 to 16 bits, grey, RGB, palette (shown as RGB); interlaced too."""

    name: ClassVar[str] = "PNG"
    suffixes: ClassVar[tuple[str, ...]] = (".png",)
    holds: ClassVar[str] = "1 to 16 bits, grey, RGB, palette; alpha is left out and reported; spacing"
    magic = (SIGNATURE,)
    most_gain: ClassVar[int] = 1040  # deflate packs no tighter
    types: ClassVar[tuple[str, ...]] = ("u1", "u2")

    def facts(self, path: Path) -> Facts:
        """Read the chunks before the image data."""
        raw = read_bytes(path, 0, _HEADER_BYTES)
        if not raw.startswith(SIGNATURE):
            raise FormatError("no PNG signature", where=path)
        if len(raw) < 33 or raw[12:16] != b"IHDR":
            raise TruncatedError("the header chunk IHDR is missing", where=path)
        columns, rows = (int.from_bytes(raw[n : n + 4], "big") for n in (16, 20))
        depth, colour, interlaced = raw[24], raw[25], raw[28]
        if colour not in _DEPTHS or depth not in _DEPTHS[colour] or not (rows and columns):
            got = f"{columns} x {rows}, {depth} bit, {colour}"
            raise FormatError("IHDR makes no sense", where=path, got=got)
        chunks = _chunks(raw)
        texts = [_text(content) for kind, content in chunks if kind == b"tEXt"]
        lines = [
            ("size", f"{columns} x {rows}"),
            ("bit depth", str(depth)),
            ("colour", _COLOURS[colour]),
            ("interlaced", str(bool(interlaced))),
            *texts,
        ]
        spacing = next((spacing_of(f"{name} {text}") for name, text in texts if name == SPACING), None)
        return Facts(
            rows=rows,
            columns=columns,
            channels=3 if colour in (2, 3, 6) else 1,
            dtype=np.dtype(np.uint16 if depth == 16 else np.uint8),
            alpha=colour in (4, 6) or any(kind == b"tRNS" for kind, _ in chunks),
            lines=tuple(lines),
            steps=255 // (2**depth - 1) if colour == 0 and depth < 8 else 1,
            spacing_mm=spacing,
            resolution_mm=next((_resolution(content) for kind, content in chunks if kind == b"pHYs"), None),
        )

    def _decode(self, raw: bytes, path: Path) -> AnyArray:
        import imagecodecs

        return decode(imagecodecs.png_decode, raw, path, b"IEND")

    def _encode(self, picture: AnyArray, text: str, path: Path) -> bytes:
        import imagecodecs

        png = bytes(imagecodecs.png_encode(picture, level=3))
        if not text:
            return png
        name, _, numbers = text.partition(" ")
        more = _chunk(b"tEXt", f"{name}\0{numbers}".encode("latin-1"))
        per_meter = [round(1000 / float(word)) for word in numbers.split()[1:]]
        if all(0 < n < 1 << 31 for n in per_meter):
            j, i = per_meter
            more = _chunk(b"pHYs", i.to_bytes(4, "big") + j.to_bytes(4, "big") + b"\1") + more
        return png[:33] + more + png[33:]


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content).to_bytes(4, "big")
    return len(content).to_bytes(4, "big") + kind + content + check


def _chunks(raw: bytes) -> list[tuple[bytes, bytes]]:
    """Kind and content of the chunks before the image data."""
    at, found = 8, []
    while at + 8 <= len(raw):
        size = int.from_bytes(raw[at : at + 4], "big")
        kind = raw[at + 4 : at + 8]
        if kind == b"IDAT":
            break
        found.append((kind, raw[at + 8 : at + 8 + size]))
        at += size + 12
    return found


def _text(content: bytes) -> tuple[str, str]:
    name, _, text = content.partition(b"\0")
    return name.decode("latin-1")[:79] or "text", text.decode("latin-1")[:4000]


def _resolution(content: bytes) -> tuple[float, float] | None:
    """Row and column distance in mm of a pHYs chunk (11.3.4.3), where its unit is the meter."""
    i, j = (int.from_bytes(content[n : n + 4], "big") for n in (0, 4))
    return (1000 / j, 1000 / i) if content[8:9] == b"\1" and i and j else None

"""JPEG (ITU-T T.81) in JFIF (T.871) and Exif files."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, TruncatedError, UnsupportedError
from medvox.formats.files import read_bytes
from medvox.formats.picture.facts import Facts, spacing_of
from medvox.formats.picture.format import PictureFormat, decode

AnyArray = NDArray[Any]

QUALITY = 95
_MAGIC = b"\xff\xd8\xff"
_MOST_HEADER = 1 << 24
_FRAMES = {0xC0: "baseline", 0xC1: "extended", 0xC2: "progressive"}
_OTHERS = {
    0xC3: "lossless",
    0xC9: "arithmetic",
    0xCA: "arithmetic progressive",
    0xCB: "arithmetic lossless",
}
_JFIF, _EXIF, _COMMENT = 0xE0, 0xE1, 0xFE
_TURNS = {
    2: "mirrored left to right", 3: "turned by 180 degrees", 4: "mirrored top to bottom", 5: "transposed",
    6: "turned right by 90 degrees", 7: "transposed along the other diagonal", 8: "turned left by 90 degrees",
}  # fmt: skip
"""What Exif's Orientation asks for (Exif 2.32, 4.6.4)."""


class JpegFormat(PictureFormat):
    """JPEG: 8 bits, grey and colour; baseline, extended and progressive."""

    name: ClassVar[str] = "JPEG"
    suffixes: ClassVar[tuple[str, ...]] = (".jpg", ".jpeg", ".jpe", ".jfif")
    holds: ClassVar[str] = "8 bits, grey and colour, baseline and progressive; spacing"
    lossy: ClassVar[str] = "values (by how much is reported), place in the patient, unit; types but uint8"
    magic = (_MAGIC,)

    def facts(self, path: Path) -> Facts:
        """Read the markers up to the frame header.

        Raises
        ------
        UnsupportedError
            For CMYK, 12 bits, lossless and arithmetic coding.
        """
        raw = read_bytes(path, 0, _MOST_HEADER)
        segments = _segments(raw, path)
        for marker, content in segments:
            if marker in _FRAMES and len(content) >= 6:
                return _facts(marker, content, segments, path)
            if marker in _OTHERS or marker in _FRAMES:
                text = _OTHERS.get(marker, "a short frame header")
                raise UnsupportedError("this kind of JPEG cannot be read", where=path, got=text)
        raise TruncatedError("there is no frame header", where=path)

    def _decode(self, raw: bytes, path: Path) -> AnyArray:
        import imagecodecs

        if not _has_end(raw, path):
            raise TruncatedError(
                "the picture has no end",
                where=path,
                advice="The file is incomplete: copy or download it again",
            )
        return decode(imagecodecs.jpeg8_decode, raw, path, b"\xff\xd9")

    def _encode(self, picture: AnyArray, text: str, path: Path) -> bytes:
        import imagecodecs

        jpeg = bytes(imagecodecs.jpeg8_encode(picture, level=QUALITY, subsampling="444"))
        if not text:
            return jpeg
        if jpeg[2:4] == b"\xff\xe0" and jpeg[6:11] == b"JFIF\0":
            end = 4 + int.from_bytes(jpeg[4:6], "big")
            jpeg = jpeg[:13] + _density(text) + jpeg[18:]
        else:
            end = 2
        comment = b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text.encode("ascii")
        return jpeg[:end] + comment + jpeg[end:]

    def _deviation(self, picture: AnyArray, raw: bytes, path: Path) -> float:
        """Largest difference between what was to be written and what a reader will get."""
        changes = self._decode(raw, path).astype(np.int16) - picture
        return float(np.abs(changes).max())


def _facts(marker: int, content: bytes, segments: list[tuple[int, bytes]], path: Path) -> Facts:
    depth, samples = content[0], content[5]
    rows, columns = (int.from_bytes(content[n : n + 2], "big") for n in (1, 3))
    if depth != 8 or samples not in (1, 3):
        kind = "CMYK" if samples == 4 else f"{samples} components"
        raise UnsupportedError(
            "only 8-bit grey and RGB JPEG is read",
            where=path,
            got=f"{depth} bits, {kind}",
            advice="Convert it to RGB first" if samples == 4 else None,
        )
    if not rows or not columns:
        raise FormatError("the frame header gives no size", where=path, got=f"{columns} x {rows}")
    comments = [text.decode("latin-1")[:4000] for kind, text in segments if kind == _COMMENT]
    turn = next((t for kind, text in segments if kind == _EXIF and (t := exif_orientation(text)) > 1), 1)
    lines = [
        ("size", f"{columns} x {rows}"),
        ("process", _FRAMES[marker]),
        ("components", str(samples)),
        *(("comment", text) for text in comments),
    ]
    notes = [("lossy-compression", "JPEG (ITU-T T.81)")]
    if turn in _TURNS:
        lines.append(("Exif orientation", f"{turn}, {_TURNS[turn]}"))
        text = f"Exif asks to show the picture {_TURNS[turn]}; rows and columns are as stored"
        notes.append(("exif-orientation", text))
    return Facts(
        rows,
        columns,
        samples,
        np.dtype(np.uint8),
        lines=tuple(lines),
        spacing_mm=next((found for text in comments if (found := spacing_of(text))), None),
        resolution_mm=next((_resolution(text) for kind, text in segments if kind == _JFIF), None),
        notes=tuple(notes),
    )


def exif_orientation(content: bytes) -> int:
    """Read the tag Orientation of the first directory of an Exif segment; 1 where there is none."""
    if not content.startswith(b"Exif\0\0") or content[6:8] not in (b"II", b"MM"):
        return 1
    tiff = content[6:]
    order: Literal["little", "big"] = "little" if tiff[:2] == b"II" else "big"
    at = int.from_bytes(tiff[4:8], order)
    for n in range(int.from_bytes(tiff[at : at + 2], order)):
        entry = tiff[at + 2 + 12 * n : at + 14 + 12 * n]
        if len(entry) < 12:
            break
        if int.from_bytes(entry[:2], order) == 0x0112:
            return int.from_bytes(entry[8:10], order)
    return 1


def _density(text: str) -> bytes:
    """Unit and densities of a JFIF segment (T.871 10.1): dots a cm, as near as whole numbers come."""
    _, _, j, i = text.split()
    dots = [round(10 / float(v)) for v in (i, j)]
    return struct.pack(">BHH", 2, *dots) if all(0 < n < 1 << 16 for n in dots) else b"\0\0\1\0\1"


def _resolution(content: bytes) -> tuple[float, float] | None:
    if not content.startswith(b"JFIF\0") or len(content) < 12:
        return None
    unit, i, j = struct.unpack(">BHH", content[7:12])
    scale = {1: 25.4, 2: 10.0}.get(unit)
    return (scale / j, scale / i) if scale and i and j else None


def _segments(raw: bytes, path: Path) -> list[tuple[int, bytes]]:
    """Markers with their content up to and including the first scan header (T.81 B.1.1.3)."""
    if not raw.startswith(_MAGIC):
        raise FormatError("no JPEG signature", where=path)
    at, found = 2, []
    while at + 4 <= len(raw):
        if raw[at] != 0xFF:
            raise FormatError("a marker is missing", where=path, got=f"byte {at}")
        marker = raw[at + 1]
        if marker == 0xFF or 0xD0 <= marker <= 0xD8 or marker == 1:
            at += 1 if marker == 0xFF else 2
            continue
        size = int.from_bytes(raw[at + 2 : at + 4], "big")
        found.append((marker, raw[at + 4 : at + 2 + size]))
        at += 2 + max(size, 2)
        if marker == 0xDA:
            break
    return found


def _has_end(raw: bytes, path: Path) -> bool:
    """Whether an end marker follows the first scan; thumbnails, which have their own, lie before it."""
    behind = 2 + sum(len(content) + 4 for _, content in _segments(raw, path))
    return b"\xff\xd9" in raw[behind:]

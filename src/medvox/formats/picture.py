"""Pictures: PNG (W3C PNG 3rd edition) and JPEG (ITU-T T.81), decoded by imagecodecs.

A picture has no place in space and no spacing that could be trusted (the resolution it may carry is that
of a screen or a printer), so distances are in pixels.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import CHANNEL, SPATIAL
from medvox.core.errors import FormatError, TruncatedError, UnsupportedError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid
from medvox.core.study import HeaderElement, Image
from medvox.formats.base import Format, Head
from medvox.formats.content import Content
from medvox.formats.files import check_claim, read_bytes, size_of
from medvox.formats.values.block import kept

AnyArray = NDArray[Any]

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
JPEG_MAGIC = b"\xff\xd8\xff"
_MOST_GAIN = {"PNG": 1040, "JPEG": 4096}
"""No picture unpacks to more than this many times its size (deflate; one bit a block of 64, subsampled)."""
_MOST_HEADER = 1 << 24
_PNG_COLOURS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey and alpha", 6: "RGBA"}
_PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_JPEG_FRAMES = {0xC0: "baseline", 0xC1: "extended", 0xC2: "progressive"}
_JPEG_OTHERS = {
    0xC3: "lossless",
    0xC9: "arithmetic",
    0xCA: "arithmetic progressive",
    0xCB: "arithmetic lossless",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the header of a picture says.

    Parameters
    ----------
    rows, columns
        Size in pixels.
    channels
        1 or 3, as shown.
    dtype
        Type of the values.
    alpha
        Whether there is transparency, which is left out.
    lines
        Field and value, for the header browser.
    steps
        Values are decoded this many times too large (1-, 2- and 4-bit grey).
    """

    rows: int
    columns: int
    channels: int
    dtype: np.dtype[Any]
    alpha: bool
    lines: tuple[tuple[str, str], ...]
    steps: int = 1


class _PictureFormat(Format):
    """One picture a file."""

    magic: ClassVar[bytes]

    def sniff(self, head: Head) -> float:
        """Look for the signature."""
        return 1.0 if head.first.startswith(self.magic) and not head.gzipped else 0.0

    @abstractmethod
    def facts(self, path: Path) -> Facts:
        """Read the header."""

    @abstractmethod
    def _decode(self, raw: bytes, path: Path) -> AnyArray:
        """Decode the picture: (rows, columns) or (rows, columns, samples)."""

    def images(self, path: Path) -> tuple[Image, ...]:
        """Read the header; one image of one slice."""
        facts = self.facts(path)
        needed = facts.rows * facts.columns * facts.channels * facts.dtype.itemsize
        check_claim(path, needed, size_of(path) * _MOST_GAIN[self.name], "the size in the header")
        text = "a picture has no spacing: distances are in pixels"
        findings = [Finding("no-spacing", Level.INFO, str(path), text)]
        if facts.alpha:
            findings.append(Finding("alpha-dropped", Level.INFO, str(path), "transparency is left out"))
        if self.name == "JPEG":
            findings.append(Finding("lossy-compression", Level.INFO, str(path), "JPEG", "ITU-T T.81"))
        colour = facts.channels > 1
        lead = (facts.channels,) if colour else ()
        shape = (*lead, 1, facts.rows, facts.columns)
        content = Content(
            path=path,
            grid=Grid.pixels((1, facts.rows, facts.columns)),
            array=lambda: kept(shape, facts.dtype, self._loader(path, facts)),
            axes=((CHANNEL,) if colour else ()) + SPATIAL,
            lead_shape=lead,
            findings=tuple(findings),
        )
        return (content.image(),)

    def header(self, path: Path) -> tuple[HeaderElement, ...]:
        """Size, depth and colour, and texts where the format has them."""
        return tuple(HeaderElement(name, "text", "", value) for name, value in self.facts(path).lines)

    def _loader(self, path: Path, facts: Facts) -> Callable[[], AnyArray]:
        def load() -> AnyArray:
            decoded = self._decode(read_bytes(path), path)
            samples = decoded.reshape(*decoded.shape[:2], -1)
            if samples.shape[:2] != (facts.rows, facts.columns) or samples.shape[2] < facts.channels:
                raise FormatError("the picture is not what its header says", where=path, got=decoded.shape)
            shown = np.moveaxis(samples[..., : facts.channels], -1, 0)[:, None]
            values = np.ascontiguousarray(shown if facts.channels > 1 else shown[0])
            return (values // facts.steps if facts.steps > 1 else values).astype(facts.dtype, copy=False)

        return load


class PngFormat(_PictureFormat):
    """PNG: 1 to 16 bits, grey, RGB, palette (shown as RGB); interlaced too."""

    name: ClassVar[str] = "PNG"
    suffixes: ClassVar[tuple[str, ...]] = (".png",)
    holds: ClassVar[str] = "1 to 16 bits, grey, RGB, palette; alpha is left out and reported"
    magic = PNG_MAGIC

    def facts(self, path: Path) -> Facts:
        """Read the chunks before the image data."""
        raw = read_bytes(path, 0, 1 << 16)
        if not raw.startswith(PNG_MAGIC):
            raise FormatError("no PNG signature", where=path)
        if len(raw) < 33 or raw[12:16] != b"IHDR":
            raise TruncatedError("the header chunk IHDR is missing", where=path)
        columns, rows = (int.from_bytes(raw[n : n + 4], "big") for n in (16, 20))
        depth, colour, interlaced = raw[24], raw[25], raw[28]
        if colour not in _PNG_DEPTHS or depth not in _PNG_DEPTHS[colour] or not (rows and columns):
            raise FormatError(
                "IHDR makes no sense", where=path, got=f"{columns} x {rows}, {depth} bit, {colour}"
            )
        transparent, texts = _png_chunks(raw)
        lines = [
            ("size", f"{columns} x {rows}"),
            ("bit depth", str(depth)),
            ("colour", _PNG_COLOURS[colour]),
            ("interlaced", str(bool(interlaced))),
            *texts,
        ]
        return Facts(
            rows=rows,
            columns=columns,
            channels=3 if colour in (2, 3, 6) else 1,
            dtype=np.dtype(np.uint16 if depth == 16 else np.uint8),
            alpha=colour in (4, 6) or transparent,
            lines=tuple(lines),
            steps=255 // (2**depth - 1) if colour == 0 and depth < 8 else 1,
        )

    def _decode(self, raw: bytes, path: Path) -> AnyArray:
        import imagecodecs

        try:
            return np.asarray(imagecodecs.png_decode(raw))
        except (RuntimeError, ValueError) as error:
            raise _broken(raw, b"IEND", path) from error


def _png_chunks(raw: bytes) -> tuple[bool, list[tuple[str, str]]]:
    """Whether a transparency chunk is there, and the texts, of the chunks before the image data."""
    at, transparent, texts = 8, False, []
    while at + 8 <= len(raw):
        size = int.from_bytes(raw[at : at + 4], "big")
        kind = raw[at + 4 : at + 8]
        content = raw[at + 8 : at + 8 + size]
        transparent |= kind == b"tRNS"
        if kind == b"tEXt":
            name, _, text = content.partition(b"\0")
            texts.append((name.decode("latin-1")[:79] or "text", text.decode("latin-1")[:4000]))
        if kind == b"IDAT":
            break
        at += size + 12
    return transparent, texts


class JpegFormat(_PictureFormat):
    """JPEG: 8 bits, grey and colour; baseline, extended and progressive."""

    name: ClassVar[str] = "JPEG"
    suffixes: ClassVar[tuple[str, ...]] = (".jpg", ".jpeg", ".jpe", ".jfif")
    holds: ClassVar[str] = "8 bits, grey and colour, baseline and progressive"
    magic = JPEG_MAGIC

    def facts(self, path: Path) -> Facts:
        """Read the markers up to the frame header.

        Raises
        ------
        UnsupportedError
            For CMYK, 12 bits, lossless and arithmetic coding.
        """
        raw = read_bytes(path, 0, _MOST_HEADER)
        for marker, content in _jpeg_segments(raw, path):
            if marker in _JPEG_FRAMES and len(content) >= 6:
                return _jpeg_facts(marker, content, path)
            if marker in _JPEG_OTHERS or marker in _JPEG_FRAMES:
                text = _JPEG_OTHERS.get(marker, "a short frame header")
                raise UnsupportedError("this kind of JPEG cannot be read", where=path, got=text)
        raise TruncatedError("there is no frame header", where=path)

    def _decode(self, raw: bytes, path: Path) -> AnyArray:
        import imagecodecs

        if not _jpeg_has_end(raw, path):
            raise TruncatedError(
                "the picture has no end",
                where=path,
                advice="The file is incomplete: copy or download it again",
            )
        try:
            return np.asarray(imagecodecs.jpeg8_decode(raw))
        except (RuntimeError, ValueError) as error:
            raise _broken(raw, b"\xff\xd9", path) from error


def _jpeg_facts(marker: int, content: bytes, path: Path) -> Facts:
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
    lines = (
        ("size", f"{columns} x {rows}"),
        ("process", _JPEG_FRAMES[marker]),
        ("components", str(samples)),
    )
    return Facts(rows, columns, samples, np.dtype(np.uint8), False, lines)


def _jpeg_segments(raw: bytes, path: Path) -> list[tuple[int, bytes]]:
    """Markers with their content up to and including the first scan header (T.81 B.1.1.3)."""
    if not raw.startswith(JPEG_MAGIC):
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


def _jpeg_has_end(raw: bytes, path: Path) -> bool:
    """Whether an end marker follows the first scan; thumbnails, which have their own, lie before it."""
    segments = _jpeg_segments(raw, path)
    behind = 2 + sum(len(content) + 4 for _, content in segments)
    return b"\xff\xd9" in raw[behind:]


def _broken(raw: bytes, end: bytes, path: Path) -> FormatError:
    if end not in raw[-4096:]:
        return TruncatedError("the picture ends early", where=path, got=f"{len(raw)} bytes")
    return FormatError("the picture is damaged and cannot be decoded", where=path)

"""JPEG 2000 (ITU-T T.800): JP2 files and bare codestreams; written without loss."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, TruncatedError, UnsupportedError
from medvox.formats.files import read_bytes
from medvox.formats.picture.facts import Facts, spacing_of
from medvox.formats.picture.format import PictureFormat, decode

AnyArray = NDArray[Any]

_SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"
_STREAM = b"\xff\x4f\xff\x51"
_SIZ, _COD, _COM, _SOT = 0xFF51, 0xFF52, 0xFF64, 0xFF90
_GREY, _SRGB, _SYCC = 17, 16, 18
_MOST_HEADER = 1 << 20


class Jpeg2000Format(PictureFormat):
    """JPEG 2000: 1 to 16 bits, signed and unsigned, grey and RGB."""

    name: ClassVar[str] = "JPEG 2000"
    suffixes: ClassVar[tuple[str, ...]] = (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx")
    written_suffixes: ClassVar[tuple[str, ...]] = (".jp2", ".j2k")
    holds: ClassVar[str] = "1 to 16 bits, signed and unsigned, grey and RGB; spacing"
    magic = (_SIGNATURE, _STREAM)
    types: ClassVar[tuple[str, ...]] = ("u1", "i1", "u2", "i2")

    def facts(self, path: Path) -> Facts:
        """Read the boxes and the main header of the codestream.

        Raises
        ------
        UnsupportedError
            For more than 16 bits, palettes, sampled colours and more samples than RGBA.
        """
        raw = read_bytes(path, 0, _MOST_HEADER)
        boxes = _boxes(raw) if raw.startswith(_SIGNATURE) else {b"jp2c": raw}
        stream = boxes.get(b"jp2c", b"")
        if not stream.startswith(_STREAM):
            raise FormatError("no JPEG 2000 codestream", where=path)
        if b"pclr" in boxes:
            raise UnsupportedError("JPEG 2000 with a palette cannot be read", where=path)
        segments = _segments(stream)
        facts = _size(segments, path)
        comments = [text[2:].decode("latin-1")[:4000] for kind, text in segments if kind == _COM]
        reversible = next((text[9] == 1 for kind, text in segments if kind == _COD and len(text) > 9), True)
        lines = [
            *facts.lines,
            ("wavelet", "5-3 reversible" if reversible else "9-7 irreversible"),
            *(("comment", text) for text in comments),
        ]
        notes = list(facts.notes)
        if not reversible:
            notes.append(("lossy-compression", "JPEG 2000, 9-7 wavelet (ITU-T T.800)"))
        return Facts(
            facts.rows,
            facts.columns,
            facts.channels,
            facts.dtype,
            facts.alpha,
            tuple(lines),
            spacing_mm=next((found for text in comments if (found := spacing_of(text))), None),
            resolution_mm=_resolution(boxes.get(b"resc", b"")),
            notes=tuple(notes),
        )

    def _decode(self, raw: bytes, path: Path) -> AnyArray:
        import imagecodecs

        if b"\xff\xd9" not in raw[-4096:]:
            raise TruncatedError("the codestream has no end", where=path, got=f"{len(raw)} bytes")
        return decode(imagecodecs.jpeg2k_decode, raw, path)

    def _encode(self, picture: AnyArray, text: str, path: Path) -> bytes:
        import imagecodecs

        stream = bytes(imagecodecs.jpeg2k_encode(picture, level=0, reversible=True, codecformat="j2k"))
        if text:
            end = 4 + int.from_bytes(stream[4:6], "big")
            comment = struct.pack(">HHH", _COM, len(text) + 4, 1) + text.encode("latin-1")
            stream = stream[:end] + comment + stream[end:]
        return stream if path.suffix.lower() != ".jp2" else _wrapped(stream, picture, text)


def _wrapped(stream: bytes, picture: AnyArray, text: str) -> bytes:
    """Put a codestream into the boxes of a JP2 file (T.800 annex I)."""
    samples = picture.shape[2] if picture.ndim == 3 else 1
    depth = picture.dtype.itemsize * 8 - 1 | (0x80 if picture.dtype.kind == "i" else 0)
    size = struct.pack(">IIHBBBB", *picture.shape[:2], samples, depth, 7, 0, 0)
    header = _box(b"ihdr", size) + _box(
        b"colr", struct.pack(">BBBI", 1, 0, 0, _GREY if samples == 1 else _SRGB)
    )
    if text:
        _, _, j, i = text.split()
        per_meter = [1000 / float(v) for v in (j, i)]
        if all(1 <= v < 1 << 16 for v in per_meter):
            down, across = (round(v) for v in per_meter)
            header += _box(b"res ", _box(b"resc", struct.pack(">HHHHbb", down, 1, across, 1, 0, 0)))
    kind = _box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
    return _SIGNATURE + kind + _box(b"jp2h", header) + _box(b"jp2c", stream)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def _boxes(raw: bytes) -> dict[bytes, bytes]:
    """Contents of the first box of each kind, boxes of boxes opened (T.800 I.4)."""
    found: dict[bytes, bytes] = {}
    waiting = [raw]
    while waiting:
        part, at = waiting.pop(), 0
        while at + 8 <= len(part):
            size, kind, start = int.from_bytes(part[at : at + 4], "big"), part[at + 4 : at + 8], at + 8
            if size == 1:
                size, start = int.from_bytes(part[at + 8 : at + 16], "big"), at + 16
            end = len(part) if size == 0 else at + size
            if end <= at + 7:
                break
            content = part[start:end]
            found.setdefault(kind, content)
            if kind in (b"jp2h", b"res "):
                waiting.append(content)
            at = end
    return found


def _segments(stream: bytes) -> list[tuple[int, bytes]]:
    """Markers with their content up to the first tile (T.800 annex A)."""
    at, found = 2, []
    while at + 4 <= len(stream):
        marker, size = struct.unpack_from(">HH", stream, at)
        if marker == _SOT or size < 2:
            break
        found.append((marker, stream[at + 4 : at + 2 + size]))
        at += 2 + size
    return found


def _size(segments: list[tuple[int, bytes]], path: Path) -> Facts:
    """Read the marker SIZ (T.800 A.5.1)."""
    marker, content = segments[0] if segments else (0, b"")
    if marker != _SIZ or len(content) < 39:
        raise TruncatedError("the marker SIZ is missing", where=path)
    right, bottom, left, top = struct.unpack_from(">IIII", content, 2)
    (samples,) = struct.unpack_from(">H", content, 34)
    parts = {content[36 + 3 * n : 39 + 3 * n] for n in range(samples)}
    if not (left < right and top < bottom) or not 0 < samples <= 16384:
        raise FormatError("SIZ makes no sense", where=path, got=f"{right} x {bottom}, {samples} samples")
    if samples > 4 or len(parts) > 1 or len(part := parts.pop()) < 3 or part[1:] != b"\1\1":
        text = "only grey and RGB of one depth and full resolution are read"
        raise UnsupportedError(text, where=path, got=f"{samples} samples")
    depth, signed = (part[0] & 0x7F) + 1, bool(part[0] & 0x80)
    if depth > 16:
        raise UnsupportedError("more than 16 bits cannot be read", where=path, got=f"{depth} bits")
    lines = (
        ("size", f"{right - left} x {bottom - top}"),
        ("bits", f"{depth}, {'signed' if signed else 'unsigned'}"),
        ("samples", str(samples)),
    )
    dtype = np.dtype(f"{'i' if signed else 'u'}{1 if depth <= 8 else 2}")
    alpha = samples in (2, 4)
    return Facts(bottom - top, right - left, 3 if samples > 2 else 1, dtype, alpha, lines)


def _resolution(content: bytes) -> tuple[float, float] | None:
    """Row and column distance in mm of a capture resolution box (T.800 I.5.3.7.1)."""
    if len(content) < 10:
        return None
    down, down_by, across, across_by, down_power, across_power = struct.unpack(">HHHHbb", content[:10])
    if not (down and down_by and across and across_by):
        return None
    j, i = down / down_by * 10.0**down_power, across / across_by * 10.0**across_power
    return (1000 / j, 1000 / i)

"""PBM, PGM, PPM and PAM (the Netpbm formats, netpbm.sourceforge.net/doc), without a codec."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, TruncatedError, UnsupportedError
from medvox.formats.base import Head
from medvox.formats.files import check_claim, read_bytes, size_of
from medvox.formats.picture.facts import Facts, spacing_of
from medvox.formats.picture.format import PictureFormat

AnyArray = NDArray[Any]

_MOST_HEADER = 1 << 16
_START = re.compile(rb"P[1-6][\s#]\s*(?:#|\d)|P7\n")
_TOKEN = re.compile(rb"(?:\s|#[^\n\r]*[\n\r])*+(\d+)")
_COMMENT = re.compile(rb"#([^\n\r]*)")
_NAMES = {1: "bitmap", 2: "grey", 3: "RGB", 4: "bitmap", 5: "grey", 6: "RGB", 7: "any samples"}


@dataclass(frozen=True, slots=True)
class _Header:
    """One header.

    Parameters
    ----------
    kind
        The digit behind P.
    columns, rows, samples, most
        Size, samples a pixel, and the largest value.
    start
        First byte of the values.
    texts
        Comments.
    """

    kind: int
    columns: int
    rows: int
    samples: int
    most: int
    start: int
    texts: tuple[str, ...]

    @property
    def stored(self) -> np.dtype[Any]:
        """Type of the values in a binary file."""
        return np.dtype(np.uint8 if self.most < 256 else ">u2")

    @property
    def nbytes(self) -> int:
        """Least bytes that the values take in the file."""
        count = self.columns * self.rows * self.samples
        if self.kind == 4:
            return (self.columns + 7) // 8 * self.rows
        if self.kind in (2, 3):
            return 2 * count - 1
        return count * (1 if self.kind == 1 else self.stored.itemsize)


class PnmFormat(PictureFormat):
    """PBM, PGM, PPM (text and binary) and PAM: 1 to 16 bits."""

    name: ClassVar[str] = "PNM"
    suffixes: ClassVar[tuple[str, ...]] = (".pgm", ".ppm", ".pnm", ".pam", ".pbm")
    written_suffixes: ClassVar[tuple[str, ...]] = (".pgm", ".ppm", ".pnm", ".pam")
    holds: ClassVar[str] = "1 to 16 bits, grey and RGB, text and binary; spacing"
    magic = (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"P7")
    types: ClassVar[tuple[str, ...]] = ("u1", "u2")

    def sniff(self, head: Head) -> float:
        """Look for the magic number and what must follow it."""
        return 0.9 if super().sniff(head) and _START.match(head.first) else 0.0

    def facts(self, path: Path) -> Facts:
        """Read the header; of several pictures in a file the first is taken, and that is told."""
        header = _header(read_bytes(path, 0, _MOST_HEADER), path)
        present = size_of(path) - header.start
        check_claim(path, header.nbytes, present, "the size in the header")
        notes = []
        if header.kind >= 4 and present > header.nbytes:
            behind = read_bytes(path, header.start + header.nbytes, 2)
            if behind.startswith(self.magic):
                notes.append(("more-pictures", "there are more pictures behind the first: they are not read"))
        lines = (
            ("magic", f"P{header.kind} ({_NAMES[header.kind]})"),
            ("size", f"{header.columns} x {header.rows}"),
            ("samples", str(header.samples)),
            ("largest value", str(header.most)),
            *(("comment", text) for text in header.texts),
        )
        return Facts(
            header.rows,
            header.columns,
            3 if header.samples >= 3 else 1,
            header.stored.newbyteorder("="),
            alpha=header.samples in (2, 4),
            lines=lines,
            spacing_mm=next((found for text in header.texts if (found := spacing_of(text))), None),
            notes=tuple(notes),
            inverted=header.kind in (1, 4),
        )

    def _decode(self, raw: bytes, path: Path) -> AnyArray:
        header = _header(raw, path)
        data = raw[header.start :]
        count = header.rows * header.columns * header.samples
        if header.kind == 1:
            values = np.frombuffer(re.sub(rb"#[^\n\r]*|\s+", b"", data)[:count], np.uint8) - ord("0")
        elif header.kind in (2, 3):
            values = _numbers(data, count, path)
        elif header.kind == 4:
            rows = np.frombuffer(data[: header.nbytes], np.uint8).reshape(header.rows, -1)
            values = np.unpackbits(rows, axis=1)[:, : header.columns].ravel()
        else:
            values = np.frombuffer(data[: header.nbytes], header.stored)
        if len(values) < count:
            raise TruncatedError(
                "the file ends within its values", where=path, got=len(values), expected=count
            )
        if values.size and int(values.max()) > header.most:
            raise FormatError("a value is above the largest that the header allows", where=path)
        return values.reshape(header.rows, header.columns, header.samples).astype(
            header.stored.newbyteorder("="), copy=False
        )

    def _encode(self, picture: AnyArray, text: str, path: Path) -> bytes:
        suffix, colour = path.suffix.lower(), picture.ndim == 3
        if (suffix, colour) in ((".pgm", True), (".ppm", False)):
            raise UnsupportedError(
                "PGM is grey, PPM is RGB", where=path, advice=f"Write {'.ppm' if colour else '.pgm'}"
            )
        rows, columns = picture.shape[:2]
        most = 255 if picture.dtype == np.uint8 else 65535
        comment = f"# {text}\n" if text else ""
        if suffix == ".pam":
            kind = ("DEPTH 3", "TUPLTYPE RGB") if colour else ("DEPTH 1", "TUPLTYPE GRAYSCALE")
            lines = (f"WIDTH {columns}", f"HEIGHT {rows}", kind[0], f"MAXVAL {most}", kind[1], "ENDHDR\n")
            header = f"P7\n{comment}" + "\n".join(lines)
        else:
            header = f"P{6 if colour else 5}\n{comment}{columns} {rows}\n{most}\n"
        return header.encode("ascii") + picture.astype(picture.dtype.newbyteorder(">")).tobytes()


def _header(raw: bytes, path: Path) -> _Header:
    if not _START.match(raw):
        raise FormatError("no PNM header", where=path)
    kind = raw[1] - ord("0")
    fields, start, texts = _pam(raw, path) if kind == 7 else _plain(raw, kind, path)
    columns, rows, samples, most = fields
    if not (0 < columns < 1 << 31 and 0 < rows < 1 << 31 and 0 < most < 1 << 16 and 0 < samples < 1 << 16):
        raise FormatError("the header makes no sense", where=path, got=f"{columns} x {rows}, at most {most}")
    if samples > 4:
        raise UnsupportedError("more than 4 samples a pixel cannot be read", where=path, got=samples)
    return _Header(kind, columns, rows, samples, most, start, texts)


def _plain(raw: bytes, kind: int, path: Path) -> tuple[tuple[int, int, int, int], int, tuple[str, ...]]:
    """Read width, height and, but for bitmaps, the largest value; one blank ends the header."""
    at, numbers = 2, []
    for _ in range(2 if kind in (1, 4) else 3):
        match = _TOKEN.match(raw, at)
        if match is None or len(match.group(1)) > 10:
            raise TruncatedError("a number of the header is missing", where=path)
        numbers.append(int(match.group(1)))
        at = match.end()
    texts = tuple(found.decode("latin-1").strip()[:4000] for found in _COMMENT.findall(raw[:at]))
    samples = 3 if kind in (3, 6) else 1
    most = numbers[2] if len(numbers) == 3 else 1
    return (numbers[0], numbers[1], samples, most), at + 1, texts


def _pam(raw: bytes, path: Path) -> tuple[tuple[int, int, int, int], int, tuple[str, ...]]:
    """Read the lines of a PAM header up to ENDHDR."""
    end = raw.find(b"ENDHDR\n")
    if end < 0:
        raise TruncatedError("the header has no end", where=path, expected="a line ENDHDR")
    found: dict[str, str] = {}
    texts = []
    for line in raw[3:end].decode("latin-1").splitlines():
        if line.startswith("#"):
            texts.append(line[1:].strip()[:4000])
            continue
        name, _, value = line.strip().partition(" ")
        found[name] = value.strip()
    numbers = [found.get(name, "") for name in ("WIDTH", "HEIGHT", "DEPTH", "MAXVAL")]
    if not all(text.isascii() and text.isdigit() and len(text) <= 10 for text in numbers):
        raise FormatError("a number of the header is missing", where=path, got=", ".join(numbers)[:60])
    columns, rows, samples, most = (int(text) for text in numbers)
    return (columns, rows, samples, most), end + 7, tuple(texts)


def _numbers(data: bytes, count: int, path: Path) -> AnyArray:
    words = re.sub(rb"#[^\n\r]*", b"", data).split(None, count)[:count]
    try:
        values = np.array(words, dtype="S7").astype(np.int64)
    except ValueError as error:
        raise FormatError("a value is not a whole number", where=path) from error
    if values.size and int(values.min()) < 0:
        raise FormatError("a value is below zero", where=path)
    return values

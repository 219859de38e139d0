"""Values in a VTK XML file: as text, or as bytes with a length before them, packed in blocks, in base64.

The form is described in the VTK file formats document (docs.vtk.org, "XML file formats") and by what VTK
writes: plain bytes are ``length, values``; packed ones ``blocks, block size, size of the last block or 0,
packed size of each block, blocks``. In base64 the numbers before packed blocks are padded apart from them.
"""

from __future__ import annotations

import base64
import binascii
import lzma
import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, LimitError, TruncatedError, UnsupportedError
from medvox.formats.files import read_bytes

AnyArray = NDArray[Any]
TYPES: Mapping[str, str] = {
    "Int8": "i1", "UInt8": "u1", "Int16": "i2", "UInt16": "u2", "Int32": "i4", "UInt32": "u4",
    "Int64": "i8", "UInt64": "u8", "Float32": "f4", "Float64": "f8",
}  # fmt: skip
NAMES: Mapping[str, str] = {code: name for name, code in TYPES.items()}
COMPRESSORS = ("vtkZLibDataCompressor", "vtkLZ4DataCompressor", "vtkLZMADataCompressor")
_MOST_BLOCKS = 1 << 24
_LZMA_MEMORY = 1 << 28


@dataclass(frozen=True, slots=True)
class Encoding:
    """What a file says once about its bytes.

    Parameters
    ----------
    path
        The file.
    order
        ``"<"`` or ``">"``.
    length_type
        Type of the numbers before values, with byte order.
    compressor
        One of `COMPRESSORS`, or empty.
    appended_start
        First byte of the appended data, or None where there are none.
    appended_base64
        Whether these are in base64.
    """

    path: Path
    order: str
    length_type: np.dtype[Any]
    compressor: str = ""
    appended_start: int | None = None
    appended_base64: bool = False


@dataclass(frozen=True, slots=True)
class StoredArray:
    """One DataArray of a piece.

    Parameters
    ----------
    name, components, stored
        Name, values a voxel, type with byte order.
    form
        ``"ascii"``, ``"binary"`` or ``"appended"``.
    encoding
        Of the file.
    text
        What stands in the element, for the first two forms.
    offset
        Into the appended data.
    """

    name: str
    components: int
    stored: np.dtype[Any]
    form: str
    encoding: Encoding
    text: str = ""
    offset: int = 0

    @property
    def plain_start(self) -> int | None:
        """First byte of values that lie in the file as they are, or None where they do not."""
        known = self.encoding
        if self.form != "appended" or known.appended_base64 or known.compressor:
            return None
        return self._start + known.length_type.itemsize

    @property
    def _start(self) -> int:
        if self.encoding.appended_start is None:
            raise FormatError("an array lies in appended data, and there are none", where=self.encoding.path)
        return self.encoding.appended_start + self.offset

    def values(self, count: int) -> AnyArray:
        """Read `count` values, in native byte order.

        Raises
        ------
        FormatError, TruncatedError
            If they cannot be read, or there are not as many.
        """
        if self.form == "ascii":
            return self._from_text(count)
        nbytes = count * self.stored.itemsize
        source: _Bytes | _Base64
        if self.form == "appended" and not self.encoding.appended_base64:
            source = _Bytes(self.encoding.path, self._start)
        else:
            source = _Base64(self._letters(), self.encoding.path)
        raw = self._unpacked(source, nbytes) if self.encoding.compressor else self._plain(source, nbytes)
        return np.frombuffer(bytearray(raw), self.stored).astype(self.stored.newbyteorder("="), copy=False)

    def _letters(self) -> bytes:
        if self.form == "binary":
            return b"".join(self.text.encode("ascii", "replace").split())
        raw = read_bytes(self.encoding.path, self._start)
        end = raw.find(b"<")
        return b"".join((raw if end < 0 else raw[:end]).split())

    def _from_text(self, count: int) -> AnyArray:
        words = self.text.split()
        if len(words) != count:
            raise self._length(len(words), count)
        try:
            kind = self.stored.newbyteorder("=")
            if kind.kind == "f":
                return np.array(words).astype(np.float64).astype(kind)
            numbers = [int(word) for word in words]
            return np.array(numbers, dtype=kind)
        except (ValueError, OverflowError, TypeError) as error:
            raise FormatError("a value is no number of its type", where=self._where) from error

    def _plain(self, source: _Bytes | _Base64, nbytes: int) -> bytes:
        width = self.encoding.length_type.itemsize
        raw = source.head(width + nbytes)
        (length,) = self._numbers(raw[:width], 1)
        if length != nbytes:
            raise self._length(length, nbytes)
        if len(raw) - width < nbytes:
            raise self._length(len(raw) - width, nbytes)
        return raw[width:]

    def _unpacked(self, source: _Bytes | _Base64, nbytes: int) -> bytes:
        width = self.encoding.length_type.itemsize
        blocks, size, last = self._numbers(source.head(3 * width), 3)
        whole = blocks if last == 0 else blocks - 1
        if blocks > _MOST_BLOCKS or size > 1 << 40:
            raise LimitError("the array has too many blocks", where=self._where, got=blocks)
        if whole * size + last != nbytes:
            raise self._length(whole * size + last, nbytes)
        head = (3 + blocks) * width
        lengths = self._numbers(source.head(head), 3 + blocks)[3:]
        packed = memoryview(source.body(head, sum(lengths)))
        parts, at = [], 0
        for number, length in enumerate(lengths):
            parts.append(
                self._unpack_block(bytes(packed[at : at + length]), size if number < whole else last)
            )
            at += length
        return b"".join(parts)

    def _unpack_block(self, packed: bytes, wanted: int) -> bytes:
        """Unpack one block; never more than was announced."""
        try:
            raw = _UNPACK[self.encoding.compressor](packed, wanted)
        except (zlib.error, lzma.LZMAError, RuntimeError, ValueError, EOFError, MemoryError) as error:
            raise FormatError("a packed block is damaged", where=self._where) from error
        if len(raw) != wanted:
            raise self._length(len(raw), wanted)
        return raw

    def _numbers(self, raw: bytes, count: int) -> list[int]:
        if len(raw) < count * self.encoding.length_type.itemsize:
            raise TruncatedError("the file ends before the length of an array", where=self._where)
        return [int(n) for n in np.frombuffer(raw, self.encoding.length_type, count)]

    @property
    def _where(self) -> str:
        return f"{self.encoding.path}: array {self.name[:60]!r}"

    def _length(self, got: int, expected: int) -> FormatError:
        text = "the array is not as long as the extent asks for"
        kind = TruncatedError if got < expected else FormatError
        return kind(text, where=self._where, got=got, expected=expected)


def _unlz4(packed: bytes, wanted: int) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.lz4_decode(packed, out=wanted))


_UNPACK: Mapping[str, Callable[[bytes, int], bytes]] = {
    "vtkZLibDataCompressor": lambda raw, count: zlib.decompressobj().decompress(raw, count + 1),
    "vtkLZ4DataCompressor": _unlz4,
    "vtkLZMADataCompressor": lambda raw, count: lzma.LZMADecompressor(memlimit=_LZMA_MEMORY).decompress(
        raw, count + 1
    ),
}


def check_compressor(name: str, path: Path) -> str:
    """Return the name of a compressor.

    Raises
    ------
    UnsupportedError
        If it is not known.
    """
    if name and name not in COMPRESSORS:
        raise UnsupportedError("the compressor is not known", where=path, got=name[:60], expected=COMPRESSORS)
    return name


@dataclass(frozen=True, slots=True)
class _Bytes:
    """Bytes as they lie in a file."""

    path: Path
    start: int

    def head(self, count: int) -> bytes:
        """First bytes, fewer where the file ends."""
        return read_bytes(self.path, self.start, count)

    def body(self, head: int, count: int) -> bytes:
        """Bytes behind a head of some length."""
        return read_bytes(self.path, self.start + head, count)


@dataclass(frozen=True, slots=True)
class _Base64:
    """Bytes in base64; a head may be padded apart from what follows."""

    letters: bytes
    path: Path

    def head(self, count: int) -> bytes:
        """First bytes, fewer where the text ends."""
        return self._decoded(0, count)

    def body(self, head: int, count: int) -> bytes:
        """Bytes behind a head of some length that was padded."""
        return self._decoded(_letters_of(head), count)

    def _decoded(self, start: int, count: int) -> bytes:
        part = self.letters[start : start + _letters_of(count)]
        try:
            return base64.b64decode(part, validate=True)[:count]
        except (binascii.Error, ValueError) as error:
            raise FormatError("the base64 text is damaged", where=self.path) from error


def _letters_of(count: int) -> int:
    return 4 * math.ceil(count / 3)

"""netCDF classic files (CDF-1, CDF-2), as far as MINC 1 needs them: header to variables and back.

Source: NetCDF Classic Format Specification (Unidata), the BNF of the header.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, TruncatedError, UnsupportedError
from medvox.core.lazy import LazyArray
from medvox.formats.files import read_bytes
from medvox.formats.minc.model import Attribute, Layout, MincFile, Variable
from medvox.formats.values.block import Block, kept
from medvox.formats.values.compression import GZIP_MAGIC, Container, unpack_start

AnyArray = NDArray[Any]

MAGICS = (b"CDF\x01", b"CDF\x02")
TYPES = {1: "i1", 2: "S1", 3: ">i2", 4: ">i4", 5: ">f4", 6: ">f8"}
"""NC_BYTE, NC_CHAR, NC_SHORT, NC_INT, NC_FLOAT, NC_DOUBLE."""
CODES = {"i1": 1, "i2": 3, "i4": 4, "f4": 5, "f8": 6}
_CHAR, _DOUBLE, _INT = 2, 6, 4
_DIMENSION, _VARIABLE, _ATTRIBUTE = 10, 11, 12
_MOST_HEADER = 1 << 24
_MOST_ENTRIES = 100_000
_MOST_SMALL = 1 << 26
"""Bytes of a variable that is not the image."""


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    dimensions: tuple[int, ...]
    attributes: dict[str, Attribute]
    stored: np.dtype[Any]
    begin: int


class _Cursor:
    """Reads the header from its beginning on."""

    def __init__(self, raw: bytes, path: Path) -> None:
        self.raw, self.path, self.at = raw, path, 0

    def take(self, count: int) -> bytes:
        part = self.raw[self.at : self.at + count]
        if count < 0 or len(part) < count:
            raise TruncatedError("the file ends within its netCDF header", where=self.path, got=len(self.raw))
        self.at += count
        return part

    def int32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def int64(self) -> int:
        return int.from_bytes(self.take(8), "big")

    def padded(self, count: int) -> bytes:
        part = self.take(count)
        self.take(-count % 4)
        return part

    def name(self) -> str:
        return self.padded(self.int32()).decode("utf-8", "replace")

    def entries(self, tag: int) -> Iterator[int]:
        """Numbers of the entries of a list."""
        found, count = self.int32(), self.int32()
        if found not in (tag, 0) or count > _MOST_ENTRIES or (found == 0 and count):
            raise FormatError(
                "the netCDF header is damaged", where=self.path, got=f"tag {found} at byte {self.at - 8}"
            )
        yield from range(count)

    def dtype(self) -> np.dtype[Any]:
        code = self.int32()
        if code not in TYPES:
            raise FormatError("a type of the netCDF header is not known", where=self.path, got=code)
        return np.dtype(TYPES[code])

    def attributes(self) -> dict[str, Attribute]:
        found: dict[str, Attribute] = {}
        for _ in self.entries(_ATTRIBUTE):
            name, stored, count = self.name(), self.dtype(), self.int32()
            raw = self.padded(count * stored.itemsize)
            if stored.kind == "S":
                found[name] = raw.rstrip(b"\0").decode("utf-8", "replace")
            else:
                found[name] = np.frombuffer(raw, stored).astype(stored.newbyteorder("="))
        return found


def read(path: Path) -> MincFile:
    """Read the header of a netCDF file that holds an image, plain or gzip.

    Raises
    ------
    FormatError, TruncatedError, LimitError
        If the header cannot be used, or claims what the file cannot hold.
    """
    raw = read_bytes(path, 0, _MOST_HEADER)
    container: Container | None = None
    if raw.startswith(GZIP_MAGIC):
        container, raw = "gzip", unpack_start(raw, _MOST_HEADER)
    cursor = _Cursor(raw, path)
    version = cursor.take(4)
    if version not in MAGICS:
        raise FormatError("no netCDF header", where=path, got=version.hex())
    records = cursor.int32()
    names, lengths = [], []
    for _ in cursor.entries(_DIMENSION):
        names.append(cursor.name())
        lengths.append(cursor.int32())
    attributes = cursor.attributes()
    entries = [_entry(cursor, version, len(names)) for _ in cursor.entries(_VARIABLE)]
    record = _record_bytes(entries, lengths)
    sizes = [length or records for length in lengths]
    if not record and records and any(length == 0 for length in lengths):
        raise FormatError("the records of the netCDF file are empty", where=path)
    variables = {}
    for entry in entries:
        dimensions = tuple(names[n] for n in entry.dimensions)
        shape = tuple(sizes[n] for n in entry.dimensions)
        step = record if entry.dimensions and lengths[entry.dimensions[0]] == 0 else None
        place = _Place(path, entry.begin, shape, entry.stored, container, step)
        dtype = _native(entry)
        variables[entry.name] = Variable(entry.name, dimensions, shape, dtype, entry.attributes, place.small)
        if entry.name == "image":
            image, image_place = variables["image"], place
    if "image" not in variables:
        raise FormatError("the file has no variable image", where=path)
    return MincFile(path, image, _Frames(image, image_place), variables, attributes)


def _entry(cursor: _Cursor, version: bytes, dimensions: int) -> _Entry:
    name = cursor.name()
    count = cursor.int32()
    if count > 32:
        raise FormatError("a variable has too many dimensions", where=cursor.path, got=count)
    places = tuple(cursor.int32() for _ in range(count))
    if any(n >= dimensions for n in places):
        raise FormatError("a variable has a dimension that is not there", where=cursor.path, got=places)
    attributes, stored = cursor.attributes(), cursor.dtype()
    cursor.int32()  # vsize is redundant
    return _Entry(name, places, attributes, stored, cursor.int64() if version[3] == 2 else cursor.int32())


def _native(entry: _Entry) -> np.dtype[Any]:
    """Type with its sign: bytes are unsigned, others signed, unless ``signtype`` says otherwise."""
    stored = entry.stored.newbyteorder("=")
    sign = entry.attributes.get("signtype", "")
    text = sign.strip("\0_ ").lower() if isinstance(sign, str) else ""
    if stored.kind == "i" and (text == "unsigned" or (stored.itemsize == 1 and text != "signed")):
        return np.dtype(f"u{stored.itemsize}")
    return stored


def _record_bytes(entries: Sequence[_Entry], lengths: Sequence[int]) -> int:
    """Bytes of one record: the part of every variable over the unlimited dimension, each padded to 4."""
    parts = []
    for entry in entries:
        if entry.dimensions and lengths[entry.dimensions[0]] == 0:
            sizes = [lengths[n] for n in entry.dimensions[1:]]
            parts.append(math.prod(sizes) * entry.stored.itemsize)
    return parts[0] if len(parts) == 1 else sum(part + -part % 4 for part in parts)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the values of a variable lie; `record` is the distance of records where it has them."""

    path: Path
    begin: int
    shape: tuple[int, ...]
    stored: np.dtype[Any]
    container: Container | None
    record: int | None

    def small(self) -> LazyArray:
        """Make the array of a variable that is not the image."""
        if math.prod(self.shape) * self.stored.itemsize > _MOST_SMALL:
            raise FormatError("a variable is too large", where=self.path, got=self.shape)
        if not self.shape:
            block = self.block((1, 1), (1,))
            return kept((), block.stored.newbyteorder("="), lambda: block.array().read().reshape(()))
        return self.whole()

    def block(self, frame: tuple[int, ...], lead: tuple[int, ...]) -> Block:
        """Make the block of values that lie together."""
        block = Block(self.path, self.begin, lead, frame, self.stored, self.container)
        block.check("the netCDF header")
        return block

    def whole(self) -> LazyArray:
        """Make the array that is read as a whole, records put together."""
        count, *rest = self.shape
        native = self.stored.newbyteorder("=")
        if self.record is None:
            block = self.block((1, math.prod(rest)), (count,))
            return kept(self.shape, native, lambda: block.array().read().reshape(self.shape))
        part, step = math.prod(rest) * self.stored.itemsize, self.record
        span = (count - 1) * step + part if count else 0
        raw = Block(self.path, self.begin, (1,), (1, span), np.dtype(np.uint8), self.container)
        raw.check("the netCDF header")

        def load() -> AnyArray:
            bytes_ = np.zeros(count * step, np.uint8)
            bytes_[:span] = raw.array().read().reshape(-1)
            values = np.ascontiguousarray(bytes_.reshape(count, step)[:, :part])
            return values.view(self.stored).astype(native).reshape(self.shape)

        return kept(self.shape, native, load)


@dataclass(frozen=True, slots=True)
class _Frames:
    """Makes the lazy image."""

    image: Variable
    place: _Place

    def __call__(self, layout: Layout) -> LazyArray:
        """Frame by frame where the order allows it, else read as a whole and turned."""
        place, dtype = self.place, self.image.dtype
        if place.record is not None or not layout.in_frames:
            whole = place.whole()
            return kept(layout.full_shape, dtype, lambda: layout.turned(np.asarray(whole).view(dtype)))
        lead, frame, order = layout.frames()
        stored = dtype.newbyteorder(">")
        block = Block(place.path, place.begin, lead, frame, stored, place.container, stored_order=order)
        block.check("the netCDF header")
        return block.array()


# -- writing ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewVariable:
    """A variable to be written.

    Parameters
    ----------
    dimensions
        Names of its axes.
    attributes
        Texts, and numbers (written as doubles).
    values
        In the type written; of the image only shape and type matter.
    """

    name: str
    dimensions: tuple[str, ...]
    attributes: Mapping[str, str | float | Sequence[float]]
    values: AnyArray


def header(
    dimensions: Mapping[str, int],
    attributes: Mapping[str, str | float | Sequence[float]],
    variables: Sequence[NewVariable],
) -> bytes:
    """Make the header; values follow it one variable after another, each padded to 4 bytes.

    Raises
    ------
    UnsupportedError
        If a dimension is too long.
    """
    if max(dimensions.values()) >= 1 << 31:
        raise UnsupportedError("netCDF holds no dimension that long", got=max(dimensions.values()))
    head = (
        b"CDF\x01" + bytes(4) + _list(_DIMENSION, [_name(n) + _int(size) for n, size in dimensions.items()])
    )
    head += _attributes(attributes)
    numbers = {name: n for n, name in enumerate(dimensions)}
    begins = [b""] * len(variables)
    for _ in range(2):  # the first time to learn how long the header is
        entries = [
            _variable(v, numbers) + begin.rjust(4, b"\0") for v, begin in zip(variables, begins, strict=True)
        ]
        whole = head + _list(_VARIABLE, entries)
        begins, at = [], len(whole)
        for variable in variables:
            begins.append(_int(at))
            at += padded_size(variable.values)
    return whole


def padded_size(values: AnyArray) -> int:
    """Bytes that the values take in the file."""
    return values.nbytes + -values.nbytes % 4


def write_values(file: BinaryIO, variables: Sequence[NewVariable]) -> None:
    """Write the values that follow the header."""
    file.writelines(part.data for part in value_parts(variables))


def value_parts(variables: Sequence[NewVariable]) -> Iterator[NDArray[np.uint8]]:
    """Bytes of the values, big-endian."""
    for variable in variables:
        big = np.ascontiguousarray(variable.values, variable.values.dtype.newbyteorder(">"))
        yield big.reshape(-1).view(np.uint8)
        yield np.zeros(-big.nbytes % 4, np.uint8)


def _int(value: int) -> bytes:
    return struct.pack(">I", value)


def _name(text: str) -> bytes:
    raw = text.encode("utf-8")
    return _int(len(raw)) + raw + bytes(-len(raw) % 4)


def _list(tag: int, entries: Sequence[bytes]) -> bytes:
    return _int(tag if entries else 0) + _int(len(entries)) + b"".join(entries)


def _attributes(attributes: Mapping[str, str | float | Sequence[float]]) -> bytes:
    entries = []
    for name, value in attributes.items():
        if isinstance(value, str):
            raw, code, count = value.encode("utf-8"), _CHAR, len(value.encode("utf-8"))
        else:
            numbers = np.atleast_1d(np.asarray(value, ">f8"))
            raw, code, count = numbers.tobytes(), _DOUBLE, len(numbers)
        entries.append(_name(name) + _int(code) + _int(count) + raw + bytes(-len(raw) % 4))
    return _list(_ATTRIBUTE, entries)


def _variable(variable: NewVariable, numbers: Mapping[str, int]) -> bytes:
    """Entry of a variable, but for where its values begin."""
    code = CODES[variable.values.dtype.str[1:].replace("u", "i")]
    size = min(padded_size(variable.values), (1 << 32) - 1)
    places = b"".join(_int(numbers[name]) for name in variable.dimensions)
    return (
        _name(variable.name)
        + _int(len(variable.dimensions))
        + places
        + _attributes(variable.attributes)
        + _int(code)
        + _int(size)
    )

"""Arrays of Zarr versions 2 and 3 in a folder, read chunk by chunk (Zarr specification v2, core v3.1)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core import settings
from medvox.core.errors import FormatError, MedvoxError, MissingError, UnsupportedError
from medvox.core.progress import Progress, silent
from medvox.formats.files import read_bytes
from medvox.formats.ome.codecs import Chain, check_chunk, unpacker

AnyArray = NDArray[Any]

_MOST_JSON = 1 << 24
_TYPES_3 = {
    "bool": "?", "int8": "i1", "int16": "i2", "int32": "i4", "int64": "i8", "uint8": "u1", "uint16": "u2",
    "uint32": "u4", "uint64": "u8", "float16": "f2", "float32": "f4", "float64": "f8",
}  # fmt: skip
_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def read_json(path: Path) -> dict[str, Any] | None:
    """Read a JSON object; None where there is no such file.

    Raises
    ------
    FormatError
        If it is no JSON object.
    """
    try:
        raw = read_bytes(path, 0, _MOST_JSON)
    except MissingError:
        return None
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise FormatError("the metadata is no JSON", where=path) from error
    if not isinstance(found, dict):
        raise FormatError("the metadata is no JSON object", where=path)
    return found


@dataclass(frozen=True, slots=True)
class ZarrArray:
    """One array.

    Parameters
    ----------
    folder
        Where it is.
    shape, chunk
        Sizes of the array and of its chunks.
    dtype
        Of the values as shown.
    fill
        Value where a chunk has no file.
    prefix, separator
        How names of chunks are made.
    chain
        Decodes a chunk.
    """

    folder: Path
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    dtype: np.dtype[Any]
    fill: Any
    prefix: str
    separator: str
    chain: Chain | _Chunks2

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return math.prod(self.shape) * self.dtype.itemsize

    def chunk_path(self, at: Sequence[int]) -> Path:
        """File of a chunk."""
        parts = [self.prefix] * bool(self.prefix) + [str(n) for n in at]
        return self.folder / self.separator.join(parts)

    def read(self, key: Sequence[slice], progress: Progress = silent) -> AnyArray:
        """Read a box of values, decoding the chunks that it touches in threads.

        Parameters
        ----------
        key
            One slice with step 1 for each axis, within the array.

        Raises
        ------
        FormatError
            If a chunk is damaged.
        """
        out = np.empty([part.stop - part.start for part in key], self.dtype)
        if not out.size:
            return out
        ranges = [range(s.start // c, (s.stop - 1) // c + 1) for s, c in zip(key, self.chunk, strict=True)]
        numbers = list(product(*ranges))
        progress(0, len(numbers), "Reading")
        with ThreadPoolExecutor(settings.current().threads) as pool:
            for done, _ in enumerate(pool.map(lambda at: self._into(at, key, out), numbers), start=1):
                progress(done, len(numbers), "Reading")
        return out

    def _into(self, at: tuple[int, ...], key: Sequence[slice], out: AnyArray) -> None:
        low = [max(n * c, s.start) for n, c, s in zip(at, self.chunk, key, strict=True)]
        high = [min((n + 1) * c, s.stop) for n, c, s in zip(at, self.chunk, key, strict=True)]
        target = tuple(slice(a - s.start, b - s.start) for a, b, s in zip(low, high, key, strict=True))
        part = tuple(
            slice(a - n * c, b - n * c) for a, b, n, c in zip(low, high, at, self.chunk, strict=True)
        )
        values = self._chunk(at)
        out[target] = self.fill if values is None else values[part]

    def _chunk(self, at: tuple[int, ...]) -> AnyArray | None:
        path = self.chunk_path(at)
        try:
            raw = read_bytes(path)
        except MissingError:
            return None
        try:
            return self.chain.decode(raw, self.chunk)
        except MedvoxError:
            raise
        except Exception as error:  # whatever a codec says of damaged bytes
            text = "a chunk is damaged or incomplete"
            raise FormatError(text, where=path, got=f"{len(raw)} bytes") from error


class _Chunks2:
    """Compressor and order of a version 2 array."""

    def __init__(self, metadata: Mapping[str, Any], dtype: np.dtype[Any], where: Path) -> None:
        compressor = metadata.get("compressor")
        name = compressor.get("id") if isinstance(compressor, dict) else compressor
        if metadata.get("filters"):
            raise UnsupportedError("filters of Zarr arrays cannot be read", where=where)
        self.unpack = None if name is None else unpacker(str(name), where)
        self.dtype = dtype
        self.fortran = metadata.get("order") == "F"

    def decode(self, raw: bytes | bytearray, shape: tuple[int, ...]) -> AnyArray:
        """Decode a chunk."""
        count = math.prod(shape)
        if self.unpack is not None:
            raw = self.unpack(bytes(raw), count * self.dtype.itemsize)
        return np.frombuffer(raw, self.dtype, count).reshape(shape, order="F" if self.fortran else "C")


def open_array(folder: Path) -> ZarrArray:
    """Read the metadata of an array of either version.

    Raises
    ------
    MissingError, FormatError, UnsupportedError, LimitError
        If there is none, or it makes no sense, or cannot be read here.
    """
    third = read_json(folder / "zarr.json")
    if third is not None:
        return _open_3(folder, third)
    second = read_json(folder / ".zarray")
    if second is None:
        raise MissingError("there is no array here", where=folder, expected="zarr.json or .zarray")
    return _open_2(folder, second)


def _open_2(folder: Path, metadata: Mapping[str, Any]) -> ZarrArray:
    where = folder / ".zarray"
    name = metadata.get("dtype")
    try:
        stored = np.dtype(name) if isinstance(name, str) and len(name) <= 4 else None
    except TypeError:
        stored = None
    if stored is None or stored.kind not in "biuf":
        raise UnsupportedError("the type of the array cannot be read", where=where, got=str(name)[:40])
    shape, chunk = (
        _sizes(metadata.get("shape"), "shape", where),
        _sizes(metadata.get("chunks"), "chunks", where),
    )
    separator = metadata.get("dimension_separator", ".")
    shown = stored.newbyteorder("=")
    chain = _Chunks2(metadata, stored, where)
    fill = _fill(metadata.get("fill_value"), shown, where)
    return _checked(ZarrArray(folder, shape, chunk, shown, fill, "", separator, chain), where)


def _open_3(folder: Path, metadata: Mapping[str, Any]) -> ZarrArray:
    where = folder / "zarr.json"
    name = metadata.get("data_type")
    if metadata.get("node_type") != "array":
        raise FormatError("this is no array", where=where, got=str(metadata.get("node_type"))[:40])
    if not isinstance(name, str) or name not in _TYPES_3:
        raise UnsupportedError("the type of the array cannot be read", where=where, got=str(name)[:40])
    shown = np.dtype(_TYPES_3[name])
    grid, keys = _part(metadata, "chunk_grid"), _part(metadata, "chunk_key_encoding")
    if grid[0] != "regular" or keys[0] not in ("default", "v2"):
        text = "only regular chunks are read"
        raise UnsupportedError(text, where=where, got=f"{grid[0]}, {keys[0]}"[:60])
    codecs = metadata.get("codecs")
    if not isinstance(codecs, list):
        raise FormatError("the array has no codecs", where=where)
    shape = _sizes(metadata.get("shape"), "shape", where)
    chunk = _sizes(grid[1].get("chunk_shape"), "chunk_shape", where)
    default = keys[0] == "default"
    separator = keys[1].get("separator", "/" if default else ".")
    chain = Chain(codecs, shown, where)
    fill = chain.fill = _fill(metadata.get("fill_value"), shown, where)
    return _checked(
        ZarrArray(folder, shape, chunk, shown, fill, "c" if default else "", separator, chain), where
    )


def _part(metadata: Mapping[str, Any], name: str) -> tuple[str, Mapping[str, Any]]:
    part = metadata.get(name)
    options = part.get("configuration") if isinstance(part, dict) else None
    kind = str(part.get("name")) if isinstance(part, dict) else ""
    return kind, options if isinstance(options, dict) else {}


def _sizes(value: Any, what: str, where: Path) -> tuple[int, ...]:
    good = isinstance(value, list) and 2 <= len(value) <= 8
    if not good or not all(type(n) is int and 0 < n < 1 << 40 for n in value):
        raise FormatError(f"{what} is no list of 2 to 8 positive whole numbers", where=where)
    return tuple(value)


def _fill(value: Any, dtype: np.dtype[Any], where: Path) -> Any:
    """Read a fill value; none means that all chunks should be there: 0 is shown where one is not."""
    value = _FLOATS.get(value, value) if isinstance(value, str) else value
    try:
        return np.array(0 if value is None else value).astype(dtype)[()]
    except (ValueError, TypeError, OverflowError) as error:
        raise FormatError("fill_value does not fit the type", where=where, got=str(value)[:40]) from error


def _checked(array: ZarrArray, where: Path) -> ZarrArray:
    if len(array.shape) != len(array.chunk) or array.separator not in (".", "/"):
        raise FormatError("the chunks do not fit the array", where=where, got=array.chunk)
    check_chunk(array.chunk, array.dtype, where)
    return array


@dataclass(frozen=True, slots=True, eq=False)
class ShownArray:
    """A Zarr array with its axes in another order, as a lazy array; axes of size 1 may be put in.

    Parameters
    ----------
    array
        The array.
    axes
        For each axis shown the axis of the array, None for one of size 1 that it has not.
    """

    array: ZarrArray
    axes: tuple[int | None, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return tuple(1 if n is None else self.array.shape[n] for n in self.axes)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self.array.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.axes)

    def __getitem__(self, key: Any) -> AnyArray:
        """Read the chunks that a part touches, and nothing else."""
        keys = _full(key, self.shape)
        box = [slice(0, 1)] * len(self.array.shape)
        inner: list[Any] = []
        for axis, part in zip(self.axes, keys, strict=True):
            low, high, inside = _bounds(part, 1 if axis is None else self.array.shape[axis])
            inner.append(inside)
            if axis is not None:
                box[axis] = slice(low, high)
        return np.array(self._turned(self.array.read(box))[tuple(inner)])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> AnyArray:
        return self.read().astype(dtype or self.dtype, copy=False)

    def read(self, progress: Progress = silent) -> AnyArray:
        """Read everything."""
        return np.ascontiguousarray(
            self._turned(self.array.read([slice(0, n) for n in self.array.shape], progress))
        )

    def _turned(self, values: AnyArray) -> AnyArray:
        values = values.transpose([n for n in self.axes if n is not None])
        return values[tuple(None if n is None else slice(None) for n in self.axes)]


def _full(key: Any, shape: tuple[int, ...]) -> list[Any]:
    """Write a basic index out to one whole number or slice an axis."""
    parts = list(key) if isinstance(key, tuple) else [key]
    if any(part is Ellipsis for part in parts):
        at = next(n for n, part in enumerate(parts) if part is Ellipsis)
        parts[at : at + 1] = [slice(None)] * (len(shape) - len(parts) + 1)
    if len(parts) > len(shape) or not all(isinstance(p, int | np.integer | slice) for p in parts):
        raise IndexError(f"lazy arrays take whole numbers and slices, at most {len(shape)}; got {key!r}")
    return parts + [slice(None)] * (len(shape) - len(parts))


def _bounds(part: Any, size: int) -> tuple[int, int, Any]:
    """First, after the last, and the index within them."""
    if not isinstance(part, slice):
        number = int(part) + (size if part < 0 else 0)
        if not 0 <= number < size:
            raise IndexError(f"index {part} is out of bounds for size {size}")
        return number, number + 1, 0
    chosen = range(*part.indices(size))
    if not chosen:
        return 0, 0, slice(0, 0)
    low, high = min(chosen[0], chosen[-1]), max(chosen[0], chosen[-1]) + 1
    start = chosen[0] - low
    stop = None if chosen.step < 0 else high - low
    return low, high, slice(start, stop, chosen.step)

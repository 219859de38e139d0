"""Codecs of Zarr chunks: numcodecs' names in version 2, the codec chain of version 3 (Zarr core 3.1)."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, LimitError, UnsupportedError

AnyArray = NDArray[Any]
Unpack = Callable[[bytes, int], bytes | bytearray]

MOST_CHUNK = 1 << 31
"""Bytes of the largest chunk that is unpacked."""
_ABSENT = (1 << 64) - 1


def unpacker(name: str, where: object) -> Unpack:
    """Return what unpacks bytes of a compressor to at most so many bytes.

    Raises
    ------
    UnsupportedError
        If the compressor is not known.
    """
    import imagecodecs

    known: Mapping[str, Unpack] = {
        "blosc": _blosc,
        "zstd": lambda raw, size: imagecodecs.zstd_decode(raw, out=size),
        "gzip": lambda raw, size: imagecodecs.gzip_decode(raw, out=size),
        "zlib": lambda raw, size: imagecodecs.zlib_decode(raw, out=size),
        "bz2": lambda raw, size: imagecodecs.bz2_decode(raw, out=size),
        "lzma": lambda raw, size: imagecodecs.lzma_decode(raw, out=size),
        "lz4": lambda raw, size: imagecodecs.lz4_decode(raw, header=True, out=size),
    }
    if name not in known:
        text = "the compressor of the chunks is not known"
        raise UnsupportedError(text, where=where, got=name[:40], expected=sorted(known))
    return known[name]


def _blosc(raw: bytes, size: int) -> bytes:
    """Unpack Blosc 1, whose header says how many bytes there will be."""
    import imagecodecs

    if len(raw) < 16 or int.from_bytes(raw[4:8], "little") > size:
        raise ValueError("the header of Blosc does not fit the chunk")
    return bytes(imagecodecs.blosc_decode(raw))


class Chain:
    """The codecs of a version 3 array: from the bytes of a chunk to its values.

    Parameters
    ----------
    codecs
        As in the metadata: objects with ``name`` and ``configuration``.
    dtype
        Of the values, in any byte order.

    Raises
    ------
    UnsupportedError
        If a codec is not known.
    FormatError
        If the chain makes no sense.
    """

    def __init__(self, codecs: Sequence[Any], dtype: np.dtype[Any], where: object) -> None:
        self.where, self.dtype = where, dtype
        self.order: tuple[int, ...] | None = None
        self.packings: list[Unpack | None] = []
        self.shard: _Shard | None = None
        made = False
        for codec in codecs:
            name = str(codec.get("name")) if isinstance(codec, dict) else str(codec)
            options = codec.get("configuration") if isinstance(codec, dict) else None
            options = options if isinstance(options, dict) else {}
            if name == "transpose" and not made:
                self.order = _whole(options.get("order"), "order of transpose", where)
            elif name == "bytes" and not made:
                self.dtype = dtype.newbyteorder(">" if options.get("endian") == "big" else "<")
                made = True
            elif name == "sharding_indexed" and not made:
                self.shard, made = _Shard(options, dtype, where), True
            elif name == "crc32c" and made:
                self.packings.append(None)
            elif made:
                self.packings.append(unpacker(name, where))
            else:
                raise UnsupportedError("a codec of the array is not known", where=where, got=name[:40])
        if not made:
            raise FormatError("the array has no codec that makes bytes", where=where)

    def decode(self, raw: bytes | bytearray, shape: tuple[int, ...]) -> AnyArray | None:
        """Decode a chunk; None where a shard holds nothing of it."""
        stored = shape if self.order is None else tuple(shape[n] for n in self.order)
        size = math.prod(stored) * self.dtype.itemsize
        most = size + (2 * size if self.shard is not None else 0) + (1 << 20)
        for unpack in reversed(self.packings):
            raw = raw[:-4] if unpack is None else unpack(bytes(raw), most if self.shard is not None else size)
        if self.shard is not None:
            values: AnyArray = self.shard.decode(raw, stored)
        else:
            values = np.frombuffer(raw, self.dtype, math.prod(stored)).reshape(stored)
        return values if self.order is None else values.transpose(np.argsort(self.order))

    @property
    def fill(self) -> Any:
        """Set the value of what a shard leaves out."""
        return None if self.shard is None else self.shard.fill

    @fill.setter
    def fill(self, value: Any) -> None:
        if self.shard is not None:
            self.shard.fill = value


class _Shard:
    """Chunks within a chunk, found by an index at its end or start (codec ``sharding_indexed`` 1.0)."""

    def __init__(self, options: Mapping[str, Any], dtype: np.dtype[Any], where: object) -> None:
        self.where, self.dtype, self.fill = where, dtype, 0
        self.chunk = _whole(options.get("chunk_shape"), "chunk_shape of a shard", where)
        inner, index = options.get("codecs"), options.get("index_codecs")
        names = [codec.get("name") for codec in index or [] if isinstance(codec, dict)]
        if not isinstance(inner, list) or names not in (["bytes"], ["bytes", "crc32c"]):
            raise UnsupportedError("the index of the shards cannot be read", where=where, got=names)
        self.chain = Chain(inner, dtype, where)
        self.trailer = 4 * (names[-1] == "crc32c")
        self.at_start = options.get("index_location") == "start"

    def decode(self, raw: bytes | bytearray, shape: tuple[int, ...]) -> AnyArray:
        """Decode a shard."""
        if len(self.chunk) != len(shape) or any(n % c for n, c in zip(shape, self.chunk, strict=True)):
            raise FormatError("the chunks of a shard do not fill it", where=self.where, got=self.chunk)
        counts = [n // c for n, c in zip(shape, self.chunk, strict=True)]
        total = math.prod(counts)
        size = 16 * total + self.trailer
        if len(raw) < size:
            raise FormatError("a shard ends before its index", where=self.where, got=f"{len(raw)} bytes")
        index = raw[:size] if self.at_start else raw[-size:]
        out = np.full(shape, self.fill, self.dtype.newbyteorder("="))
        for number, (start, length) in enumerate(struct.iter_unpack("<QQ", index[: 16 * total])):
            if (start, length) == (_ABSENT, _ABSENT):
                continue
            if start + length > len(raw):
                raise FormatError("a shard leads beyond its end", where=self.where, got=f"chunk {number}")
            at = np.unravel_index(number, counts)
            key = tuple(slice(n * c, (n + 1) * c) for n, c in zip(at, self.chunk, strict=True))
            out[key] = self.chain.decode(raw[start : start + length], self.chunk)
        return out


def _whole(value: Any, what: str, where: object) -> tuple[int, ...]:
    """Whole numbers of a list."""
    good = isinstance(value, list) and value and all(type(n) is int and 0 <= n < 1 << 40 for n in value)
    if not good:
        raise FormatError(f"{what} is no list of whole numbers", where=where)
    return tuple(value)


def check_chunk(shape: Sequence[int], dtype: np.dtype[Any], where: object) -> None:
    """Refuse chunks that are larger than any that is written.

    Raises
    ------
    LimitError
        If one would take more than `MOST_CHUNK` bytes.
    """
    size = math.prod(shape) * dtype.itemsize
    if size > MOST_CHUNK:
        raise LimitError(
            "a chunk is too large", where=where, got=f"{size} bytes", expected=f"at most {MOST_CHUNK}"
        )

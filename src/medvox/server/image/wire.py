"""Wire format of voxel values: a small value type, shuffled bytes, zstd or gzip."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.rescale import Rescale
from medvox.core.volume import Volume
from medvox.server.types import WireType

AnyArray = NDArray[Any]

CHUNK_SLICES = 16
"""Slices in a chunk, where they are not too large."""
CHUNK_BYTES = 32 << 20
"""A chunk of more than one slice holds at most this many bytes before compression."""
WHOLE_TYPES = (np.dtype(np.int16), np.dtype(np.uint16))
COLOUR_CHANNELS = (3, 4)


def is_colour(volume: Volume) -> bool:
    """Whether channels are red, green, blue (and opacity, which is dropped)."""
    return volume.is_colour and volume.channels in COLOUR_CHANNELS


def value_bounds(rescale: Rescale, low: float, high: float) -> tuple[float, float]:
    """Lowest and highest value that stored values in [low, high] can become on any slice."""
    if rescale.table is not None:
        return float(rescale.table.entries.min()), float(rescale.table.entries.max())
    ends = [end * rescale.slope + rescale.intercept for end in (low, high)]
    return min(float(e.min()) for e in ends), max(float(e.max()) for e in ends)


def stays_whole(volume: Volume) -> bool:
    """Whether all values of the volume are whole numbers, by type and rescale."""
    return volume.dtype.kind in "iub" and volume.rescale.is_whole


def stored_bounds(dtype: np.dtype[Any]) -> tuple[int, int]:
    """Range of a whole type."""
    if dtype.kind == "b":
        return 0, 1
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)


def wire_type(volume: Volume, stored_range: tuple[float, float] | None = None) -> np.dtype[Any]:
    """Type that the values of a volume travel in.

    Parameters
    ----------
    stored_range
        Lowest and highest stored value, where known; else the range of the stored type counts.

    Returns
    -------
    dtype
        uint8 for colour; uint8, int16 or uint16 where all values are whole and fit; else float32.
    """
    if is_colour(volume):
        return np.dtype(np.uint8)
    if not stays_whole(volume):
        return np.dtype(np.float32)
    low, high = value_bounds(volume.rescale, *(stored_range or stored_bounds(volume.dtype)))
    small = volume.dtype.itemsize == 1 and volume.rescale.is_identity
    for candidate in (np.dtype(np.uint8), *WHOLE_TYPES) if small else WHOLE_TYPES:
        limits = np.iinfo(candidate)
        if limits.min <= low and high <= limits.max:
            return candidate
    return np.dtype(np.float32)


def chunk_slices(slice_bytes: int) -> int:
    """Slices in a chunk: `CHUNK_SLICES`, fewer where slices are large."""
    return max(1, min(CHUNK_SLICES, CHUNK_BYTES // max(1, slice_bytes)))


def read_slices(
    volume: Volume, lead: tuple[int, ...], first: int, stop: int, dtype: np.dtype[Any]
) -> AnyArray:
    """Read slices [first, stop) at one position of the axes before k, and nothing else.

    Parameters
    ----------
    lead
        Index of every axis before k (`lead_sizes`).
    dtype
        Type to return, by `wire_type`.

    Returns
    -------
    array
        (k, j, i), or (k, j, i, 3) for colour; values in the volume's unit.
    """
    at = iter(lead)
    colour = is_colour(volume)
    names = volume.axes[:-3]
    key = [slice(None) if colour and name == "channel" else next(at) for name in names]
    stored = np.asarray(volume.data[(*key, slice(first, stop))])
    if colour:
        return _eight_bit(np.moveaxis(stored, 0, -1)[..., :3])
    unnamed = [p for name, p in zip(names, key, strict=True) if name != "channel"]
    return _rescaled(stored, volume.rescale.at((*unnamed, slice(first, stop))), dtype)


def lead_sizes(volume: Volume) -> tuple[int, ...]:
    """Sizes of the axes before k; a channel axis that is not colour counts as one of them."""
    pairs = zip(volume.axes[:-3], volume.shape[:-3], strict=True)
    return tuple(size for name, size in pairs if name != "channel" or not is_colour(volume))


def lead_index(volume: Volume, t: int) -> tuple[int, ...]:
    """Position along the axes before k of time point `t` (C order)."""
    sizes = lead_sizes(volume)
    return tuple(int(n) for n in np.unravel_index(t, sizes)) if sizes else ()


def time_points(volume: Volume) -> int:
    """Count time points: the product of all axes before k."""
    return math.prod(lead_sizes(volume))


def type_name(dtype: np.dtype[Any]) -> WireType:
    """Name a wire type."""
    names: dict[str, WireType] = {"|u1": "uint8", "<i2": "int16", "<u2": "uint16", "<f4": "float32"}
    return names[dtype.newbyteorder("<").str]


def to_wire(values: AnyArray, dtype: np.dtype[Any]) -> AnyArray:
    """Convert values to the wire type: rounded and limited where it is whole."""
    if values.dtype == dtype:
        return values
    if dtype.kind == "f" or values.dtype.kind in "iub":
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    finite = np.nan_to_num(values, nan=limits.min)
    return np.asarray(np.clip(np.rint(finite), limits.min, limits.max).astype(dtype))


def _rescaled(stored: AnyArray, rescale: Rescale, dtype: np.dtype[Any]) -> AnyArray:
    if rescale.is_identity:
        return to_wire(stored, dtype)
    shift = rescale.is_uniform and rescale.table is None and float(rescale.slope) == 1
    if shift and dtype in WHOLE_TYPES and stored.dtype.kind in "iu":
        # The sum fits the wire type, so arithmetic modulo 2^16 is exact, and 10x faster than float64.
        words = stored.astype(np.uint16) + np.uint16(int(rescale.intercept) % 65536)
        return np.asarray(words.view(dtype))
    return to_wire(rescale.apply(stored, dtype), dtype)


def _eight_bit(colour: AnyArray) -> AnyArray:
    """Scale colour to 8 bits: 16-bit colour keeps its high byte, floats are 0..1."""
    if colour.dtype == np.uint8:
        return colour
    if colour.dtype == np.uint16:
        return (colour >> 8).astype(np.uint8)
    if colour.dtype.kind == "f":
        return np.asarray(np.clip(np.rint(np.nan_to_num(colour) * 255), 0, 255).astype(np.uint8))
    return np.asarray(np.clip(colour, 0, 255).astype(np.uint8))


# -- bytes ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Encoded:
    """Body of an answer and the headers that say how it is coded."""

    body: bytes
    headers: dict[str, str]


def encode(values: AnyArray, accept_encoding: str) -> Encoded:
    """Shuffle and compress an array, little endian, C order.

    Parameters
    ----------
    accept_encoding
        Header of the request; zstd is preferred, then gzip, then no compression.
    """
    size = values.dtype.itemsize
    headers = {"Vary": "Accept-Encoding"}
    raw: Any = shuffle(values)
    if size > 1:
        headers["X-Medvox-Shuffle"] = str(size)
    accepted = accepted_encodings(accept_encoding)
    if "zstd" in accepted:
        import zstandard

        headers["Content-Encoding"] = "zstd"
        return Encoded(zstandard.ZstdCompressor(level=1).compress(raw), headers)
    if "gzip" in accepted:
        from isal import igzip

        headers["Content-Encoding"] = "gzip"
        return Encoded(igzip.compress(raw, 1), headers)
    return Encoded(bytes(raw), headers)


def shuffle(values: AnyArray) -> memoryview:
    """Put all first bytes of the items first, then all second bytes, and so on (little endian)."""
    size = values.dtype.itemsize
    plain = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).reshape(-1)
    if size == 1:
        return plain.view(np.uint8).data
    planes = np.empty((size, plain.size), np.uint8)
    if size == 2:  # 2x faster than the strided copy
        words = plain.view("<u2")
        np.copyto(planes[0], words, casting="unsafe")
        np.right_shift(words, 8, out=planes[1], casting="unsafe")
    else:
        octets = plain.view(np.uint8).reshape(-1, size)
        for n in range(size):
            planes[n] = octets[:, n]
    return planes.reshape(-1).data


def accepted_encodings(header: str) -> frozenset[str]:
    """Content codings that a request accepts (RFC 9110 12.5.3); `q=0` refuses."""
    accepted = set()
    for part in header.lower().split(","):
        name, _, parameter = part.strip().partition(";")
        quality = parameter.replace(" ", "").removeprefix("q=")
        if name.strip() and not (parameter and _is_zero(quality)):
            accepted.add(name.strip())
    return frozenset(accepted)


def _is_zero(quality: str) -> bool:
    try:
        return float(quality) == 0
    except ValueError:
        return False

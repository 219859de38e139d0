"""Binary frames to layers of numbers and back: bits lie from low to high, without padding (PS3.5 8.1.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

AnyArray = NDArray[Any]
Bytes = NDArray[np.uint8]


def frame_rows(data: Bytes, frames: int, pixels: int) -> Bytes:
    """Give each frame bytes of its own.

    Parameters
    ----------
    data
        Pixel Data of 1-bit frames, one after the other, not padded between frames.
    frames, pixels
        Number of frames, and of pixels of each.

    Returns
    -------
    (frames, bytes of a frame)
        A view where frames begin at bytes, else a copy.
    """
    if pixels % 8 == 0:
        return data[: frames * pixels // 8].reshape(frames, -1)
    out = np.empty((frames, -(-pixels // 8)), np.uint8)
    for n in range(frames):
        first = n * pixels
        part = np.unpackbits(data[first // 8 : -(-(first + pixels) // 8)], bitorder="little")
        out[n] = np.packbits(part[first % 8 : first % 8 + pixels], bitorder="little")
    return out


class Layers:
    """Label layers that grow where segments overlap.

    Parameters
    ----------
    shape
        (k, j, i).
    most
        Largest number that will be painted.
    """

    def __init__(self, shape: tuple[int, int, int], most: int) -> None:
        self._shape = shape
        self._pixels = shape[1] * shape[2]
        self._width = -(-self._pixels // 8) * 8
        self._dtype = np.dtype(np.uint8 if most < 256 else np.uint16)
        self._layers: list[AnyArray] = []

    def paint(self, number: int, slices: NDArray[np.int64], rows: Bytes) -> int:
        """Paint a segment into the first layer where nothing else is in its place.

        Parameters
        ----------
        number
            Its value.
        slices
            (n,) slice of each frame.
        rows
            (n, bytes) packed frames.

        Returns
        -------
        int
            The layer it is in.
        """
        where = [(int(k), *_set_bits(row)) for k, row in zip(slices, rows, strict=True)]
        n = next((n for n, one in enumerate(self._layers) if self._is_free(one, where, number)), None)
        if n is None:
            n = len(self._layers)
            self._layers.append(np.zeros((self._shape[0], self._width), self._dtype))
        layer = self._layers[n]
        for k, at, mask in where:
            octets = layer[k].reshape(-1, 8)
            octets[at] |= mask * self._dtype.type(number)
        return n

    @staticmethod
    def _is_free(layer: AnyArray, where: list[tuple[int, NDArray[np.intp], Bytes]], number: int) -> bool:
        for k, at, mask in where:
            there = layer[k].reshape(-1, 8)[at]
            if ((there != 0) & (there != number) & (mask != 0)).any():
                return False
        return True

    def array(self) -> AnyArray:
        """(layer, k, j, i) numbers; one empty layer where nothing was painted."""
        layers = self._layers or [np.zeros((self._shape[0], self._width), self._dtype)]
        stacked = layers[0][None] if len(layers) == 1 else np.stack(layers)
        return np.ascontiguousarray(stacked[..., : self._pixels]).reshape(len(layers), *self._shape)


def _set_bits(row: Bytes) -> tuple[NDArray[np.intp], Bytes]:
    """Which bytes are not zero, and their bits (n, 8) as 0 and 1."""
    at = np.flatnonzero(row)
    return at, np.unpackbits(row[at], bitorder="little").reshape(-1, 8)


def packed(masks: Iterable[AnyArray], pixels: int) -> Iterator[bytes]:
    """Pack masks (j, i) one after the other, without padding between them; the end is padded with zeros.

    Yields
    ------
    bytes
        Pieces of Pixel Data.
    """
    rest = np.zeros(0, np.uint8)
    for mask in masks:
        flat = np.asarray(mask).reshape(-1).view(np.uint8)
        if pixels % 8 == 0:
            yield np.packbits(flat, bitorder="little").tobytes()
            continue
        joined = np.concatenate([rest, flat])
        whole = len(joined) // 8 * 8
        yield np.packbits(joined[:whole], bitorder="little").tobytes()
        rest = joined[whole:]
    if len(rest):
        yield np.packbits(rest, bitorder="little").tobytes()

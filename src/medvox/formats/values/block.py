"""Values that lie one after another in a file, plain or packed, as a lazy array."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import TruncatedError
from medvox.core.lazy import DeferredArray, FrameArray, LazyArray
from medvox.core.progress import Progress, silent
from medvox.formats.files import check_claim, reading, size_of
from medvox.formats.values.compression import MOST_GAIN, Container, unpack

AnyArray = NDArray[Any]

_RUN_BYTES = 1 << 26
"""Bytes read in one go, between two reports of progress."""


@dataclass(frozen=True, slots=True)
class Block:
    """Where the values of an array lie.

    Parameters
    ----------
    path
        File that holds them.
    start
        First byte: in the file, or in the unpacked content where `stream_start` is None.
    lead_shape
        Axes before the frame, as the array will show them, k last.
    frame_shape
        (j, i), or (j, i, channel) where channels of a voxel lie together.
    stored
        Type of the values, with byte order.
    container
        Packing, or None.
    stream_start
        First byte of a packed stream in the file; None where the whole file is packed.
    stored_order
        Positions in `lead_shape` of the axes as stored, slowest first; None: the same order.
    kept
        Channels shown, of those stored; None: all.
    """

    path: Path
    start: int
    lead_shape: tuple[int, ...]
    frame_shape: tuple[int, ...]
    stored: np.dtype[Any]
    container: Container | None = None
    stream_start: int | None = None
    stored_order: tuple[int, ...] | None = None
    kept: int | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return math.prod(self.lead_shape) * math.prod(self.frame_shape) * self.stored.itemsize

    def check(self, field: str) -> None:
        """Refuse a block that the file cannot hold or the limits do not allow; see `check_claim`."""
        size = size_of(self.path)
        if self.container is None:
            present = size - self.start
        else:
            present = (size - (self.stream_start or 0)) * MOST_GAIN[self.container]
        check_claim(self.path, self.nbytes, present, field)

    def array(self) -> LazyArray:
        """Make the lazy array, in native byte order.

        A plain block reads the frames that are asked for and no others; a packed one is unpacked as a
        whole when the first value is asked for, and kept.
        """
        if self.container is not None:
            return kept(self.shape, self.stored.newbyteorder("="), self._unpack)
        return self._shown()

    def _shown(self) -> FrameArray:
        frame = self.frame_shape if self.kept is None else (*self.frame_shape[:2], self.kept)
        return FrameArray(self.lead_shape, frame, self.stored.newbyteorder("="), self.read_frames)

    def _numbers(self) -> NDArray[np.int64] | None:
        """Return the stored number of each frame shown, or None where they are the same."""
        if self.stored_order is None or self.stored_order == tuple(range(len(self.lead_shape))):
            return None
        sizes = [self.lead_shape[n] for n in self.stored_order]
        stored = np.arange(math.prod(sizes)).reshape(sizes)
        return stored.transpose(np.argsort(self.stored_order)).ravel()

    def read_frames(self, frames: Sequence[int], out: AnyArray, progress: Progress = silent) -> None:
        """Read frames from a plain block; a `FrameReader`."""
        numbers = self._numbers()
        stored = list(frames) if numbers is None else numbers[list(frames)].tolist()
        dropped = out.ndim == 4 and out.shape[-1] != self.frame_shape[-1]
        into = np.empty((len(stored), *self.frame_shape), out.dtype) if dropped else out
        frame_bytes = math.prod(self.frame_shape) * self.stored.itemsize
        with reading(self.path) as file:
            for first, last in _runs(stored, max(1, _RUN_BYTES // max(frame_bytes, 1))):
                progress(first, len(stored), "Reading")
                file.seek(self.start + stored[first] * frame_bytes)
                _fill(file, into[first:last], self.path)
        progress(len(stored), len(stored), "Reading")
        if not self.stored.isnative:
            into.byteswap(inplace=True)
        if dropped:
            out[...] = into[..., : out.shape[-1]]

    def _unpack(self) -> AnyArray:
        assert self.container is not None
        whole = self.stream_start is None
        raw = unpack(
            self.path, self.container, self.nbytes, self.stream_start or 0, self.start if whole else 0
        )
        return self.arranged(raw.view(self.stored))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self._shown().shape

    def arranged(self, values: AnyArray) -> AnyArray:
        """Bring all values, as they lie in the file, into the shape and byte order shown."""
        if not values.dtype.isnative:
            values = values.byteswap(inplace=True).view(values.dtype.newbyteorder("="))
        order = self.stored_order or tuple(range(len(self.lead_shape)))
        values = values.reshape(*(self.lead_shape[n] for n in order), *self.frame_shape)
        back = tuple(int(n) for n in np.argsort(order))
        values = values.transpose(*back, *range(len(back), values.ndim))
        if len(self.frame_shape) == 3:
            values = np.moveaxis(values[..., : self.kept], -1, len(self.lead_shape) - 1)
        return values


def _runs(numbers: Sequence[int], longest: int) -> Iterator[tuple[int, int]]:
    """Cut a list into runs of consecutive numbers, as (first, after the last) positions."""
    first = 0
    for n in range(1, len(numbers) + 1):
        if n == len(numbers) or n - first >= longest or numbers[n] != numbers[n - 1] + 1:
            yield first, n
            first = n


def _fill(file: BinaryIO, out: AnyArray, path: Path) -> None:
    view = memoryview(out.view(np.uint8).reshape(-1).data)
    done = 0
    while done < len(view):
        count = file.readinto(view[done:])  # type: ignore[attr-defined]
        if not count:
            raise TruncatedError(
                "the file ends within its values",
                where=path,
                got=f"{done} bytes of a run",
                expected=f"{len(view)}",
            )
        done += count


def kept(shape: tuple[int, ...], dtype: np.dtype[Any], load: Callable[[], AnyArray]) -> DeferredArray:
    """Make a lazy array that calls `load` once, when the first value is asked for, and keeps the result."""
    lock = threading.Lock()
    result: list[AnyArray] = []

    def once() -> AnyArray:
        with lock:
            if not result:
                values = load()
                values.setflags(write=False)
                result.append(values)
            return result[0]

    return DeferredArray(shape, dtype, once)

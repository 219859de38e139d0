"""Lazy arrays: shape and type known, values read when they are asked for.

The contract (`LazyArray`): shape and dtype never change; indexing returns a new numpy array of just
what was asked for, reading no more frames than needed; `numpy.asarray` reads everything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from medvox.core.progress import Progress, silent

AnyArray = NDArray[Any]


@runtime_checkable
class LazyArray(Protocol):
    """An array whose values are read on demand."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""

    @property
    def ndim(self) -> int:
        """Number of axes."""

    def __getitem__(self, key: Any) -> AnyArray:
        """Read a part; `key` as for numpy basic indexing."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> AnyArray:
        """Read everything."""

    def read(self, progress: Progress = silent) -> AnyArray:
        """Read everything, telling progress in frames."""


class FrameReader(Protocol):
    """Reads numbered frames into memory that the caller owns."""

    def __call__(self, frames: Sequence[int], out: AnyArray, progress: Progress = silent) -> None:
        """Read frame `frames[n]` into `out[n]`, shape (rows, columns) or (rows, columns, channels)."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameArray:
    """A lazy array made of frames that can be read one by one.

    Parameters
    ----------
    lead_shape
        Axes before (j, i), k last of them; frame numbers count through them in C order.
    frame_shape
        (rows, columns) or (rows, columns, channels).
    dtype
        Type of the values.
    reader
        Called with frame numbers and the array to fill.

    Notes
    -----
    Colour frames are stored (rows, columns, channels); the array shows them as
    (..., channel, k, j, i), the channel axis before k.
    """

    lead_shape: tuple[int, ...]
    frame_shape: tuple[int, ...]
    dtype: np.dtype[Any]
    reader: FrameReader

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes, channel before k."""
        if len(self.frame_shape) == 2:
            return self.lead_shape + self.frame_shape
        return (*self.lead_shape[:-1], self.frame_shape[2], self.lead_shape[-1], *self.frame_shape[:2])

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.lead_shape) + len(self.frame_shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the whole array once read."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __getitem__(self, key: Any) -> AnyArray:
        """Read a part; only the frames that `key` touches are decoded."""
        keys = _full_key(key, self.ndim)
        colour = len(self.frame_shape) == 3
        count = len(self.lead_shape)
        if colour:  # (..., channel, k, j, i): move the channel key behind the frame's own axes
            lead_keys = (*keys[: count - 1], keys[count])
            inner = (keys[count + 1], keys[count + 2], keys[count - 1])
        else:
            lead_keys, inner = keys[:count], keys[count:]
        numbers = np.arange(math.prod(self.lead_shape)).reshape(self.lead_shape)[lead_keys]
        part = self._read(numbers.ravel().tolist())[(slice(None), *inner)]
        part = part.reshape(numbers.shape + part.shape[1:])
        if not colour or isinstance(keys[count - 1], int):
            return part
        at = numbers.ndim - (0 if isinstance(keys[count], int) else 1)
        return np.moveaxis(part, -1, at)

    def _read(self, numbers: list[int], progress: Progress = silent) -> AnyArray:
        out = np.empty((len(numbers), *self.frame_shape), self.dtype)
        if numbers:
            self.reader(numbers, out, progress)
        return out

    def read(self, progress: Progress = silent) -> AnyArray:
        """Read everything."""
        frames = self._read(list(range(math.prod(self.lead_shape))), progress)
        frames = frames.reshape(self.lead_shape + self.frame_shape)
        return frames if len(self.frame_shape) == 2 else np.moveaxis(frames, -1, len(self.lead_shape) - 1)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> AnyArray:
        return self.read().astype(dtype or self.dtype, copy=False)


@dataclass(frozen=True, slots=True, eq=False)
class DeferredArray:
    """A lazy array that a single call reads as a whole (a compressed file, say), once.

    Parameters
    ----------
    shape, dtype
        What the call will return.
    load
        Reads everything. Use `deferred` to have its result kept.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    load: Callable[[], AnyArray]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, key: Any) -> AnyArray:
        """Read a part (by reading everything)."""
        return np.array(self.load()[key])

    def read(self, progress: Progress = silent) -> AnyArray:
        """Read everything."""
        progress(0, 1, "Reading")
        values = self.load()
        progress(1, 1, "Reading")
        return values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> AnyArray:
        return self.load().astype(dtype or self.dtype, copy=False)


def as_array(data: AnyArray | LazyArray, progress: Progress = silent) -> AnyArray:
    """Read a lazy array, or return the array as it is."""
    return data if isinstance(data, np.ndarray) else data.read(progress)


def _full_key(key: Any, ndim: int) -> tuple[Any, ...]:
    """Write a basic index out to one int or slice an axis."""
    parts = list(key) if isinstance(key, tuple) else [key]
    if Ellipsis in [p for p in parts if not isinstance(p, np.ndarray)]:
        at = parts.index(Ellipsis)
        parts[at : at + 1] = [slice(None)] * (ndim - len(parts) + 1)
    if len(parts) > ndim or not all(isinstance(p, int | np.integer | slice) for p in parts):
        raise IndexError(f"lazy arrays take whole numbers and slices, at most {ndim}; got {key!r}")
    full = [int(p) if isinstance(p, np.integer) else p for p in parts]
    return tuple(full + [slice(None)] * (ndim - len(full)))

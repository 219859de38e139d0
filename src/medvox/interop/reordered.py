"""Named axes in another order: as a view of an array in memory, or read when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medvox.core.axes import CHANNEL
from medvox.core.lazy import AnyArray
from medvox.core.progress import Progress, silent
from medvox.core.volume import Volume


def reorder(values: AnyArray, axes: Sequence[str], wanted: Sequence[str]) -> AnyArray:
    """View of values with their axes in another order.

    Parameters
    ----------
    values
        Its axes that are not `wanted` have size 1, and are dropped.
    axes
        Names of its axes.
    wanted
        Names of the axes of the result; those that `values` lacks have size 1.
    """
    kept = [name for name in axes if name in wanted]
    part = values[tuple(slice(None) if name in wanted else 0 for name in axes)]
    turned = part.transpose([kept.index(name) for name in wanted if name in kept])
    return turned[tuple(slice(None) if name in kept else None for name in wanted)]


@dataclass(frozen=True, slots=True)
class VolumeValues:
    """The values of a volume in its unit, read part by part; a source for `Reordered`.

    Parameters
    ----------
    volume
        Any, lazy or not.
    dtype
        Type of the values.
    """

    volume: Volume
    dtype: np.dtype[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return self.volume.shape

    def __getitem__(self, key: tuple[slice, ...]) -> AnyArray:
        """Read a part; one slice an axis."""
        volume = self.volume
        lead = tuple(part for part, name in zip(key[:-2], volume.axes, strict=False) if name != CHANNEL)
        stored = volume.data[key]
        return volume.rescale.at(lead).apply(stored, self.dtype, 1 if volume.is_colour else 0)


@dataclass(frozen=True, slots=True, eq=False)
class Reordered:
    """A lazy array whose source names its axes in another order; see `reorder`.

    Fulfils `medvox.core.lazy.LazyArray` and what nibabel asks of an array proxy.

    Parameters
    ----------
    source
        Has a shape, and is indexed by one slice an axis.
    source_axes, axes
        Names of the axes there, and here.
    dtype
        Type of the values.
    """

    source: Any
    source_axes: tuple[str, ...]
    axes: tuple[str, ...]
    dtype: np.dtype[Any]

    is_proxy = True

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        sizes = dict(zip(self.source_axes, self.source.shape, strict=True))
        return tuple(int(sizes.get(name, 1)) for name in self.axes)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.axes)

    def __getitem__(self, key: Any) -> AnyArray:
        """Read a part; `key` as for numpy basic indexing, without new axes."""
        keys = dict(zip(self.axes, _one_an_axis(key, self.ndim), strict=True))
        slices = tuple(_as_slice(keys.get(name, slice(None))) for name in self.source_axes)
        part = reorder(np.asarray(self.source[slices]), self.source_axes, self.axes)
        local = (self._local(name, part_key) for name, part_key in keys.items())
        return np.asarray(part[tuple(local)], dtype=self.dtype)

    def _local(self, name: str, key: int | slice) -> int | slice:
        """What is left to do of a key once its source has been indexed."""
        if name in self.source_axes:
            return 0 if isinstance(key, int) else slice(None)
        return key

    def read(self, progress: Progress = silent) -> AnyArray:
        """Read everything."""
        progress(0, 1, "Reading")
        values = self[...]
        progress(1, 1, "Reading")
        return values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> AnyArray:
        return self[...].astype(dtype or self.dtype, copy=False)


def _one_an_axis(key: Any, ndim: int) -> list[int | slice]:
    parts = list(key) if isinstance(key, tuple) else [key]
    if any(part is Ellipsis for part in parts):
        at = next(n for n, part in enumerate(parts) if part is Ellipsis)
        parts[at : at + 1] = [slice(None)] * (ndim - len(parts) + 1)
    parts += [slice(None)] * (ndim - len(parts))
    if len(parts) > ndim or not all(isinstance(p, int | np.integer | slice) for p in parts):
        raise IndexError(f"takes whole numbers and slices, at most {ndim}; got {key!r}")
    return [part if isinstance(part, slice) else int(part) for part in parts]


def _as_slice(key: int | slice) -> slice:
    return key if isinstance(key, slice) else slice(key, key + 1 or None)

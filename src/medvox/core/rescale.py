"""Rescale: from stored values to values in a unit, one line or one line a slice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medvox.core.errors import UsageError

FloatArray = NDArray[np.float64]
AnyArray = NDArray[Any]


def _constant(value: float) -> FloatArray:
    return np.asarray(value, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class LookupTable:
    """A modality look-up table (PS3.3 C.11.1): stored value -> output value.

    Parameters
    ----------
    first
        Stored value mapped by the first entry; values below take it, values above the last.
    entries
        (n,) output values.
    """

    first: int
    entries: AnyArray

    def apply(self, stored: AnyArray) -> AnyArray:
        """Map an array of stored values."""
        index = np.clip(stored.astype(np.int64) - self.first, 0, len(self.entries) - 1)
        return self.entries[index]


@dataclass(frozen=True, slots=True, eq=False)
class Rescale:
    """value = slope · stored + intercept (PS3.3 C.11.1.1.2), after the table where there is one.

    Parameters
    ----------
    slope, intercept
        Scalars, or arrays of the axes up to and including k, without channels.
    table
        Modality look-up table, instead of slope and intercept.
    """

    slope: FloatArray = field(default_factory=lambda: _constant(1.0))
    intercept: FloatArray = field(default_factory=lambda: _constant(0.0))
    table: LookupTable | None = None

    def __post_init__(self) -> None:
        for name in ("slope", "intercept"):
            values = np.array(getattr(self, name), dtype=np.float64)
            if not np.isfinite(values).all() or (name == "slope" and (values == 0).any()):
                raise UsageError(f"rescale {name} must be finite" + (" and not 0" if name == "slope" else ""))
            if values.ndim and (values == values.flat[0]).all():
                values = np.asarray(values.flat[0], dtype=np.float64)
            values.setflags(write=False)
            object.__setattr__(self, name, values)

    @classmethod
    def of(cls, slope: ArrayLike, intercept: ArrayLike) -> Rescale:
        """Make one from numbers or arrays."""
        return cls(np.asarray(slope, dtype=np.float64), np.asarray(intercept, dtype=np.float64))

    @property
    def is_identity(self) -> bool:
        """Whether stored values are the values."""
        return (
            self.table is None and self.is_uniform and float(self.slope) == 1 and float(self.intercept) == 0
        )

    @property
    def is_uniform(self) -> bool:
        """Whether one line holds for all slices."""
        return self.slope.ndim == 0 and self.intercept.ndim == 0

    @property
    def is_whole(self) -> bool:
        """Whether whole stored values give whole values."""
        if self.table is not None:
            return bool(self.table.entries.dtype.kind in "iu")
        return bool((self.slope % 1 == 0).all() and (self.intercept % 1 == 0).all())

    def at(self, lead: tuple[Any, ...]) -> Rescale:
        """Rescale of the part that `lead` (index of the axes up to k) picks."""
        if self.is_uniform:
            return self
        full = np.broadcast_shapes(self.slope.shape, self.intercept.shape)
        slope = np.broadcast_to(self.slope, full)[lead]
        return Rescale(slope, np.broadcast_to(self.intercept, full)[lead], self.table)

    def apply(self, stored: AnyArray, dtype: Any = np.float32, channels_before_k: int = 0) -> AnyArray:
        """Rescale an array whose leading axes match slope and intercept.

        Parameters
        ----------
        stored
            (..., k, j, i), or (..., j, i) for a part without k.
        dtype
            Type of the result. The arithmetic is float64 (per slice), then rounded to `dtype`;
            for whole types the values are rounded to the nearest.
        channels_before_k
            Number of channel axes that lie before k and are not in slope's shape.
        """
        if self.table is not None:
            return self.table.apply(stored).astype(dtype)
        if self.is_identity:
            return stored.astype(dtype, copy=False)
        slope, intercept = self._spread(stored.ndim, channels_before_k)
        if np.dtype(dtype).kind == "f" and self.is_uniform and np.dtype(dtype).itemsize == 4:
            scaled = np.multiply(stored, slope, dtype=np.float64)
            scaled += intercept
            return scaled.astype(dtype)
        values = stored.astype(np.float64) * slope + intercept
        return np.rint(values).astype(dtype) if np.dtype(dtype).kind in "iu" else values.astype(dtype)

    def _spread(self, ndim: int, channels: int) -> tuple[FloatArray, FloatArray]:
        spread = []
        for values in (self.slope, self.intercept):
            if values.ndim == 0:
                spread.append(values)
                continue
            lead = values.shape[:-1] + (1,) * channels + values.shape[-1:]
            spread.append(values.reshape((*lead, 1, 1)))
        return spread[0], spread[1]


IDENTITY = Rescale()

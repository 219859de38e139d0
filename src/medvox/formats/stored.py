"""Which numbers a writer puts into a file: stored values and rescale, where the format holds both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UnsupportedError
from medvox.core.lazy import as_array
from medvox.core.progress import Progress, silent
from medvox.core.rescale import IDENTITY, Rescale
from medvox.core.volume import Volume

AnyArray = NDArray[Any]
Accepts = Callable[[np.dtype[Any]], np.dtype[Any] | None]
"""Returns the type that a type is written as, or None where the format cannot hold it."""


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """What is written.

    Parameters
    ----------
    values
        (..., k, j, i) in a type the format holds.
    rescale
        One line for all slices, from `values` to values in the volume's unit.
    losses
        Sentences on what was changed.
    """

    values: AnyArray
    rescale: Rescale = IDENTITY
    losses: tuple[str, ...] = ()


def stored_values(
    volume: Volume,
    accepts: Accepts,
    progress: Progress = silent,
    keeps_rescale: bool = True,
    rounds_to: np.dtype[Any] | None = None,
) -> Stored:
    """Read a volume's values in the type that they are written in.

    Parameters
    ----------
    accepts
        What the format says to a type.
    keeps_rescale
        Whether the format holds slope and intercept; else rescaled values are written.
    rounds_to
        Floating point type that values are rounded to, with a loss that says so, where no type of the
        format holds every value; None: they are refused.

    Raises
    ------
    UnsupportedError
        If no type of the format holds the values.
    """
    rescale, losses = volume.rescale, []
    uniform = rescale.is_uniform and rescale.table is None
    if rescale.is_identity or (uniform and keeps_rescale):
        values = as_array(volume.data, progress)
    else:
        values, rescale = volume.values(progress=progress), IDENTITY
        if uniform:
            losses.append("The file holds rescaled values: stored values and their rescale are lost.")
    for dtype in _chain(values):
        written = accepts(dtype)
        if written is not None:
            if written != values.dtype:
                losses.append(
                    f"The values are written as {written}, every value kept; they were {values.dtype}."
                )
            return Stored(values.astype(written, copy=False), rescale, tuple(losses))
    if rounds_to is not None and values.dtype.kind in "iuf" and _fits(values, rounds_to):
        text = f"The values are written as {rounds_to}, rounded to its precision; they were {values.dtype}."
        return Stored(values.astype(rounds_to), rescale, (*losses, text))
    raise UnsupportedError("the type of the values cannot be written", got=values.dtype)


def _fits(values: AnyArray, dtype: np.dtype[Any]) -> bool:
    """Whether no finite value is beyond the range of a floating point type."""
    finite = values[np.isfinite(values)]
    return not finite.size or float(np.abs(finite).max()) <= float(np.finfo(dtype).max)


def _chain(values: AnyArray) -> list[np.dtype[Any]]:
    """Types that hold every value, the best first."""
    dtype = values.dtype
    if dtype.kind == "f":
        return [dtype, *(np.dtype(t) for t in ("f4", "f8") if np.dtype(t).itemsize > dtype.itemsize)]
    if dtype.kind in "iub":
        if dtype.kind == "b":
            values, dtype = values.view(np.uint8), np.dtype(np.uint8)
        low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
        wider = [np.dtype(t) for t in ("i2", "u2", "i4", "u4", "i8", "u8")]
        fitting = [t for t in wider if np.iinfo(t).min <= low and high <= np.iinfo(t).max]
        return [t for t in fitting if t.itemsize == 4] + [dtype] if dtype.itemsize == 8 else [dtype, *fitting]
    return [dtype]

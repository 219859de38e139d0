"""Grey levels from values (IBSI 2.7)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import LimitError, UsageError

MOST_LEVELS = 4096
"""More make co-occurrence matrices that no memory holds, and no statistics."""


@dataclass(frozen=True, slots=True)
class Discretization:
    """How values become grey levels, from 1.

    Exactly one of `count` and `width` is given; neither: values are whole numbers and stay as they are,
    shifted so that the lowest is 1 unless it is positive.

    Parameters
    ----------
    count
        Fixed bin number (FBN).
    width
        Fixed bin size (FBS), in the unit of the values.
    lowest
        Lower edge of the first bin of a fixed size (a re-segmentation limit, e.g. -1000 HU); by default the
        multiple of `width` below the smallest value, as pyradiomics does it.
    """

    count: int | None = None
    width: float | None = None
    lowest: float | None = None

    def __post_init__(self) -> None:
        if self.count is not None and self.width is not None:
            raise UsageError("give a number of bins or a width, not both", where="discretization")
        if self.count is not None and not 1 <= self.count <= MOST_LEVELS:
            raise UsageError(
                "wrong number of bins", where="discretization", got=self.count, expected=f"1 to {MOST_LEVELS}"
            )
        if self.width is not None and not (math.isfinite(self.width) and self.width > 0):
            raise UsageError("a bin width must be positive", where="discretization", got=self.width)

    def levels(self, values: NDArray[Any]) -> NDArray[np.int32]:
        """(n,) levels of (n,) finite values.

        Raises
        ------
        LimitError
            If there were more than `MOST_LEVELS`.
        UsageError
            If values are not whole numbers and no bins are asked for, or lie below `lowest`.
        """
        x = np.asarray(values, np.float64)
        low, high = float(x.min()), float(x.max())
        if self.count is not None:
            if high == low:
                return np.ones(len(x), np.int32)
            scaled = np.floor(self.count * (x - low) / (high - low)) + 1
            made = np.minimum(scaled, self.count)
            return np.asarray(made, np.int32)
        if self.width is None:
            if not np.array_equal(x, np.rint(x)):
                raise UsageError(
                    "values are not whole numbers",
                    where="discretization",
                    advice="Give a bin width or a number of bins",
                )
            made = x if low >= 1 else x - low + 1
        else:
            edge = math.floor(low / self.width) * self.width if self.lowest is None else self.lowest
            if low < edge:
                raise UsageError(
                    "values lie below the first bin", where="discretization", got=low, expected=edge
                )
            made = np.floor((x - edge) / self.width) + 1
        if made.max() > MOST_LEVELS:
            raise LimitError(
                "too many grey levels",
                where="discretization",
                got=int(made.max()),
                expected=f"at most {MOST_LEVELS}",
                advice="Take wider bins",
            )
        return np.asarray(made, np.int32)

"""From image-min, image-max and valid_range to a rescale and back.

value = (stored - valid_min) / (valid_max - valid_min) · (image-max - image-min) + image-min, image-max and
image-min for the whole image or for each slice (MINC 1 programmer's guide, "Pixel values and real
values"). Floating point values are stored as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError
from medvox.core.finding import Finding, Level
from medvox.core.rescale import Rescale
from medvox.formats.minc.model import Layout, MincFile, Variable

FloatArray = NDArray[np.float64]
AnyArray = NDArray[Any]

REFERENCE = "MINC 1 programmer's guide, pixel values and real values"
_FLAT = 1e-290
"""Slope of a slice whose values are all the same, which a `Rescale` cannot give as 0: it changes no value."""


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """Slope and intercept.

    Parameters
    ----------
    slope, intercept
        Broadcast against the image in its stored order.
    """

    slope: FloatArray
    intercept: FloatArray

    def rescale(self, layout: Layout) -> Rescale | None:
        """Make a rescale of the whole image or of each slice; None where it changes within slices.

        None also where every value is the same: that is no rescale.
        """
        slope, intercept = np.broadcast_arrays(self.slope, self.intercept)
        if not slope.any():
            return None
        if slope.size == 1:
            return Rescale(slope.reshape(()), intercept.reshape(()))
        order = list(layout.stored)
        axes = [name for name in (*layout.lead, layout.spatial[0]) if name in order]
        if any(slope.shape[n] > 1 for n, name in enumerate(order) if name not in axes):
            return None
        turn = [order.index(name) for name in axes]
        turn += [n for n in range(len(order)) if n not in turn]
        shape = (*layout.lead_shape, layout.shape[0])
        parts = []
        for values in (np.where(slope == 0, _FLAT, slope), intercept):
            turned = values.transpose(turn)
            turned = turned.reshape(turned.shape[: len(axes)] + (1,) * (len(shape) - len(axes)))
            parts.append(np.broadcast_to(turned, shape))
        return Rescale(parts[0], parts[1])

    def applied(self, stored: AnyArray, layout: Layout) -> FloatArray:
        """Real values, in the order shown, of stored values in the order shown."""
        full = tuple(layout.stored.values())
        slope, intercept = (np.broadcast_to(v, full) for v in (self.slope, self.intercept))
        with np.errstate(all="ignore"):
            values: FloatArray = stored * layout.turned(slope) + layout.turned(intercept)
        return values


@np.errstate(all="ignore")  # what is not finite is looked at below
def read_scale(minc: MincFile, layout: Layout) -> tuple[Scale | None, tuple[Finding, ...]]:
    """Read how stored values become real ones; None where they are real already.

    Raises
    ------
    FormatError
        If image-min and image-max cannot be read.
    """
    image = minc.image
    if image.dtype.kind == "f":
        return None, ()
    low, high = valid_range(image)
    lowest, highest = (minc.variables.get(name) for name in ("image-min", "image-max"))
    if lowest is None or highest is None:
        text = "image-min and image-max are missing: as MINC's default, the valid range stands for 0 to 1"
        scale = _scale(np.zeros(()), np.ones(()), low, high)
        return scale, (Finding("scale-assumed", Level.WARNING, str(minc.path), text, REFERENCE),)
    scale = _scale(_spread(lowest, layout, minc), _spread(highest, layout, minc), low, high)
    if not (np.isfinite(scale.slope).all() and np.isfinite(scale.intercept).all()):
        text = "image-min, image-max or valid_range are not finite numbers: stored values are shown"
        return None, (Finding("bad-rescale", Level.WARNING, str(minc.path), text, REFERENCE),)
    return scale, ()


def _scale(lowest: FloatArray, highest: FloatArray, low: float, high: float) -> Scale:
    slope = (highest - lowest) / (high - low)
    return Scale(slope, lowest - slope * low)


def valid_range(image: Variable) -> tuple[float, float]:
    """Stored values that image-min and image-max stand for; by default all of the type."""
    found = image.numbers("valid_range", 2)
    if found is None:
        least, most = image.numbers("valid_min", 1), image.numbers("valid_max", 1)
        found = [least[0], most[0]] if least and most else None
    if found is not None and np.isfinite(found).all() and found[0] != found[1]:
        return min(found), max(found)
    info = np.iinfo(image.dtype)
    return float(info.min), float(info.max)


def _spread(variable: Variable, layout: Layout, minc: MincFile) -> FloatArray:
    """Values with one axis for each of the image's, in its stored order."""
    names = list(layout.stored)
    values = variable.values()
    if values.dtype.kind not in "iuf":
        raise FormatError(f"{variable.name} is not made of numbers", where=minc.path)
    if values.size == 1:
        return values.astype(np.float64).reshape((1,) * len(names))
    fits = all(
        layout.stored.get(n) == size for n, size in zip(variable.dimensions, values.shape, strict=False)
    )
    if len(variable.dimensions) != values.ndim or not fits or len(set(variable.dimensions)) != values.ndim:
        raise FormatError(
            f"{variable.name} does not fit the image", where=minc.path, got=values.shape, expected=names
        )
    turned = values.transpose(sorted(range(values.ndim), key=lambda n: names.index(variable.dimensions[n])))
    shape = [layout.stored[name] if name in variable.dimensions else 1 for name in names]
    return turned.astype(np.float64).reshape(shape)


# -- writing ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Ranges:
    """What is written of a scale.

    Parameters
    ----------
    valid
        Lowest and highest stored value.
    lowest, highest
        Real values that those stand for: scalars, or one for each slice.
    """

    valid: tuple[float, float]
    lowest: FloatArray
    highest: FloatArray


def ranges_of(values: AnyArray, rescale: Rescale) -> Ranges:
    """Choose the valid range (what is there, so that viewers find a good window) and its real values."""
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if values.dtype.kind == "f":
        return Ranges((low, high), np.asarray(low), np.asarray(high))
    if low == high:
        info = np.iinfo(values.dtype)
        low, high = (low - 1, high) if high == info.max else (low, high + 1)
    lowest, highest = (np.asarray(rescale.slope * end + rescale.intercept) for end in (low, high))
    return Ranges((low, high), lowest, highest)


def is_exact(ranges: Ranges, rescale: Rescale) -> bool:
    """Whether slope and intercept come back to the last bit."""
    back = _scale(ranges.lowest, ranges.highest, *ranges.valid)
    same = np.array_equal(back.slope, rescale.slope + np.zeros_like(back.slope))
    return bool(same and np.array_equal(back.intercept, rescale.intercept + np.zeros_like(back.intercept)))

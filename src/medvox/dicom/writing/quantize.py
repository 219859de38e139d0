"""Stored numbers: which whole numbers and which line stand for the values of a volume, with least error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import CHANNEL
from medvox.core.errors import UnsupportedError
from medvox.core.lazy import as_array
from medvox.core.progress import Progress, silent
from medvox.core.volume import Volume
from medvox.dicom.writing.modules import decimal

AnyArray = NDArray[Any]
LEVELS = 65535
"""Steps between the lowest and the highest number of 16 bits."""


@dataclass(frozen=True, slots=True)
class NumberRule:
    """Which stored numbers a class of objects may hold.

    Parameters
    ----------
    dtypes
        Types of the stored numbers, the preferred first.
    slope, intercept
        Whether a slope other than 1 and an intercept other than 0 may be stated.
    per_frame
        Whether float values of each frame get a line of their own.
    """

    dtypes: tuple[str, ...]
    slope: bool = True
    intercept: bool = True
    per_frame: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class StoredNumbers:
    """What goes into the file.

    Parameters
    ----------
    frames
        (n, rows, columns), or (n, rows, columns, 3) for colours, little endian; n counts the axes up to k
        in C order.
    slopes, intercepts
        (n,) what decimal strings of the file say.
    error
        Largest difference between a value and what a reader gets, in the unit of the volume.
    losses
        Sentences on what was changed.
    """

    frames: AnyArray
    slopes: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    error: float = 0.0
    losses: tuple[str, ...] = ()

    @property
    def is_uniform(self) -> bool:
        """Whether one line holds for all frames."""
        return bool((self.slopes == self.slopes[0]).all() and (self.intercepts == self.intercepts[0]).all())


def stored_numbers(volume: Volume, rule: NumberRule, progress: Progress = silent) -> StoredNumbers:
    """Find the stored numbers of a volume.

    Whole stored values that fit are kept as they are, with their rescale. Whole values within 16 bits
    are stored as they are. All other values take the whole 16-bit range between their lowest and highest.

    Raises
    ------
    UnsupportedError
        If the rule has no way to hold the values.
    """
    stored = as_array(volume.data, progress)
    if volume.is_colour:
        return _colours(volume, stored, rule)
    if stored.dtype.kind not in "iufb":
        raise UnsupportedError("DICOM images hold no numbers of this type", got=stored.dtype)
    count = int(np.prod(stored.shape[:-2]))
    flat = stored.reshape(count, *stored.shape[-2:])
    found = _as_stored(volume, flat, rule) or _as_whole(volume, flat, rule) or _as_line(volume, flat, rule)
    if found is None:
        raise UnsupportedError(
            "this class of images holds only whole numbers without a rescale",
            got=f"{volume.dtype} from {volume.rescale}" if not volume.rescale.is_identity else volume.dtype,
            expected=[str(np.dtype(d)) for d in rule.dtypes],
            advice="Name a modality (CT, MR or PT), or write kind 'classic' into a folder",
        )
    return found


def _colours(volume: Volume, stored: AnyArray, rule: NumberRule) -> StoredNumbers:
    if stored.dtype != np.uint8 or volume.channels != 3 or not volume.rescale.is_identity:
        raise UnsupportedError(
            "only RGB of 8 bits can be written as DICOM",
            got=f"{volume.channels} channels of {stored.dtype}",
            advice="Write each channel as a volume of its own",
        )
    frames = np.moveaxis(stored, volume.axes.index(CHANNEL), -1)
    frames = np.ascontiguousarray(frames).reshape(-1, *frames.shape[-3:])
    return StoredNumbers(frames, np.ones(len(frames)), np.zeros(len(frames)))


# -- exact ---------------------------------------------------------------------------------------


def _as_stored(volume: Volume, flat: AnyArray, rule: NumberRule) -> StoredNumbers | None:
    """Keep the stored values and their rescale."""
    rescale = volume.rescale
    if flat.dtype.kind == "f" or rescale.table is not None:
        return None
    shape = volume.shape[:-2]
    slopes = np.broadcast_to(rescale.slope, shape).ravel()
    intercepts = np.broadcast_to(rescale.intercept, shape).ravel()
    if not _allowed(rule, slopes, intercepts):
        return None
    numbers = flat.view(np.uint8) if flat.dtype.kind == "b" else flat
    dtype = _fitting(numbers, rule.dtypes)
    if dtype is None:
        return None
    said_slopes, said_intercepts = _said(slopes), _said(intercepts)
    top = float(max(abs(int(numbers.max())), abs(int(numbers.min())))) if numbers.size else 0.0
    error = float((np.abs(said_slopes - slopes) * top + np.abs(said_intercepts - intercepts)).max())
    return StoredNumbers(
        _cast(numbers, dtype), said_slopes, said_intercepts, error, _type_loss(volume.dtype, dtype)
    )


def _allowed(rule: NumberRule, slopes: AnyArray, intercepts: AnyArray) -> bool:
    if (slopes == 0).any() or not (np.isfinite(slopes).all() and np.isfinite(intercepts).all()):
        return False
    return (rule.slope or bool((slopes == 1).all())) and (rule.intercept or not intercepts.any())


def _fitting(numbers: AnyArray, dtypes: Sequence[str]) -> np.dtype[Any] | None:
    """Own type if allowed, else the first that holds every number."""
    own = np.dtype(numbers.dtype.newbyteorder("="))
    if own in [np.dtype(d) for d in dtypes]:
        return own
    low, high = int(numbers.min()), int(numbers.max())
    fits = (np.dtype(d) for d in dtypes if np.iinfo(d).min <= low and high <= np.iinfo(d).max)
    return next(fits, None)


def _cast(numbers: AnyArray, dtype: np.dtype[Any]) -> AnyArray:
    return np.ascontiguousarray(numbers, dtype=dtype.newbyteorder("<"))


def _type_loss(before: np.dtype[Any], after: np.dtype[Any]) -> tuple[str, ...]:
    if before.newbyteorder("=") == after:
        return ()
    return (f"The values are written as {after}, every value kept; they were {before}.",)


def _as_whole(volume: Volume, flat: AnyArray, rule: NumberRule) -> StoredNumbers | None:
    """Store values that are whole numbers as they are."""
    values = _values(volume, flat)
    if not np.isfinite(values).all() or (values != np.rint(values)).any():
        return None
    dtype = _fitting(values, rule.dtypes) if np.abs(values).max(initial=0) < 2**53 else None
    if dtype is None:
        return None
    count = len(flat)
    losses = (f"The values are written as {dtype}, every value kept; they were {volume.value_dtype}.",)
    return StoredNumbers(_cast(values.astype(dtype), dtype), np.ones(count), np.zeros(count), 0.0, losses)


def _values(volume: Volume, flat: AnyArray) -> AnyArray:
    if volume.rescale.is_identity:
        return flat
    return volume.rescale.apply(flat.reshape(volume.shape), np.float64).reshape(flat.shape)


# -- nearest -------------------------------------------------------------------------------------


def _as_line(volume: Volume, flat: AnyArray, rule: NumberRule) -> StoredNumbers | None:
    """Spread the values over all 16-bit numbers: of each frame, or of all frames together."""
    dtypes = [np.dtype(d) for d in rule.dtypes if np.dtype(d).itemsize == 2]
    if not rule.slope or not dtypes:
        return None
    values = _values(volume, flat)
    bad = 0
    if values.dtype.kind == "f":
        finite = np.isfinite(values)
        bad = int(values.size - np.count_nonzero(finite))
        if bad:
            values = _without_gaps(values, finite)
    lows, highs = values.min(axis=(1, 2)).astype(np.float64), values.max(axis=(1, 2)).astype(np.float64)
    if not rule.per_frame:
        lows[:], highs[:] = lows.min(), highs.max()
    unsigned = np.dtype("u2") in dtypes and (rule.intercept or lows.min() >= 0)
    dtype = np.dtype("u2") if unsigned else np.dtype("i2")
    lines = [_line(low, high, dtype, rule) for low, high in zip(lows, highs, strict=True)]
    slopes, intercepts = np.array([line[0] for line in lines]), np.array([line[1] for line in lines])
    frames = np.empty(flat.shape, dtype.newbyteorder("<"))
    error = 0.0
    limits = np.iinfo(dtype)
    for n, frame in enumerate(values):
        exact = frame.astype(np.float64)
        numbers = np.clip(np.rint((exact - intercepts[n]) / slopes[n]), limits.min, limits.max)
        frames[n] = numbers
        error = max(error, float(np.abs(numbers * slopes[n] + intercepts[n] - exact).max()))
    return StoredNumbers(frames, slopes, intercepts, error, _line_losses(volume, dtype, error, bad))


def _without_gaps(values: AnyArray, finite: NDArray[np.bool_]) -> AnyArray:
    """Put the lowest finite value where there is no number, and the ends where there is infinity."""
    known = values[finite]
    low, high = (known.min(), known.max()) if known.size else (0, 0)
    return np.nan_to_num(values, nan=low, posinf=high, neginf=low)


def _line(low: float, high: float, dtype: np.dtype[Any], rule: NumberRule) -> tuple[float, float]:
    """Slope and intercept, as decimal strings say them, that spread [low, high] over a type."""
    if not rule.intercept:
        top = np.iinfo(dtype)
        reach = max(high / top.max, low / top.min if top.min else 0.0)
        return (_upward(reach) if reach > 0 else 1.0), 0.0
    if low == high:
        return 1.0, float(decimal(low))
    intercept = float(decimal(low if dtype.kind == "u" else (low + high + (high - low) / LEVELS) / 2))
    return _upward((high - low) / LEVELS), intercept


def _upward(slope: float) -> float:
    """Return a decimal string's number, at least `slope` where 16 characters can tell."""
    said = float(decimal(slope))
    return said if said >= slope else float(decimal(slope * (1 + 1e-9)))


def _said(values: AnyArray) -> NDArray[np.float64]:
    known = {value: float(decimal(value)) for value in set(values.tolist())}
    return np.array([known[value] for value in values.tolist()])


def _line_losses(volume: Volume, dtype: np.dtype[Any], error: float, bad: int) -> tuple[str, ...]:
    unit = "" if volume.unit == "1" else f" {volume.unit}"
    text = f"The values are written as {dtype} with a rescale; they were {volume.value_dtype}."
    losses = [f"{text} The largest error of a value is {error:.3g}{unit}."]
    if bad:
        losses.append(f"{bad} values were no finite numbers: the lowest (or highest) value stands for them.")
    return tuple(losses)

"""Windows: which values become which grey."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medvox.core.errors import UsageError
from medvox.core.volume import Volume, Window

AnyArray = NDArray[Any]
Function = Literal["linear", "linear_exact", "sigmoid"]

_SAMPLED_SLICES = 5
_SAMPLED_VALUES = 200_000


def _ranged(low: float, high: float, name: str) -> Window:
    return Window((low + high) / 2, high - low, name)


WINDOW_PRESETS: Mapping[str, tuple[Window, ...]] = MappingProxyType(
    {
        "CT": (
            Window(40, 400, "soft tissue"),
            Window(600, 2800, "bone"),
            Window(-600, 1500, "lung"),
            Window(40, 80, "brain"),
            Window(35, 35, "stroke"),
            Window(75, 215, "subdural"),
            Window(600, 4000, "temporal bone"),
            Window(50, 350, "mediastinum"),
            Window(60, 160, "liver"),
            Window(300, 600, "angio"),
            Window(500, 3000, "all tissue"),
        ),
        "PT": (
            _ranged(0, 5, "SUV 0–5"),
            _ranged(0, 7, "SUV 0–7"),
            _ranged(0, 10, "SUV 0–10"),
            _ranged(0, 15, "SUV 0–15"),
            _ranged(0, 20, "SUV 0–20"),
        ),
        "US": (_ranged(0, 255, "full"),),
    }
)
"""Usual windows by DICOM modality; CT in HU, PT in SUV (g/ml)."""

_PRESET_UNITS = {"CT": ("HU",), "PT": ("SUVbw", "SUVlbm", "SUVbsa", "SUVibw", "g/ml"), "US": ("1",)}


def windows(volume: Volume) -> tuple[Window, ...]:
    """Windows to offer for a volume, the default first.

    Those of the file that show anything at all, then the presets of the modality where the unit is the
    one they are made for, then one found from the values.

    Returns
    -------
    tuple of Window
        At least one; in values of `volume.unit`.
    """
    sample = sample_values(volume)
    found = automatic(volume, sample)
    given = tuple(w for w in volume.display.windows if _is_sensible(w, volume, sample))
    presets = _presets(volume)
    if volume.modality == "US" and volume.value_dtype == np.uint8:
        found, presets = presets[0] if presets else found, ()
    ordered = (*given, *presets, found) if volume.modality == "CT" else (*given, found, *presets)
    distinct: dict[tuple[float, float], Window] = {}
    for window in ordered:
        distinct.setdefault((window.center, window.width), window)
    return tuple(distinct.values())


def _presets(volume: Volume) -> tuple[Window, ...]:
    modality = volume.modality or ""
    fits = volume.unit in _PRESET_UNITS.get(modality, ())
    return WINDOW_PRESETS.get(modality, ()) if fits else ()


def sample_values(volume: Volume, lead: tuple[int, ...] | None = None) -> AnyArray:
    """Finite values out of a few slices spread over the volume, as float32, without reading the rest.

    Parameters
    ----------
    lead
        Position along `volume.lead_axes`; the middle where left out.
    """
    at = lead if lead is not None else tuple(n // 2 for n in volume.lead_shape)
    count = volume.grid.shape[0]
    wanted = sorted({round((n + 0.5) * count / _SAMPLED_SLICES - 0.5) for n in range(_SAMPLED_SLICES)})
    slices = [min(max(k, 0), count - 1) for k in wanted]
    parts = [volume.slice_values(k, at).ravel() for k in dict.fromkeys(slices)]
    values = np.concatenate(parts)
    step = max(1, len(values) // _SAMPLED_VALUES)
    values = values[::step].astype(np.float32)
    finite: AnyArray = values[np.isfinite(values)]
    return finite


def automatic(volume: Volume, sample: AnyArray | None = None) -> Window:
    """Window from the values: robust percentiles of what is not background.

    The lowest value, where many voxels share it, is padding or air outside the patient and left out.
    """
    values = sample_values(volume) if sample is None else sample
    if values.size == 0:
        return Window(0.5, 1.0, "auto")
    lowest = values.min()
    inside = values[values > lowest]
    if inside.size < 0.01 * values.size:
        inside = values
    low, high = np.percentile(inside, (0.5, 99.7)).tolist()
    if volume.modality in ("PT", "NM"):
        low, high = min(0.0, float(lowest)), float(np.percentile(inside, 99.9))
    elif lowest >= 0 and low < 0.25 * high:
        low = 0.0  # magnitude images: black is no signal
    if not high > low:
        low, high = float(lowest), max(float(values.max()), float(lowest) + 1.0)
    return _ranged(low, high, "auto")


def _is_sensible(window: Window, volume: Volume, sample: AnyArray) -> bool:
    if not (math.isfinite(window.center) and math.isfinite(window.width) and window.width > 0):
        return False
    if window.width < 1 and function_of(volume) == "linear":
        return False
    low, high = window.range
    return sample.size == 0 or bool(high >= sample.min() and low <= sample.max())


def function_of(volume: Volume) -> Function:
    """Return the VOI function that fits: the standard's for whole values, the exact one for fractions.

    PS3.3 C.11.2.1.2.1 spaces the greys for whole values (its ramp is width - 1 wide), which a window of 5
    on SUV would not survive.
    """
    return "linear" if volume.value_dtype.kind in "iub" else "linear_exact"


def to_gray(
    values: ArrayLike, window: Window, inverted: bool = False, function: Function = "linear"
) -> NDArray[np.uint8]:
    """Map values to greys 0..255.

    Parameters
    ----------
    values
        Any shape, in the window's unit. Not-a-number is black, inverted or not.
    inverted
        Low values are white.
    function
        VOI LUT Function: ``"linear"`` (PS3.3 C.11.2.1.2.1), ``"linear_exact"`` (C.11.2.1.3.2) or
        ``"sigmoid"`` (C.11.2.1.3.1).

    Raises
    ------
    UsageError
        If the width is below 1 for ``"linear"``, not above 0 for the others, or the function unknown.

    Examples
    --------
    >>> to_gray([-1, 0, 127, 255, 256], Window(128, 256)).tolist()
    [0, 0, 127, 255, 255]
    """
    x = np.asarray(values)
    x = x.astype(np.float64 if x.dtype.itemsize > 4 or x.dtype.kind != "f" else np.float32)
    y = _fractions(x, window, function)
    if inverted:
        y = 1 - y
    gray: NDArray[np.uint8] = np.rint(np.where(np.isnan(y), 0.0, y) * 255).astype(np.uint8)
    return gray


def _fractions(x: AnyArray, window: Window, function: Function) -> AnyArray:
    center, width = window.center, window.width
    least = 1.0 if function == "linear" else 0.0
    if not (width >= least and width > 0):
        raise UsageError("window width is too small", got=width, expected=f"at least {least:g}")
    result: AnyArray
    if function == "linear":
        if width == 1:
            result = (x > center - 0.5).astype(x.dtype)
            return np.where(np.isnan(x), np.nan, result)
        result = np.clip((x - (center - 0.5)) / (width - 1) + 0.5, 0, 1)
    elif function == "linear_exact":
        result = np.clip((x - center) / width + 0.5, 0, 1)
    elif function == "sigmoid":
        result = 1 / (1 + np.exp(np.clip(-4 * (x - center) / width, -60, 60)))
    else:
        raise UsageError("no such VOI function", got=function, expected=("linear", "linear_exact", "sigmoid"))
    return result


def table_gray(
    values: ArrayLike, table: tuple[float, tuple[float, ...]], inverted: bool = False
) -> NDArray[np.uint8]:
    """Map values to greys through a VOI look-up table (PS3.3 C.11.2.1.1).

    Parameters
    ----------
    table
        First value mapped, and the outputs 0..1 of it and the whole values that follow.
    """
    first, entries = table
    index = np.nan_to_num(np.rint(np.asarray(values, dtype=np.float64) - first))
    outputs = np.asarray(entries)[np.clip(index, 0, len(entries) - 1).astype(np.int64)]
    gray: NDArray[np.uint8] = np.rint(np.clip(outputs, 0, 1) * 255).astype(np.uint8)
    return np.subtract(255, gray, dtype=np.uint8) if inverted else gray

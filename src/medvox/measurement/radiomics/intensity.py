"""Intensity features of IBSI 1: statistics, local peaks, histogram and intensity-volume histogram.

Source: IBSI reference manual (arXiv:1612.07003), sections 3.2 to 3.5.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

AnyArray = NDArray[Any]
FloatArray = NDArray[np.float64]
Features = dict[str, float]

PEAK_RADIUS_MM = (3 / (4 * np.pi)) ** (1 / 3) * 10
"""Radius of a sphere of 1 cm³, 6.2 mm."""


def statistics(values: AnyArray) -> Features:
    """Intensity statistics (IBSI 3.3), of the region's values as they are.

    Variance, skewness and kurtosis are those of the population; kurtosis is 0 for a normal distribution.

    Parameters
    ----------
    values
        (n,) finite.
    """
    x = np.asarray(values, np.float64)
    made = _moments(x)
    made["energy"] = float(x @ x)
    made["root_mean_square"] = float(np.sqrt(x @ x / len(x)))
    return made


def histogram(levels: AnyArray) -> Features:
    """Intensity histogram features (IBSI 3.4).

    Parameters
    ----------
    levels
        (n,) grey levels from 1.
    """
    made = _moments(levels.astype(np.float64))
    counts = np.bincount(levels)[1:].astype(np.float64)
    numbers = np.arange(1, len(counts) + 1)
    modes = numbers[counts == counts.max()]
    p = counts[counts > 0] / counts.sum()
    made["mode"] = float(modes[np.abs(modes - made["mean"]).argmin()])
    made["entropy"] = float(-(p @ np.log2(p)))
    made["uniformity"] = float(p @ p)
    gradient = np.gradient(counts) if len(counts) > 1 else np.zeros(1)
    made["maximum_histogram_gradient"] = float(gradient.max())
    made["maximum_histogram_gradient_level"] = float(gradient.argmax() + 1)
    made["minimum_histogram_gradient"] = float(gradient.min())
    made["minimum_histogram_gradient_level"] = float(gradient.argmin() + 1)
    return made


def volume_histogram(levels: AnyArray, *, lowest: float = 1.0, width: float = 1.0) -> Features:
    """Intensity-volume histogram features (IBSI 3.5).

    Parameters
    ----------
    levels
        (n,) grey levels from 1.
    lowest, width
        Intensity of level 1 and step between levels.
    """
    first, last = int(levels.min()), int(levels.max())
    counts = np.bincount(levels, minlength=last + 1)[first:]
    number = np.arange(first, last + 1)
    above = 1 - np.concatenate([[0], np.cumsum(counts)[:-1]]) / counts.sum()
    share = (number - first) / (last - first) if last > first else np.zeros(1)

    def volume_at(percent: int) -> float:
        reached = above[share >= percent / 100]
        return float(reached.max()) if len(reached) else 0.0

    def intensity_at(percent: int) -> float:
        reached = number[above <= percent / 100]
        level = reached.min() if len(reached) else last
        return lowest + float(level - 1) * width

    v10, v90, i10, i90 = volume_at(10), volume_at(90), intensity_at(10), intensity_at(90)
    return {
        "volume_at_intensity_fraction_10": v10,
        "volume_at_intensity_fraction_90": v90,
        "intensity_at_volume_fraction_10": i10,
        "intensity_at_volume_fraction_90": i90,
        "volume_fraction_difference": v10 - v90,
        "intensity_fraction_difference": i90 - i10 if i90 > i10 else i10 - i90,
    }


def peaks(values: AnyArray, mask: AnyArray, spacing_mm: tuple[float, float, float]) -> Features:
    """Local and global intensity peak (IBSI 3.2): means over a sphere of 1 cm³ about a voxel's center.

    Voxels outside the region count; voxels beyond the image and those that are not finite do not. The local
    peak is about the brightest voxel (the highest of them where several are), the global one the highest
    anywhere in the region.

    Parameters
    ----------
    values
        (k, j, i) whole image, or a part that reaches 6.2 mm beyond the region.
    """
    from medvox.measurement.radiomics.texture_kernels import peak_means

    inside = np.argwhere(mask)
    means = peak_means(np.ascontiguousarray(values, np.float64), inside, _sphere(spacing_mm))
    at = values[mask]
    return {
        "local_intensity_peak": float(np.nanmax(means[at == at.max()])),
        "global_intensity_peak": float(np.nanmax(means)),
    }


def _sphere(spacing_mm: tuple[float, float, float]) -> NDArray[np.int64]:
    reach = [int(PEAK_RADIUS_MM / s) for s in spacing_mm]
    offsets = np.stack(np.meshgrid(*[np.arange(-r, r + 1) for r in reach], indexing="ij"), axis=-1).reshape(
        -1, 3
    )
    far = np.linalg.norm(offsets * np.asarray(spacing_mm), axis=1)
    found: NDArray[np.int64] = offsets[far <= PEAK_RADIUS_MM].astype(np.int64)
    return found


def _moments(x: FloatArray) -> Features:
    ordered = np.sort(x)
    n, mean = len(x), float(x.mean())
    low, high = float(ordered[0]), float(ordered[-1])
    ordered -= mean
    square = ordered * ordered
    variance = float(square.mean())
    p10, p25, median, p75, p90 = (_percentile(ordered, p) for p in (10, 25, 50, 75, 90))
    inner = ordered[np.searchsorted(ordered, p10) : np.searchsorted(ordered, p90, side="right")]
    flat = variance == 0
    return {
        "mean": mean,
        "variance": variance,
        "skewness": 0.0 if flat else float((square @ ordered) / n / variance**1.5),
        "excess_kurtosis": 0.0 if flat else float((square @ square) / n / variance**2 - 3),
        "median": median + mean,
        "minimum": low,
        "percentile_10": p10 + mean,
        "percentile_90": p90 + mean,
        "maximum": high,
        "interquartile_range": p75 - p25,
        "range": high - low,
        "mean_absolute_deviation": _mean_distance(ordered, 0.0),
        "robust_mean_absolute_deviation": _mean_distance(inner, float(inner.mean())),
        "median_absolute_deviation": _mean_distance(ordered, median),
        "coefficient_of_variation": variance**0.5 / mean if mean else float("nan"),
        "quartile_coefficient_of_dispersion": (p75 - p25) / (p75 + p25 + 2 * mean)
        if p75 + p25 + 2 * mean
        else float("nan"),
    }


def _percentile(ordered: FloatArray, percent: int) -> float:
    """Linear between ranks."""
    place = (len(ordered) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (place - low) * (ordered[high] - ordered[low]))


def _mean_distance(ordered: FloatArray, middle: float) -> float:
    """Mean of the distances from a value, of ascending values."""
    split = int(np.searchsorted(ordered, middle))
    below, above = ordered[:split], ordered[split:]
    return float((above.sum() - below.sum() + middle * (len(below) - len(above))) / len(ordered))

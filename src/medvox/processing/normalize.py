"""Intensities on one scale: z-score, percentiles, standard histogram (Nyúl), white stripe, window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.labels import LabelMap
from medvox.core.steps import Setting, step
from medvox.core.volume import Volume

AnyArray = NDArray[Any]
Percent = Annotated[float, Setting(unit="%", minimum=0, maximum=100)]

LANDMARKS = (1.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 99.0)
"""Percentiles of Nyúl and Udupa's second method (Nyúl, Udupa, Zhang, IEEE Trans Med Imaging 19(2), 2000)."""


@step("z-score", family="process")
def z_score(volume: Volume, mask: LabelMap | None = None) -> Volume:
    """Shift and scale values to mean 0 and standard deviation 1.

    Parameters
    ----------
    volume
        Image.
    mask
        Where mean and deviation are taken, any segment; by default values other than 0.

    Raises
    ------
    UsageError
        If nothing is inside, or its values are all the same.
    """
    inside = _inside(volume, mask)
    deviation = float(inside.std(dtype=np.float64))
    if deviation == 0:
        raise UsageError("all values are the same: they have no deviation to scale by", got=float(inside[0]))
    values = (volume.values(np.float32) - np.float32(inside.mean(dtype=np.float64))) / np.float32(deviation)
    return _made(volume, values, "z-score")


@step("percentile", family="process")
def percentile(
    volume: Volume,
    mask: LabelMap | None = None,
    *,
    lower: Percent = 1.0,
    upper: Percent = 99.0,
    clip: bool = True,
) -> Volume:
    """Map two percentiles to 0 and 1.

    Parameters
    ----------
    volume
        Image.
    mask
        Where the percentiles are taken; by default values other than 0, or all where none is 0.
    lower, upper
        Percentiles.
    clip
        Whether values beyond them become 0 and 1.

    Raises
    ------
    UsageError
        If the two percentiles are one value.
    """
    low, high = np.percentile(_inside(volume, mask), (lower, upper))
    if not high > low:
        raise UsageError("the two percentiles have one value", got=float(low), expected="values that differ")
    values = (volume.values(np.float32) - np.float32(low)) / np.float32(high - low)
    return _made(volume, np.clip(values, 0, 1) if clip else values, "percentile", lower=lower, upper=upper)


@step("window", family="process")
def window(
    volume: Volume, *, center: float = 40.0, width: Annotated[float, Setting(minimum=1e-6)] = 400.0
) -> Volume:
    """Map a window of values to 0 to 1 and cut what lies outside (linear exact, PS3.3 C.11.2.1.3.2).

    Parameters
    ----------
    volume
        Image; of CT in HU.
    center, width
        Of the window, in the unit of the image; the default shows soft tissue in CT.
    """
    values = np.clip((volume.values(np.float32) - np.float32(center)) / np.float32(width) + 0.5, 0, 1)
    return _made(volume, values, "window", center=center, width=width)


@dataclass(frozen=True, slots=True)
class StandardScale:
    """What `standard_scale` learns from images.

    Parameters
    ----------
    percentiles
        Landmarks of the histogram, rising.
    values
        Where each landmark is put.
    """

    percentiles: tuple[float, ...]
    values: tuple[float, ...]


def standard_scale(
    images: Sequence[Volume],
    masks: Sequence[LabelMap | None] | None = None,
    percentiles: Sequence[float] = LANDMARKS,
    scale: tuple[float, float] = (0.0, 100.0),
) -> StandardScale:
    """Learn a standard histogram from images of one kind (Nyúl, Udupa, Zhang 2000).

    Each image's outer landmarks are mapped to the ends of the scale; the standard is the mean of the
    landmarks in between.

    Parameters
    ----------
    images
        One or more.
    masks
        One for each image, or None each: values other than 0.
    percentiles
        Landmarks, rising.
    scale
        Where the first and last landmark go.

    Raises
    ------
    UsageError
        If there is no image, the percentiles do not rise, or an image has no spread.
    """
    if not images or np.any(np.diff(percentiles) <= 0):
        raise UsageError(
            "a standard scale needs images and rising percentiles", got=(len(images), percentiles)
        )
    found = []
    for image, mask in zip(images, masks or [None] * len(images), strict=True):
        marks = _landmarks(image, mask, percentiles)
        found.append(scale[0] + (marks - marks[0]) * (scale[1] - scale[0]) / (marks[-1] - marks[0]))
    return StandardScale(tuple(map(float, percentiles)), tuple(map(float, np.mean(found, axis=0))))


def standardize(volume: Volume, standard: StandardScale, mask: LabelMap | None = None) -> Volume:
    """Bring an image to a standard histogram: straight between landmarks, and on beyond the outer ones.

    Parameters
    ----------
    volume
        Image of the kind that `standard` was learned from.
    standard
        See `standard_scale`.
    mask
        Where the landmarks are taken; by default values other than 0.
    """
    marks = _landmarks(volume, mask, standard.percentiles)
    targets = np.asarray(standard.values)
    slopes = np.diff(targets) / np.diff(marks)
    values = volume.values(np.float64)
    part = np.clip(np.searchsorted(marks, values, side="right") - 1, 0, len(slopes) - 1)
    made = (targets[part] + (values - marks[part]) * slopes[part]).astype(np.float32)
    return _made(volume, made, "standardize")


@step("match-histogram", family="process")
def match_histogram(volume: Volume, reference: Volume, mask: LabelMap | None = None) -> Volume:
    """Bring the histogram landmarks of an image to those of a reference (Nyúl's method with one image).

    Parameters
    ----------
    volume
        Image to change.
    reference
        Image of the same kind whose intensities are wanted.
    mask
        Where the landmarks of the image are taken; by default values other than 0.
    """
    marks = _landmarks(reference, None, LANDMARKS)
    return standardize(volume, StandardScale(LANDMARKS, tuple(map(float, marks))), mask)


@step("white-stripe", family="process")
def white_stripe(
    volume: Volume,
    mask: LabelMap | None = None,
    *,
    tissue_is_dark: bool = False,
    half_width: Annotated[float, Setting(minimum=0.001, maximum=0.5)] = 0.05,
) -> Volume:
    """Scale brain MR by its normal-appearing white matter to mean 0 and deviation 1.

    The white matter's peak of the smoothed histogram is found (the last one in T1, the highest one where the
    tissue is dark, as in T2 and FLAIR); the stripe is the range of quantiles around it (Shinohara et al.,
    NeuroImage: Clinical 6, 2014).

    Parameters
    ----------
    volume
        Brain image, skull-stripped or with a mask.
    mask
        Brain; by default values above 0.
    tissue_is_dark
        Whether white matter is darker than grey matter.
    half_width
        Share of the values on each side of the peak.

    Raises
    ------
    UsageError
        If the histogram has no peak.
    """
    from scipy.ndimage import gaussian_filter1d

    values = np.sort(_inside(volume, mask))
    low, high = np.percentile(values, (0.5, 99.5))
    if not high > low:
        raise UsageError("all values are the same: there is no peak of white matter", got=float(low))
    counts, edges = np.histogram(values, 256, (low, high))
    smooth = gaussian_filter1d(counts.astype(np.float64), 4, mode="constant")
    padded = np.concatenate([[0], smooth, [0]])
    peaks = np.flatnonzero((smooth >= padded[:-2]) & (smooth > padded[2:]))
    peaks = peaks[smooth[peaks] > 0.1 * smooth.max()]
    peak = int(peaks[np.argmax(smooth[peaks])] if tissue_is_dark else peaks[-1])
    place = float(np.searchsorted(values, (edges[peak] + edges[peak + 1]) / 2)) / len(values)
    ends = np.clip((place - half_width, place + half_width), 0, 1)
    first, last = (ends * (len(values) - 1)).astype(int)
    stripe = values[first : last + 1]
    deviation = float(stripe.std(dtype=np.float64))
    if deviation == 0:
        raise UsageError("the stripe of white matter has one value", got=float(stripe[0]))
    made = (volume.values(np.float32) - np.float32(stripe.mean(dtype=np.float64))) / np.float32(deviation)
    return _made(volume, made, "white-stripe")


def _inside(volume: Volume, mask: LabelMap | None) -> AnyArray:
    """Values in the mask, or other than 0; all where none is 0. One dimension, finite."""
    values = volume.values(np.float32)
    if mask is not None:
        if mask.grid.shape != volume.grid.shape:
            raise UsageError("the mask lies on another grid", got=mask.grid.shape, expected=volume.grid.shape)
        chosen = values[..., (mask.data > 0).any(axis=0)].ravel()
    else:
        chosen = values[values != 0]
    chosen = chosen[np.isfinite(chosen)]
    if not chosen.size:
        raise UsageError("no voxel to take the statistics from", advice="Give a mask that covers the object.")
    return chosen


def _landmarks(volume: Volume, mask: LabelMap | None, percentiles: Sequence[float]) -> NDArray[np.float64]:
    marks: NDArray[np.float64] = np.percentile(_inside(volume, mask).astype(np.float64), percentiles)
    if np.any(np.diff(marks) <= 0):
        raise UsageError(
            "landmarks of the histogram fall together",
            got=[round(float(x), 3) for x in marks],
            advice="Use fewer percentiles, or a mask without background.",
        )
    return marks


def _made(volume: Volume, values: AnyArray, operation: str, **options: Any) -> Volume:
    known = volume.known_provenance.derive(operation, volume.grid, **options)
    return volume.derive(values.astype(np.float32), operation, unit="1", provenance=known)

"""Segmentation by value: range, Otsu, hysteresis."""

from __future__ import annotations

import itertools
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.labels import LabelMap, Segment
from medvox.core.steps import Setting, step
from medvox.core.volume import Volume
from medvox.segmentation.components import pieces
from medvox.segmentation.regions import Mode, color, image, many, one, within

BINS = 256
MOST_CLASSES = 5


@step("threshold", family="segment")
def threshold(
    volume: Volume,
    mask: LabelMap | None = None,
    *,
    lower: float | None = None,
    upper: float | None = None,
    name: str = "threshold",
) -> LabelMap:
    """Mark the voxels whose value lies in a range, both ends included.

    Parameters
    ----------
    volume
        Image.
    mask
        Only voxels in these segments.
    lower
        Smallest value, in the unit of the image; none where left out.
    upper
        Largest value; none where left out.
    name
        Name of the segment.

    Returns
    -------
    LabelMap
        One segment.

    Raises
    ------
    UsageError
        If no end is given, or the lower is above the upper.
    """
    if lower is None and upper is None:
        raise UsageError("a threshold needs lower, upper or both")
    if lower is not None and upper is not None and lower > upper:
        raise UsageError("lower is above upper", got=lower, expected=f"at most {upper}")
    values = image(volume)
    found = np.ones(values.shape, bool) if lower is None else values >= lower
    if upper is not None:
        found &= values <= upper
    inside = within(mask, volume.grid)
    if inside is not None:
        found &= inside
    return one(found, volume, name, "threshold")


@step("otsu", family="segment")
def otsu(
    volume: Volume,
    mask: LabelMap | None = None,
    *,
    classes: Annotated[int, Setting(minimum=2, maximum=MOST_CLASSES)] = 2,
    background: bool = False,
) -> LabelMap:
    """Split an image into classes of value so that values within each differ least.

    Parameters
    ----------
    volume
        Image.
    mask
        Only voxels in these segments are counted and marked.
    classes
        Number of classes.
    background
        Whether the darkest class is a segment too.

    Returns
    -------
    LabelMap
        A segment for each class, brighter ones later; the names say the limits.

    Raises
    ------
    UsageError
        If there are fewer distinct values than classes.

    Notes
    -----
    Otsu, IEEE Trans. SMC 9 (1979) 62, for several limits as in Liao et al., J. Inf. Sci. Eng. 17 (2001) 713,
    on 256 bins (fewer for whole numbers of a smaller range).
    """
    values = image(volume)
    inside = within(mask, volume.grid)
    limits = otsu_limits(values if inside is None else values[inside], classes)
    numbers = np.searchsorted(np.asarray(limits), values, side="left").astype(np.uint8)
    numbers += 1 if background else 0
    if inside is not None:
        numbers *= inside
    if values.dtype.kind == "f":
        numbers[~np.isfinite(values)] = 0
    ends = [None, *limits, None]
    names = [_range_name(ends[n], ends[n + 1]) for n in range(classes)][0 if background else 1 :]
    segments = tuple(Segment(n, text, color=color(n)) for n, text in enumerate(names, 1))
    return many(numbers, segments, volume, "otsu")


def otsu_limits(values: NDArray[Any], classes: int = 2) -> tuple[float, ...]:
    """Limits between classes: a value above a limit belongs to the next class.

    Parameters
    ----------
    values
        Any shape.
    classes
        2 to 5.

    Returns
    -------
    tuple of float
        ``classes - 1`` limits, ascending.
    """
    flat = values.ravel()
    if flat.dtype.kind == "f":
        flat = flat[np.isfinite(flat)]
    if not flat.size or flat.min() == flat.max():
        raise UsageError("all values are the same: no classes can be told apart")
    low, high = float(flat.min()), float(flat.max())
    whole = flat.dtype.kind in "iu" and high - low < BINS
    count, ends = (int(high - low) + 1, (low - 0.5, high + 0.5)) if whole else (BINS, (low, high))
    histogram, edges = np.histogram(flat, count, ends)
    if (histogram > 0).sum() < classes:
        raise UsageError(
            "fewer distinct values than classes", got=int((histogram > 0).sum()), expected=classes
        )
    centers = (edges[:-1] + edges[1:]) / 2
    best = _best_cuts(histogram / histogram.sum(), centers, classes)
    return tuple(float(low + cut if whole else edges[cut + 1]) for cut in best)


def _best_cuts(share: NDArray[np.float64], centers: NDArray[np.float64], classes: int) -> tuple[int, ...]:
    """Last bin of each class but the last, of largest variance between classes, by dynamic programming."""
    count = len(share)
    weight = np.concatenate([[0.0], np.cumsum(share)])
    moment = np.concatenate([[0.0], np.cumsum(share * centers)])
    between = np.full((count + 1, count + 1), -np.inf)
    for start, end in itertools.combinations(range(count + 1), 2):
        if (mass := weight[end] - weight[start]) > 0:
            between[start, end] = (moment[end] - moment[start]) ** 2 / mass
    score, back = between[0], []
    for _ in range(classes - 1):
        total = score[:, None] + between
        back.append(total.argmax(axis=0))
        score = total.max(axis=0)
    at, cuts = count, []
    for choice in reversed(back):
        at = int(choice[at])
        cuts.append(at - 1)
    return tuple(reversed(cuts))


@step("hysteresis", family="segment")
def hysteresis(
    volume: Volume,
    mask: LabelMap | None = None,
    *,
    low: float,
    high: float,
    mode: Mode = "3D",
    name: str = "hysteresis",
) -> LabelMap:
    """Mark voxels of at least `low` that hang together with one of at least `high`.

    Parameters
    ----------
    volume
        Image.
    mask
        Only voxels in these segments.
    low
        Value that a voxel of the segment has at least.
    high
        Value that a piece of the segment has somewhere.
    mode
        Whether pieces hang together in space or in each slice.
    name
        Name of the segment.

    Returns
    -------
    LabelMap
        One segment; voxels touch by a face, edge or corner.
    """
    if low > high:
        raise UsageError("low is above high", got=low, expected=f"at most {high}")
    values = image(volume)
    weak = values >= low
    inside = within(mask, volume.grid)
    if inside is not None:
        weak &= inside
    found = pieces(weak, mode, corners=True)
    keep = found.touching(values >= high)
    return one(found.paint(keep), volume, name, "hysteresis")


def _range_name(low: float | None, high: float | None) -> str:
    if low is None:
        return f"up to {high:.6g}"
    return f"above {low:.6g}" if high is None else f"{low:.6g} to {high:.6g}"

"""Fill between slices that were drawn: interpolation of shape."""

from __future__ import annotations

import itertools

import numpy as np

from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap
from medvox.core.steps import step
from medvox.segmentation.distance import in_plane_shifts, is_leaning, signed_distance
from medvox.segmentation.regions import Mask, changed, chosen, mask_of


@step("fill-between-slices", family="segment")
def fill_between_slices(labels: LabelMap, *, segments: str = "") -> LabelMap:
    """Fill the slices between those that were drawn, from shape to shape.

    Parameters
    ----------
    labels
        Segments with slices left empty between drawn ones.
    segments
        Names or numbers, with commas; all where left out.

    Notes
    -----
    Distances to the outline are interpolated linearly over the true positions of the slices (Raya and Udupa,
    IEEE Trans. Med. Imaging 9 (1990) 32). Drawn slices stay as they are; nothing is added beyond the ends.
    """
    masks = {s: filled_between(mask_of(labels, s), labels.grid) for s in chosen(labels, segments)}
    return changed(labels, masks, "fill-between-slices")


def filled_between(mask: Mask, grid: Grid) -> Mask:
    """Mask with its empty slices filled from the drawn ones on both sides.

    Raises
    ------
    UsageError
        If fewer than two slices are drawn.
    """
    drawn = np.flatnonzero(mask.any(axis=(1, 2)))
    if len(drawn) < 2:
        raise UsageError("at least two drawn slices are needed", got=len(drawn))
    out = mask.copy()
    depths, beside = grid.depths_mm, in_plane_shifts(grid)
    leaning = is_leaning(grid)
    for first, last in itertools.pairwise(drawn):
        if last == first + 1:
            continue
        ends = [
            signed_distance(mask[k : k + 1], grid.crop((slice(k, k + 1), slice(None), slice(None))))[0]
            for k in (first, last)
        ]
        for k in range(first + 1, last):
            share = (depths[k] - depths[first]) / (depths[last] - depths[first])
            low, high = ends
            if leaning:
                low, high = _moved(low, beside[first] - beside[k]), _moved(high, beside[last] - beside[k])
            out[k] = (1 - share) * low + share * high <= 0
    return out


def _moved(distance: np.ndarray, by: np.ndarray) -> np.ndarray:
    from scipy.ndimage import shift

    return np.asarray(shift(distance, by, order=1, mode="nearest"))

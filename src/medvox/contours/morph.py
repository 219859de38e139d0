"""Morphing: outlines between two drawn ones, by the shape (Raya and Udupa, IEEE TMI 9, 1990).

Each outline becomes its distance map, positive inside; the map between is their weighted mean, and its
zero level the outline. Holes and islands may open, close, split and merge on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.contours.fill import fill
from medvox.contours.levels import trace_level
from medvox.core.contour import ContourSet, PlanarContours, SegmentContours
from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.core.volume import Volume

FloatArray = NDArray[np.float64]


def interpolate(part: SegmentContours, grid: Grid) -> tuple[SegmentContours, int]:
    """Fill the gaps between the outlined slices of a segment.

    Outlines that are there stay as they are; slices before the first and after the last stay empty.

    Parameters
    ----------
    grid
        Slices to be filled; maps are computed at its pixels.

    Returns
    -------
    SegmentContours
        With a plane for each slice between; ordered along the slices.
    int
        How many slices were made.

    Raises
    ------
    UsageError
        If contours lie in fewer than two slices.
    """
    labels, _ = fill(ContourSet((part,)), grid, thin=False)
    mask = labels.data[labels.segments[0].layer] == labels.segments[0].number
    drawn = np.flatnonzero(mask.any(axis=(1, 2)))
    if len(drawn) < 2:
        raise UsageError("interpolation needs outlines in two slices", got=len(drawn))
    gaps = [int(k) for k in range(drawn[0], drawn[-1]) if not mask[k].any()]
    made: list[tuple[float, PlanarContours]] = [(_depth(p, grid), p) for p in part.planes if p.regions]
    maps: dict[int, FloatArray] = {}
    for k in gaps:
        below, above = int(drawn[drawn < k][-1]), int(drawn[drawn > k][0])
        for n in (below, above):
            if n not in maps:
                maps[n] = _distance(mask[n], grid.spacing_mm[1:])
        depths = grid.depths_mm
        weight = (depths[k] - depths[below]) / (depths[above] - depths[below])
        image = (1 - weight) * maps[below] + weight * maps[above]
        slab = grid.crop((slice(k, k + 1), slice(None), slice(None)))
        found = trace_level(Volume(image[None], slab), 0.0).segments[0].planes
        made += [(float(depths[k]), plane) for plane in found]
    rest = [plane for plane in part.planes if not plane.regions]
    ordered = [plane for _, plane in sorted(made, key=lambda pair: pair[0])]
    return SegmentContours(part.segment, (*ordered, *rest)), len(gaps)


def morph(one: Sequence[Any], other: Sequence[Any], part: float) -> NDArray[np.bool_]:
    """Mask between two masks of one plane.

    Parameters
    ----------
    one, other
        (j, i) masks.
    part
        0 for the first, 1 for the second.
    """
    maps = [_distance(np.asarray(mask, bool), (1.0, 1.0)) for mask in (one, other)]
    return np.asarray((1 - part) * maps[0] + part * maps[1] >= 0)


def _depth(plane: PlanarContours, grid: Grid) -> float:
    return float((plane.regions[0].outer @ grid.normal).mean())


def _distance(mask: NDArray[np.bool_], spacing_mm: tuple[float, ...]) -> FloatArray:
    """Signed distance in mm from the border between pixels, positive inside."""
    from scipy.ndimage import distance_transform_edt

    half = min(spacing_mm) / 2
    padded = np.pad(mask, 1)
    inner = np.asarray(distance_transform_edt(padded, sampling=spacing_mm))
    outer = np.asarray(distance_transform_edt(~padded, sampling=spacing_mm))
    signed = np.where(padded, inner - half, half - outer)
    return np.asarray(signed[1:-1, 1:-1])

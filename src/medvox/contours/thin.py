"""Thin places: where a region is too narrow for its pixels to tell its shape."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from medvox.contours.placing import Placed

WIDTH = 3.0
"""Width in pixels from which on outlines survive filling and tracing within one pixel."""


def count_thin(placed: Placed) -> int:
    """How many regions are narrower than `WIDTH` pixels somewhere.

    A region is thin where eroding it by half the width makes it vanish, breaks it apart or joins a hole to
    the outside; where one of its holes is thin; and where a spike stays out of reach after opening.
    """
    if not len(placed.regions):
        return 0
    rings = np.array(shapely_rings(placed.places, placed.ring_ends), dtype=object)
    lasts = placed.regions[:, 1]
    firsts = lasts - np.diff(lasts, prepend=0)
    solids = [
        shapely.Polygon(rings[a], rings[a + 1 : b])
        for a, b in zip(firsts.tolist(), lasts.tolist(), strict=True)
    ]
    thin = is_thin(np.array(solids, dtype=object))
    inner = np.setdiff1d(np.arange(len(rings)), firsts)
    owners = np.searchsorted(lasts, inner, side="right")
    if len(inner):
        thin[owners[is_thin(shapely.polygons(rings[inner]))]] = True
    return int(thin.sum())


def shapely_rings(places: NDArray[np.float64], ring_ends: NDArray[np.int64]) -> NDArray[np.object_]:
    """Closed rings in two dimensions, for shapely."""
    counts = np.diff(ring_ends, prepend=0)
    made: NDArray[np.object_] = shapely.linearrings(
        places, indices=np.repeat(np.arange(len(ring_ends)), counts)
    )
    return made


def is_thin(polygons: NDArray[np.object_], width: float = WIDTH) -> NDArray[np.bool_]:
    """Whether polygons are narrower than `width` somewhere; where they cross themselves they are."""
    valid = shapely.is_valid(polygons)
    polygons = np.where(valid, polygons, shapely.Polygon())
    eroded = shapely.buffer(polygons, -width / 2, quad_segs=4)
    broken = shapely.get_num_geometries(eroded) != 1
    broken |= shapely.is_empty(eroded)
    simple = np.where(broken, shapely.Polygon(), eroded)
    broken |= shapely.get_num_interior_rings(simple) != shapely.get_num_interior_rings(polygons)
    spikes = shapely.difference(polygons, shapely.buffer(simple, width, quad_segs=4))
    broken |= ~shapely.is_empty(spikes)
    return np.asarray(broken)

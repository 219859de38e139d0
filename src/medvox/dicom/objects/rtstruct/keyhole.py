"""Keyholes: a region with holes as one ring, each hole joined by a channel of no width (C.8.8.6.3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medvox.core.contour import Region

FloatArray = NDArray[np.float64]


def keyhole(region: Region) -> FloatArray:
    """Return one ring (n, 3) that goes round the region and into each hole and back.

    The channel is the shortest way from a hole to what is joined already. Nothing lies nearer to either
    end, so no other ring crosses it.
    """
    ring = region.outer
    left = list(region.holes)
    while left:
        ways = [_way(ring, hole) for hole in left]
        n = int(np.argmin([way[0] for way in ways]))
        _, outer_at, outer_point, hole_at, hole_point = ways[n]
        ring = _joined(ring, (outer_at, outer_point), left.pop(n), (hole_at, hole_point))
    return ring


Way = tuple[float, int, FloatArray, int, FloatArray]


def _way(ring: FloatArray, hole: FloatArray) -> Way:
    """Length of the shortest way between two rings, and edge and point where it begins and ends."""
    ends = [_nearest(ring, hole), _nearest(hole, ring)]
    if ends[0][0] <= ends[1][0]:
        length, edge, point, vertex = ends[0]
        return length, edge, point, vertex, hole[vertex]
    length, edge, point, vertex = ends[1]
    return length, vertex, ring[vertex], edge, point


def _nearest(ring: FloatArray, points: FloatArray) -> tuple[float, int, FloatArray, int]:
    """Nearest place of a ring's edges to any of some points: distance, edge, place, point number."""
    start, along = ring, np.roll(ring, -1, axis=0) - ring
    lengths = np.maximum((along**2).sum(axis=1), np.finfo(float).tiny)
    best: tuple[float, int, FloatArray, int] | None = None
    step = max(1, 4_000_000 // len(ring))
    for first in range(0, len(points), step):
        some = points[first : first + step]
        share = np.clip(((some[:, None] - start) * along).sum(axis=2) / lengths, 0, 1)
        places = start + share[..., None] * along
        apart = ((places - some[:, None]) ** 2).sum(axis=2)
        point, edge = np.unravel_index(int(apart.argmin()), apart.shape)
        distance = float(apart[point, edge])
        if best is None or distance < best[0]:
            best = distance, int(edge), places[point, edge], first + int(point)
    assert best is not None
    return best


def _joined(
    ring: FloatArray, at: tuple[int, FloatArray], hole: FloatArray, hole_at: tuple[int, FloatArray]
) -> FloatArray:
    """Ring up to its place, once round the hole, back, and on."""
    inner = _from(hole, *hole_at)
    if _winds_alike(ring, hole):
        inner = inner[::-1]
    edge, point = at
    return np.concatenate([ring[: edge + 1], [point], inner, inner[:1], [point], ring[edge + 1 :]])


def _from(hole: FloatArray, edge: int, point: FloatArray) -> FloatArray:
    """Ring of the hole that begins at a place on one of its edges."""
    turned = np.roll(hole, -edge, axis=0)
    if np.array_equal(turned[0], point):
        return turned
    return np.concatenate([[point], turned[1:], turned[:1]])


def _winds_alike(one: FloatArray, other: FloatArray) -> bool:
    return float(_area(one) @ _area(other)) > 0


def _area(ring: FloatArray) -> FloatArray:
    return np.asarray(np.cross(ring - ring[0], np.roll(ring, -1, axis=0) - ring[0]).sum(axis=0))

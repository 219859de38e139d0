"""Placing: which slice of a grid each contour belongs to, and where in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.contours.report import SegmentFill
from medvox.core.contour import ContourSet, PlanarContours, Region, SegmentContours
from medvox.core.grid import Grid

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
AnyArray = NDArray[Any]

ON_SLICE = 0.01
"""Parts of the slice distance within which a contour lies on its slice."""
FLAT = 0.1
"""Parts of the slice distance over which a contour may rise and still be parallel to the slices."""
SAME_PLANE = 0.1
"""Parts of the slice distance within which contours are drawn on one plane."""
SNAP = 2.0**20
"""Places are rounded to this part of a pixel, so that computed ties fall as exact ones do."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The contours of a segment in the slices of a grid.

    Parameters
    ----------
    places
        (n, 2) row and column of every point, pixel centres at whole numbers.
    ring_ends
        (rings,) where each ring ends among the points; the outer ring of a region, then its holes.
    regions
        (regions, 2): slice, and where the region ends among the rings; by slice.
    originals
        The regions in space.
    oblique
        Planes not parallel to the slices.
    account
        What was counted on the way.
    size
        Rows and columns of the grid.
    """

    places: FloatArray
    ring_ends: IntArray
    regions: IntArray
    originals: tuple[Region, ...]
    oblique: tuple[PlanarContours, ...]
    account: SegmentFill
    size: tuple[int, int]

    def outer_places(self, region: int) -> FloatArray:
        """(n, 2) places of the outer ring of a region."""
        ring = int(self.regions[region - 1, 1]) if region else 0
        start = int(self.ring_ends[ring - 1]) if ring else 0
        return self.places[start : int(self.ring_ends[ring])]

    def is_inside(self, region: int) -> bool:
        """Whether any of a region lies in the slice."""
        ring = self.outer_places(region)
        low, high = ring.min(axis=0), ring.max(axis=0)
        return bool((high > -0.5).all() and (low < np.array(self.size) - 0.5).all())


@dataclass(frozen=True, slots=True)
class _Where:
    """Slice and depth of each plane."""

    slices: IntArray
    offsets_mm: FloatArray
    rises_mm: FloatArray
    extents_mm: FloatArray


def place(part: SegmentContours, grid: Grid, wound: bool = False) -> Placed:
    """Find slice and place of every region of a segment.

    A plane belongs to the slice in whose extent (to the midpoints between slices) it lies. Of several planes
    in one slice those nearest to its middle count.

    Parameters
    ----------
    wound
        Turn rings so that outer ones wind one way and holes the other.
    """
    planes = [plane for plane in part.planes if plane.regions]
    if not planes:
        return _nothing(grid)
    where = _locate(planes, grid)
    oblique = where.rises_mm > FLAT * where.extents_mm
    outside = (np.abs(where.offsets_mm) > where.extents_mm * 0.500001) & ~oblique
    beside = _beside(where, oblique | outside)
    used = np.flatnonzero(~(oblique | outside | beside))
    used = used[np.argsort(where.slices[used], kind="stable")]
    off = np.abs(where.offsets_mm[used]) > ON_SLICE * where.extents_mm[used]
    filled = np.unique(where.slices[used])
    account = SegmentFill(
        part.segment.name,
        off_slice=int(off.sum()),
        farthest_mm=float(np.abs(where.offsets_mm[used][off]).max(initial=0.0)),
        beside=int(beside.sum()),
        oblique=int(oblique.sum()),
        outside=int(outside.sum()),
        gaps=int(filled[-1] - filled[0] + 1 - len(filled)) if len(filled) else 0,
    )
    tilted = tuple(planes[n] for n in np.flatnonzero(oblique).tolist())
    chosen = [(int(where.slices[n]), region) for n in used.tolist() for region in planes[n].regions]
    return _placed(chosen, tilted, grid, account, wound)


def _nothing(grid: Grid) -> Placed:
    size = (grid.shape[1], grid.shape[2])
    none = np.zeros((0, 2))
    return Placed(none, np.zeros(0, np.int64), none.astype(np.int64), (), (), SegmentFill(""), size)


def _locate(planes: list[PlanarContours], grid: Grid) -> _Where:
    outers = [[region.outer for region in plane.regions] for plane in planes]
    starts = np.cumsum([0] + [sum(map(len, rings)) for rings in outers])[:-1]
    depths = np.concatenate(list(chain.from_iterable(outers))) @ grid.normal
    low, high = np.minimum.reduceat(depths, starts), np.maximum.reduceat(depths, starts)
    middle = (low + high) / 2
    levels = grid.depths_mm
    borders = (levels[1:] + levels[:-1]) / 2
    slices = np.searchsorted(borders, middle, side="left")
    return _Where(slices, middle - levels[slices], high - low, grid.slice_extents_mm[slices])


def _beside(where: _Where, out: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Planes that are farther from the middle of their slice than another one of it."""
    nearest: dict[int, float] = {}
    for n in np.flatnonzero(~out).tolist():
        k, offset = int(where.slices[n]), float(where.offsets_mm[n])
        if k not in nearest or abs(offset) < abs(nearest[k]):
            nearest[k] = offset
    best = np.array([nearest.get(int(k), np.inf) for k in where.slices])
    return np.asarray((np.abs(where.offsets_mm - best) > SAME_PLANE * where.extents_mm) & ~out)


def _placed(
    chosen: list[tuple[int, Region]],
    oblique: tuple[PlanarContours, ...],
    grid: Grid,
    account: SegmentFill,
    wound: bool,
) -> Placed:
    if not chosen:
        empty = _nothing(grid)
        return Placed(empty.places, empty.ring_ends, empty.regions, (), oblique, account, empty.size)
    rings = [ring for _, region in chosen for ring in (region.outer, *region.holes)]
    ring_ends = np.cumsum([len(ring) for ring in rings])
    counts = np.array([1 + len(region.holes) for _, region in chosen])
    slices = np.array([k for k, _ in chosen])
    per_point = np.repeat(np.repeat(slices, counts), np.diff(ring_ends, prepend=0))
    places = _in_slices(np.concatenate(rings), per_point, grid)
    if wound:
        places = _wind(places, ring_ends, counts)
    regions = np.stack([slices, np.cumsum(counts)], axis=1)
    size = (grid.shape[1], grid.shape[2])
    clipped = _count_clipped(places, ring_ends, regions, size)
    account = replace(account, clipped=clipped)
    return Placed(places, ring_ends, regions, tuple(r for _, r in chosen), oblique, account, size)


def _in_slices(points_mm: FloatArray, slices: IntArray, grid: Grid) -> FloatArray:
    """Rows and columns of points dropped onto slices."""
    in_plane = np.linalg.pinv(grid.affine[:3, 1:3])
    places = (points_mm - grid.origins_mm[slices]) @ in_plane.T
    return np.asarray(np.rint(places * SNAP) / SNAP)


def spans_of_regions(contours: ContourSet, grid: Grid) -> list[AnyArray]:
    """(n, 3) row, first, last of the pixels of every region, each in the slice nearest to it."""
    from medvox.contours.fill_kernels import fill_regions

    regions = [r for part in contours.segments for plane in part.planes for r in plane.regions]
    if not regions:
        return []
    rings = [ring for region in regions for ring in (region.outer, *region.holes)]
    ring_ends = np.cumsum([len(ring) for ring in rings])
    counts = np.array([1 + len(region.holes) for region in regions])
    depths = np.array([float(region.outer[0] @ grid.normal) for region in regions])
    borders = (grid.depths_mm[1:] + grid.depths_mm[:-1]) / 2
    slices = np.searchsorted(borders, depths)
    per_point = np.repeat(np.repeat(slices, counts), np.diff(ring_ends, prepend=0))
    places = _in_slices(np.concatenate(rings), per_point, grid)
    numbered = np.stack([np.arange(len(regions)), np.cumsum(counts)], axis=1)
    spans, _ = fill_regions(places, ring_ends, numbered, (grid.shape[1], grid.shape[2]))
    return np.split(spans[:, 1:], np.searchsorted(spans[:, 0], np.arange(1, len(regions))).tolist())


def _wind(places: FloatArray, ring_ends: IntArray, counts: IntArray) -> FloatArray:
    """Turn rings around so that outer ones have positive area and holes negative."""
    outer = np.zeros(len(ring_ends), bool)
    outer[np.cumsum(counts) - counts] = True
    starts = ring_ends - np.diff(ring_ends, prepend=0)
    wound = places.copy()
    for start, end, positive in zip(starts.tolist(), ring_ends.tolist(), outer.tolist(), strict=True):
        ring = places[start:end]
        following = np.roll(ring, -1, axis=0)
        area = float((ring[:, 0] * following[:, 1] - ring[:, 1] * following[:, 0]).sum())
        if (area > 0) != positive:
            wound[start:end] = ring[::-1]
    return wound


def _count_clipped(places: FloatArray, ring_ends: IntArray, regions: IntArray, size: tuple[int, int]) -> int:
    """Regions that reach more than a rounding beyond the outer edges of the slice's pixels."""
    most = np.array(size) - 0.5 + 1e-6
    beyond = np.flatnonzero(((places < -0.5 - 1e-6) | (places > most)).any(axis=1))
    rings = np.searchsorted(ring_ends, beyond, side="right")
    return len(np.unique(np.searchsorted(regions[:, 1], rings, side="right")))

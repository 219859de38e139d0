"""Flat: all lines of a contour set as one array of points, for work on every line alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from medvox.core.contour import ContourSet, PlanarContours, Region

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Flat:
    """Lines of a contour set one after another: each plane's regions (outer ring, holes), then its curves.

    Parameters
    ----------
    lines
        (n, 3) each.
    closed
        (lines,) whether each is a ring.
    planes
        (lines,) running number of the plane of each.
    regions
        (lines,) running number of the region of each; -1 for curves.
    """

    lines: tuple[FloatArray, ...]
    closed: NDArray[np.bool_]
    planes: NDArray[np.int64]
    regions: NDArray[np.int64]

    @classmethod
    def of(cls, contours: ContourSet) -> Flat:
        """Take a contour set apart."""
        lines: list[FloatArray] = []
        closed: list[bool] = []
        planes: list[int] = []
        regions: list[int] = []
        count = 0
        for number, plane in enumerate(_planes(contours)):
            rings = [ring for region in plane.regions for ring in (region.outer, *region.holes)]
            lines += [*rings, *plane.curves]
            closed += [True] * len(rings) + [False] * len(plane.curves)
            planes += [number] * (len(rings) + len(plane.curves))
            for region in plane.regions:
                regions += [count] * (1 + len(region.holes))
                count += 1
            regions += [-1] * len(plane.curves)
        numbers = np.array(planes, np.int64), np.array(regions, np.int64)
        return cls(tuple(lines), np.array(closed, bool), *numbers)

    @property
    def ends(self) -> NDArray[np.int64]:
        """(lines,) where each line ends among all points."""
        return np.cumsum([len(line) for line in self.lines], dtype=np.int64)

    @property
    def points(self) -> FloatArray:
        """(n, 3) all points."""
        return np.concatenate(self.lines) if self.lines else np.zeros((0, 3))

    @property
    def area_mm2(self) -> float:
        """Area of all regions: outer rings less holes."""
        if not self.lines:
            return 0.0
        ends, points = self.ends, self.points
        starts = ends - np.diff(ends, prepend=0)
        following = np.arange(1, len(points) + 1)
        following[ends - 1] = starts
        moved = points - np.repeat(points[starts], ends - starts, axis=0)
        crossed = np.add.reduceat(np.cross(moved, moved[following]), starts, axis=0)
        areas = np.linalg.norm(crossed, axis=1) / 2
        outer = np.diff(self.regions, prepend=-1) != 0
        return float(areas[outer & self.closed].sum() - areas[~outer & self.closed].sum())

    def back(self, contours: ContourSet, lines: Sequence[FloatArray]) -> ContourSet:
        """Put changed lines in the places that they were taken from."""
        rest = iter(lines)
        return map_planes(contours, lambda plane: _refill(plane, rest))


def _planes(contours: ContourSet) -> Iterator[PlanarContours]:
    for part in contours.segments:
        yield from part.planes


def map_planes(contours: ContourSet, change: Callable[[PlanarContours], PlanarContours]) -> ContourSet:
    """Change every plane."""
    parts = tuple(
        replace(part, planes=tuple(change(plane) for plane in part.planes)) for part in contours.segments
    )
    return replace(contours, segments=parts)


def _refill(plane: PlanarContours, lines: Iterator[FloatArray]) -> PlanarContours:
    regions = tuple(Region(next(lines), tuple(next(lines) for _ in r.holes)) for r in plane.regions)
    return replace(plane, regions=regions, curves=tuple(next(lines) for _ in plane.curves))


def invalid_planes(contours: ContourSet) -> NDArray[np.bool_]:
    """(planes,) whether the rings of each plane cross themselves or each other."""
    planes = list(_planes(contours))
    if not planes:
        return np.zeros(0, bool)
    shapes: list[shapely.Polygon] = []
    owners: list[int] = []
    for number, plane in enumerate(planes):
        if not plane.regions:
            continue
        extent = np.ptp(plane.regions[0].outer, axis=0)
        kept = np.sort(np.argsort(extent, kind="stable")[1:])
        for region in plane.regions:
            shapes.append(shapely.Polygon(region.outer[:, kept], [h[:, kept] for h in region.holes]))
            owners.append(number)
    wrong = np.zeros(len(planes), bool)
    if shapes:
        each = np.array(shapes, dtype=object)
        of_plane = np.array(owners)
        wrong[of_plane[~shapely.is_valid(each)]] = True
        several = np.isin(of_plane, np.flatnonzero(np.bincount(of_plane) > 1)) & ~wrong[of_plane]
        if several.any():
            names, numbers = np.unique(of_plane[several], return_inverse=True)
            wrong[names[~shapely.is_valid(shapely.multipolygons(each[several], indices=numbers))]] = True
    return wrong

"""Boolean operations on regions and clipping, by shapely, plane by plane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from medvox.contours.assemble import regions_of
from medvox.contours.planes import Plane
from medvox.core.contour import PlanarContours, Region, SegmentContours
from medvox.core.errors import UsageError
from medvox.core.labels import Segment

FloatArray = NDArray[np.float64]
Operation = Literal["union", "intersection", "difference", "xor"]
SAME_MM = 0.05
"""Planes closer than this are one plane."""
_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "union": shapely.union,
    "intersection": shapely.intersection,
    "difference": shapely.difference,
    "xor": shapely.symmetric_difference,
}


def combine(
    one: SegmentContours, other: SegmentContours, operation: Operation, segment: Segment | None = None
) -> SegmentContours:
    """Combine the regions of two segments, plane by plane.

    A plane that only one segment has is combined with nothing. Open curves of the first segment stay.

    Parameters
    ----------
    operation
        What to keep: of either, of both, of the first without the second, of one but not both.
    segment
        Name of the result; that of the first if None.

    Raises
    ------
    UsageError
        If the operation is none of those named.
    """
    if operation not in _OPERATIONS:
        raise UsageError("no such operation", got=operation, expected=list(_OPERATIONS))
    rest = [(plane_of_contours(plane), plane) for plane in other.planes if plane.regions]
    planes = []
    for drawn in one.planes:
        if not drawn.regions:
            planes.append(drawn)
            continue
        plane = plane_of_contours(drawn)
        near = [pair for pair in rest if pair[0].is_close(plane, SAME_MM)]
        rest = [pair for pair in rest if not pair[0].is_close(plane, SAME_MM)]
        second = shapely.union_all([solid_of(found, plane) for _, found in near])
        made = regions_of(_OPERATIONS[operation](solid_of(drawn, plane), second), plane)
        planes.append(replace(drawn, regions=made))
    if operation in ("union", "xor"):
        planes += [drawn for _, drawn in rest]
    kept = tuple(plane for plane in planes if plane.regions or plane.curves)
    return SegmentContours(segment or one.segment, kept)


def clip(contours: SegmentContours, window_mm: tuple[FloatArray, FloatArray]) -> SegmentContours:
    """Cut regions and curves off at a box.

    Parameters
    ----------
    window_mm
        Lowest and highest corner, LPS mm; planes beside it are dropped.

    Raises
    ------
    UsageError
        If the box is empty.
    """
    low, high = (np.asarray(corner, np.float64) for corner in window_mm)
    if low.shape != (3,) or high.shape != (3,) or not (low < high).all():
        raise UsageError("a box needs a lowest and a highest corner", got=window_mm)
    planes = []
    for drawn in contours.planes:
        regions = [_clipped(region.outer, region.holes, low, high) for region in drawn.regions]
        curves = [_clipped_curve(curve, low, high) for curve in drawn.curves]
        made = replace(
            drawn,
            regions=tuple(r for found in regions for r in found),
            curves=tuple(c for found in curves for c in found),
        )
        if made.regions or made.curves:
            planes.append(made)
    return replace(contours, planes=tuple(planes))


def plane_of_contours(drawn: PlanarContours) -> Plane:
    """Plane of the regions of a plane."""
    return Plane.fit(np.concatenate([region.outer for region in drawn.regions]))


def solid_of(drawn: PlanarContours, plane: Plane) -> Any:
    """Regions as one valid shape in two dimensions."""
    solids = [shapely.Polygon(plane.flat(r.outer), [plane.flat(h) for h in r.holes]) for r in drawn.regions]
    return shapely.union_all(shapely.make_valid(np.array(solids, dtype=object)))


def _clipped(
    outer: FloatArray, holes: tuple[FloatArray, ...], low: FloatArray, high: FloatArray
) -> tuple[Region, ...]:
    plane = Plane.fit(outer)
    shape = shapely.make_valid(shapely.Polygon(plane.flat(outer), [plane.flat(hole) for hole in holes]))
    return regions_of(shapely.intersection(shape, _window(plane, outer, low, high)), plane)


def _window(plane: Plane, points: FloatArray, low: FloatArray, high: FloatArray) -> Any:
    """Part of a plane inside a box, seen flat: the plane's own extent, cut by each side of the box."""
    flat = plane.flat(points)
    x0, y0 = flat.min(axis=0) - 1
    x1, y1 = flat.max(axis=0) + 1
    ring = plane.lift(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]))
    for axis in range(3):
        for side, limit in ((1.0, low[axis]), (-1.0, -high[axis])):
            ring = _half(ring, side * ring[:, axis] - limit)
            if len(ring) < 3:
                return shapely.Polygon()
    return shapely.Polygon(plane.flat(ring))


def _half(ring: FloatArray, inside: FloatArray) -> FloatArray:
    """Part of a convex ring where `inside` is not negative (Sutherland and Hodgman, CACM 17, 1974)."""
    kept: list[FloatArray] = []
    for n in range(len(ring)):
        before, here = float(inside[n - 1]), float(inside[n])
        if (before < 0) != (here < 0):
            part = before / (before - here)
            kept.append(ring[n - 1] + part * (ring[n] - ring[n - 1]))
        if here >= 0:
            kept.append(ring[n])
    return np.array(kept).reshape(-1, 3)


def _clipped_curve(curve: FloatArray, low: FloatArray, high: FloatArray) -> list[FloatArray]:
    """Pieces of a curve inside a box."""
    if len(curve) == 1:
        return [curve] if ((curve[0] >= low) & (curve[0] <= high)).all() else []
    pieces: list[list[FloatArray]] = [[]]
    for a, b in pairwise(curve):
        step = b - a
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = np.sort(np.stack([(low - a) / step, (high - a) / step]), axis=0)
        still = step == 0
        ends[:, still] = np.where((a >= low) & (a <= high), [[-np.inf], [np.inf]], [[np.inf], [-np.inf]])[
            :, still
        ]
        first, last = max(0.0, float(ends[0].max())), min(1.0, float(ends[1].min()))
        if first >= last:
            pieces.append([])
            continue
        if not pieces[-1] or first > 0:
            pieces.append([a + first * step])
        pieces[-1].append(a + last * step)
    return [np.array(piece) for piece in pieces if len(piece) > 1]

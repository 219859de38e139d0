"""Editing: move, turn, scale, copy to other planes; nodes of a ring; split and join."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from medvox.contours.assemble import regions_of
from medvox.contours.planes import Plane
from medvox.core.contour import PlanarContours, Region
from medvox.core.errors import GeometryError, UsageError

FloatArray = NDArray[np.float64]


def move(drawn: PlanarContours, by_mm: ArrayLike) -> PlanarContours:
    """Move all lines of a plane by (x, y, z) mm; the source slice stays only where the plane does."""
    step = np.asarray(by_mm, np.float64)
    if step.shape != (3,) or not np.isfinite(step).all():
        raise UsageError("a move is three lengths in mm", got=by_mm)
    return _changed(drawn, lambda points: points + step)


def copy_to(drawn: PlanarContours, through_mm: ArrayLike) -> PlanarContours:
    """Copy lines along the normal of their plane to the parallel plane through a point."""
    plane = _plane(drawn)
    away = float(np.asarray(through_mm, np.float64) @ plane.normal) - plane.depth_mm
    return replace(_changed(drawn, lambda points: points + away * plane.normal), source=None)


def rotate(drawn: PlanarContours, degrees: float, about_mm: ArrayLike | None = None) -> PlanarContours:
    """Turn lines in their plane, right-handed about its normal; about their centre if no point is given."""
    plane, angle = _plane(drawn), np.deg2rad(degrees)
    center = _center(drawn) if about_mm is None else np.asarray(about_mm, np.float64)
    x, y, z = plane.normal
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    matrix = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return _changed(drawn, lambda points: (points - center) @ matrix.T + center)


def scale(drawn: PlanarContours, factor: float, about_mm: ArrayLike | None = None) -> PlanarContours:
    """Make lines larger or smaller in their plane.

    Raises
    ------
    UsageError
        If the factor is not positive.
    """
    if not 0 < factor < np.inf:
        raise UsageError("a factor is a positive number", got=factor)
    center = _center(drawn) if about_mm is None else np.asarray(about_mm, np.float64)
    return _changed(drawn, lambda points: (points - center) * factor + center)


def split(drawn: PlanarContours, line_mm: ArrayLike) -> PlanarContours:
    """Cut regions apart along a line of (n >= 2, 3) points that crosses them.

    Raises
    ------
    GeometryError
        If the line divides nothing.
    """
    plane = _plane(drawn)
    blade = shapely.LineString(plane.flat(np.asarray(line_mm, np.float64)))
    made: list[Region] = []
    cut = 0
    for region in drawn.regions:
        solid = shapely.Polygon(plane.flat(region.outer), [plane.flat(hole) for hole in region.holes])
        faces = shapely.get_parts(shapely.polygonize([shapely.union(solid.boundary, blade)]))
        inside = [face for face in faces if solid.contains(face.representative_point())]
        if len(inside) > 1:
            cut += 1
            made += [r for face in inside for r in regions_of(face, plane)]
        else:
            made.append(region)
    if not cut:
        raise GeometryError("the line divides no region", advice="Draw it from outside to outside")
    return replace(drawn, regions=tuple(made))


def join(drawn: PlanarContours, width_mm: float = 0.0) -> PlanarContours:
    """Make one region of all that overlap, touch, or are closer than a width (bridged, corners kept)."""
    plane = _plane(drawn)
    solids = [shapely.Polygon(plane.flat(r.outer), [plane.flat(h) for h in r.holes]) for r in drawn.regions]
    joined = shapely.union_all(solids)
    if width_mm > 0:
        closed = joined.buffer(width_mm / 2, join_style="mitre").buffer(-width_mm / 2, join_style="mitre")
        joined = joined.union(closed)
    return replace(drawn, regions=regions_of(joined, plane))


def move_node(ring: FloatArray, node: int, to_mm: ArrayLike) -> FloatArray:
    """Put one point of a ring elsewhere."""
    made = ring.copy()
    made[_node(ring, node)] = to_mm
    return made


def insert_node(ring: FloatArray, after: int, at_mm: ArrayLike) -> FloatArray:
    """Add a point after another one."""
    return np.insert(ring, _node(ring, after) + 1, np.asarray(at_mm, np.float64), axis=0)


def delete_node(ring: FloatArray, node: int) -> FloatArray:
    """Take a point out of a ring.

    Raises
    ------
    GeometryError
        If only two would be left.
    """
    if len(ring) <= 3:
        raise GeometryError("a ring needs three points", got=len(ring) - 1)
    return np.delete(ring, _node(ring, node), axis=0)


def _node(ring: FloatArray, node: int) -> int:
    if not 0 <= node < len(ring):
        raise UsageError("no such point in the ring", got=node, expected=f"0 to {len(ring) - 1}")
    return node


def _changed(drawn: PlanarContours, change: Callable[[FloatArray], FloatArray]) -> PlanarContours:
    regions = tuple(Region(change(r.outer), tuple(change(h) for h in r.holes)) for r in drawn.regions)
    return replace(drawn, regions=regions, curves=tuple(change(curve) for curve in drawn.curves))


def _lines(drawn: PlanarContours) -> FloatArray:
    lines = [*(region.outer for region in drawn.regions), *drawn.curves]
    if not lines:
        raise GeometryError("the plane holds no lines")
    return np.concatenate(lines)


def _plane(drawn: PlanarContours) -> Plane:
    return Plane.fit(_lines(drawn))


def _center(drawn: PlanarContours) -> FloatArray:
    lines = _lines(drawn)
    return np.asarray((lines.min(axis=0) + lines.max(axis=0)) / 2)

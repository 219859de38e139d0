"""Assembling: from the loose rings that other systems write to regions with holes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from medvox.contours.planes import Plane, plane_of
from medvox.core.contour import Region
from medvox.core.errors import GeometryError, UsageError
from medvox.core.finding import Finding, Level

FloatArray = NDArray[np.float64]
Holes = Literal["auto", "xor", "keyhole"]
FLAT_MM = 0.1
"""Distance of a point from the plane of its ring from which on it is told."""


def assemble(
    rings: Sequence[FloatArray], rule: Holes = "auto", where: str = "contours"
) -> tuple[tuple[Region, ...], tuple[Finding, ...]]:
    """Regions that the closed rings of one segment in one plane stand for.

    Rings that neither cross nor touch themselves or others keep every point as it is, in either winding.

    Parameters
    ----------
    rings
        (n, 3) LPS mm each, all in one plane, in any order; a repeated last point is allowed.
    rule
        ``"xor"``: inside is what an odd number of rings enclose (CLOSEDPLANAR_XOR, PS3.3 C.8.8.6).
        ``"keyhole"``: each ring stands for itself, holes being joined to it by a channel of no width
        (PS3.3 C.8.8.6.3); all are joined, a ring inside another one adds nothing.
        ``"auto"``: keyholes are opened, a ring wholly inside another one is a hole (in a hole: an island),
        rings that overlap in part are joined. This is what writers of CLOSED_PLANAR mean in practice.
    where
        Named in the findings, e.g. the segment and slice; no patient data.

    Returns
    -------
    regions
        None of them overlaps another.
    findings
        What was nested, joined, crossing, without area or not flat; with counts.

    Raises
    ------
    UsageError
        If the rule is none of those named.
    GeometryError
        If points are not finite (n, 3).
    """
    if rule not in ("auto", "xor", "keyhole"):
        raise UsageError("no such rule for rings", got=rule, expected=["auto", "xor", "keyhole"])
    told = _Told(where)
    opened = [_open(np.asarray(ring, dtype=np.float64)) for ring in rings]
    solid = [ring for ring in opened if len(ring) >= 3]
    told.add(
        "contour-degenerate", Level.WARNING, len(opened) - len(solid), "rings of fewer than three points"
    )
    if not solid:
        return (), told.findings()
    plane = plane_of(solid)
    away = max(float(np.abs(plane.distances_mm(ring)).max()) for ring in solid)
    if away > FLAT_MM:
        told.say(
            "contour-not-flat", Level.WARNING, f"points lie up to {away:.4g} mm off the plane of their ring"
        )
    flat = [plane.flat(ring) for ring in solid]
    polygons = shapely.polygons([shapely.linearrings(ring) for ring in flat])
    if shapely.is_valid(polygons).all() and _apart(polygons):
        return _nest(solid, polygons, rule, told), told.findings()
    return _resolve(polygons, plane, rule, told), told.findings()


class _Told:
    """Gathers findings."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.found: list[Finding] = []

    def say(self, code: str, level: Level, text: str) -> None:
        """Note one finding."""
        self.found.append(Finding(code, level, self.where, f"{text[0].upper()}{text[1:]}."))

    def add(self, code: str, level: Level, count: int, text: str) -> None:
        """Note a count where there is something to count."""
        if count:
            self.say(code, level, f"{count} {text}")

    def findings(self) -> tuple[Finding, ...]:
        """All of them."""
        return tuple(self.found)


def _open(ring: FloatArray) -> FloatArray:
    """Drop repeated neighbors and a repeated last point."""
    if ring.ndim != 2 or ring.shape[1] != 3 or not np.isfinite(ring).all():
        raise GeometryError("contour points do not fit", got=ring.shape, expected="finite (n, 3)")
    if len(ring) < 2:
        return ring
    same = (ring == np.roll(ring, 1, axis=0)).all(axis=1)
    return ring[~same] if not same.all() else ring[:1]


def _apart(polygons: Any) -> bool:
    """Whether the outlines neither cross nor touch each other."""
    if len(polygons) == 1:
        return True
    outlines = shapely.get_exterior_ring(polygons)
    one, other = shapely.STRtree(outlines).query(outlines, predicate="intersects")
    return bool((one == other).all())


def _nest(rings: Sequence[FloatArray], polygons: Any, rule: Holes, told: _Told) -> tuple[Region, ...]:
    """Regions of rings that do not touch: depth of nesting decides; no point moves."""
    parents = _parents(polygons)
    depths = [_depth(n, parents) for n in range(len(rings))]
    nested = sum(depth > 0 for depth in depths)
    if rule == "keyhole":
        told.add(
            "contour-nested", Level.WARNING, nested, "rings lie inside others and add nothing (rule keyhole)"
        )
        return tuple(Region(ring) for ring, depth in zip(rings, depths, strict=True) if depth == 0)
    if rule == "auto":
        told.add("contour-nested", Level.INFO, nested, "rings lie inside others: taken as holes and islands")
    holes: dict[int, list[FloatArray]] = {}
    for n, depth in enumerate(depths):
        if depth % 2:
            holes.setdefault(parents[n], []).append(rings[n])
    return tuple(
        Region(ring, tuple(holes.get(n, ())))
        for n, (ring, depth) in enumerate(zip(rings, depths, strict=True))
        if depth % 2 == 0
    )


def _parents(polygons: Any) -> list[int]:
    """Smallest polygon around each one, -1 if there is none."""
    parents = [-1] * len(polygons)
    if len(polygons) == 1:
        return parents
    areas = shapely.area(polygons)
    points = shapely.get_point(shapely.get_exterior_ring(polygons), 0)
    inner, around = shapely.STRtree(polygons).query(points, predicate="within")
    order = np.argsort(-areas[around], kind="stable")
    for n, p in zip(inner[order].tolist(), around[order].tolist(), strict=True):
        if p != n:
            parents[n] = p
    return parents


def _depth(n: int, parents: list[int]) -> int:
    depth = 0
    while parents[n] >= 0:
        n = parents[n]
        depth += 1
    return depth


def _resolve(polygons: Any, plane: Plane, rule: Holes, told: _Told) -> tuple[Region, ...]:
    """Regions of rings that cross or touch: computed from their areas."""
    valid = shapely.is_valid(polygons)
    repaired = []
    for polygon, good in zip(polygons, valid.tolist(), strict=True):
        solid = polygon if good else _areas_of(shapely.make_valid(polygon, method="linework"))
        if not good:
            _tell_repair(polygon, solid, told)
        repaired.append(solid)
    if rule == "xor":
        joined = _xor(repaired)
    elif rule == "keyhole":
        joined = shapely.union_all(repaired)
    else:
        joined = _join(repaired, told)
    return regions_of(joined, plane)


def _tell_repair(polygon: Any, solid: Any, told: _Told) -> None:
    if solid.is_empty:
        told.say("contour-degenerate", Level.WARNING, "a ring encloses no area")
    elif _passes_twice(polygon):
        told.say("contour-keyhole", Level.INFO, "a keyhole was opened")
    else:
        told.say(
            "contour-crossing",
            Level.WARNING,
            f"a ring crosses itself ({len(polygon.exterior.coords) - 1} points)",
        )


def _passes_twice(polygon: Any) -> bool:
    """Whether a ring runs along one line in both directions, as keyholes do, without crossing itself."""
    outline = polygon.exterior
    return bool(shapely.unary_union(outline).length < outline.length * (1 - 1e-9))


def _areas_of(shape: Any) -> Any:
    """Only the areas of a shape: lines and points that a repair leaves over enclose nothing."""
    parts = [part for part in shapely.get_parts(shape) if part.geom_type.endswith("Polygon")]
    return shapely.union_all(parts) if parts else shapely.Polygon()


def _xor(solids: Sequence[Any]) -> Any:
    joined = shapely.Polygon()
    for solid in solids:
        joined = shapely.symmetric_difference(joined, solid)
    return _areas_of(joined)


def _join(solids: Sequence[Any], told: _Told) -> Any:
    """Large to small: what lies wholly inside is taken out, what overlaps in part is joined."""
    joined: Any = shapely.Polygon()
    nested = crossing = 0
    for solid in sorted((s for s in solids if not s.is_empty), key=lambda s: -s.area):
        if shapely.covers(joined, solid):
            joined = shapely.difference(joined, solid)
            nested += 1
        else:
            crossing += bool(shapely.area(shapely.intersection(joined, solid)) > 0)
            joined = shapely.union(joined, solid)
    told.add("contour-nested", Level.INFO, nested, "rings lie inside others: taken as holes and islands")
    told.add("contour-overlap", Level.WARNING, crossing, "rings overlap others in part: joined")
    return _areas_of(joined)


def regions_of(shape: Any, plane: Plane) -> tuple[Region, ...]:
    """Regions of the polygons of a shape in two dimensions, lifted into space."""
    regions = []
    for part in shapely.get_parts(shape):
        if part.geom_type != "Polygon" or part.is_empty:
            continue
        rings = [plane.lift(np.asarray(r.coords)[:-1]) for r in (part.exterior, *part.interiors)]
        regions.append(Region(rings[0], tuple(rings[1:])))
    return tuple(regions)

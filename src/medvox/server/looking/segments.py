"""Segments of the objects of a session, cached, as the client gets them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from medvox.core.contour import FloatArray, Region
from medvox.core.errors import MedvoxError, MissingError, UsageError
from medvox.core.grid import Grid
from medvox.core.study import Instance, Series
from medvox.server import types as api
from medvox.server.catalog import ImageEntry
from medvox.server.errors import relative_text
from medvox.server.session import ViewerSession
from medvox.workflows.segments import (
    SegmentFacts,
    ShownSegments,
    belongs,
    kind_of,
    on_plane,
    on_slice,
    read_segments,
)

DECIMALS = 5
"""Of a millimetre in outlines."""


class PlaneQuery(BaseModel):
    """A stored slice `k`, or the plane through `x`, `y`, `z` with the normal `nx`, `ny`, `nz`; LPS mm."""

    model_config = ConfigDict(extra="forbid")

    k: int | None = Field(None, ge=0, lt=2**31)
    x: float = Field(0, allow_inf_nan=False)
    y: float = Field(0, allow_inf_nan=False)
    z: float = Field(0, allow_inf_nan=False)
    nx: float = Field(0, allow_inf_nan=False)
    ny: float = Field(0, allow_inf_nan=False)
    nz: float = Field(0, allow_inf_nan=False)


@dataclass(frozen=True, slots=True, eq=False)
class _Object:
    id: str
    kind: str
    series: Series
    instance: Instance


def listed(session: ViewerSession, entry: ImageEntry) -> list[api.SegmentObject]:
    """List the objects whose segments lie on an image; what cannot be read says why."""
    grid = entry.image.grid
    if grid.space != "patient":
        return []
    return [_told(session, entry, one) for one in _objects(session, entry)]


def outlines(
    session: ViewerSession, entry: ImageEntry, object_id: str, plane: PlaneQuery
) -> api.PlaneOutlines:
    """Return the outlines of an object's segments in one plane.

    Raises
    ------
    MissingError
        If there is no such object or slice.
    UsageError
        If the plane has no direction.
    """
    one = next((o for o in _objects(session, entry) if o.id == object_id), None)
    if one is None or entry.image.grid.space != "patient":
        raise MissingError("no such segments lie on the image", advice="Choose some out of the list")
    shown, grid = _read(session, entry, one), entry.image.grid
    found = _on_slice(shown, grid, plane.k) if plane.k is not None else _on_plane(shown, grid, plane)
    return api.PlaneOutlines(
        segments=[
            api.SegmentOutlines(id=n, regions=[_region(r) for r in regions])
            for n, regions in enumerate(found)
            if regions
        ]
    )


def _on_slice(shown: ShownSegments, grid: Grid, k: int) -> list[tuple[Region, ...]]:
    if k >= grid.shape[0]:
        raise MissingError("no such slice", got=k, expected=f"0..{grid.shape[0] - 1}")
    return on_slice(shown, grid, k)


def _on_plane(shown: ShownSegments, grid: Grid, plane: PlaneQuery) -> list[tuple[Region, ...]]:
    normal = np.array([plane.nx, plane.ny, plane.nz])
    length = float(np.linalg.norm(normal))
    if length < 1e-6:
        raise UsageError("the plane has no direction", expected="k, or x, y, z and nx, ny, nz")
    return on_plane(shown, grid, np.array([plane.x, plane.y, plane.z]), normal / length)


def _objects(session: ViewerSession, entry: ImageEntry) -> Iterator[_Object]:
    for series_id, series in session.catalog.series.items():
        for n, instance in enumerate(series.instances):
            kind = kind_of(series, instance)
            if kind is not None and _belongs(session, entry, series, instance):
                yield _Object(f"{series_id}-{n}", kind, series, instance)


def _belongs(session: ViewerSession, entry: ImageEntry, series: Series, instance: Instance) -> bool:
    key = ("segments of", entry.image, instance, _changed(instance))
    found: bool = session.store.cache.get(key, lambda: (belongs(series, instance, entry.image), 64))
    return found


def _read(session: ViewerSession, entry: ImageEntry, one: _Object) -> ShownSegments:
    def make() -> tuple[ShownSegments, int]:
        shown = read_segments(one.kind, one.instance, entry.image.grid)
        return shown, shown.nbytes

    key = ("segments", entry.image, one.instance, _changed(one.instance))
    found: ShownSegments = session.store.cache.get(key, make)
    return found


def _changed(instance: Instance) -> int:
    path = Path(instance.file.partition("!/")[0])
    return path.stat().st_mtime_ns if path.exists() else 0


def _told(session: ViewerSession, entry: ImageEntry, one: _Object) -> api.SegmentObject:
    facts: tuple[SegmentFacts, ...] = ()
    problem = None
    try:
        facts = _read(session, entry, one).facts
    except MedvoxError as error:
        problem = relative_text(error.reason, session.roots)
    return api.SegmentObject(
        id=one.id,
        kind="SEG" if one.kind == "SEG" else "RTSTRUCT" if one.kind == "RTSTRUCT" else "labels",
        name=one.series.description or Path(one.instance.file).name,
        segments=[_segment(n, fact) for n, fact in enumerate(facts)],
        problem=problem,
    )


def _segment(n: int, fact: SegmentFacts) -> api.ListedSegment:
    red, green, blue = fact.segment.color
    return api.ListedSegment(
        id=n,
        name=fact.segment.name,
        color=f"#{red:02x}{green:02x}{blue:02x}",
        volume_ml=fact.volume_ml,
        center_mm=fact.center_mm,
    )


def _region(region: Region) -> api.OutlineRegion:
    return api.OutlineRegion(outer=_ring(region.outer), holes=[_ring(hole) for hole in region.holes])


def _ring(points_mm: FloatArray) -> list[api.Point]:
    return [(x, y, z) for x, y, z in points_mm.round(DECIMALS).tolist()]

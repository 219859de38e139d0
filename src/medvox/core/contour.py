"""ContourSet: planar outlines with exact topology, in LPS mm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medvox.core.errors import GeometryError
from medvox.core.labels import Segment
from medvox.core.notebook import html_repr
from medvox.core.provenance import SliceSource

FloatArray = NDArray[np.float64]


def _points(points_mm: ArrayLike, at_least: int) -> FloatArray:
    points = np.array(points_mm, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or len(points) < at_least or not np.isfinite(points).all():
        raise GeometryError(
            "contour points do not fit", got=points.shape, expected=f"finite (n >= {at_least}, 3)"
        )
    points.setflags(write=False)
    return points


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """One area of a plane: an outer ring and the holes in it. An island in a hole is a region of its own.

    Parameters
    ----------
    outer
        (n >= 3, 3) LPS mm; the first point is not repeated at the end.
    holes
        Rings inside it, each as `outer`.
    """

    outer: FloatArray
    holes: tuple[FloatArray, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "outer", _points(self.outer, 3))
        object.__setattr__(self, "holes", tuple(_points(h, 3) for h in self.holes))

    @property
    def area_mm2(self) -> float:
        """Area of the outer ring less its holes."""
        return ring_area_mm2(self.outer) - sum(ring_area_mm2(h) for h in self.holes)


def ring_area_mm2(ring: FloatArray) -> float:
    """Area enclosed by a planar ring of (n, 3) points, whichever way it winds."""
    following = np.roll(ring, -1, axis=0)
    return float(np.linalg.norm(np.cross(ring - ring[0], following - ring[0]).sum(axis=0)) / 2)


@dataclass(frozen=True, slots=True, eq=False)
class PlanarContours:
    """All outlines of one segment in one plane.

    Parameters
    ----------
    regions
        Closed areas.
    curves
        Open curves, (n >= 2, 3) each; single points are (1, 3).
    source
        Slice that they were drawn on, or None.
    """

    regions: tuple[Region, ...] = ()
    curves: tuple[FloatArray, ...] = ()
    source: SliceSource | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "curves", tuple(_points(c, 1) for c in self.curves))


@dataclass(frozen=True, slots=True)
class SegmentContours:
    """The outlines of one segment over all planes."""

    segment: Segment
    planes: tuple[PlanarContours, ...]


@dataclass(frozen=True, slots=True)
class ContourSet:
    """Outlines of one or more segments.

    Parameters
    ----------
    segments
        One entry a segment.
    frame_of_reference
        Frame of Reference UID of the points, or None.
    """

    segments: tuple[SegmentContours, ...]
    frame_of_reference: str | None = None

    def transformed(self, transform: Any) -> ContourSet:
        """Return the outlines moved by a `medvox.core.transform.Transform`."""
        return ContourSet(
            tuple(
                SegmentContours(s.segment, tuple(_moved(plane, transform) for plane in s.planes))
                for s in self.segments
            )
        )

    def __repr__(self) -> str:
        parts = ", ".join(f"{s.segment.name} ({len(s.planes)} planes)" for s in self.segments[:6])
        return f"ContourSet({parts})"

    def _repr_html_(self) -> str:
        return html_repr(self)


def _moved(plane: PlanarContours, transform: Any) -> PlanarContours:
    regions = tuple(
        Region(transform.apply(r.outer), tuple(transform.apply(h) for h in r.holes)) for r in plane.regions
    )
    return PlanarContours(regions, tuple(transform.apply(c) for c in plane.curves), plane.source)

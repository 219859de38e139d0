"""What writers of outline files share: numbers as text, walking through contours, what gets lost."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from medvox.core.contour import ContourSet, PlanarContours
from medvox.core.errors import UsageError
from medvox.core.labels import Segment

FloatArray = NDArray[np.float64]
DECIMALS = 6
"""Digits after the point: a millionth of a millimetre, so that no voxel changes sides."""
STRUCTURE = frozenset({"names", "numbers", "colors", "topology"})
"""What every format that is not points alone keeps; see `losses`."""
MOST = 9.0e18 / 10**DECIMALS / 1000
"""Largest coordinate that can be written."""


@dataclass(frozen=True, slots=True)
class Ring:
    """One line with its place in a contour set.

    Parameters
    ----------
    ring
        Running number in the plane, from 1.
    kind
        ``"outer"``, ``"hole"``, ``"open"`` or ``"point"``.
    """

    segment: Segment
    plane: int
    region: int
    ring: int
    kind: str
    points_mm: FloatArray


def rings(contours: ContourSet) -> Iterator[Ring]:
    """Yield every ring, curve and point; planes and regions are numbered from 1 within their segment."""
    for part in contours.segments:
        for number, plane in enumerate(part.planes, start=1):
            yield from _plane_rings(part.segment, number, plane)


def _plane_rings(segment: Segment, number: int, plane: PlanarContours) -> Iterator[Ring]:
    ring = count(1)
    for n, region in enumerate(plane.regions, start=1):
        yield Ring(segment, number, n, next(ring), "outer", region.outer)
        for hole in region.holes:
            yield Ring(segment, number, n, next(ring), "hole", hole)
    for n, curve in enumerate(plane.curves, start=len(plane.regions) + 1):
        yield Ring(segment, number, n, next(ring), "open" if len(curve) > 1 else "point", curve)


def rows(points: FloatArray, between: str = ",", after: str = "\n") -> bytes:
    """Points as text: one row each, numbers with up to `DECIMALS` digits after the point.

    Raises
    ------
    UsageError
        If a coordinate is too large to be one.
    """
    from medvox.formats.outlines.number_kernels import write_rows

    if np.abs(points).max(initial=0.0) > MOST:
        raise UsageError("a coordinate is too large for a contour", got=float(np.abs(points).max()))
    scaled = np.rint(np.asarray(points, np.float64) * 10**DECIMALS).astype(np.int64)
    room = np.empty(scaled.size * 24 + 1, np.uint8)
    used = write_rows(scaled, DECIMALS, ord(between), ord(after), room)
    return room[:used].tobytes()


def losses(contours: ContourSet, keeps: AbstractSet[str] = frozenset()) -> tuple[str, ...]:
    """What a file does not say any more, one sentence each.

    Parameters
    ----------
    keeps
        Any of ``"names"``, ``"numbers"``, ``"colors"``, ``"codes"``, ``"frame"``, ``"sources"``,
        ``"topology"``.
    """
    parts = contours.segments
    lost = {
        "names": any(part.segment.name for part in parts) and "the names of the segments",
        "numbers": bool(parts) and "the numbers of the segments",
        "colors": bool(parts) and "the colors of the segments",
        "codes": any(part.segment.category or part.segment.kind for part in parts)
        and "the coded category and type of the segments",
        "frame": contours.frame_of_reference is not None and "the frame of reference UID",
        "sources": any(plane.source for part in parts for plane in part.planes)
        and "which instance each outline was drawn on",
        "topology": any(region.holes for part in parts for plane in part.planes for region in plane.regions)
        and "which ring is a hole: nested rings are taken as holes when it is read",
    }
    return tuple(
        f"The file does not hold {text}." for name, text in lost.items() if text and name not in keeps
    )

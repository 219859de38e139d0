"""Drawing: the lines of an outline file before anything is made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medvox.core.finding import Finding
from medvox.core.labels import Segment
from medvox.core.provenance import SliceSource

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One ring, curve or point of a file.

    Parameters
    ----------
    segment
        What it outlines.
    points_mm
        (n, 3) LPS mm.
    closed
        Whether it is a ring.
    plane, region, hole
        Where the file says so: number of the plane, number of the region in it, and whether the ring is a
        hole in that region. None: to be found out from the rings.
    source
        Slice that it was drawn on.
    """

    segment: Segment
    points_mm: FloatArray
    closed: bool = True
    plane: int | None = None
    region: int | None = None
    hole: bool | None = None
    source: SliceSource | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """What an outline file holds.

    Parameters
    ----------
    lines
        In the order of the file.
    frame_of_reference
        Frame of Reference UID, or None.
    findings
        What was odd or had to be assumed.
    rule
        What rings of one plane mean together where the file does not tell: see
        `medvox.contours.assemble.assemble`.
    """

    lines: tuple[Line, ...]
    frame_of_reference: str | None = None
    findings: tuple[Finding, ...] = ()
    rule: str = "auto"

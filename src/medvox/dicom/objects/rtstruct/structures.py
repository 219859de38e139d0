"""A structure set as it is stored: rings one by one, nothing assembled."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from medvox.core.finding import Finding
from medvox.core.labels import Code, Segment
from medvox.core.provenance import SliceSource

FloatArray = NDArray[np.float64]


class RingKind(StrEnum):
    """Contour Geometric Type (PS3.3 C.8.8.6.1)."""

    CLOSED_PLANAR = "CLOSED_PLANAR"
    """Encloses an area; a hole is joined to it by a keyhole, or is a ring inside it."""
    XOR = "CLOSEDPLANAR_XOR"
    """Encloses an area; what an odd number of such rings enclose is inside (C.8.8.6.3)."""
    OPEN_PLANAR = "OPEN_PLANAR"
    OPEN_NONPLANAR = "OPEN_NONPLANAR"
    POINT = "POINT"

    @property
    def is_closed(self) -> bool:
        """Whether it encloses an area."""
        return self in (RingKind.CLOSED_PLANAR, RingKind.XOR)


@dataclass(frozen=True, slots=True, eq=False)
class Ring:
    """One item of a Contour Sequence.

    Parameters
    ----------
    points_mm
        (n, 3) LPS mm as stored; a last point that repeats the first is kept.
    kind
        Geometric type.
    source
        Image that it was drawn on, or None where none is named.
    number
        Contour Number, or None.
    """

    points_mm: FloatArray
    kind: RingKind
    source: SliceSource | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Roi:
    """One structure.

    Parameters
    ----------
    segment
        Number, name, color, codes.
    rings
        In stored order; none where it was named and not drawn.
    interpreted
        RT ROI Interpreted Type, ``"GTV"``, ``"ORGAN"``, ``"EXTERNAL"`` ..., or empty.
    generation
        ROI Generation Algorithm, ``"MANUAL"``, ``"SEMIAUTOMATIC"``, ``"AUTOMATIC"``, or empty.
    frame_of_reference
        Frame of Reference UID of its points, or None.
    """

    segment: Segment
    rings: tuple[Ring, ...]
    interpreted: str = ""
    generation: str = ""
    frame_of_reference: str | None = None

    @property
    def is_xor(self) -> bool:
        """Whether its rings say themselves that they exclude each other."""
        return any(ring.kind is RingKind.XOR for ring in self.rings)

    @property
    def code(self) -> Code | None:
        """What it is, where that is coded."""
        return self.segment.kind


@dataclass(frozen=True, slots=True, eq=False)
class StructureSet:
    """A structure set.

    Parameters
    ----------
    label
        Structure Set Label.
    rois
        In ascending order of their numbers.
    frame_of_reference
        UID that all structures share, or None.
    referenced
        SOP Instance UIDs of the images that it says it was drawn on.
    series_uids
        Series Instance UIDs of those.
    findings
        What was odd.
    """

    label: str
    rois: tuple[Roi, ...]
    frame_of_reference: str | None
    referenced: frozenset[str] = frozenset()
    series_uids: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    def __repr__(self) -> str:
        parts = ", ".join(f"{r.segment.name} ({len(r.rings)} rings)" for r in self.rois[:6])
        return f"StructureSet({self.label!r}: {parts})"

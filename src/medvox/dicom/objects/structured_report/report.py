"""A measurement report, typed: groups of numbers about segments, regions and images."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.finding import Finding
from medvox.core.labels import Code
from medvox.dicom.writing.source import Reference

FloatArray = NDArray[np.float64]
MILLIMETER = Code("mm", "UCUM", "mm")


class Graphic(StrEnum):
    """Graphic Type in space (PS3.3 C.18.9.1.1)."""

    POINT = "POINT"
    MULTIPOINT = "MULTIPOINT"
    POLYLINE = "POLYLINE"
    POLYGON = "POLYGON"
    ELLIPSE = "ELLIPSE"
    """Ends of the major, then of the minor axis."""
    ELLIPSOID = "ELLIPSOID"
    CIRCLE = "CIRCLE"
    """Center and a point on it; in images only (PS3.3 C.18.6.1.2)."""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Where something was measured.

    Parameters
    ----------
    graphic
        What the points are.
    points
        (n, 3) LPS mm; or (n, 2) column and row of an image, 0.5 being the middle of the first pixel
        (PS3.3 C.10.5.1.2), where `image` is named.
    frame_of_reference
        UID of the points in space.
    image
        Image whose pixels (n, 2) points count.
    """

    graphic: Graphic
    points: FloatArray
    frame_of_reference: str = ""
    image: Reference | None = None

    def __post_init__(self) -> None:
        points = np.array(self.points, np.float64)
        width = 3 if self.image is None else 2
        if points.ndim != 2 or points.shape[1] != width or not len(points) or not np.isfinite(points).all():
            raise UsageError(
                "points of a shape do not fit", got=points.shape, expected=f"finite (n, {width})"
            )
        points.setflags(write=False)
        object.__setattr__(self, "points", points)


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One number.

    Parameters
    ----------
    name
        What was measured, e.g. (118565006, SCT, "Volume").
    value
        The number.
    unit
        UCUM code, e.g. ("mm3", UCUM, "mm3").
    derivation
        How it was made of others, e.g. (373098007, SCT, "Mean"), or None.
    method
        Coded method, or None.
    uncertainty
        Half width of the 95 % interval that discretization alone gives, in `unit`, or None.
    shape
        Where (the two ends of a length), or None.
    """

    name: Code
    value: float
    unit: Code
    derivation: Code | None = None
    method: Code | None = None
    uncertainty: float | None = None
    shape: Shape | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A coded answer to a coded question."""

    name: Code
    value: Code


@dataclass(frozen=True, slots=True)
class SegmentReference:
    """A segment of a segmentation object.

    Parameters
    ----------
    reference
        The segmentation; with a frame for one slice of it.
    number
        Segment Number.
    """

    reference: Reference
    number: int


@dataclass(frozen=True, slots=True, eq=False)
class MeasurementGroup:
    """What was measured of one thing (TID 1410, 1411, 1501).

    Parameters
    ----------
    tracking_id, tracking_uid
        Name and UID of the thing, the same in later reports; a UID is made where none is given.
    measurements
        Numbers.
    finding, site
        What it is, and where.
    segment
        Its segment, or None.
    region
        Its outline, or None.
    images
        Images it was measured on; with `segment` or `region`.
    evaluations
        Coded answers.
    """

    tracking_id: str
    measurements: tuple[Measured, ...] = ()
    finding: Code | None = None
    site: Code | None = None
    segment: SegmentReference | None = None
    region: Shape | None = None
    images: tuple[Reference, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    tracking_uid: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class MeasurementReport:
    """A report.

    Parameters
    ----------
    groups
        In order.
    procedure
        Procedure reported; None: by the modality of the source.
    observer
        Person who observed, as ``Family^Given``; empty: medvox, a device.
    images
        The image library: images that were looked at.
    findings
        What was not understood when it was read.
    """

    groups: tuple[MeasurementGroup, ...]
    procedure: Code | None = None
    observer: str = ""
    images: tuple[Reference, ...] = ()
    findings: tuple[Finding, ...] = ()

    def __repr__(self) -> str:
        count = sum(len(group.measurements) for group in self.groups)
        return f"MeasurementReport({len(self.groups)} groups, {count} measurements)"

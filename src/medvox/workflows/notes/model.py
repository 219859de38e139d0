"""Notes: measurements, marks and key images of one series, as they are saved.

A note holds enough to become a measurement group of a DICOM SR (TID 1500, PS3.16): a tracking UID, the
instance and frame it was drawn on, its points in patient space and in voxels, and its results with units.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SCHEMA: Final = 1
"""Version of the saved form; files of later ones are refused, never overwritten."""

Point = tuple[float, float, float]


class NoteKind(StrEnum):
    """What a note is; its control points, in order."""

    LENGTH = "length"
    """Both ends."""
    POLYLINE = "polyline"
    """The corners of an open line."""
    ANGLE = "angle"
    """End, vertex, end."""
    COBB = "cobb"
    """Both ends of the first line, both ends of the second."""
    BIDIRECTIONAL = "bidirectional"
    """Both ends of the long axis, both ends of the short axis (RECIST 1.1)."""
    RECTANGLE = "rectangle"
    """The four corners, in turn."""
    ELLIPSE = "ellipse"
    """Both ends of one axis, both ends of the other."""
    FREEHAND = "freehand"
    """The corners of a closed outline."""
    SPLINE = "spline"
    """Knots of a closed Catmull-Rom spline; `Note.outline` is what was measured."""
    PROBE = "probe"
    """The place."""
    ARROW = "arrow"
    """Tip, tail."""
    TEXT = "text"
    """The place."""
    SPHERE = "sphere"
    """Center, a point of the surface."""
    KEY_IMAGE = "key-image"
    """None: the image of `Note.source` is marked; `Note.link` is the view of it."""


class NoteSpace(StrEnum):
    """What the points of a note count."""

    PATIENT = "patient"
    """LPS millimeters, as the grid's affine says; `Note.calibration` says what is known of the place."""
    IMAGE = "image"
    """Of an image without a place in a patient: (along columns, along rows, 0) from the center of the first
    pixel, in millimeters, or in pixels where `Note.calibration` is ``none``."""


@dataclass(frozen=True, slots=True)
class NoteSource:
    """The stored slice that a note lies on, or nearest to.

    Parameters
    ----------
    sop_instance_uid, sop_class_uid
        Of the DICOM instance, else None.
    frame
        From 1.
    file
        Relative to the opened folder.
    """

    sop_instance_uid: str | None
    sop_class_uid: str | None
    frame: int
    file: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """One result.

    Parameters
    ----------
    name
        ``length``, ``long_axis``, ``short_axis``, ``angle``, ``area``, ``perimeter``, ``volume``, ``mean``,
        ``sd`` (population), ``min``, ``max``, ``count`` (voxels whose centers lie inside), ``value``,
        ``threshold``, ``radius``.
    value
        Finite.
    unit
        ``mm``, ``mm2``, ``ml``, ``deg``, ``px``, ``px2``, ``voxels``, ``1``, or that of the image's values.
    """

    name: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Threshold:
    """What counts inside of a sphere.

    Parameters
    ----------
    kind
        ``absolute``: values from `value` on; ``share``: from this share of the highest value inside.
    """

    kind: str
    value: float


@dataclass(frozen=True, slots=True)
class Note:
    """One measurement, mark or key image.

    Parameters
    ----------
    id
        UUID, 32 hexadecimal digits; it names the note for ever (`tracking_uid`).
    kind
        What it is.
    image_id
        Image of the viewer it was drawn on.
    space
        What `points` count.
    points
        Control points, see `NoteKind`.
    outline
        Closed outline that was measured, where it is not the points themselves; else empty.
    voxels
        The control points in voxels (k, j, i) of `grid`, not rounded.
    grid
        ``stored`` or ``regular``.
    normal
        Of the plane it was drawn in; None for spheres and key images.
    view
        Where it was drawn: ``stack``, ``axial``, …
    slice
        Stored slice it lies on, or nearest to; None where there is none.
    in_slice
        Whether it lies in the plane of that slice.
    time
        Time point.
    source
        Of that slice; filled in where the note is saved.
    frame_of_reference
        UID; filled in where the note is saved.
    name, text
        Its name in the list; the words of an arrow, text or key image.
    color
        ``#rrggbb``, or empty for the usual one.
    hidden, locked
        Not drawn; not to be changed.
    threshold
        Of spheres.
    results
        What was measured.
    sampling
        ``voxels``: values of voxels whose centers lie inside; ``interpolated``: of points of a plane that
        is oblique to the grid; ``none``.
    calibration
        What lengths are true for: ``patient``, ``local``, ``calibrated``, ``detector``,
        ``ultrasound-region``, or ``none``: lengths are in pixels.
    link
        View state of a key image, as in the address of the viewer.
    created, modified
        ISO 8601, UTC.
    author
        Who saved it last.
    revision
        How often it was saved; 0 before.
    deleted
        Removed; kept so that other windows learn of it, and undo brings it back.
    """

    id: str
    kind: NoteKind
    image_id: str
    space: NoteSpace
    points: tuple[Point, ...]
    outline: tuple[Point, ...]
    voxels: tuple[Point, ...]
    grid: str
    normal: Point | None
    view: str
    slice: int | None
    in_slice: bool
    time: int
    source: NoteSource | None
    frame_of_reference: str | None
    name: str
    text: str
    color: str
    hidden: bool
    locked: bool
    threshold: Threshold | None
    results: tuple[Quantity, ...]
    sampling: str
    calibration: str
    link: str
    created: str
    modified: str
    author: str
    revision: int
    deleted: bool

    @property
    def tracking_uid(self) -> str:
        """Unique Identifier of the tracked thing (PS3.5 B.2: a UUID as a UID)."""
        return f"2.25.{uuid.UUID(self.id).int}"


@dataclass(frozen=True, slots=True)
class NoteDocument:
    """All notes of one series.

    Parameters
    ----------
    schema
        `SCHEMA`.
    key
        Of the series: ``uid-…`` or ``sha256-…``.
    version
        Grows by one at each saving.
    study_uid, series_uid
        None outside of DICOM.
    modality
        As the header says.
    notes
        Deleted ones too.
    """

    schema: int
    key: str
    version: int
    study_uid: str | None
    series_uid: str | None
    modality: str | None
    notes: tuple[Note, ...] = ()

"""Grids of stacks, and what a pixel spacing means on projections."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medvox.core.affine import compose
from medvox.core.errors import GeometryError
from medvox.core.finding import Finding, Level
from medvox.core.grid import TILT_TOLERANCE_DEG, Grid, Space
from medvox.dicom import tags
from medvox.dicom.header import Header
from medvox.dicom.slices import Slice

REFERENCE = "PS3.3 C.7.6.2.1.1"
MISSING_TOLERANCE = 0.05
"""A gap within 5 % of a whole multiple of the usual distance is one with slices missing."""


def stack_grid(slices: Sequence[Slice], where: str) -> tuple[Grid, tuple[Finding, ...]]:
    """Grid of placed slices in ascending order, one volume's worth.

    Raises
    ------
    GeometryError
        If positions, orientation or spacing make no grid.
    """
    first = slices[0]
    in_plane = _in_plane(first, where)
    shape = (len(slices), first.rows, first.columns)
    frame = first.header.text(tags.FRAME_OF_REFERENCE_UID) or None
    origins = np.array([s.position_mm for s in slices], dtype=np.float64)
    if len(slices) == 1:
        step, notes = _single_step(first, where)
        normal = np.cross(first.orientation[:3], first.orientation[3:])
        matrix = np.eye(4)
        matrix[:3, 0], matrix[:3, 1:3], matrix[:3, 3] = normal * step, in_plane, origins[0]
        return Grid(shape, matrix, frame), notes
    grid = Grid.from_origins(shape, in_plane, origins, frame)
    return grid, (*_spacing_findings(grid, where), *_tilt_findings(grid, first.header, where))


def _in_plane(s: Slice, where: str) -> NDArray[np.float64]:
    row, column = np.asarray(s.orientation[:3]), np.asarray(s.orientation[3:])
    spacing = s.spacing_mm or (0.0, 0.0)
    if min(spacing) <= 0 or not np.isfinite(spacing).all():
        raise GeometryError("Pixel Spacing is not above zero", where=where, got=spacing)
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if min(lengths) < 0.5 or abs(row @ column) > 0.1 * lengths[0] * lengths[1]:
        raise GeometryError("Image Orientation (Patient) is not two directions at a right angle", where=where)
    return np.stack([column * spacing[0], row * spacing[1]], axis=1)


def _single_step(s: Slice, where: str) -> tuple[float, tuple[Finding, ...]]:
    if s.slice_step_mm:
        return s.slice_step_mm, ()
    text = "One slice without thickness: 1 mm assumed"
    return 1.0, (Finding("spacing-assumed", Level.INFO, where, text),)


def _spacing_findings(grid: Grid, where: str) -> list[Finding]:
    gaps = np.diff(grid.depths_mm)
    if grid.is_even or len(gaps) < 2:
        return []
    usual = float(np.sort(gaps)[(len(gaps) - 1) // 2])  # a gap that is there, of two the smaller
    multiples = gaps / usual
    whole = np.abs(multiples - np.rint(multiples)) <= MISSING_TOLERANCE
    wide = np.rint(multiples) > 1
    if whole.all() and wide.any():
        missing = int((np.rint(multiples) - 1).sum())
        after = ", ".join(str(n + 1) for n in np.flatnonzero(wide)[:10])
        text = f"{missing} missing after slice {after}: gap of {gaps.max():.3f} mm where {usual:.3f} is usual"
        return [Finding("missing-slice", Level.WARNING, where, text, REFERENCE)]
    text = f"Slice distance runs from {gaps.min():.3f} to {gaps.max():.3f} mm over {len(gaps) + 1} slices"
    return [Finding("uneven-spacing", Level.WARNING, where, text, REFERENCE)]


def _tilt_findings(grid: Grid, header: Header, where: str) -> list[Finding]:
    if grid.tilt_deg <= TILT_TOLERANCE_DEG:
        return []
    said = header.number(tags.GANTRY_DETECTOR_TILT)
    words = f", Gantry/Detector Tilt says {said:g}°" if said is not None else ""
    text = f"Slices are sheared by {grid.tilt_deg:.2f}° against their normal{words}"
    return [Finding("gantry-tilt", Level.WARNING, where, text, "PS3.3 C.8.2.1")]


def picture_grid(header: Header, shape: tuple[int, int, int], where: str) -> tuple[Grid, tuple[Finding, ...]]:
    """Grid of a picture or cine without a place in the patient, and what its spacing means.

    Pixel Spacing is calibrated where Pixel Spacing Calibration Type (0028,0A02) says so or where it
    differs from Imager Pixel Spacing; equal to it, it is the detector's (PS3.3 10.7.1.3).
    """
    calibrated = _pair(header, tags.PIXEL_SPACING)
    detector = _pair(header, tags.IMAGER_PIXEL_SPACING) or _pair(header, tags.NOMINAL_SCANNED_PIXEL_SPACING)
    if tags.SEQUENCE_OF_ULTRASOUND_REGIONS in header and not calibrated:
        calibrated = _ultrasound_spacing(header)
        if calibrated:
            return _flat(shape, calibrated, Space.REGION), ()
    if calibrated and (calibrated != detector or tags.PIXEL_SPACING_CALIBRATION_TYPE in header):
        return _flat(shape, calibrated, Space.CALIBRATED if detector else Space.LOCAL), ()
    if detector:
        text = f"Spacing {detector[0]:g} × {detector[1]:g} mm is measured at the detector"
        note = Finding("detector-spacing", Level.INFO, where, text, "PS3.3 10.7.1.3")
        return _flat(shape, detector, Space.DETECTOR), (note,)
    note = Finding("no-spacing", Level.INFO, where, "No spacing is given: distances in pixels")
    return Grid.pixels(shape), (note,)


def _pair(header: Header, tag: int) -> tuple[float, float] | None:
    values = header.floats(tag)
    usable = len(values) == 2 and all(np.isfinite(v) and v > 0 for v in values)
    return (values[0], values[1]) if usable else None


def _flat(shape: tuple[int, int, int], spacing: tuple[float, float], space: Space) -> Grid:
    step = min(spacing)
    return Grid(shape, compose((step, *spacing), np.eye(3)[:, ::-1], (0, 0, 0)), space=space)


def _ultrasound_spacing(header: Header) -> tuple[float, float] | None:
    """Row and column spacing in mm where all two-dimensional regions agree (PS3.3 C.8.5.5)."""
    centimetres = 3
    found = set()
    for region in header.dataset().get("SequenceOfUltrasoundRegions") or []:
        units = region.get("PhysicalUnitsXDirection"), region.get("PhysicalUnitsYDirection")
        steps = region.get("PhysicalDeltaX"), region.get("PhysicalDeltaY")
        if units == (centimetres, centimetres) and all(steps):
            found.add((round(abs(float(steps[1])) * 10, 6), round(abs(float(steps[0])) * 10, 6)))
    return found.pop() if len(found) == 1 else None

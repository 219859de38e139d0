"""Frames of multi-frame instances without functional groups: dose grids, nuclear medicine, cines.

Such an instance has at most one Image Position (Patient). What the other frames are is said by its kind:
offsets of a dose grid (PS3.3 C.8.8.3.2), vectors of nuclear medicine (C.8.4.8, C.8.4.15), or time.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from medvox.core.errors import MedvoxError
from medvox.core.finding import Finding, Level
from medvox.dicom import tags
from medvox.dicom.header import Header
from medvox.dicom.slices import Facts, Slice

RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
NUCLEAR_MEDICINE = "1.2.840.10008.5.1.4.1.1.20"
_TIME_POINTERS = frozenset({tags.FRAME_TIME, tags.FRAME_TIME_VECTOR})
_TRANSVERSE = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

Found = tuple[list[Slice], list[Finding]]


def multiframe_slices(base: Slice, frames: int) -> Found:
    """Slices of a classic multi-frame instance, in frame order.

    Parameters
    ----------
    base
        Its first frame, placed as the top-level attributes say.
    frames
        Number of frames; at least 1.

    Returns
    -------
    slices
        Placed where the header tells a place for each frame, else frames of a cine.
    findings
        What was assumed, and what kept frames from being placed.
    """
    sop_class = base.header.text(tags.SOP_CLASS_UID)
    if sop_class == RT_DOSE:
        return _dose(base, frames)
    if sop_class == NUCLEAR_MEDICINE:
        return _nuclear(base, frames)
    if frames == 1:
        return [base], []
    return _plain(base, frames)


def _cine(base: Slice, frames: int) -> list[Slice]:
    return [replace(base, frame=n, cine=True) for n in range(frames)]


def _along_normal(base: Slice, steps_mm: tuple[float, ...]) -> list[Slice]:
    """Place frame n at `steps_mm[n]` from the first along row × column."""
    normal = np.cross(base.orientation[:3], base.orientation[3:])
    points = np.asarray(base.position_mm) + np.outer(steps_mm, normal)
    return [
        replace(base, frame=n, position_mm=(float(x), float(y), float(z)))
        for n, (x, y, z) in enumerate(points)
    ]


def _is_placed(s: Slice) -> bool:
    return s.position_mm is not None and bool(s.orientation) and s.spacing_mm is not None


# -- dose grids ---------------------------------------------------------------------------------


def _dose(base: Slice, frames: int) -> Found:
    """Planes of a dose grid by Grid Frame Offset Vector (PS3.3 C.8.8.3.2)."""
    if frames == 1:
        return [base], []
    offsets = base.header.floats(tags.GRID_FRAME_OFFSET_VECTOR)
    if not _is_placed(base) or len(offsets) != frames or len(set(offsets)) != frames:
        text = f"Dose of {frames} frames without position or with {len(offsets)} frame offsets: not placed"
        return _cine(base, frames), [_no_place(base.header, text, "PS3.3 C.8.8.3.2")]
    if offsets[0] == 0:
        return _along_normal(base, offsets), []
    return _dose_at(base, offsets)


def _dose_at(base: Slice, offsets: tuple[float, ...]) -> Found:
    """Planes whose offsets are z positions in the patient; allowed for transverse planes only."""
    if not np.allclose(np.abs(base.orientation), _TRANSVERSE, atol=1e-3):
        text = "Dose offsets are patient positions, but the planes are not transverse: not placed"
        return _cine(base, len(offsets)), [_no_place(base.header, text, "PS3.3 C.8.8.3.2")]
    x, y, _ = base.position_mm or (0.0, 0.0, 0.0)
    return [replace(base, frame=n, position_mm=(x, y, z)) for n, z in enumerate(offsets)], []


# -- nuclear medicine ---------------------------------------------------------------------------


def _nuclear(base: Slice, frames: int) -> Found:
    """Reconstructed slices by Slice Vector and the detector's position (PS3.3 C.8.4.8, C.8.4.15)."""
    kinds = base.header.texts(tags.IMAGE_TYPE)
    if len(kinds) < 3 or not kinds[2].startswith("RECON"):
        return (_cine(base, frames) if frames > 1 else [base]), []
    placed = _by_detector(base)
    step = base.header.number(tags.SPACING_BETWEEN_SLICES) or base.header.number(tags.SLICE_THICKNESS)
    numbers = base.header.ints(tags.SLICE_VECTOR) or tuple(range(1, frames + 1))
    if not _is_placed(placed) or not step or len(numbers) != frames:
        text = "Reconstructed slices without position, orientation, spacing or Slice Vector: not placed"
        return _cine(base, frames), [_no_place(base.header, text, "PS3.3 C.8.4.15")]
    slices = _along_normal(placed, tuple((number - 1) * step for number in numbers))
    slots = base.header.ints(tags.TIME_SLOT_VECTOR)
    windows = base.header.ints(tags.ENERGY_WINDOW_VECTOR)
    notes = []
    if tags.SPACING_BETWEEN_SLICES not in base.header:
        text = f"Slices placed {step:g} mm apart along row × column, by Slice Thickness"
        notes = [Finding("spacing-assumed", Level.WARNING, base.header.name, text, "PS3.3 C.8.4.15")]
    return [_with_numbers(s, _at(slots, s.frame), _at(windows, s.frame)) for s in slices], notes


def _at(numbers: tuple[int, ...], frame: int) -> int | None:
    return numbers[frame] if frame < len(numbers) else None


def _with_numbers(s: Slice, slot: int | None, window: int | None) -> Slice:
    def read(header: Header, before: Slice = s) -> Facts:
        facts = before.read_facts(header)
        stack_id = "" if window is None else f"energy window {window}"
        return replace(facts, temporal_position=slot, stack_id=stack_id)

    return replace(s, read_facts=read)


def _by_detector(base: Slice) -> Slice:
    """Place by the first item of Detector Information Sequence where the top level says nothing."""
    if base.position_mm is not None and base.orientation:
        return base
    try:
        items = base.header.dataset().get("DetectorInformationSequence") or []
        position = tuple(float(x) for x in items[0].get("ImagePositionPatient") or ()) if items else ()
        orientation = tuple(float(x) for x in items[0].get("ImageOrientationPatient") or ()) if items else ()
    except (MedvoxError, ValueError, TypeError, AttributeError):
        return base
    if len(position) != 3 or len(orientation) != 6 or not all(map(math.isfinite, position + orientation)):
        return base
    return replace(base, position_mm=(position[0], position[1], position[2]), orientation=orientation)


# -- everything else ----------------------------------------------------------------------------


def _plain(base: Slice, frames: int) -> Found:
    """Frames over time where a time is given; else over Spacing Between Slices; else over time, told."""
    header = base.header
    pointers = set(header.ints(tags.FRAME_INCREMENT_POINTER))
    timed = bool(pointers & _TIME_POINTERS) or (
        not pointers and any(tag in header for tag in sorted(_TIME_POINTERS))
    )
    if timed or not _is_placed(base):
        return _cine(base, frames), []
    step = header.number(tags.SPACING_BETWEEN_SLICES)
    if step:
        text = f"Frames placed {step:g} mm apart along row × column, by Spacing Between Slices"
        note = Finding("spacing-assumed", Level.WARNING, header.name, text, "PS3.3 C.7.6.2.1.1")
        return _along_normal(base, tuple(n * step for n in range(frames))), [note]
    text = f"{frames} frames with one Image Position (Patient) and no time: taken as frames over time"
    note = Finding("geometry-assumed", Level.WARNING, header.name, text, "PS3.3 C.7.6.6")
    return _cine(base, frames), [note]


def _no_place(header: Header, text: str, reference: str) -> Finding:
    return Finding("no-geometry", Level.WARNING, header.name, text, reference)

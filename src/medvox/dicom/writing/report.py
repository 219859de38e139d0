"""What a written series does not say of its volume, one sentence each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from medvox.core.axes import CHANNEL, TIME
from medvox.core.grid import Space
from medvox.core.volume import Volume
from medvox.dicom.writing import storage, units
from medvox.dicom.writing.enhanced_modules import COMPONENTS
from medvox.dicom.writing.plan import Plan, continues_space
from medvox.formats.base import WriteReport
from medvox.formats.losses import common_losses, even_step


def report_of(plan: Plan, files: Iterable[Path], unknown: Sequence[str], timed: bool) -> WriteReport:
    """Say what is lost, and what stands for what was not known.

    Parameters
    ----------
    files
        What was written.
    unknown
        Required attributes of which nothing was known.
    timed
        Whether the times of the volume's time axis are in the files, as they are.
    """
    volume = plan.volume
    losses = [*plan.numbers.losses, *common_losses(volume, _kept(plan, timed))]
    losses += _identity(plan)
    losses += _geometry(plan)
    return WriteReport(tuple(files), tuple(losses), tuple(_notes(plan, unknown)))


def _notes(plan: Plan, unknown: Sequence[str]) -> list[str]:
    found = []
    if unknown:
        words = ", ".join(unknown)
        found.append(f"Required and not known, neutral values stand for them: {words}.")
    if plan.modality == "CT" and plan.volume.unit != "HU" and not plan.storage.is_capture:
        found.append(f"CT images are in HU, this one in {plan.volume.unit}: Rescale Type says so.")
    return found


def _kept(plan: Plan, timed: bool) -> set[str]:
    volume, options = plan.volume, plan.options
    kept = {"axis_names"}
    grey = CHANNEL not in volume.axes and plan.storage not in (storage.US, storage.US_MULTI, storage.DX)
    if grey and units.is_held(volume.unit, plan.modality, plan.storage.is_enhanced):
        kept.add("unit")
    if _keeps_space(plan):
        kept.add("space")
    if volume.modality == plan.modality:
        kept.add("modality")
    if plan.frame_of_reference == volume.grid.frame_of_reference or continues_space(
        volume, plan.source, options
    ):
        kept.add("frame_of_reference")
    if plan.placed:
        kept.add("slice_origins")
    if volume.rescale.table is None and not any("rescale" in text for text in plan.numbers.losses):
        kept.add("slice_rescale")
    if timed:
        kept.add("times")
    if volume.meaning in COMPONENTS and plan.modality == "MR" and plan.storage.is_enhanced:
        kept.add("meaning")
    display = volume.display
    inverted = display.inverted and plan.storage.is_enhanced
    if grey and not (display.voi_table or display.frame_rate or inverted) and not _captured_frames(plan):
        kept.add("windows")
    if all(reference is not None for reference in plan.references):
        kept.add("sources")
    return kept


def _captured_frames(plan: Plan) -> bool:
    return plan.storage.is_capture and plan.storage.multiframe


def _keeps_space(plan: Plan) -> bool:
    space = plan.volume.grid.space
    if plan.placed:
        return space is Space.PATIENT
    if space is Space.REGION:
        return plan.storage in (storage.US, storage.US_MULTI)
    return space in (Space.LOCAL, Space.PIXEL, Space.DETECTOR)


def _identity(plan: Plan) -> list[str]:
    found = []
    if plan.volume.modality is None:
        known = "as was asked" if plan.options.modality else "(other)"
        found.append(f"The volume has no modality: the file says {plan.modality} {known}.")
    if plan.storage.is_enhanced and plan.modality == "MR" and plan.volume.meaning not in COMPONENTS:
        found.append("The volume does not say its meaning as DICOM has it: the file says magnitude.")
    if plan.storage.is_capture and plan.modality in storage.CLASSIC:
        found.append(f"The images are secondary captures: {plan.modality} images are grey and placed.")
    if plan.storage.is_capture and plan.modality == "DX":
        needs = ", ".join(sorted(storage.DX_NEEDS))
        found.append(f"The image is a secondary capture: a DX image must tell {needs}, at the detector.")
    if plan.frame_of_reference and plan.volume.grid.frame_of_reference is None:
        own = plan.source is not None and plan.frame_of_reference == plan.source.frame_of_reference
        if not own:
            found.append("No frame of reference was known: the files have a new frame of reference UID.")
    return found


def _geometry(plan: Plan) -> list[str]:
    grid = plan.volume.grid
    if not plan.placed:
        return (
            [] if plan.slices == 1 else ["The slices have no position: the files do not hold the geometry."]
        )
    found = []
    if grid.space is not Space.PATIENT:
        found.append("The grid's axes are taken for the patient's, as was asked: the place is assumed.")
    if plan.slices > 1 and np.linalg.det(grid.affine[:3, 2::-1]) < 0:
        found.append(
            "The slices run against row x column: readers give them in the opposite order, each value at its "
            "position."
        )
    return found


def times_kept(volume: Volume, has_start: bool, offsets: bool) -> bool:
    """Whether classic files tell the times of the time axis as they are.

    Parameters
    ----------
    has_start
        Whether acquisition times are written.
    offsets
        Whether each slice says its offset (PET: Frame Reference Time).
    """
    seconds = volume.coordinates.get(TIME)
    if seconds is None or len(seconds) < 2:
        return not volume.coordinates
    from_zero = seconds[0] == 0
    return (from_zero and (has_start or even_step(volume) is not None)) or (offsets and not has_start)

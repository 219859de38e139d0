"""What a written file does not say any more: one sentence each, the same words for every format."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from medvox.core import affine as aff
from medvox.core.axes import CHANNEL, TIME
from medvox.core.grid import Grid, Space
from medvox.core.volume import Volume

_SPACES = {
    Space.LOCAL: "that the place in the patient is not known",
    Space.CALIBRATED: "that distances are calibrated for magnification",
    Space.DETECTOR: "that distances are measured at the detector",
    Space.REGION: "that distances hold inside ultrasound regions only",
    Space.PIXEL: "that distances are in pixels",
}


def common_losses(volume: Volume, keeps: Collection[str] = ()) -> list[str]:
    """List what a format loses of a volume.

    Parameters
    ----------
    volume
        What is to be written.
    keeps
        What the format holds: any of ``"unit"``, ``"space"``, ``"modality"``, ``"meaning"``,
        ``"frame_of_reference"``, ``"slice_origins"``, ``"slice_rescale"``, ``"axis_names"``, ``"times"``,
        ``"even_times"``, ``"windows"``, ``"sources"``.
    """
    grid = volume.grid
    lost = {
        "unit": volume.unit != "1" and f"the unit {volume.unit}",
        "space": _SPACES.get(grid.space, ""),
        "modality": volume.modality is not None and f"the modality {volume.modality}",
        "meaning": volume.meaning != "" and f"the meaning of the values ({volume.meaning})",
        "frame_of_reference": grid.frame_of_reference is not None and "the frame of reference UID",
        "slice_origins": not grid.is_even and "the uneven positions of the slices: the even fit is written",
        "slice_rescale": _has_slice_rescale(volume)
        and "stored values and rescale of each slice: rescaled values are written",
        "axis_names": _strange(volume) and f"the names of the axes {', '.join(_strange(volume))}",
        "times": bool(volume.coordinates) and f"positions along {', '.join(sorted(volume.coordinates))}",
        "windows": _has_display(volume) and "how the image asks to be shown (windows, inversion, frame rate)",
        "sources": _has_instances(volume) and "which instance each slice came from",
    }
    kept = set(keeps)
    if "even_times" in kept and set(volume.coordinates) <= {TIME} and even_step(volume) is not None:
        kept.add("times")
    return [f"The file does not hold {text}." for name, text in lost.items() if text and name not in kept]


def unplaced_losses(grid: Grid) -> list[str]:
    """List what a format without orientation loses of a grid: axes x, y, z in a space of its own."""
    losses = []
    if not np.array_equal(grid.direction, np.eye(3)[:, ::-1]):
        losses.append("The file does not hold the orientation of the axes.")
    if grid.space is Space.PATIENT:
        losses.append("The file does not say that positions have a place in the patient.")
    elif grid.space is not Space.LOCAL:
        losses.append(f"The file does not hold {_SPACES[grid.space]}.")
    return losses


def place_losses(grid: Grid) -> list[str]:
    """List what is lost where a format holds the spacing and nothing else of the place of voxels."""
    if grid.space is Space.PIXEL:
        return []
    lost = []
    plain = aff.compose(grid.spacing_mm, np.eye(3)[:, ::-1], (0, 0, 0))
    if grid.space is Space.PATIENT:
        lost.append("The file does not hold the place in the patient (position and orientation).")
    elif not np.allclose(grid.affine, plain, atol=1e-6):
        lost.append("The file does not hold the position and orientation of the slices.")
    if not aff.is_orthogonal(grid.affine, 1e-4):
        lost.append("The file does not hold the shear of the slices (a tilted stack).")
    return lost


def even_step(volume: Volume) -> tuple[float, float] | None:
    """Start and step in seconds of an even time axis; None where there is none or it is uneven."""
    times = volume.coordinates.get(TIME)
    if times is None or len(times) < 2:
        return None
    step = (times[-1] - times[0]) / (len(times) - 1)
    even = times[0] + step * np.arange(len(times))
    if step <= 0 or np.abs(even - np.asarray(times)).max() > 1e-4 * step:
        return None
    return times[0], step


def _has_slice_rescale(volume: Volume) -> bool:
    return not volume.rescale.is_uniform or volume.rescale.table is not None


def _strange(volume: Volume) -> list[str]:
    return [name for name in volume.axes[:-3] if name not in (TIME, CHANNEL)]


def _has_display(volume: Volume) -> bool:
    display = volume.display
    return bool(display.windows or display.inverted or display.voi_table or display.frame_rate)


def _has_instances(volume: Volume) -> bool:
    return any(source.sop_instance_uid for source in volume.known_provenance.contributing())

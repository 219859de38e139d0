"""Where the slices of a REC file lie.

A PAR file states angles and shifts about ap, fh, rl: towards posterior, head (S) and left. Rotations are
about the fixed axes, in the order fh, ap, rl, as nibabel found out from scanner data; `_AXES` says how
columns, rows and slices of each slice orientation run before they are turned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import GeometryError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid, Space
from medvox.formats.parrec.frames import Frame, Plane, Recording, Vector
from medvox.formats.text_header import grid_or_pixels

FloatArray = NDArray[np.float64]

_AXES: dict[Plane, FloatArray] = {
    "transverse": np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], float),
    "sagittal": np.diag([1.0, -1.0, -1.0]),
    "coronal": np.array([[0, 0, 1], [0, -1, 0], [1, 0, 0]], float),
}
"""Per orientation: in (ap, fh, rl), one column each, the way columns (i), rows (j) and slices (k) run."""
_TO_LPS = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], float)
"""(ap, fh, rl) -> (L, P, S)."""
ROUNDED_MM = 0.02
"""Positions of single images are written with two decimals."""
TOLERANCE_MM = 0.1
"""Positions further than this from what thickness and gap give are kept as they are."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Grid of a stack, and what is odd about it.

    Parameters
    ----------
    grid
        Where the slices lie.
    order
        Positions of the frames given, in the order of the grid's slices.
    findings
        Oddities.
    """

    grid: Grid
    order: tuple[int, ...]
    findings: tuple[Finding, ...] = ()


def lps(vector: Sequence[float]) -> FloatArray:
    """Turn (ap, fh, rl) into LPS."""
    result: FloatArray = _TO_LPS @ np.asarray(vector, float)
    return result


def rotation(angulation_deg: Vector) -> FloatArray:
    """(3, 3) rotation in (ap, fh, rl), angles about these axes."""
    ap, fh, rl = np.radians(angulation_deg)
    about_ap = np.array([[1, 0, 0], [0, np.cos(ap), -np.sin(ap)], [0, np.sin(ap), np.cos(ap)]])
    about_fh = np.array([[np.cos(fh), 0, np.sin(fh)], [0, 1, 0], [-np.sin(fh), 0, np.cos(fh)]])
    about_rl = np.array([[np.cos(rl), -np.sin(rl), 0], [np.sin(rl), np.cos(rl), 0], [0, 0, 1]])
    result: FloatArray = about_rl @ about_ap @ about_fh
    return result


def place(frames: Sequence[Frame], recording: Recording | None, path: Path) -> Placement:
    """Make the grid of some slices, one frame each, in the order of their slice numbers.

    The finer numbers of the general lines are used where they agree with those of the images; else the
    images' own. Where thickness and gap do not give the positions, each slice keeps its own.

    Parameters
    ----------
    recording
        For the general lines; None where the file holds several stacks, of which they cannot tell.
    """
    first = frames[0]
    shape = (len(frames), first.rows, first.columns)
    if first.plane is None or min(first.spacing_mm) <= 0:
        what, code = (
            ("slice orientation", "no-geometry") if first.plane is None else ("spacing", "no-spacing")
        )
        text = f"the {what} is not known: distances are in pixels"
        return Placement(Grid.pixels(shape), _as_is(frames), (Finding(code, Level.WARNING, str(path), text),))
    turn, centers, note = _described(frames, recording, first.plane)
    distance = first.thickness_mm + first.gap_mm
    step = turn[:, 2] * (1.0 if len(frames) == 1 and distance <= 0 else distance)
    steps = np.stack([turn[:, 1] * first.spacing_mm[1], turn[:, 0] * first.spacing_mm[0]], axis=1)
    corner = -(steps[:, 0] * (first.rows - 1) + steps[:, 1] * (first.columns - 1)) / 2
    findings = [Finding("affine-conflict", Level.WARNING, str(path), note)] if note else []
    even = _even(centers, step)
    if even is not None:
        matrix = np.eye(4)
        matrix[:3, 0], matrix[:3, 1:3], matrix[:3, 3] = even[1], steps, even[0] + corner
        grid, notes = grid_or_pixels(shape, matrix, Space.PATIENT, path)
        return Placement(grid, _as_is(frames), (*findings, *notes))
    order = np.argsort(centers @ turn[:, 2], kind="stable")
    text = "thickness and gap do not give the positions of the slices: each keeps its own"
    findings.append(Finding("affine-conflict", Level.INFO, str(path), text))
    try:
        grid = Grid.from_origins(shape, steps, centers[order] + corner)
    except GeometryError:
        text = "the slices do not lie one behind the other: distances are in pixels"
        findings.append(Finding("no-geometry", Level.WARNING, str(path), text))
        return Placement(Grid.pixels(shape), _as_is(frames), tuple(findings))
    if not grid.is_even:
        text = "the distances between slices vary"
        findings.append(Finding("uneven-spacing", Level.WARNING, str(path), text))
    return Placement(grid, tuple(int(n) for n in order), tuple(findings))


def _as_is(frames: Sequence[Frame]) -> tuple[int, ...]:
    return tuple(range(len(frames)))


def _described(
    frames: Sequence[Frame], recording: Recording | None, plane: Plane
) -> tuple[FloatArray, FloatArray, str]:
    """Directions of columns, rows and slices in LPS (3, 3), centers of the slices (n, 3), and a conflict."""
    own = np.array([f.off_center_mm for f in frames])
    angles = frames[0].angulation_deg
    note = ""
    if recording is not None and recording.angulation_deg and recording.off_center_mm:
        middle = np.array(recording.off_center_mm)
        same_angle = np.abs(np.subtract(recording.angulation_deg, angles)).max() <= ROUNDED_MM
        shift = middle - own.mean(axis=0)
        if same_angle and np.abs(shift).max() <= TOLERANCE_MM:
            angles, own = recording.angulation_deg, own + shift
        else:
            note = "the places of the series and of the images differ: those of the images are used"
    turn = _TO_LPS @ rotation(angles) @ _AXES[plane]
    return turn, own @ _TO_LPS.T, note


def _even(centers: FloatArray, step: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """First center and step where the slices follow the step, forwards or backwards; else None."""
    count = len(centers)
    if not step.any():
        return None
    middle = centers.mean(axis=0)
    for way in (step, -step) if count > 1 else (step,):
        first = middle - way * (count - 1) / 2
        if np.abs(first + way * np.arange(count)[:, None] - centers).max() <= TOLERANCE_MM:
            return first, way
    return None

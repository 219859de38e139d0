"""From the keys of an Interfile header to a grid.

STIR's images lie in the scanner's coordinates (`medvox.formats.gantry`): matrix axes 1, 2, 3 are x, y, z,
``first pixel offset (mm)`` is where the first voxel lies; without it x and y are 0 at voxel n // 2 and z in
the first slice (STIR's ``read_interfile_image``). Interfile 3.3 gives no place, but patient orientation,
patient rotation and slice orientation: their directions are those that (X)MedCon gives them, which for
transverse slices are STIR's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import reverse_index_order
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid, Space
from medvox.formats.gantry import POSITIONS, USUAL, scanner_axes
from medvox.formats.interfile.header import InterfileHeader
from medvox.formats.text_header import grid_or_pixels

FloatArray = NDArray[np.float64]
REFERENCE = "Interfile 3.3; STIR"

_SLICES: dict[str, FloatArray] = {
    "transverse": np.eye(3),
    "coronal": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]),
    "sagittal": np.array([[0.0, 0, -1], [1, 0, 0], [0, 1, 0]]),
}
"""Slice orientation -> scanner directions of i, j and k, one a column; (X)MedCon's."""
_ENDS = {"headin": "HF", "headfirst": "HF", "feetin": "FF", "feetfirst": "FF"}
_SIDES = {"supine": "S", "prone": "P", "right": "DR", "left": "DL"}


def read_position(header: InterfileHeader) -> str | None:
    """Patient position (``"HFS"``), where orientation and rotation settle it."""
    orientation = header.word("patient orientation")
    if orientation.upper() in POSITIONS:
        return orientation.upper()
    end, side = _ENDS.get(orientation), _SIDES.get(header.word("patient rotation"))
    return end + side if end and side else None


def read_grid(header: InterfileHeader, shape: tuple[int, int, int]) -> tuple[Grid, tuple[Finding, ...]]:
    """Make the grid of an image of (k, j, i) voxels; what is not known is said."""
    steps, findings = _steps(header, shape[0])
    if steps is None:
        return Grid.pixels(shape), findings
    position, named = read_position(header), header.word("slice orientation")
    scanner_data = header.size("number of dimensions") is not None
    slices = named if named in _SLICES else "transverse" if scanner_data and not named else None
    axes = scanner_axes(position or USUAL) @ _SLICES[slices or "transverse"]
    known = position is not None and slices is not None
    given = [header.number("first pixel offset (mm)", n) for n in (1, 2, 3)]
    first = [np.nan if value is None else value for value in given]
    placed = bool(np.isfinite(first).all())
    if not placed:
        first = [-(shape[2] // 2) * steps[0], -(shape[1] // 2) * steps[1], 0.0]
    ijk = np.eye(4)
    ijk[:3, :3] = axes * steps
    ijk[:3, 3] = axes @ np.array(first)
    matrix = reverse_index_order(ijk)
    grid, faults = grid_or_pixels(shape, matrix, Space.PATIENT if known else Space.LOCAL, header.path)
    if faults:
        return grid, (*findings, *faults)
    return grid, (*findings, *_notes(header, position, slices, placed))


def _steps(header: InterfileHeader, slices: int) -> tuple[FloatArray | None, tuple[Finding, ...]]:
    """Spacing in mm along i, j and k."""
    across = [header.number("scaling factor (mm/pixel)", n) for n in (1, 2)]
    if across[0] is None or across[1] is None:
        text = "'scaling factor (mm/pixel)' is missing: distances are in pixels"
        return None, (_note(header, "no-spacing", Level.WARNING, text),)
    mean = (across[0] + across[1]) / 2
    third = header.number("scaling factor (mm/pixel)", 3)
    if third is None:
        third = header.number("centre-centre slice separation (mm)")
    if third is None:
        apart = header.number("centre-centre slice separation (pixels)")
        third = None if apart is None else apart * mean
    if third is not None and (third != 0 or slices > 1):
        return np.array([*across, third]), ()
    thick, pixels = header.number("slice thickness (mm)"), header.number("slice thickness (pixels)")
    third = thick or (pixels or 1.0) * mean
    if slices == 1:
        return np.array([*across, third]), ()
    source = "slice thickness" if thick or pixels else "the mean pixel size"
    text = f"no slice separation: {source} is taken, {third:.4g} mm"
    return np.array([*across, third]), (_note(header, "spacing-assumed", Level.WARNING, text),)


def _notes(
    header: InterfileHeader, position: str | None, slices: str | None, placed: bool
) -> tuple[Finding, ...]:
    notes = []
    if position is None:
        text = "patient orientation and rotation are not given: head first, supine is assumed, as STIR does"
        notes.append(_note(header, "geometry-assumed", Level.WARNING, text))
    if slices is None:
        text = "slice orientation is not given: transverse is assumed"
        notes.append(_note(header, "geometry-assumed", Level.WARNING, text))
    if not placed:
        text = "no 'first pixel offset (mm)': as in STIR, x and y are 0 at voxel n // 2, z in the first slice"
        notes.append(_note(header, "geometry-assumed", Level.INFO, text))
    return tuple(notes)


def _note(header: InterfileHeader, code: str, level: Level, text: str) -> Finding:
    return Finding(code, level, str(header.path), text, REFERENCE)

"""Between VTK's image geometry and grids: origin, spacing, direction, and an extent that may start anywhere.

VTK counts (i, j, k) and names no patient axes; medvox takes its world for LPS mm, here as in
`medvox.interop.vtk_data`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medvox.core import affine as aff
from medvox.core.axes import CHANNEL, reverse_index_order
from medvox.core.errors import UnsupportedError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid, Space
from medvox.core.volume import Volume
from medvox.formats.text_header import grid_or_pixels

FloatArray = NDArray[np.float64]


def grid_of(
    shape: tuple[int, int, int],
    numbers: tuple[list[float], list[float], list[float] | None],
    start: tuple[float, float, float],
    path: Path,
) -> tuple[Grid, tuple[Finding, ...]]:
    """Make a grid.

    Parameters
    ----------
    shape
        Slices, rows, columns.
    numbers
        Origin, spacing, and the direction matrix row by row; None where the file cannot say one.
    start
        Index (i, j, k) of the first voxel; the origin is the place of index 0.
    """
    origin, spacing, direction = numbers
    ijk = np.eye(4)
    turn = np.eye(3) if direction is None else np.reshape(direction, (3, 3))
    with np.errstate(all="ignore"):
        ijk[:3, :3] = turn * np.array(spacing)
        ijk[:3, 3] = np.array(origin) + ijk[:3, :3] @ np.array(start)
    plain = np.array_equal(turn, np.eye(3)) and not np.any(origin)
    space = Space.LOCAL if direction is None or plain else Space.PATIENT
    grid, findings = grid_or_pixels(shape, reverse_index_order(ijk), space, path)
    if findings:
        return grid, findings
    if space is Space.LOCAL:
        text = (
            "the file says no orientation: distances are taken for mm, the place in the patient is not known"
        )
        return grid, (Finding("no-geometry", Level.INFO, str(path), text),)
    text = "VTK names no patient axes: its world is taken for LPS in mm"
    return grid, (Finding("geometry-assumed", Level.INFO, str(path), text),)


def is_plain(grid: Grid) -> bool:
    """Whether direction and origin are those that a file without a place has."""
    return bool(np.array_equal(grid.direction, np.eye(3)[:, ::-1]) and not grid.affine[:3, 3].any())


def numbers_of(grid: Grid) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Origin, spacing and direction (3, 3) of a grid, in VTK's index order."""
    ijk = reverse_index_order(grid.affine)
    return aff.origin(ijk), np.array(aff.spacing(ijk)), aff.direction(ijk)


def components_last(volume: Volume, values: NDArray[np.generic], path: Path) -> NDArray[np.generic]:
    """Values (k, j, i) or (k, j, i, component), in order.

    Raises
    ------
    UnsupportedError
        If there is an axis before k that VTK images do not have.
    """
    if volume.lead_axes:
        raise UnsupportedError(
            "a VTK image holds one volume",
            where=path,
            got=volume.axes,
            advice="Take one position first: volume.at(axis=position)",
        )
    return np.moveaxis(values, volume.axes.index(CHANNEL), -1) if volume.is_colour else values

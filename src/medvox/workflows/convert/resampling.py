"""`--resample`: the grid that is asked for, and the values on it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Literal, cast

import numpy as np

from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.core.volume import Volume
from medvox.processing.resample import resample
from medvox.workflows.open_folder import scan


def resampled(volume: Volume, wanted: str, interpolation: str) -> Volume:
    """Bring a volume to a spacing, or to the grid of a file.

    Parameters
    ----------
    wanted
        As `grid_wanted` takes it.
    interpolation
        ``"nearest"``, ``"linear"`` or ``"cubic"``.
    """
    order = cast('Literal["nearest", "linear", "cubic"]', interpolation)
    kind = volume.value_dtype if volume.is_colour else None
    return resample(volume, grid_wanted(wanted, volume.grid), order, dtype=kind)


def grid_wanted(wanted: str, grid: Grid) -> Grid:
    """Return the grid that is asked for.

    Parameters
    ----------
    wanted
        One spacing in mm (``"1"``), three (``"2,0.5,0.5"``: slices, rows, columns), or the name of a file
        with one image.
    grid
        Of the volume.

    Raises
    ------
    UsageError
        If it is neither a file nor one or three positive numbers.
    """
    if Path(wanted).exists():
        return scan(wanted).image().grid
    try:
        numbers = [float(part) for part in wanted.replace("x", ",").split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 3) or not all(n > 0 and math.isfinite(n) for n in numbers):
        raise UsageError(
            "neither a file nor a spacing", where="--resample", got=wanted, expected="1 or 2,0.5,0.5"
        )
    return with_spacing(grid, numbers * 3 if len(numbers) == 1 else numbers)


def with_spacing(grid: Grid, spacing_mm: list[float]) -> Grid:
    """Return a grid of another spacing that covers the same voxels, edge to edge, along the same axes.

    A tilted or uneven grid is made regular first (`Grid.regular`).

    Parameters
    ----------
    spacing_mm
        Along (k, j, i).
    """
    even = grid.regular()
    old, new = np.asarray(even.spacing_mm), np.asarray(spacing_mm, dtype=float)
    count = np.maximum(1, np.round(np.asarray(even.shape) * old / new)).astype(int)
    matrix = even.affine.copy()
    matrix[:3, :3] = even.direction * new
    centre = even.affine[:3, :3] @ ((np.asarray(even.shape) - 1) / 2) + even.affine[:3, 3]
    matrix[:3, 3] = centre - matrix[:3, :3] @ ((count - 1) / 2)
    return replace(even, shape=(int(count[0]), int(count[1]), int(count[2])), affine=matrix)

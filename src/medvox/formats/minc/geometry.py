"""From MINC's dimension variables to a grid and back.

World coordinates are x right, y anterior, z superior, in mm: world = sum over the spatial dimensions of
(start + step · index) · direction cosines (MINC 1 programmer's guide, "Dimension variables"). The cosines
need not be at right angles, so that a sheared grid is held exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import lps_from_ras, ras_from_lps
from medvox.core.errors import FormatError, GeometryError
from medvox.core.finding import Finding, Level
from medvox.core.grid import EVEN_TOLERANCE_MM, Grid, Space
from medvox.formats.minc.model import SPACES, Layout, MincFile, Variable
from medvox.formats.text_header import grid_or_pixels

FloatArray = NDArray[np.float64]

REFERENCE = "MINC 1 programmer's guide, dimension variables"
_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 1e-3, "": 1.0}
_SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "msec": 1e-3, "": 1.0}
_COSINES = dict(zip(SPACES, np.eye(3), strict=True))


@dataclass(frozen=True, slots=True)
class Dimension:
    """A dimension to be written.

    Parameters
    ----------
    length
        Number of positions.
    start, step
        First position and distance, in mm or s; None where nothing is known of them.
    cosines
        Direction in the world (x, y, z), for dimensions of space.
    positions
        Every position, where they are not even.
    """

    name: str
    length: int
    start: float | None = None
    step: float | None = None
    cosines: FloatArray | None = None
    positions: FloatArray | None = None


# -- reading ------------------------------------------------------------------------------------


@np.errstate(all="ignore")  # what is not finite is refused by the grid
def read_grid(minc: MincFile, layout: Layout) -> tuple[Grid, tuple[Finding, ...]]:
    """Make the grid of the image.

    Raises
    ------
    FormatError
        If the lengths are in a unit that is not known.
    """
    where = str(minc.path)
    findings: list[Finding] = []
    matrix = np.eye(4)
    positions: dict[str, FloatArray] = {}
    for column, name in enumerate(reversed(layout.spatial)):
        variable = minc.variables.get(name)
        cosines, start, step = _line(variable, name, minc.path)
        found = positions_of(variable, layout.stored.get(name, 1))
        if found is not None:
            positions[name] = found * _scale(variable, minc.path)
            start, step = _fit(positions[name], step)
        matrix[:3, column] = cosines * step
        matrix[:3, 3] += cosines * start
    stated = [v.attributes for n in layout.spatial if (v := minc.variables.get(n))]
    steps_known = any("step" in attributes for attributes in stated) or bool(positions)
    place_known = any("start" in a or "direction_cosines" in a for a in stated)
    affine = lps_from_ras(matrix)
    if not steps_known:
        text = "no dimension has a step: distances are in pixels"
        grid = Grid(layout.shape, lps_from_ras(np.eye(4)), space=Space.PIXEL)
        return grid, (Finding("no-spacing", Level.WARNING, where, text, REFERENCE),)
    grid, faults = grid_or_pixels(
        layout.shape, affine, Space.PATIENT if place_known else Space.LOCAL, minc.path
    )
    if faults:
        return grid, faults
    if not place_known:
        text = "no dimension has a start or direction cosines: the place in the patient is not known"
        findings.append(Finding("no-geometry", Level.INFO, where, text, REFERENCE))
    return _uneven(grid, layout, positions, matrix, findings, where)


def _line(variable: Variable | None, name: str, path: Path) -> tuple[FloatArray, float, float]:
    """Direction cosines, start and step in mm of one dimension, with MINC's defaults."""
    if variable is None:
        return _COSINES[name], 0.0, 1.0
    scale = _scale(variable, path)
    start, step = variable.numbers("start", 1), variable.numbers("step", 1)
    cosines = variable.numbers("direction_cosines", 3)
    return (
        np.array(cosines) if cosines else _COSINES[name],
        start[0] * scale if start else 0.0,
        step[0] * scale if step else 1.0,
    )


def _scale(variable: Variable | None, path: Path) -> float:
    unit = variable.text("units") if variable else ""
    if unit not in _MM:
        raise FormatError(
            "the unit of a dimension is not known", where=path, got=unit[:20], expected=list(_MM)
        )
    return _MM[unit]


def positions_of(variable: Variable | None, length: int) -> FloatArray | None:
    """Positions of an irregular dimension as stored; None where it is regular or has other than `length`."""
    if variable is None or variable.text("spacing") != "irregular" or variable.shape != (length,):
        return None
    values = variable.values()
    return values.astype(np.float64) if values.dtype.kind in "iuf" else None


def _fit(positions: FloatArray, step: float) -> tuple[float, float]:
    """Start and mean step of positions."""
    if len(positions) < 2:
        return float(positions[0]), step
    return float(positions[0]), float((positions[-1] - positions[0]) / (len(positions) - 1))


def _uneven(
    grid: Grid,
    layout: Layout,
    positions: Mapping[str, FloatArray],
    matrix: FloatArray,
    findings: list[Finding],
    where: str,
) -> tuple[Grid, tuple[Finding, ...]]:
    """Give the grid the true positions of its slices, where they are not even."""
    for name, found in positions.items():
        even = found[0] + np.arange(len(found)) * (found[-1] - found[0]) / max(len(found) - 1, 1)
        if np.isfinite(found).all() and np.abs(found - even).max() <= EVEN_TOLERANCE_MM:
            continue
        text = f"the positions along {name} are not even"
        if name == layout.spatial[0]:
            shifts = np.zeros((len(found), 3))
            steps = grid.affine[:3, 0] / ((found[-1] - found[0]) / (len(found) - 1))
            shifts += (found - found[0])[:, None] * steps
            try:
                grid = Grid(grid.shape, grid.affine, None, grid.affine[:3, 3] + shifts, grid.space)
                findings.append(Finding("uneven-spacing", Level.INFO, where, text, REFERENCE))
                continue
            except GeometryError as error:
                text += f" and cannot be used: {error.what}"
        findings.append(
            Finding("uneven-spacing", Level.WARNING, where, f"{text}: the even fit is used", REFERENCE)
        )
    return grid, tuple(findings)


@np.errstate(all="ignore")
def read_times(minc: MincFile, layout: Layout) -> tuple[float, ...] | None:
    """Seconds of each time point, from positions, or start and step where both are there."""
    variable = minc.variables.get("time")
    if variable is None or "time" not in layout.lead or variable.text("units") not in _SECONDS:
        return None
    scale, count = _SECONDS[variable.text("units")], layout.stored["time"]
    start, step = variable.numbers("start", 1), variable.numbers("step", 1)
    times = positions_of(variable, count)
    if times is None:
        if step is None or not step[0] > 0:
            return None
        times = np.asarray((start[0] if start else 0.0) + step[0] * np.arange(count), np.float64)
    return tuple(float(t) for t in times * scale) if np.isfinite(times).all() else None


# -- writing ------------------------------------------------------------------------------------


def dimensions_of(grid: Grid) -> list[Dimension]:
    """Dimensions k, j and i of a grid, each named after the world axis that it runs along most.

    The step is negative where the axis runs against its name, so that the cosines point along it.
    """
    ras = ras_from_lps(grid.affine)
    columns = ras[:3, 2::-1]  # k, j, i
    lengths = np.linalg.norm(columns, axis=0)
    cosines = columns / lengths
    names = _names(cosines)
    signs = np.array([-1.0 if cosines[SPACES.index(name), n] < 0 else 1.0 for n, name in enumerate(names)])
    cosines, steps = cosines * signs + 0.0, lengths * signs
    starts = np.linalg.solve(cosines, ras[:3, 3])
    positions = _along(grid, steps[0], starts[0])
    return [
        Dimension(name, size, float(start), float(step), cosine, positions if n == 0 else None)
        for n, (name, size, start, step, cosine) in enumerate(
            zip(names, grid.shape, starts, steps, cosines.T, strict=True)
        )
    ]


def _names(cosines: FloatArray) -> list[str]:
    """Name of each axis: the nearest, each used once, the clearest first."""
    left, names = np.abs(cosines), [""] * 3
    for _ in SPACES:
        row, column = np.unravel_index(int(np.argmax(left)), left.shape)
        names[column] = SPACES[row]
        left[row, :] = left[:, column] = -1.0
    return names


def holds_origins(grid: Grid) -> bool:
    """Whether the slices lie on one line, so that irregular positions say where they are."""
    if grid.is_even:
        return True
    start, end = grid.origins_mm[0], grid.origins_mm[-1]
    along = grid.affine[:3, 0] / np.linalg.norm(grid.affine[:3, 0])
    fitted = start + ((grid.origins_mm - start) @ along)[:, None] * along
    return bool(np.abs(fitted - grid.origins_mm).max() <= 1e-6) and bool((end - start) @ along > 0)


def _along(grid: Grid, step: float, start: float) -> FloatArray | None:
    if grid.is_even or not holds_origins(grid):
        return None
    along = grid.affine[:3, 0] / np.linalg.norm(grid.affine[:3, 0])
    distances: FloatArray = (grid.origins_mm - grid.affine[:3, 3]) @ along
    positions: FloatArray = start + distances * np.sign(step)
    return positions

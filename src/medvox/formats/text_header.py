"""Headers made of text, and the geometry that they give: shared by NRRD and MetaImage."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medvox.core import affine as aff
from medvox.core.errors import FormatError, GeometryError, LimitError, MissingError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid, Space

FloatArray = NDArray[np.float64]
_LARGEST = 1e18
MOST_HEADER = 1 << 22
"""Longest text header read, in bytes."""


def numbers(text: str, count: int | None, field: str, path: Path) -> list[float]:
    """Read numbers separated by blanks; infinite and absurdly large ones become NaN.

    Raises
    ------
    FormatError
        If one is not a number, or there are not `count`.
    """
    try:
        values = [_sane(float(word)) for word in text.split()]
    except ValueError as error:
        raise FormatError(f"{field} is not made of numbers", where=path, got=text[:60]) from error
    if count is not None and len(values) != count:
        raise FormatError(f"{field} has the wrong length", where=path, got=len(values), expected=count)
    return values


def _sane(value: float) -> float:
    return value if abs(value) <= _LARGEST else math.nan


def sizes(text: str, count: int, field: str, path: Path) -> list[int]:
    """Read positive whole numbers.

    Raises
    ------
    FormatError, LimitError
        If one is not, or absurd, or there are not `count`.
    """
    found = []
    for value in numbers(text, count, field, path):
        if not value >= 1 or value != int(min(value, 1e18)):
            raise FormatError(f"{field} is not made of positive whole numbers", where=path, got=text[:60])
        if value > 1 << 40:
            raise LimitError(f"{field} is absurd", where=path, got=text[:60])
        found.append(int(value))
    return found


def whole(text: str, field: str, path: Path) -> int:
    """Read one whole number.

    Raises
    ------
    FormatError
        If it is none.
    """
    try:
        return int(text.strip())
    except ValueError as error:
        raise FormatError(f"{field} is not a whole number", where=path, got=text[:60]) from error


def file_beside(header: Path, name: str) -> Path:
    """Find the data file that a header names: in the header's folder or below it, nowhere else.

    Raises
    ------
    FormatError
        If the name leads out of the folder, so that a header cannot show other files of the machine.
    MissingError
        If it is not there.
    """
    folder = header.parent.resolve()
    try:
        found = (folder / name.strip().replace("\\", "/")).resolve()
        is_there = found.is_file()
    except (OSError, ValueError, RuntimeError) as error:
        raise FormatError("the header names no usable data file", where=header) from error
    if folder not in found.parents:
        raise FormatError(
            "the header names a data file outside its folder",
            where=header,
            advice="Put the data file beside the header and correct the name",
        )
    if not is_there:
        raise MissingError(
            "the data file that the header names is missing", where=header, expected=name.strip()[:200]
        )
    return found


def grid_or_pixels(
    shape: tuple[int, int, int], affine: ArrayLike, space: Space, where: Path
) -> tuple[Grid, tuple[Finding, ...]]:
    """Make a grid; where the affine cannot be used, one in pixels and a Finding that says so."""
    matrix = np.array(affine, dtype=np.float64)
    try:
        return Grid(shape, matrix, space=space), ()
    except GeometryError as error:
        steps = matrix[:3, :3]
        bad_steps = not np.isfinite(steps).all() or (steps == 0).all(axis=0).any()
        code = "zero-spacing" if bad_steps else "bad-affine"
        text = f"{error.what}: {matrix[:3].tolist()}; distances are in pixels"
        return Grid.pixels(shape), (Finding(code, Level.WARNING, str(where), text),)


def flat_affine(step_i: FloatArray, step_j: FloatArray, origin: FloatArray) -> FloatArray:
    """Affine of a single slice from its two steps; the third is the unit normal."""
    matrix = np.eye(4)
    across = np.cross(step_i, step_j)
    length = np.linalg.norm(across)
    matrix[:3, 0] = across / length if length > 0 else 0
    matrix[:3, 1], matrix[:3, 2], matrix[:3, 3] = step_j, step_i, origin
    return matrix


def say(values: ArrayLike) -> str:
    """Write numbers so that they read back exactly, as short as possible."""
    return " ".join(
        str(int(v)) if float(v).is_integer() and abs(v) < 1e15 else repr(float(v)) for v in np.ravel(values)
    )


def is_orthonormal(affine: FloatArray) -> bool:
    """Whether the axes are at right angles to within 1e-6."""
    return aff.is_orthogonal(affine, 1e-6)

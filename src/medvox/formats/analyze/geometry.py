"""Where the voxels of an Analyze image are.

Analyze 7.5 gives spacing and no direction. SPM and nibabel take i to run to the left, j to anterior and k to
superior (x is flipped), with 0 mm at SPM's origin or in the middle; SimpleITK takes j to posterior. A .mat
file beside the image (SPM99, SPM2) settles it: ``mat`` maps voxels counted from 1 to RAS mm; ``M`` is the
same without the flip of x.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core import affine as aff
from medvox.core.axes import lps_from_ras, ras_from_lps, reverse_index_order
from medvox.core.errors import FormatError, GeometryError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid, Space
from medvox.formats.analyze.header import AnalyzeHeader
from medvox.formats.analyze.matlab import numeric_arrays
from medvox.formats.files import read_bytes, size_of
from medvox.formats.reorder import straight_axes
from medvox.formats.text_header import grid_or_pixels

FloatArray = NDArray[np.float64]
REFERENCE = "Analyze 7.5; SPM2"
USUAL = "LAS"
"""Directions of i, j and k without a .mat file."""
_ORIENT = {
    1: ("coronal", "LSA"), 2: ("sagittal", "ASL"), 3: ("transverse, flipped", "LPS"),
    4: ("coronal, flipped", "LIA"), 5: ("sagittal, flipped", "AIL"),
}  # fmt: skip
"""Values of orient (dbh.h) and the directions of i, j and k."""
_LETTERS = {"L": (1, 0, 0), "A": (0, -1, 0), "P": (0, 1, 0), "S": (0, 0, 1), "I": (0, 0, -1)}
_UNITS = {"": 1.0, "mm": 1.0, "cm": 10.0, "um": 1e-3, "mic": 1e-3}
_PIXELS = ("pixe", "pixel", "pix", "voxe")
_MOST_MAT = 1 << 18
_AGREE = 1e-3


def read_grid(header: AnalyzeHeader, mat: Path | None) -> tuple[Grid, tuple[Finding, ...]]:
    """Make the grid of an image; `mat` is the .mat file beside it."""
    i, j, k = header.sizes[:3]
    shape = (k, j, i)
    findings: list[Finding] = []
    if mat is not None:
        matrix, findings = read_mat(mat)
        if matrix is not None:
            return Grid(shape, matrix), tuple(findings)
    unit = header.text("vox_units").lower()
    steps = np.array(header["pixdim"][1:4], dtype=np.float64)
    if unit in _PIXELS and (steps == 1).all():
        return Grid.pixels(shape), tuple(findings)
    steps[(steps == 0) & (np.array(header.sizes[:3]) == 1)] = 1.0  # a single slice needs no distance
    if not steps.all():
        text = f"pixdim[1..3] is {steps.tolist()}: distances are in pixels"
        return Grid.pixels(shape), (*findings, _note(header, "no-spacing", Level.WARNING, text))
    scale = _UNITS.get(unit, 1.0)
    if unit not in _UNITS:
        text = f"the unit of distances is not known ({unit}): taken as mm"
        findings.append(_note(header, "geometry-assumed", Level.WARNING, text))
    orient, letters = int(header["orient"]), USUAL
    if orient in _ORIENT:
        named, letters = _ORIENT[orient]
        text = f"orient {orient} ({named}) is followed; SPM and nibabel leave it out"
        findings.append(_note(header, "geometry-assumed", Level.INFO, text))
    steps = np.where(np.abs(steps) < aff.LONGEST_MM, np.abs(steps) * scale, np.nan)
    grid, faults = grid_or_pixels(
        shape, usual_affine(shape, steps, letters, _origin(header)), Space.LOCAL, Path(header.where)
    )
    if faults:
        return grid, (*findings, *faults)
    text = f"no .mat file: as SPM and nibabel, i, j, k run to {', '.join(letters)}; SimpleITK takes L, P, S"
    return grid, (*findings, _note(header, "left-right-assumed", Level.WARNING, text))


def usual_affine(
    shape: tuple[int, int, int], steps_mm: FloatArray, letters: str = USUAL, origin: FloatArray | None = None
) -> FloatArray:
    """Affine (k, j, i) to LPS of an image without a .mat file.

    Parameters
    ----------
    steps_mm
        Spacing along i, j and k.
    letters
        Directions of i, j and k.
    origin
        Voxel (i, j, k), counted from 0, that lies at 0 mm; the middle where left out.
    """
    ijk = np.eye(4)
    ijk[:3, :3] = np.array([_LETTERS[letter] for letter in letters]).T * steps_mm
    at = (np.array(shape[::-1]) - 1) / 2 if origin is None else origin
    ijk[:3, 3] = -ijk[:3, :3] @ at
    return reverse_index_order(ijk)


def _origin(header: AnalyzeHeader) -> FloatArray | None:
    """SPM's origin, counted from 0; None where it is not set or lies far outside (as nibabel takes it)."""
    origin = np.array(header["originator"][:3], dtype=np.float64)
    sizes = np.array(header.sizes[:3])
    inside = bool((origin > -sizes).all() and (origin < 2 * sizes).all())
    return origin - 1 if origin.any() and inside else None


def read_mat(path: Path) -> tuple[FloatArray | None, list[Finding]]:
    """Read a .mat file of SPM (MATLAB 4 or 5): affine (k, j, i) to LPS, or None and why."""
    if size_of(path) > _MOST_MAT:
        return None, [_bad(path, "it is absurdly large")]
    try:
        ras, several = _matrix(numeric_arrays(read_bytes(path)))
        matrix = aff.check(lps_from_ras(ras))
    except GeometryError as error:
        return None, [_bad(path, error.what)]
    except (FormatError, KeyError, ValueError):
        return None, [_bad(path, "it holds no usable matrix 'mat' or 'M'")]
    text = "the .mat file has a matrix for each image, and they differ: the first is used"
    return matrix, [_finding(path, "affine-conflict", text)] if several else []


def _matrix(found: dict[str, FloatArray]) -> tuple[FloatArray, bool]:
    """Matrix (i, j, k) from 0 to RAS, and whether there were others."""
    flip = "mat" not in found
    stored = np.array(found["M" if flip else "mat"], dtype=np.float64)
    first = stored.reshape(4, 4, -1)[..., 0] if stored.ndim == 3 else stored.reshape(4, 4)
    several = stored.ndim == 3 and bool(np.abs(stored - stored[..., :1]).max() > _AGREE)
    if flip:
        first = np.diag([-1.0, 1, 1, 1]) @ first
    from_zero = np.eye(4)
    from_zero[:3, 3] = 1.0
    with np.errstate(all="ignore"):
        return np.asarray(first @ from_zero), several


def _bad(path: Path, reason: str) -> Finding:
    return _finding(path, "bad-affine", f"the .mat file cannot be used: {reason}")


def _finding(path: Path, code: str, text: str) -> Finding:
    return Finding(code, Level.WARNING, str(path), text, REFERENCE)


def _note(header: AnalyzeHeader, code: str, level: Level, text: str) -> Finding:
    return Finding(code, level, header.where, text, REFERENCE)


# -- writing ------------------------------------------------------------------------------------


def mat_bytes(grid: Grid) -> bytes:
    """Make the .mat file (MATLAB 4) of a grid, with ``M`` and ``mat`` as SPM2 has them."""
    from scipy.io import savemat

    from_one = np.eye(4)
    from_one[:3, 3] = -1.0
    mat = ras_from_lps(grid.affine) @ from_one
    file: Any = io.BytesIO()
    savemat(file, {"M": np.diag([-1.0, 1, 1, 1]) @ mat, "mat": mat}, format="4")
    return bytes(file.getvalue())


def origin_field(grid: Grid) -> NDArray[np.int64]:
    """SPM's origin: the voxel at 0 mm, counted from 1; 0 where it cannot be said or is far outside."""
    field = np.zeros(5, np.int64)
    if grid.space is not Space.PATIENT or not straight_axes(grid):
        return field
    voxel = np.rint(grid.to_voxel((0, 0, 0))[::-1]) + 1
    sizes = np.array(grid.shape[::-1])
    if (voxel > -sizes).all() and (voxel < 2 * sizes).all() and voxel.any():
        field[:3] = voxel
    return field

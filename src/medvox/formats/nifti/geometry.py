"""From a NIfTI header to a grid and back (nifti1.h, "3D IMAGE (VOLUME) ORIENTATION AND LOCATION")."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core import affine as aff
from medvox.core.axes import lps_from_ras, ras_from_lps
from medvox.core.errors import GeometryError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid, Space
from medvox.formats.nifti.header import NiftiHeader

FloatArray = NDArray[np.float64]

MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
"""Low three bits of xyzt_units: unknown, metre, millimetre, micrometre."""
SECONDS = {0: 1.0, 8: 1.0, 16: 1e-3, 24: 1e-6}
"""Middle three bits: unknown, second, millisecond, microsecond."""
XFORMS = {1: "scanner", 2: "aligned", 3: "talairach", 4: "mni152", 5: "template"}
REFERENCE = "NIfTI-1 §orientation"

_AGREE = 0.01
"""qform and sform agree when no corner moves by more than this part of the smallest voxel side."""


def read_grid(header: NiftiHeader) -> tuple[Grid, tuple[Finding, ...], str | None]:
    """Make the grid of an image, choosing as nibabel does: sform, else qform, else pixdim alone.

    Returns
    -------
    grid, findings, xform
        `xform` names the space (``"scanner"``, ``"mni152"``), None where the file gives none.
    """
    i, j, k = header.sizes[:3]
    shape, findings = (k, j, i), []
    unit = int(header["xyzt_units"]) & 7
    scale = MM.get(unit, 1.0)
    if unit not in MM or unit == 0:
        findings.append(
            _note(header, "geometry-assumed", Level.INFO, "xyzt_units gives no unit: taken as mm")
        )
    steps, faults = _steps(header)
    findings += faults
    usable: list[tuple[str, int, FloatArray]] = []
    for name, code, matrix in _candidates(header, steps):
        try:
            with np.errstate(all="ignore"):
                in_mm = lps_from_ras(_in_mm(matrix, scale))
            usable.append((name, code, aff.check(in_mm)))
        except GeometryError as error:
            findings.append(
                _note(header, "bad-affine", Level.WARNING, f"the {name} cannot be used: {error.what}")
            )
    if not usable:
        return (*_without_orientation(header, shape, steps, scale, findings), None)
    name, code, matrix = usable[0]
    grid = Grid(shape, matrix)
    if len(usable) > 1:
        findings += _conflict(header, grid, Grid(shape, usable[1][2]), code, usable[1][1])
    return grid, tuple(findings), XFORMS.get(code, f"code {code}")


def _candidates(header: NiftiHeader, steps: FloatArray | None) -> Iterator[tuple[str, int, FloatArray]]:
    sform_code, qform_code = int(header["sform_code"]), int(header["qform_code"])
    if sform_code > 0:
        yield "sform", sform_code, header.sform
    if qform_code > 0 and steps is not None:
        yield "qform", qform_code, qform(header, steps)


def _steps(header: NiftiHeader) -> tuple[FloatArray | None, list[Finding]]:
    """pixdim[1..3], made positive; None where they cannot be used."""
    steps = np.array(header["pixdim"][1:4], dtype=np.float64)
    flat = np.array([size == 1 for size in header.sizes[:3]])
    steps[flat & ~(np.isfinite(steps) & (steps != 0))] = 1.0  # a single slice needs no distance
    if not (np.isfinite(steps).all() and steps.all() and (np.abs(steps) < aff.LONGEST_MM).all()):
        text = f"pixdim[1..3] is {steps.tolist()}: cannot be used"
        return None, [_note(header, "zero-spacing", Level.WARNING, text)]
    if (steps < 0).any():
        text = f"pixdim[1..3] is {steps.tolist()}: the sign is left out"
        return np.abs(steps), [_note(header, "zero-spacing", Level.WARNING, text)]
    return steps, []


def qform(header: NiftiHeader, steps: FloatArray) -> FloatArray:
    """Make the qform matrix, (i, j, k) to RAS (nifti1.h, method 2), from quaternion, pixdim and offset."""
    (b, c, d), offset = header.quaternion
    with np.errstate(all="ignore"):  # what is not finite is refused by whoever uses the matrix
        a, b, c, d = _unit(b, c, d)
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    rotation[:, 2] *= -1 if header["pixdim"][0] < 0 else 1
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * steps
    matrix[:3, 3] = offset
    return matrix


def _unit(b: float, c: float, d: float) -> tuple[float, float, float, float]:
    """Complete a quaternion to length 1 with a >= 0; a half turn where b, c, d are too long for that."""
    rest = 1.0 - (b * b + c * c + d * d)
    if rest >= 1e-7:
        return math.sqrt(rest), b, c, d
    length = np.sqrt(b * b + c * c + d * d)
    return 0.0, b / length, c / length, d / length


def _without_orientation(
    header: NiftiHeader,
    shape: tuple[int, int, int],
    steps: FloatArray | None,
    scale: float,
    findings: list[Finding],
) -> tuple[Grid, tuple[Finding, ...]]:
    if steps is None:
        text = "neither pixdim nor a matrix gives a spacing: distances are in pixels"
        return Grid.pixels(shape), (*findings, _note(header, "no-spacing", Level.WARNING, text))
    text = "no orientation: as nibabel, i runs to the left, the centre lies at 0"
    findings.append(_note(header, "geometry-assumed", Level.WARNING, text))
    return Grid(shape, default_affine(shape, steps[::-1] * scale), space=Space.LOCAL), tuple(findings)


def default_affine(shape: tuple[int, int, int], spacing_mm: FloatArray) -> FloatArray:
    """Affine (k, j, i) to LPS that nibabel takes without qform and sform: i to L, j to A, k to S, centred."""
    ras = np.diag([-spacing_mm[2], spacing_mm[1], spacing_mm[0], 1.0])
    ras[:3, 3] = -ras[:3, :3] @ (np.array(shape[::-1]) - 1) / 2
    return lps_from_ras(ras)


def _conflict(header: NiftiHeader, used: Grid, other: Grid, code: int, other_code: int) -> list[Finding]:
    apart = float(np.linalg.norm(used.corners_mm() - other.corners_mm(), axis=1).max())
    if apart <= _AGREE * min(used.spacing_mm):
        return []
    level = Level.WARNING if code == other_code else Level.INFO
    text = (
        f"sform ({XFORMS.get(code, code)}) and qform ({XFORMS.get(other_code, other_code)}) "
        f"put a corner {apart:.3g} mm apart: sform is used"
    )
    return [_note(header, "affine-conflict", level, text)]


def _note(header: NiftiHeader, code: str, level: Level, text: str) -> Finding:
    return Finding(code, level, header.where, text, REFERENCE)


def _in_mm(matrix: FloatArray, scale: float) -> FloatArray:
    scaled = matrix.copy()
    scaled[:3] *= scale
    return scaled


# -- writing ------------------------------------------------------------------------------------


def geometry_fields(grid: Grid, code: int) -> dict[str, Any]:
    """Fields that say where the voxels are: pixdim[0..3], qform and sform with `code` (0: none)."""
    matrix = ras_from_lps(grid.affine)
    steps = np.linalg.norm(matrix[:3, :3], axis=0)
    handed = -1.0 if np.linalg.det(matrix[:3, :3]) < 0 else 1.0
    fields: dict[str, Any] = {"pixdim": np.array([handed, *steps, 0, 0, 0, 0])}
    if code <= 0:
        return fields
    fields |= {"sform_code": code, "srow_x": matrix[0], "srow_y": matrix[1], "srow_z": matrix[2]}
    if aff.is_orthogonal(grid.affine):
        rotation = matrix[:3, :3] / steps * (1, 1, handed)
        left, _, right = np.linalg.svd(rotation)
        b, c, d = _quaternion(left @ right)
        x, y, z = matrix[:3, 3]
        fields |= {"qform_code": code, "quatern_b": b, "quatern_c": c, "quatern_d": d}
        fields |= {"qoffset_x": x, "qoffset_y": y, "qoffset_z": z}
    return fields


def _quaternion(rotation: FloatArray) -> tuple[float, float, float]:
    """(b, c, d) of a proper rotation, with a >= 0: the eigenvector method of Bar-Itzhack (2000)."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation
    matrix = np.array(
        [
            [xx - yy - zz, yx + xy, zx + xz, zy - yz],
            [yx + xy, yy - xx - zz, zy + yz, xz - zx],
            [zx + xz, zy + yz, zz - xx - yy, yx - xy],
            [zy - yz, xz - zx, yx - xy, xx + yy + zz],
        ]
    )
    b, c, d, a = np.linalg.eigh(matrix)[1][:, -1]
    sign = -1.0 if a < 0 else 1.0
    return sign * b, sign * c, sign * d

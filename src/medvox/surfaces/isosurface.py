"""Isosurfaces: where interpolated values reach a level, on the stored grid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.surfaces.boundaries import Boundaries, filled_window
from medvox.surfaces.vtk_bridge import arrays, image, run

AnyArray = NDArray[Any]
LEAST_STEP = 1e-3
"""Share of the range of values that a voxel's value keeps from the level."""


def isosurface(values: AnyArray, grid: Grid, level: float) -> Boundaries:
    """Surface around all voxels of at least a level (region 1), closed at the border of the grid.

    Made by flying edges (Schroeder et al. 2015; VTK) in voxel indices, then carried to the patient by the
    stored grid: tilted and uneven stacks are neither resampled nor straightened.

    Parameters
    ----------
    values
        (k, j, i).
    level
        In the unit of the values. Of whole numbers the surface lies half a step below, so that no vertex
        falls on a voxel centre.

    Raises
    ------
    UsageError
        If no voxel reaches the level, all do, or the shape is not the grid's.
    """
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

    from medvox.surfaces import mesh_kernels as kernels

    if values.shape != grid.shape:
        raise UsageError("values do not fit the grid", got=values.shape, expected=grid.shape)
    inside = values >= level
    if inside.all():
        raise UsageError("all voxels reach the level: there is no surface", got=level)
    window, _low = filled_window(inside)
    box = tuple(slice(max(w.start - 1, 0), w.stop + 1) for w in window)
    part, cut = _framed(values[box], box, values.shape, level)
    edges = vtkFlyingEdges3D()
    edges.SetValue(0, cut)
    edges.ComputeNormalsOff()
    edges.ComputeGradientsOff()
    edges.ComputeScalarsOff()
    points, faces = arrays(run(edges, image(part)))
    origin = np.array([b.start - int(b.start == 0) for b in box], dtype=float)
    flip = np.linalg.det(grid.affine[:3, :3]) > 0  # VTK's x, y, z are i, j, k: one reflection more
    turned = np.ascontiguousarray(faces[:, ::-1] if flip else faces, dtype=np.int32)
    sides = np.tile(np.array([[1, 0]], np.int32), (len(faces), 1))
    shell = kernels.shells(turned, len(points))
    return Boundaries(grid.to_patient(points[:, ::-1] + origin), turned, sides, shell)


def _framed(part: AnyArray, box: Any, shape: tuple[int, ...], level: float) -> tuple[AnyArray, float]:
    """Values with a margin below the level where the window ends at the grid's border, and where to cut.

    The margin mirrors the outermost value across the level, so that the surface closes within half a voxel.
    """
    margin = [(int(b.start == 0), int(b.stop >= n)) for b, n in zip(box, shape, strict=True)]
    whole = part.dtype.kind in "iu"
    if part.dtype.kind not in "iuf" or part.dtype.itemsize > (4 if whole else 8):
        part = part.astype(np.float64)
        whole = False
    cut = float(np.ceil(level) - 0.5) if whole else float(level)
    if not whole:
        part = _off_level(part, cut)
    if any(sum(m) for m in margin):
        kind = np.float32 if whole else part.dtype
        padded = np.pad(part.astype(kind, copy=False), margin, mode="edge")
        for axis, (first, last) in enumerate(margin):
            for there, index in ((first, 0), (last, -1)):
                if there:
                    face = padded[(slice(None),) * axis + (index,)]
                    face[...] = np.minimum(2 * cut - face, face)
        return padded, cut
    return np.ascontiguousarray(part), cut


def _off_level(part: AnyArray, cut: float) -> AnyArray:
    """Move values that all but equal the level away from it: no two vertices fall on one voxel centre."""
    finite = part[np.isfinite(part)]
    least = LEAST_STEP * max(float(np.ptp(finite)), 1e-30)
    near = np.abs(part - cut) < least
    if not near.any():
        return part
    return np.where(near, np.where(part >= cut, cut + least, cut - least), part).astype(part.dtype)

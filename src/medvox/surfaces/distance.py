"""Distances between surfaces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.mesh import Mesh
from medvox.surfaces.vtk_bridge import poly_data

FloatArray = NDArray[np.float64]
SAMPLES = 20_000


@dataclass(frozen=True, slots=True)
class SurfaceDistance:
    """How far two surfaces lie apart, both ways, at sampled points.

    Parameters
    ----------
    hausdorff_mm
        Largest distance met.
    mean_mm, rms_mm
        Mean and root of the mean square, each surface weighing the same.
    samples
        Points measured on each surface.
    """

    hausdorff_mm: float
    mean_mm: float
    rms_mm: float
    samples: int


def surface_distance(one: Mesh, other: Mesh, samples: int = SAMPLES) -> SurfaceDistance:
    """Measure distances between points spread evenly over each surface (the same each time) and the other.

    Raises
    ------
    UsageError
        If a mesh has no face.
    """
    there = np.abs(distances_mm(spread_points(one, samples), other))
    back = np.abs(distances_mm(spread_points(other, samples), one))
    return SurfaceDistance(
        float(max(there.max(), back.max())),
        float((there.mean() + back.mean()) / 2),
        float(np.sqrt((np.mean(there**2) + np.mean(back**2)) / 2)),
        samples,
    )


def spread_points(mesh: Mesh, count: int) -> FloatArray:
    """(count, 3) points evenly over the area: a low-discrepancy sequence, the same each time."""
    corners = mesh.vertices_mm[mesh.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    total = np.cumsum(area)
    if len(total) == 0 or total[-1] <= 0:
        raise UsageError("a mesh without area has no distance to anything", where=mesh.name)
    n = np.arange(count)
    face = np.searchsorted(total, (n + 0.5) / count * total[-1])
    face = np.minimum(face, len(total) - 1)
    u, v = (n * 0.7548776662466927) % 1, (n * 0.5698402909980532) % 1
    over = u + v > 1
    u, v = np.where(over, 1 - u, u), np.where(over, 1 - v, v)
    a, b, c = (corners[face, m] for m in range(3))
    return np.asarray(a + u[:, None] * (b - a) + v[:, None] * (c - a))


def distances_mm(points_mm: FloatArray, mesh: Mesh) -> FloatArray:
    """(n,) distance of points to a surface in mm, negative inside (VTK's implicit distance)."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkDoubleArray
    from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance

    if len(mesh.faces) == 0:
        raise UsageError("a mesh without faces has no distance to anything", where=mesh.name)
    field: Any = vtkImplicitPolyDataDistance()
    field.SetInput(poly_data(mesh.vertices_mm, mesh.faces))
    values = vtkDoubleArray()
    field.FunctionValue(numpy_to_vtk(np.ascontiguousarray(points_mm, dtype=np.float64), deep=True), values)
    return np.array(vtk_to_numpy(values), dtype=np.float64)

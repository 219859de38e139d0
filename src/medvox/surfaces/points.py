"""Points to surfaces: normals, and the zero level of a signed distance field around them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.mesh import Mesh
from medvox.surfaces.manifold import without_degenerate
from medvox.surfaces.vtk_bridge import arrays, poly_data, run

FloatArray = NDArray[np.float64]
MOST_SIDE = 400


def clean(cloud: Mesh, neighbors: int = 16, deviations: float = 3.0) -> tuple[Mesh, int]:
    """Leave out stray points: those whose mean distance to their neighbors is far above the usual.

    Returns
    -------
    Mesh
        The cloud without them.
    int
        How many were left out, doubles included.
    """
    from scipy.spatial import cKDTree

    points, first = np.unique(cloud.vertices_mm, axis=0, return_index=True)
    distance, _ = cKDTree(points).query(points, k=min(neighbors + 1, len(points)))
    mean = distance[:, 1:].mean(axis=1)
    kept = mean <= np.median(mean) + deviations * max(float(mean.std()), 1e-12)
    colors = None if cloud.vertex_colors is None else cloud.vertex_colors[first][kept]
    made = replace(
        cloud, vertices_mm=points[kept], faces=np.zeros((0, 3), np.int64), vertex_colors=colors
    )
    return made, len(cloud.vertices_mm) - int(kept.sum())


def normals_of(points_mm: FloatArray, neighbors: int = 16) -> FloatArray:
    """(n, 3) unit normals by principal components, turned alike across the cloud and outwards (VTK)."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkFiltersPoints import vtkPCANormalEstimation

    if len(points_mm) <= neighbors:
        raise UsageError("too few points for normals", got=len(points_mm), expected=f"> {neighbors}")
    made = vtkPCANormalEstimation()
    made.SetSampleSize(neighbors)
    made.SetNormalOrientationToGraphTraversal()
    normals = np.array(
        vtk_to_numpy(run(made, poly_data(points_mm)).GetPointData().GetNormals()), dtype=np.float64
    )
    outwards = np.einsum("ij,ij->", points_mm - points_mm.mean(axis=0), normals)
    return normals if outwards >= 0 else -normals


def reconstruct(cloud: Mesh, step_mm: float | None = None, neighbors: int = 16) -> Mesh:
    """Surface through a cloud of points: zero level of the distance to their tangent planes.

    After Hoppe et al. (1992) as in VTK's vtkSignedDistance and vtkExtractSurface; holes larger than a few
    point distances stay open.

    Parameters
    ----------
    step_mm
        Cell of the field; None: the usual distance of points.

    Raises
    ------
    UsageError
        If there are too few points.
    """
    from scipy.spatial import cKDTree
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkFiltersPoints import vtkExtractSurface, vtkSignedDistance

    points = cloud.vertices_mm
    normals = normals_of(points, neighbors)
    gap, _ = cKDTree(points).query(points, k=2)
    usual = float(np.median(gap[:, 1]))
    reach = np.ptp(points, axis=0)
    step = max(step_mm or usual, float(reach.max()) / MOST_SIDE)
    radius = 3 * max(step, usual)
    low, high = points.min(axis=0) - radius, points.max(axis=0) + radius
    data = poly_data(points)
    data.GetPointData().SetNormals(numpy_to_vtk(np.ascontiguousarray(normals, dtype=np.float32), deep=True))
    field = vtkSignedDistance()
    field.SetInputData(data)
    field.SetRadius(radius)
    field.SetDimensions(*(int(n) for n in np.ceil((high - low) / step) + 1))
    field.SetBounds(*(float(x) for pair in zip(low, high, strict=True) for x in pair))
    extract = vtkExtractSurface()
    extract.SetInputConnection(field.GetOutputPort())
    extract.SetRadius(radius * 0.99)
    extract.HoleFillingOn()
    extract.Update()
    vertices, faces = arrays(extract.GetOutput())
    if len(faces) == 0:
        raise UsageError("no surface goes through these points", got=len(points))
    made = Mesh(vertices, without_degenerate(faces), name=cloud.name, color=cloud.color)
    return made if made.volume_ml >= 0 else replace(made, faces=made.faces[:, ::-1])

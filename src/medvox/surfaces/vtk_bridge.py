"""Meshes and arrays to VTK and back, without copies where it can be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.mesh import Mesh

AnyArray = NDArray[Any]


def poly_data(vertices: AnyArray, faces: AnyArray | None = None) -> Any:
    """Make vtkPolyData of (n, 3) points and (m, 3) triangles."""
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkPolyData

    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(vertices), deep=True))
    data = vtkPolyData()
    data.SetPoints(points)
    if faces is not None:
        data.SetPolys(_cells(faces, 3))
    else:
        data.SetVerts(_cells(np.arange(len(vertices))[:, None], 1))
    return data


def _cells(items: AnyArray, width: int) -> Any:
    from vtkmodules.util.numpy_support import numpy_to_vtkIdTypeArray
    from vtkmodules.vtkCommonDataModel import vtkCellArray

    cells = vtkCellArray()
    offsets = np.arange(0, items.size + 1, width, dtype=np.int64)
    cells.SetData(
        numpy_to_vtkIdTypeArray(offsets, deep=True),
        numpy_to_vtkIdTypeArray(np.ascontiguousarray(items, dtype=np.int64).ravel(), deep=True),
    )
    return cells


def arrays(data: Any) -> tuple[AnyArray, NDArray[np.int64]]:
    """(n, 3) float64 points and (m, 3) triangles of vtkPolyData of triangles alone; copies."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    if data.GetNumberOfPoints() == 0:
        return np.zeros((0, 3)), np.zeros((0, 3), np.int64)
    points = np.array(vtk_to_numpy(data.GetPoints().GetData()), dtype=np.float64)
    if data.GetNumberOfPolys() == 0:
        return points, np.zeros((0, 3), np.int64)
    cells = vtk_to_numpy(data.GetPolys().GetConnectivityArray())
    return points, np.array(cells, dtype=np.int64).reshape(-1, 3)


def image(values: AnyArray) -> Any:
    """Make vtkImageData of (k, j, i) values with unit spacing: x, y, z are i, j, k."""
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData

    data = vtkImageData()
    data.SetDimensions(*values.shape[::-1])
    data.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(values).ravel(), deep=False))
    return data


def run(source: Any, data: Any) -> Any:
    """Feed data to a VTK filter and return its output."""
    source.SetInputData(data)
    source.Update()
    return source.GetOutput()


def filtered(source: Any, mesh: Mesh) -> tuple[AnyArray, NDArray[np.int64]]:
    """Feed a mesh to a VTK filter that gives triangles."""
    return arrays(run(source, poly_data(mesh.vertices_mm, mesh.faces)))

"""Volume and Mesh, to and from vtkImageData and vtkPolyData, sharing memory.

VTK counts (i, j, k), i fastest, in a world of its own: here that world is LPS millimeters. (3D Slicer keeps
RAS in its VTK pipelines: turn points by `medvox.core.axes.flip_points` there.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medvox.core import affine as aff
from medvox.core.axes import CHANNEL, SPATIAL, reverse_index_order
from medvox.core.errors import UnsupportedError
from medvox.core.mesh import Mesh
from medvox.core.volume import Volume
from medvox.interop.borders import AnyArray, arrived, channel_last, square_affine, wider

if TYPE_CHECKING:
    from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPolyData

LIBRARY = "VTK"


def to_vtk(volume: Volume) -> vtkImageData:
    """Make a vtkImageData of a volume.

    Parameters
    ----------
    volume
        On an even, untilted grid, without axes before k other than channels.

    Returns
    -------
    vtkImageData
        With origin, spacing and direction matrix in LPS mm; the active scalars are the values in
        `volume.unit`. They share the volume's memory where its stored values are the values and lie in
        order (colors: a pixel's channels side by side), and keep it alive; VTK must then not write to
        them. bool becomes uint8, float16 float32.

    Raises
    ------
    GeometryError
        If slices are uneven or tilted.
    UnsupportedError
        If there are axes such as time.
    """
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData

    if volume.lead_axes:
        raise UnsupportedError(
            "vtkImageData holds one volume",
            got=volume.axes,
            advice="Take one position first: volume.at(axis=position)",
        )
    ijk = reverse_index_order(square_affine(volume.grid, LIBRARY))
    values = channel_last(volume, volume.values())
    packed = np.ascontiguousarray(values, dtype=wider(values.dtype))
    flat = packed.reshape(-1, volume.channels) if volume.is_colour else packed.reshape(-1)
    image = vtkImageData()
    image.SetDimensions(*reversed(volume.grid.shape))
    image.SetOrigin(*aff.origin(ijk).tolist())
    image.SetSpacing(*aff.spacing(ijk))
    image.SetDirectionMatrix(*aff.direction(ijk).ravel().tolist())
    scalars = numpy_to_vtk(flat)
    scalars.SetName(volume.label or "values")
    image.GetPointData().SetScalars(scalars)
    return image


def from_vtk(image: vtkImageData, *, like: Volume | None = None) -> Volume:
    """Make a volume of the active point scalars of a vtkImageData, sharing their memory.

    Parameters
    ----------
    image
        Its world is LPS mm. An extent that does not begin at 0 is heeded.
    like
        Volume that the image was made from, see `medvox.interop.borders.arrived`.

    Raises
    ------
    UnsupportedError
        If there are no point scalars.
    """
    from vtkmodules.util.numpy_support import vtk_to_numpy

    scalars = image.GetPointData().GetScalars()
    if scalars is None:
        raise UnsupportedError(
            "the vtkImageData has no active point scalars",
            advice="Name them first: image.GetPointData().SetActiveScalars(name)",
        )
    start = np.eye(4)
    start[:3, 3] = image.GetExtent()[::2]
    to_world = image.GetIndexToPhysicalMatrix()
    ijk = np.array([[to_world.GetElement(row, column) for column in range(4)] for row in range(4)]) @ start
    shape = tuple(reversed(image.GetDimensions()))
    values: AnyArray = vtk_to_numpy(scalars)
    axes: tuple[str, ...] = SPATIAL
    if values.ndim == 2:
        values, axes = np.moveaxis(values.reshape(*shape, -1), -1, 0), (CHANNEL, *SPATIAL)
    else:
        values = values.reshape(shape)
    return arrived(values, reverse_index_order(ijk), LIBRARY, axes=axes, like=like)


def mesh_to_vtk(mesh: Mesh) -> vtkPolyData:
    """Make a vtkPolyData of a mesh; points (float64) and triangles share its memory and keep it alive."""
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData

    points = vtkPoints()
    points.SetDataTypeToDouble()
    points.SetData(numpy_to_vtk(mesh.vertices_mm))
    triangles = vtkCellArray()
    offsets = np.arange(0, 3 * len(mesh.faces) + 1, 3, dtype=np.int64)
    triangles.SetData(numpy_to_vtk(offsets), numpy_to_vtk(mesh.faces.reshape(-1)))
    poly = vtkPolyData()
    poly.SetPoints(points)
    poly.SetPolys(triangles)
    return poly


def mesh_from_vtk(poly: vtkPolyData, *, like: Mesh | None = None) -> Mesh:
    """Make a mesh of the faces of a vtkPolyData, in memory of its own.

    Parameters
    ----------
    poly
        Polygons and strips are cut into triangles; lines and single points are left out.
    like
        Mesh that it was made from: gives name, color and provenance.
    """
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkFiltersCore import vtkTriangleFilter

    cut = vtkTriangleFilter()
    cut.SetInputData(poly)
    cut.PassLinesOff()
    cut.PassVertsOff()
    cut.Update()
    found = cut.GetOutput()
    empty = found.GetNumberOfPoints() == 0
    vertices = np.empty((0, 3)) if empty else vtk_to_numpy(found.GetPoints().GetData())
    polys = found.GetPolys()
    faces = vtk_to_numpy(polys.GetConnectivityArray()) if polys.GetNumberOfCells() else np.empty(0, np.int64)
    known = like or Mesh(np.empty((0, 3)), np.empty((0, 3), np.int64))
    return Mesh(vertices, faces, known.name, known.color, known.provenance)

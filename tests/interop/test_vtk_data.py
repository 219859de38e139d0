from __future__ import annotations

import gc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import VTK_SHORT
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkFiltersSources import vtkCubeSource

from medvox.core.errors import GeometryError, UnsupportedError
from medvox.core.mesh import Mesh
from medvox.core.volume import Volume
from medvox.interop import from_vtk, mesh_from_vtk, mesh_to_vtk, to_vtk
from medvox.testing.strategies import volumes
from medvox.testing.volumes import sample_volumes, sheared_grid, uneven_grid

SAMPLES = sample_volumes()
FITTING = [n for n in SAMPLES if n not in ("sheared", "uneven") and not SAMPLES[n].lead_axes]


def world(image: vtkImageData, ijk) -> list[float]:
    point = [0.0, 0.0, 0.0]
    image.TransformContinuousIndexToPhysicalPoint([float(n) for n in ijk], point)
    return point


@given(volumes(shear=False), st.data())
def test_a_voxel_has_the_same_point_and_value_in_vtk(volume, data):
    volume = volume.at(**dict.fromkeys(volume.lead_axes, 1))
    kji = [data.draw(st.integers(0, n - 1)) for n in volume.grid.shape]
    image = to_vtk(volume)
    assert world(image, kji[::-1]) == pytest.approx(volume.grid.to_patient(kji).tolist(), abs=1e-8)
    expected = volume.slice_values(kji[0])[..., kji[1], kji[2]].ravel()
    found = [image.GetScalarComponentAsDouble(*kji[::-1], c) for c in range(volume.channels)]
    assert found == expected.astype(float).tolist()


@pytest.mark.parametrize("name", FITTING)
def test_every_kind_of_volume_comes_back(name):
    volume = SAMPLES[name]
    back = from_vtk(to_vtk(volume), like=volume)
    assert back.axes == volume.axes
    assert back.grid == volume.grid
    assert np.array_equal(back.values(), volume.values().astype(back.dtype))
    assert from_vtk(to_vtk(volume)).grid.is_close(volume.grid, 1e-9)


def test_memory_is_shared_and_kept_alive():
    volume = SAMPLES["axial-int16"]
    values = np.array(volume.data)
    image = to_vtk(Volume(values, volume.grid))
    assert np.shares_memory(vtk_to_numpy(image.GetPointData().GetScalars()), values)
    back = from_vtk(image)
    assert np.shares_memory(back.data, values)
    del values, image
    gc.collect()
    junk = [np.full(210, 9, np.int16) for _ in range(100)]
    assert len(junk) == 100
    assert np.array_equal(back.data, volume.data)


def test_colors_that_lie_side_by_side_are_shared():
    pixels = np.zeros((*SAMPLES["rgb"].grid.shape, 3), np.uint8)
    volume = Volume(np.moveaxis(pixels, -1, 0), SAMPLES["rgb"].grid, SAMPLES["rgb"].axes)
    assert np.shares_memory(vtk_to_numpy(to_vtk(volume).GetPointData().GetScalars()), pixels)


def test_an_extent_that_does_not_begin_at_zero_is_heeded():
    image = to_vtk(SAMPLES["left-handed"])
    image.SetExtent(2, 4, 1, 5, 3, 4)
    image.AllocateScalars(VTK_SHORT, 1)
    image.SetScalarComponentFromDouble(4, 2, 3, 0, 77.0)
    part = from_vtk(image)
    assert part.shape == (2, 5, 3)
    assert part.values()[0, 1, 2] == 77
    assert part.grid.to_patient((0, 1, 2)).tolist() == pytest.approx(world(image, (4, 2, 3)))


@pytest.mark.parametrize("grid", [uneven_grid(), sheared_grid()], ids=["uneven", "tilted"])
def test_uneven_and_tilted_stacks_are_refused(grid):
    with pytest.raises(GeometryError, match=r"resample\.regular_copy"):
        to_vtk(Volume(np.zeros(grid.shape, np.int16), grid))


def test_time_is_refused():
    with pytest.raises(UnsupportedError, match=r"volume\.at"):
        to_vtk(SAMPLES["time"])


def test_an_image_without_scalars_is_refused():
    image = vtkImageData()
    image.SetDimensions(2, 2, 2)
    with pytest.raises(UnsupportedError, match="SetActiveScalars"):
        from_vtk(image)
    image.AllocateScalars(VTK_SHORT, 1)
    assert from_vtk(image).dtype == np.int16


TETRAHEDRON = Mesh(
    np.array([[0.0, 0, 0], [30, 0, 0], [0, 20, 0], [0, 0, 10]]),
    np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]]),
    "tumor",
    (200, 10, 10),
)


def test_a_mesh_has_the_same_volume_in_vtk_and_comes_back():
    from vtkmodules.vtkFiltersCore import vtkMassProperties

    poly = mesh_to_vtk(TETRAHEDRON)
    truth = vtkMassProperties()
    truth.SetInputData(poly)
    assert truth.GetVolume() / 1000 == pytest.approx(TETRAHEDRON.volume_ml) == pytest.approx(1.0)
    back = mesh_from_vtk(poly, like=TETRAHEDRON)
    assert np.array_equal(back.vertices_mm, TETRAHEDRON.vertices_mm)
    assert np.array_equal(back.faces, TETRAHEDRON.faces)
    assert (back.name, back.color) == ("tumor", (200, 10, 10))


def test_points_and_triangles_are_shared_and_kept_alive():
    mesh = Mesh(TETRAHEDRON.vertices_mm, TETRAHEDRON.faces)
    poly = mesh_to_vtk(mesh)
    assert np.shares_memory(vtk_to_numpy(poly.GetPoints().GetData()), mesh.vertices_mm)
    assert np.shares_memory(vtk_to_numpy(poly.GetPolys().GetConnectivityArray()), mesh.faces)
    del mesh
    gc.collect()
    junk = [np.zeros((4, 3)) for _ in range(100)]
    assert len(junk) == 100
    assert mesh_from_vtk(poly).volume_ml == pytest.approx(1.0)


def test_a_surface_of_vtk_lies_where_the_voxels_are():
    """Around one bright voxel of an oblique, left-handed grid: VTK does all of the geometry."""
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

    grid = SAMPLES["left-handed"].grid
    values = np.zeros(grid.shape, np.int16)
    values[2, 3, 4] = 100
    surface = vtkFlyingEdges3D()
    surface.SetInputData(to_vtk(Volume(values, grid)))
    surface.SetValue(0, 50)
    surface.Update()
    mesh = mesh_from_vtk(surface.GetOutput())
    assert mesh.vertices_mm.mean(axis=0).tolist() == pytest.approx(grid.to_patient((2, 3, 4)).tolist())


def test_polygons_become_triangles():
    cube = vtkCubeSource()
    cube.SetXLength(10)
    cube.SetYLength(10)
    cube.SetZLength(10)
    cube.Update()
    mesh = mesh_from_vtk(cube.GetOutput())
    assert mesh.faces.shape == (12, 3)
    assert mesh.volume_ml == pytest.approx(1.0)


def test_an_empty_mesh_stays_empty():
    empty = Mesh(np.empty((0, 3)), np.empty((0, 3), np.int64))
    assert len(mesh_from_vtk(mesh_to_vtk(empty)).faces) == 0

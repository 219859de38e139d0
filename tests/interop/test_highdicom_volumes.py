from __future__ import annotations

import highdicom
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvox.core import affine as aff
from medvox.core.errors import GeometryError
from medvox.core.grid import Grid, Space
from medvox.core.volume import Volume
from medvox.interop import from_highdicom, to_highdicom
from medvox.testing.dicom_builder import stack, uid
from medvox.testing.strategies import volumes
from medvox.testing.volumes import sample_volumes, sheared_grid, uneven_grid

SAMPLES = sample_volumes()
FITTING = sorted(set(SAMPLES) - {"sheared", "uneven"})


@given(volumes(shear=False), st.data())
def test_a_voxel_has_the_same_point_and_value_in_highdicom(volume, data):
    kji = [data.draw(st.integers(0, n - 1)) for n in volume.grid.shape]
    other = to_highdicom(volume)
    point = other.map_indices_to_reference(np.array([kji]))[0]
    assert point.tolist() == pytest.approx(volume.grid.to_patient(kji).tolist(), abs=1e-6)
    assert np.array_equal(other.array[tuple(kji)], volume.values()[(..., *kji)])


@pytest.mark.parametrize("name", FITTING)
def test_every_kind_of_volume_comes_back(name):
    volume = SAMPLES[name]
    back = from_highdicom(to_highdicom(volume))
    assert back.axes == volume.axes
    assert back.coordinates == volume.coordinates
    assert back.grid.is_close(volume.grid, 1e-9)
    assert back.grid.frame_of_reference == volume.grid.frame_of_reference
    assert np.array_equal(back.values(), volume.values())
    assert from_highdicom(to_highdicom(volume), like=volume).grid == volume.grid


def test_a_series_that_highdicom_reads_lies_where_medvox_says():
    """highdicom sorts and places the slices by itself; medvox by its own scanner."""
    from medvox.workflows.from_datasets import volume_from_datasets

    pixels = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    slices = stack(
        pixels, modality="CT", origin_mm=(-10, 20, 5.5), orientation=(0, 1, 0, 0, 0, -1),
        spacing_mm=(2.5, 0.75, 0.5), RescaleSlope=1, RescaleIntercept=-1000,
    )  # fmt: skip
    truth = highdicom.get_volume_from_series(slices[::-1])
    volume = volume_from_datasets(slices)
    back = from_highdicom(truth)
    corner = volume.grid.to_patient((0, 0, 0))
    kji = np.rint(back.grid.to_voxel(corner)).astype(int)
    assert back.grid.to_patient(kji).tolist() == pytest.approx(corner.tolist())
    assert back.values()[tuple(kji)] == volume.values()[0, 0, 0]
    assert sorted(back.grid.spacing_mm) == pytest.approx(sorted(volume.grid.spacing_mm))
    assert back.grid.frame_of_reference == str(uid("study/frame"))


def test_the_array_is_shared_both_ways():
    for name in ("axial-int16", "time", "rgb"):
        other = to_highdicom(SAMPLES[name])
        assert np.shares_memory(other.array, SAMPLES[name].data)
        assert np.shares_memory(from_highdicom(other).data, SAMPLES[name].data)


def test_dicom_attributes_along_a_channel_become_a_named_axis():
    other = highdicom.Volume(np.zeros((3, 4, 5, 2)), np.eye(4), "SLIDE", channels={"EchoTime": [4.5, 9.0]})
    volume = from_highdicom(other)
    assert volume.axes == ("echo_time", "k", "j", "i")
    assert volume.coordinates == {"echo_time": (4.5, 9.0)}
    assert volume.grid.space is Space.LOCAL


def test_a_tilt_that_is_none_is_straightened():
    matrix = np.array(SAMPLES["axial-int16"].grid.affine)
    matrix[1, 0] = 3.0 * np.tan(np.radians(0.05))
    grid = Grid(SAMPLES["axial-int16"].grid.shape, matrix)
    assert grid.is_regular
    assert not aff.is_orthogonal(matrix, 1e-4)
    back = from_highdicom(to_highdicom(Volume(SAMPLES["axial-int16"].data, grid)))
    assert back.grid.is_close(grid, 0.01)


@pytest.mark.parametrize("grid", [uneven_grid(), sheared_grid()], ids=["uneven", "tilted"])
def test_uneven_and_tilted_stacks_are_refused(grid):
    with pytest.raises(GeometryError, match=r"resample\.regular_copy"):
        to_highdicom(Volume(np.zeros(grid.shape, np.int16), grid))

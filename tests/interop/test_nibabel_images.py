from __future__ import annotations

from dataclasses import replace

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvox.core.errors import GeometryError, UnsupportedError
from medvox.core.lazy import FrameArray, LazyArray
from medvox.core.volume import Volume
from medvox.interop import from_nibabel, to_nibabel
from medvox.testing.strategies import affines, volumes
from medvox.testing.volumes import sample_volumes, uneven_grid

SAMPLES = sample_volumes()
FITTING = sorted(set(SAMPLES) - {"uneven"})


def lazy(volume: Volume, asked: list[int]) -> Volume:
    """The same volume, its slices read one by one; numbers of the slices read go into `asked`."""
    lead = volume.shape[:-2]
    frames = np.asarray(volume.data).reshape(-1, *volume.shape[-2:])

    def read(numbers, out, progress=None):
        asked.extend(numbers)
        out[...] = frames[list(numbers)]

    return replace(volume, data=FrameArray(lead, volume.shape[-2:], volume.dtype, read))


@given(volumes(), st.data())
def test_a_voxel_has_the_same_point_and_value_in_nibabel(volume, data):
    kji = [data.draw(st.integers(0, n - 1)) for n in volume.grid.shape]
    lead = [data.draw(st.integers(0, n - 1)) for n in volume.lead_shape]
    image = to_nibabel(volume)
    ras = nibabel.affines.apply_affine(image.affine, kji[::-1])
    assert (ras * (-1, -1, 1)).tolist() == pytest.approx(volume.grid.to_patient(kji).tolist(), abs=1e-8)
    found = np.asarray(image.dataobj)[(*kji[::-1], *(lead or (0,) * volume.is_colour))]
    assert np.array_equal(found, volume.slice_values(kji[0], lead)[..., kji[1], kji[2]])


@given(volumes())
def test_there_and_back_changes_nothing(volume):
    back = from_nibabel(to_nibabel(volume))
    assert np.array_equal(back.grid.affine, volume.grid.affine)
    assert back.axes == volume.axes
    assert np.array_equal(back.values(), volume.values())
    assert {n: pytest.approx(v, abs=1e-5) for n, v in volume.coordinates.items()} == back.coordinates
    assert from_nibabel(to_nibabel(volume), like=volume).coordinates == volume.coordinates


@pytest.mark.parametrize("name", FITTING)
def test_every_kind_of_volume_comes_back(name):
    volume = SAMPLES[name]
    back = from_nibabel(to_nibabel(volume), like=volume)
    assert back.axes == volume.axes
    assert back.grid == volume.grid
    assert np.array_equal(back.values(), volume.values().astype(back.dtype))


@pytest.mark.parametrize("name", FITTING)
def test_what_nibabel_saves_is_what_medvox_reads(name, tmp_path):
    """Through a file and back by the project's own NIfTI reader, which knows nothing of nibabel."""
    from medvox.formats.nifti import NiftiFormat

    volume = SAMPLES[name]
    nibabel.save(to_nibabel(volume), tmp_path / "a.nii")
    (image,) = NiftiFormat().images(tmp_path / "a.nii")
    back = image.volume()
    if volume.grid.space == "patient":
        assert back.grid.is_close(volume.grid, 1e-3)
    assert np.array_equal(back.values().ravel(), volume.values().astype(back.value_dtype).ravel())


@given(affines())
def test_an_image_of_nibabel_keeps_its_points(matrix):
    data = np.zeros((5, 4, 3), np.int16)
    data[4, 1, 2] = 77
    image = nibabel.Nifti1Image(data, matrix)
    volume = from_nibabel(image)
    assert volume.values()[2, 1, 4] == 77
    x, y, z = nibabel.affines.apply_affine(image.affine, (4, 1, 2)).tolist()
    assert volume.grid.to_patient((2, 1, 4)).tolist() == pytest.approx([-x, -y, z], abs=1e-8)


def test_arrays_in_memory_are_shared_both_ways():
    volume = SAMPLES["time"]
    image = to_nibabel(volume)
    assert np.shares_memory(image.dataobj, volume.data)
    assert np.shares_memory(from_nibabel(image).data, volume.data)


def test_a_lazy_volume_is_read_as_far_as_nibabel_asks():
    asked: list[int] = []
    volume = lazy(SAMPLES["rescaled-by-slice"], asked)
    image = to_nibabel(volume)
    assert nibabel.is_proxy(image.dataobj)
    assert asked == []
    part = image.slicer[1:3, :, 3:4]
    assert sorted(set(asked)) == [3]
    assert np.array_equal(np.asarray(part.dataobj), volume.values().transpose(2, 1, 0)[1:3, :, 3:4])
    assert np.allclose(image.get_fdata(), volume.values().transpose(2, 1, 0))


@pytest.mark.parametrize("key", [np.s_[..., 0], np.s_[1], np.s_[-1, :, ::-1], np.s_[2:4, 1, -3:], np.s_[...]])
def test_parts_of_a_lazy_volume_are_those_of_the_array(key):
    volume = lazy(SAMPLES["time"], [])
    whole = volume.values().transpose(3, 2, 1, 0)
    assert np.array_equal(to_nibabel(volume).dataobj[key], whole[key])


def test_a_file_is_read_when_the_volume_is(tmp_path):
    data = np.arange(60, dtype=np.int16).reshape(5, 4, 3)
    image = nibabel.Nifti1Image(data, np.eye(4))
    image.header.set_slope_inter(0.5, 10)
    nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), tmp_path / "a.nii")
    volume = from_nibabel(nibabel.load(tmp_path / "a.nii"))
    assert isinstance(volume.data, LazyArray)
    assert volume.is_lazy
    assert np.array_equal(volume.slice_values(2), data[:, :, 2].T)
    assert np.array_equal(volume.values(), data.T)


def test_scaled_files_give_scaled_values(tmp_path):
    image = nibabel.Nifti1Image(np.linspace(-7, 99, 60).reshape(5, 4, 3), np.eye(4))
    image.set_data_dtype(np.int16)
    nibabel.save(image, tmp_path / "a.nii.gz")
    again = nibabel.load(tmp_path / "a.nii.gz")
    volume = from_nibabel(again)
    assert np.array_equal(volume.values(), again.get_fdata().T)


def test_units_of_the_file_are_heeded():
    image = nibabel.Nifti1Image(np.zeros((2, 2, 2, 3), np.int16), np.diag([1e-3, 2e-3, 3e-3, 1]))
    image.header.set_xyzt_units("meter", "msec")
    image.header["pixdim"][4] = 500
    volume = from_nibabel(image)
    assert volume.grid.spacing_mm == pytest.approx((3, 2, 1))
    assert volume.coordinates == {"time": (0.0, 0.5, 1.0)}


def test_other_classes_of_nibabel_come_in_too():
    data = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    volume = from_nibabel(nibabel.MGHImage(data, np.diag([2.0, 2, 2, 1])))
    assert np.array_equal(volume.values(), data.T)
    assert volume.grid.letters == "SAR"


def test_uneven_slices_are_refused():
    grid = uneven_grid()
    with pytest.raises(GeometryError, match=r"resample\.regular_copy"):
        to_nibabel(Volume(np.zeros(grid.shape, np.int16), grid))


def test_too_many_axes_are_refused():
    grid = SAMPLES["echoes"].grid
    axes = ("a", "b", "c", "time", "k", "j", "i")
    with pytest.raises(UnsupportedError, match="seven axes"):
        to_nibabel(Volume(np.zeros((2, 2, 2, 2, *grid.shape), np.int16), grid, axes))


def test_records_are_refused():
    colors = np.zeros((3, 3, 3), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    with pytest.raises(UnsupportedError, match="fifth axis"):
        from_nibabel(nibabel.Nifti1Image(colors, np.eye(4)))

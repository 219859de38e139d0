from __future__ import annotations

import gc

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st

from medvox.core.errors import GeometryError, UnsupportedError, UsageError
from medvox.core.grid import Grid, Space
from medvox.core.labels import LabelMap, Segment
from medvox.core.volume import Volume
from medvox.interop import from_simpleitk, labels_from_simpleitk, labels_to_simpleitk, to_simpleitk
from medvox.processing.resample import regular_copy
from medvox.testing.strategies import volumes
from medvox.testing.volumes import oblique_grid, sample_volumes, sheared_grid, uneven_grid

SAMPLES = sample_volumes()
FITTING = sorted(set(SAMPLES) - {"sheared", "uneven"})


def value_at(image: sitk.Image, kji, lead=()):
    pixel = image.GetPixel([int(n) for n in (*reversed(kji), *lead)])
    return np.asarray(pixel)


@given(volumes(shear=False), st.data())
def test_a_voxel_has_the_same_point_and_value_in_simpleitk(volume, data):
    kji = [data.draw(st.integers(0, n - 1)) for n in volume.grid.shape]
    lead = [data.draw(st.integers(0, n - 1)) for n in volume.lead_shape]
    image = to_simpleitk(volume)
    point = image.TransformContinuousIndexToPhysicalPoint([float(n) for n in (*reversed(kji), *lead)])
    assert point[:3] == pytest.approx(volume.grid.to_patient(kji).tolist(), abs=1e-8)
    expected = volume.slice_values(kji[0], lead)[..., kji[1], kji[2]]
    assert np.array_equal(value_at(image, kji, lead), expected)


@given(volumes(shear=False))
def test_there_and_back_changes_nothing(volume):
    back = from_simpleitk(to_simpleitk(volume), like=volume)
    assert back.grid == volume.grid
    assert back.axes == volume.axes
    assert back.coordinates == volume.coordinates
    assert np.array_equal(back.values(), volume.values())
    alone = from_simpleitk(to_simpleitk(volume))
    assert alone.grid.is_close(volume.grid, 1e-8)
    assert alone.axes == volume.axes
    assert np.array_equal(alone.values(), volume.values())


@pytest.mark.parametrize("name", FITTING)
def test_every_kind_of_volume_comes_back(name):
    volume = SAMPLES[name]
    back = from_simpleitk(to_simpleitk(volume), like=volume)
    assert back.axes == volume.axes
    assert back.grid == volume.grid
    assert back.unit == volume.unit
    assert np.array_equal(back.values(), volume.values().astype(back.dtype))


@given(volumes(shear=False, dtypes=("int16",), colour=False))
def test_an_image_of_simpleitk_keeps_its_points(volume):
    """SimpleITK's own geometry is the truth here: nothing of it passes through to_simpleitk."""
    image = sitk.Image([5, 4, 3], sitk.sitkInt16)
    ijk = volume.grid.direction[:, ::-1]
    image.SetDirection(ijk.ravel().tolist())
    image.SetSpacing(volume.grid.spacing_mm[::-1])
    image.SetOrigin(volume.grid.origin_mm.tolist())
    image[4, 1, 2] = 77
    back = from_simpleitk(image)
    assert back.shape == (3, 4, 5)
    assert back.values()[2, 1, 4] == 77
    truth = image.TransformIndexToPhysicalPoint((4, 1, 2))
    assert back.grid.to_patient((2, 1, 4)).tolist() == pytest.approx(list(truth), abs=1e-8)


def test_the_volume_shares_the_memory_of_the_image():
    image = sitk.Image([5, 4, 3], sitk.sitkInt16)
    image[1, 2, 0] = 7
    before = sitk.GetArrayViewFromImage(image)
    volume = from_simpleitk(image)
    assert np.shares_memory(volume.data, before)
    assert volume.data[0, 2, 1] == 7
    assert not volume.data.flags.writeable


def test_the_volume_outlives_the_image_and_its_changes():
    image = sitk.Image([64, 64, 64], sitk.sitkInt16)
    image += 7
    volume = from_simpleitk(image)
    image[0, 0, 0] = 9
    image += 100
    assert (volume.data == 7).all()
    del image
    gc.collect()
    junk = [sitk.Image([64, 64, 64], sitk.sitkInt16) + 5 for _ in range(8)]
    assert len(junk) == 8
    assert (volume.data == 7).all()


@pytest.mark.parametrize("grid", [uneven_grid(), sheared_grid()], ids=["uneven", "tilted"])
def test_what_simpleitk_cannot_place_is_refused_and_a_regular_copy_is_not(grid):
    volume = Volume(np.zeros(grid.shape, np.int16), grid)
    with pytest.raises(GeometryError, match=r"resample\.regular_copy"):
        to_simpleitk(volume)
    assert to_simpleitk(regular_copy(volume)).GetDimension() == 3


def test_rows_that_are_not_at_right_angles_to_columns_are_refused():
    matrix = np.eye(4)
    matrix[1, 2] = 0.5
    with pytest.raises(GeometryError, match="right angles"):
        to_simpleitk(Volume(np.zeros((3, 3, 3), np.int16), Grid((3, 3, 3), matrix)))


def test_the_step_of_a_single_slice_may_point_anywhere():
    grid = Grid((1, 7, 6), sheared_grid().affine)
    image = to_simpleitk(Volume(np.zeros(grid.shape, np.int16), grid))
    point = image.TransformIndexToPhysicalPoint((5, 2, 0))
    assert list(point) == pytest.approx(grid.to_patient((0, 2, 5)).tolist())


def test_five_axes_are_refused():
    grid = oblique_grid()
    volume = Volume(np.zeros((2, 2, *grid.shape), np.int16), grid, ("echo", "time", "k", "j", "i"))
    with pytest.raises(UnsupportedError, match=r"volume\.at"):
        to_simpleitk(volume)
    assert to_simpleitk(volume.at(echo=1)).GetDimension() == 4


@pytest.mark.parametrize("kind", [sitk.sitkComplexFloat32, sitk.sitkLabelUInt8])
def test_complex_and_run_length_images_are_refused(kind):
    with pytest.raises(UnsupportedError):
        from_simpleitk(sitk.Image([3, 3, 3], kind))


def test_a_direction_that_mixes_time_and_space_is_refused():
    image = sitk.Image([2, 2, 2, 2], sitk.sitkInt16)
    image.SetDirection([0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0])
    with pytest.raises(GeometryError, match="time"):
        from_simpleitk(image)


def test_a_flat_image_has_no_place_in_the_patient():
    image = sitk.Image([3, 2], sitk.sitkVectorUInt8, 3)
    image.SetSpacing((0.5, 0.25))
    volume = from_simpleitk(image)
    assert volume.axes == ("channel", "k", "j", "i")
    assert volume.shape == (3, 1, 2, 3)
    assert volume.grid.space is Space.LOCAL
    assert volume.grid.spacing_mm == (1.0, 0.25, 0.5)


def test_times_go_along():
    image = to_simpleitk(SAMPLES["time"])
    assert image.GetOrigin()[3] == 1.0
    assert image.GetSpacing()[3] == 2.5
    assert from_simpleitk(image).coordinates == {"time": (1.0, 3.5, 6.0)}


def test_what_a_filter_makes_still_knows_its_source():
    volume = SAMPLES["named"]
    smooth = from_simpleitk(sitk.SmoothingRecursiveGaussian(to_simpleitk(volume), 1.0), like=volume)
    assert smooth.source_of((3, 1, 1)) == volume.source_of((3, 1, 1))
    assert smooth.known_provenance.history[-1] == "SimpleITK"
    assert smooth.grid.frame_of_reference == "1.2.3.4"
    assert (smooth.modality, smooth.unit) == ("CT", volume.unit)


def label_map() -> LabelMap:
    data = np.zeros((2, 5, 7, 6), np.uint8)
    data[0, :3], data[1, 2:] = 1, 4
    segments = (Segment(1, "liver", 0, color=(10, 200, 30)), Segment(4, "lesion", 1))
    return LabelMap(data, oblique_grid(), segments)


def test_overlapping_segments_come_back_with_names_and_colors():
    labels = label_map()
    assert labels.overlaps
    image = labels_to_simpleitk(labels)
    assert image.GetNumberOfComponentsPerPixel() == 2
    back = labels_from_simpleitk(image)
    assert back.segments == labels.segments
    assert np.array_equal(back.data, labels.data)
    assert labels_from_simpleitk(image, like=labels).grid == labels.grid


def test_numbers_without_names_become_segments():
    image = sitk.Image([4, 4, 4], sitk.sitkUInt8)
    image[1, 1, 1], image[2, 2, 2] = 3, 9
    labels = labels_from_simpleitk(image)
    assert [(s.number, s.name) for s in labels.segments] == [(3, "label 3"), (9, "label 9")]
    assert labels.mask(9)[2, 2, 2]


def test_fractions_stay_fractions():
    grid = oblique_grid()
    data = np.linspace(0, 1, 210, dtype=np.float32).reshape(1, *grid.shape)
    labels = LabelMap(data, grid, (Segment(1, "grey matter"),), fractional=True)
    back = labels_from_simpleitk(labels_to_simpleitk(labels))
    assert back.fractional
    assert back.volume_ml("grey matter") == pytest.approx(labels.volume_ml("grey matter"))


def test_labels_of_time_series_are_refused():
    with pytest.raises(UsageError, match="3D"):
        labels_from_simpleitk(sitk.Image([2, 2, 2, 2], sitk.sitkUInt8))


def test_a_smaller_result_keeps_the_frame_of_reference():
    volume = SAMPLES["named"]
    part = from_simpleitk(to_simpleitk(volume)[1:4, 2:5, 1:3], like=volume)
    assert part.grid.shape == (2, 3, 3)
    assert part.grid.frame_of_reference == "1.2.3.4"
    assert part.grid.is_close(volume.crop(np.s_[1:3, 2:5, 1:4]).grid)

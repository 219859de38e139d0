"""DICOM series that SimpleITK and highdicom read by themselves lie, voxel by voxel, where medvox says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from data import data_dir
from medvox.core.volume import Volume
from medvox.interop import from_simpleitk
from medvox.testing.dicom_builder import save, stack
from medvox.workflows.open_folder import scan


def series_of_simpleitk(files: list[str]) -> Volume:
    """Files in the order of GDCM's sorting, read by SimpleITK."""
    reader = sitk.ImageSeriesReader()
    folder = Path(files[0]).parent
    for uid in reader.GetGDCMSeriesIDs(str(folder)):
        names = reader.GetGDCMSeriesFileNames(str(folder), uid)
        if set(names) == set(files):
            reader.SetFileNames(names)
            return from_simpleitk(reader.Execute())
    raise AssertionError("SimpleITK finds no such series")


def assert_same(volume: Volume, truth: Volume) -> None:
    """Values at the same points; either may run through the slices the other way."""
    corners = truth.grid.to_voxel(volume.grid.corners_mm())
    assert np.abs(corners - np.rint(corners)).max() < 0.01
    ends = np.rint(truth.grid.to_voxel(volume.grid.to_patient([(0, 0, 0), [n - 1 for n in volume.shape]])))
    turned = truth.values()[tuple(slice(None, None, 1 if a <= b else -1) for a, b in ends.T)]
    assert np.array_equal(volume.values(), turned)


@pytest.mark.parametrize(
    "orientation",
    [(1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1), (0.8, 0.6, 0, 0, 0, -1)],
    ids=["axial", "sagittal", "oblique"],
)
def test_a_series_of_files(orientation, tmp_path):
    pixels = np.random.default_rng(3).integers(0, 2000, (5, 6, 7)).astype(np.int16)
    slices = stack(
        pixels, modality="CT", origin_mm=(-31.5, 12.25, 99), orientation=orientation,
        spacing_mm=(2.5, 0.75, 0.5), RescaleSlope=1, RescaleIntercept=-1024,
    )  # fmt: skip
    paths = save(slices[::-1], tmp_path)
    (image,) = scan(tmp_path).images()
    assert_same(image.volume(), series_of_simpleitk([str(path) for path in paths]))


@pytest.mark.slow
def test_real_ct_and_pet():
    images = [
        i for i in scan(data_dir("sts_pet_ct_mr")).images() if i.modality in ("CT", "PT") and i.instances
    ]
    assert images
    for image in images:
        volume = image.volume()
        truth = series_of_simpleitk([instance.file for instance in image.instances])
        assert volume.grid.is_regular
        if image.modality == "CT":
            assert_same(volume, truth)
        else:  # SimpleITK rescales every slice of a PET in its own rounding
            assert np.allclose(volume.values(), truth.values(), rtol=1e-4, atol=1e-3)
            assert volume.grid.is_close(truth.grid, 0.01)

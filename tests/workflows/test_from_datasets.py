from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import RLELossless

from medvox.core.errors import AccessError, AmbiguityError, FormatError, MissingError
from medvox.testing.dicom_builder import save, save_bare, stack
from medvox.workflows.from_datasets import datasets_of, volume_from_datasets
from medvox.workflows.open_folder import read, scan

PIXELS = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)


def slices(**attributes) -> list[Dataset]:
    facts = {"modality": "CT", "RescaleSlope": 2, "RescaleIntercept": -1000, **attributes}
    return stack(PIXELS, origin_mm=(-50, -40, 30), spacing_mm=(2.5, 0.75, 0.5), **facts)


def test_a_voxel_lies_where_the_header_of_its_slice_says():
    volume = volume_from_datasets(slices()[::-1])
    assert volume.unit == "HU"
    assert np.array_equal(volume.values(), PIXELS * 2 - 1000)
    # PS3.3 C.7.6.2.1.1: Image Position + row spacing x row along Y + column spacing x column along X
    assert volume.grid.to_patient((3, 2, 4)).tolist() == [-50 + 4 * 0.5, -40 + 2 * 0.75, 30 + 3 * 2.5]
    assert not volume.is_lazy


def test_the_same_as_from_files(tmp_path):
    files = save(slices(), tmp_path)
    volume = volume_from_datasets(pydicom.dcmread(file) for file in files)
    truth = read(tmp_path)
    assert volume.grid == truth.grid
    assert np.array_equal(volume.values(), truth.values())
    assert volume.source_of((2, 0, 0)).file == str(files[2])
    assert volume.source_of((2, 0, 0)).sop_instance_uid == truth.source_of((2, 0, 0)).sop_instance_uid


def test_datasets_are_left_as_they_are():
    made = slices()
    before = [str(data) for data in made]
    volume_from_datasets(made)
    assert [str(data) for data in made] == before


def test_compressed_and_bare_datasets_are_read(tmp_path):
    packed = slices()
    for data in packed:
        data.compress(RLELossless)
    assert np.array_equal(volume_from_datasets(packed).values(), PIXELS * 2 - 1000)
    bare = [pydicom.dcmread(save_bare(d, tmp_path / f"{n}"), force=True) for n, d in enumerate(slices())]
    assert not bare[0].file_meta
    assert np.array_equal(volume_from_datasets(bare).values(), PIXELS * 2 - 1000)
    made = slices()
    for data in made:
        del data.file_meta
    assert np.array_equal(volume_from_datasets(made).values(), PIXELS * 2 - 1000)


def test_several_images_need_a_label():
    both = [*slices(series="early"), *slices(series="late")]
    with pytest.raises(AmbiguityError, match="early"):
        volume_from_datasets(both)
    assert volume_from_datasets(both, "late").label == "late"


def test_what_is_no_image_is_refused():
    with pytest.raises(MissingError):
        volume_from_datasets([])
    empty = slices()[0]
    del empty.PixelData
    with pytest.raises(MissingError):
        volume_from_datasets([empty])
    wrong = slices()[0]
    wrong["Rows"]._value = "many"
    with pytest.raises(FormatError, match="data set 0"):
        volume_from_datasets([wrong])


def test_there_and_back(tmp_path):
    save(slices(), tmp_path)
    (image,) = scan(tmp_path).images()
    datasets = datasets_of(image)
    assert [float(d.ImagePositionPatient[2]) for d in datasets] == [30, 32.5, 35, 37.5]
    assert np.array_equal(volume_from_datasets(datasets).values(), image.volume().values())
    (tmp_path / "0001.dcm").unlink()
    with pytest.raises(AccessError):
        datasets_of(image)

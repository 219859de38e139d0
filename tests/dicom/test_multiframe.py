"""Frames of multi-frame instances without functional groups, placed by the rules of PS3.3."""

import numpy as np
import pytest
from pydicom.data import get_testdata_file

from dicom.series_data import codes, images, opened, ramp
from medvox.core.study import Kind
from medvox.testing import dicom_builder as build
from medvox.workflows.open_folder import scan

PLACE = {
    "ImagePositionPatient": [1.0, 2.0, 3.0],
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "PixelSpacing": [2.0, 1.0],
}
DOSE = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.2", "DoseGridScaling": 0.5, "DoseUnits": "GY"}
NUCLEAR = {"modality": "NM", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.20", "PixelSpacing": [2.0, 1.0]}
RECON = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]


def dose(offsets, **changes):
    return build.instance(
        ramp().astype(np.uint16),
        modality="RTDOSE",
        GridFrameOffsetVector=offsets,
        **(PLACE | DOSE | changes),
    )


@pytest.mark.parametrize(
    ("offsets", "depths", "order"),
    [
        ([0, 2, 4, 7], [3, 5, 7, 10], [0, 1, 2, 3]),
        ([0, -2, -4, -6], [-3, -1, 1, 3], [3, 2, 1, 0]),
        ([3, 1, -1, -3], [-3, -1, 1, 3], [3, 2, 1, 0]),
    ],
)
def test_dose_planes_lie_at_their_offsets_and_are_in_gray(tmp_path, offsets, depths, order):
    """PS3.3 C.8.8.3.2: relative offsets begin with 0, others are positions in the patient."""
    (image,) = images(opened(tmp_path, [dose(offsets)]))
    assert image.kind is Kind.VOLUME
    assert image.unit == "Gy"
    assert np.allclose(image.grid.origins_mm, [(1, 2, z) for z in depths])
    volume = image.open()
    assert np.allclose(volume.values(), ramp()[order] * 0.5)
    source = volume.source_of((0, 0, 0))
    assert source is not None
    assert (source.frame, source.slope) == (order[0] + 1, 0.5)


def test_dose_offsets_of_sagittal_planes_run_along_their_normal(tmp_path):
    data = dose([0, 2, 4, 6], ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    (image,) = images(opened(tmp_path, [data]))
    assert np.allclose(image.grid.to_patient((3, 0, 0)), (1 - 2 * 3, 2, 3))  # normal is -x


@pytest.mark.parametrize("offsets", [[0, 2, 4], [0, 2, 2, 4]])
def test_dose_planes_that_cannot_be_placed_are_told(tmp_path, offsets):
    found = opened(tmp_path, [dose(offsets)])
    (image,) = images(found)
    assert "no-geometry" in codes(found)
    assert image.kind is Kind.CINE
    assert np.allclose(image.open().values()[:, 0], ramp() * 0.5)


def test_a_real_dose_grid_has_the_positions_and_doses_of_its_header():
    from pydicom import dcmread

    path = get_testdata_file("rtdose.dcm")
    data = dcmread(path)
    (image,) = scan(path).images()
    normal = np.cross(data.ImageOrientationPatient[:3], data.ImageOrientationPatient[3:])
    places = np.array(data.ImagePositionPatient, float) + np.outer(data.GridFrameOffsetVector, normal)
    assert np.allclose(image.grid.origins_mm, places)
    assert np.allclose(image.open().values(), data.pixel_array * float(data.DoseGridScaling))


def detector(**attributes):
    return build.items(
        ImagePositionPatient=[1.0, 2.0, 3.0], ImageOrientationPatient=[1, 0, 0, 0, 1, 0], **attributes
    )


@pytest.mark.parametrize("step", [4.0, -4.0])
def test_nuclear_slices_are_stacked_from_the_detector_position(tmp_path, step):
    """PS3.3 C.8.4.15: the sign of Spacing Between Slices is the direction of stacking."""
    data = build.instance(
        ramp(), ImageType=RECON, SpacingBetweenSlices=step, DetectorInformationSequence=detector(), **NUCLEAR
    )
    (image,) = images(opened(tmp_path, [data]))
    depths = sorted(3 + step * n for n in range(4))
    assert np.allclose(image.grid.origins_mm, [(1, 2, z) for z in depths])
    assert np.array_equal(image.open().values(), ramp() if step > 0 else ramp()[::-1])


def test_gated_nuclear_slices_are_a_volume_over_time(tmp_path):
    data = build.instance(
        np.concatenate([ramp(2), ramp(2, offset=1000)]),
        ImageType=["ORIGINAL", "PRIMARY", "RECON GATED TOMO", "EMISSION"],
        SpacingBetweenSlices=4.0,
        SliceVector=[1, 2, 1, 2],
        TimeSlotVector=[1, 1, 2, 2],
        DetectorInformationSequence=detector(),
        **NUCLEAR,
    )
    (image,) = images(opened(tmp_path, [data]))
    assert image.axes == ("time", "k", "j", "i")
    assert np.array_equal(image.open().values()[1], ramp(2, offset=1000))


def test_nuclear_slices_without_a_place_are_told(tmp_path):
    data = build.instance(ramp(), ImageType=RECON, SpacingBetweenSlices=4.0, **NUCLEAR)
    found = opened(tmp_path, [data])
    assert "no-geometry" in codes(found)
    assert images(found)[0].kind is Kind.CINE


@pytest.mark.parametrize("attributes", [{"FrameTime": 40.0}, {"FrameTimeVector": [0.0, 40.0, 40.0, 40.0]}])
def test_a_cine_with_one_position_keeps_it_and_its_times(tmp_path, attributes):
    found = opened(
        tmp_path,
        [build.instance(ramp(), modality="US", InstanceNumber=n, **PLACE, **attributes) for n in (1, 2)],
    )
    assert [i.kind for i in images(found)] == [Kind.CINE] * 2
    for image in images(found):
        volume = image.open()
        assert volume.coordinates["time"] == pytest.approx((0, 0.04, 0.08, 0.12))
        assert np.allclose(image.grid.to_patient((0, 0, 0)), (1, 2, 3))
        assert np.array_equal(volume.values()[:, 0], ramp())


def test_frames_of_one_position_are_stacked_by_spacing_between_slices_and_that_is_told(tmp_path):
    found = opened(tmp_path, [build.instance(ramp(), modality="US", SpacingBetweenSlices=2.5, **PLACE)])
    (image,) = images(found)
    assert np.allclose(image.grid.origins_mm[:, 2], [3, 5.5, 8, 10.5])
    assert "spacing-assumed" in codes(found)


def test_frames_of_one_position_that_say_nothing_are_taken_over_time_and_that_is_told(tmp_path):
    found = opened(tmp_path, [build.instance(ramp(), modality="US", **PLACE)])
    assert images(found)[0].kind is Kind.CINE
    assert "geometry-assumed" in codes(found)

"""Positions, spacing, tilt and what a pixel spacing means, against hand-made truth."""

import numpy as np
import pytest

from dicom.series_data import codes, images, opened, ramp
from medvox.core.grid import Space
from medvox.testing import dicom_builder as build


def test_a_tilted_stack_keeps_its_shear_and_says_so(tmp_path):
    angle = np.radians(15)
    places = [(0, -np.tan(angle) * 3 * k, 3 * k) for k in range(4)]
    found = opened(tmp_path, build.stack(ramp(), positions_mm=places, modality="CT", GantryDetectorTilt=15.0))
    (image,) = images(found)
    assert image.grid.tilt_deg == pytest.approx(15)
    assert image.grid.is_even
    assert not image.grid.is_regular
    assert "gantry-tilt" in codes(found)
    assert np.allclose(image.grid.to_patient((3, 0, 0)), places[3])


def test_uneven_slices_keep_their_own_positions(tmp_path):
    depths = [0, 2, 5, 6.5]
    found = opened(tmp_path, build.stack(ramp(), positions_mm=[(0, 0, z) for z in depths]))
    (image,) = images(found)
    assert image.grid.depths_mm.tolist() == depths
    assert "uneven-spacing" in codes(found)
    assert image.grid.slice_extents_mm.tolist() == [2, 2.5, 2.25, 1.5]


def test_a_missing_slice_is_named(tmp_path):
    slices = build.stack(ramp(6))
    found = opened(tmp_path, slices[:2] + slices[3:])
    note = next(f for f in images(found)[0].findings if f.code == "missing-slice")
    assert "1 missing after slice 2" in note.text


def test_a_missing_slice_of_four_is_named(tmp_path):
    slices = build.stack(ramp(4))
    found = opened(tmp_path, slices[:2] + slices[3:])
    assert "missing-slice" in codes(found)


def test_oblique_positions_agree_with_the_standard_equation(tmp_path):
    """PS3.3 equation C.7.6.2.1-1, written out."""
    row = np.array([0.8, 0.6, 0.0])
    column = np.array([-0.36, 0.48, -0.8])
    (image,) = images(
        opened(
            tmp_path,
            build.stack(
                ramp(), orientation=(*row, *column), origin_mm=(7, -3, 12), spacing_mm=(2.5, 0.7, 0.9)
            ),
        )
    )
    normal = np.cross(row, column)
    for k, j, i in [(0, 0, 0), (1, 2, 3), (3, 4, 5)]:
        place = np.array([7, -3, 12]) + normal * 2.5 * k + column * 0.7 * j + row * 0.9 * i
        assert np.allclose(image.grid.to_patient((k, j, i)), place)


@pytest.mark.parametrize(
    ("attributes", "space", "spacing"),
    [
        ({"ImagerPixelSpacing": [0.2, 0.3]}, Space.DETECTOR, (0.2, 0.3)),
        ({"ImagerPixelSpacing": [0.2, 0.3], "PixelSpacing": [0.2, 0.3]}, Space.DETECTOR, (0.2, 0.3)),
        ({"ImagerPixelSpacing": [0.2, 0.3], "PixelSpacing": [0.1, 0.15]}, Space.CALIBRATED, (0.1, 0.15)),
        (
            {
                "ImagerPixelSpacing": [0.2, 0.3],
                "PixelSpacing": [0.2, 0.3],
                "PixelSpacingCalibrationType": "FIDUCIAL",
            },
            Space.CALIBRATED,
            (0.2, 0.3),
        ),
        ({"PixelSpacing": [0.4, 0.4]}, Space.LOCAL, (0.4, 0.4)),
        ({}, Space.PIXEL, (1.0, 1.0)),
        ({"PixelSpacing": [0.0, 0.4]}, Space.PIXEL, (1.0, 1.0)),
    ],
)
def test_spacing_of_projections_says_what_it_means(tmp_path, attributes, space, spacing):
    """PS3.3 10.7.1.3."""
    data = build.instance(ramp(1)[0], modality="DX", **attributes)
    (image,) = images(opened(tmp_path, [data]))
    assert image.grid.space is space
    assert image.grid.spacing_mm[1:] == pytest.approx(spacing)


def test_ultrasound_regions_calibrate_in_centimetres(tmp_path):
    """PS3.3 C.8.5.5: units code 3 is cm."""
    region = build.items(
        PhysicalUnitsXDirection=3, PhysicalUnitsYDirection=3, PhysicalDeltaX=0.05, PhysicalDeltaY=0.04
    )
    data = build.instance(ramp(1)[0], modality="US", SequenceOfUltrasoundRegions=region)
    (image,) = images(opened(tmp_path, [data]))
    assert image.grid.space is Space.REGION
    assert image.grid.spacing_mm[1:] == pytest.approx((0.4, 0.5))


def test_orientation_that_is_no_right_angle_is_an_error_finding_not_a_guess(tmp_path):
    found = opened(tmp_path, build.stack(ramp(), orientation=(1, 0, 0, 0.9, 0.4, 0)))
    (image,) = images(found)
    assert "no-geometry" in codes(found)
    assert image.grid.space is Space.PIXEL

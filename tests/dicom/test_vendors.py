"""Vendors' ways of storing, on headers built after their public descriptions."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom.series_data import codes, images, opened
from medvox.core.errors import FormatError
from medvox.dicom.slices import Scaling
from medvox.dicom.vendors import philips, siemens
from medvox.testing import dicom_builder as build


def csa(**elements):
    """A CSA2 header (SV10) with the elements given as texts."""
    out = b"SV10\x04\x03\x02\x01" + struct.pack("<2I", len(elements), 77)
    for name, values in elements.items():
        out += struct.pack("<64si4sii", name.encode(), len(values), b"FD", 3, len(values)) + struct.pack(
            "<i", 77
        )
        for value in values:
            raw = value.encode() + b"\0"
            out += struct.pack("<4i", len(raw), len(raw), 77, len(raw)) + raw + b"\0" * (-len(raw) % 4)
    return out


def mosaic(normal, numbers=range(5)):
    """Five 4 × 6 slices in a 3 × 3 mosaic; slice n holds 100·n + 10·row + column."""
    frame = np.zeros((12, 18), np.uint16)
    for n in numbers:
        j, i = np.indices((4, 6))
        frame[n // 3 * 4 : n // 3 * 4 + 4, n % 3 * 6 : n % 3 * 6 + 6] = 100 * n + 10 * j + i
    data = build.instance(
        frame,
        Manufacturer="SIEMENS",
        ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"],
        ImagePositionPatient=[-9.0, -6.0, 20.0],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        PixelSpacing=[1.0, 1.0],
        SpacingBetweenSlices=4.0,
    )
    block = data.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", csa(NumberOfImagesInMosaic=["5"], SliceNormalVector=normal))
    return data


@pytest.mark.parametrize(("normal", "first"), [(["0", "0", "1"], 0), (["0", "0", "-1"], 400)])
def test_a_mosaic_becomes_slices_at_their_places(tmp_path, normal, first):
    found = opened(tmp_path, [mosaic(normal)])
    (image,) = images(found)
    volume = image.open()
    assert image.shape == (5, 4, 6)
    assert volume.values()[0, 0, 0] == first
    assert volume.values()[4, 3, 5] == abs(400 - first) + 35
    # the frame-sized slice and the tile share their centre: origin moves by (18-6)/2 and (12-4)/2
    depth = 20 if first == 0 else 20 - 16
    assert np.allclose(volume.grid.origin_mm, (-9 + 6, -6 + 4, depth))
    assert "vendor-quirk" in codes(found)
    source = volume.source_of((0, 0, 0))
    assert source is not None
    assert source.tile == ((0, 0) if first == 0 else (4, 6))


@given(st.binary(max_size=400))
def test_csa_headers_of_any_bytes_give_elements_or_our_error(raw):
    for start in (b"SV10", b""):
        try:
            found = siemens.read_csa(start + raw)
        except FormatError:
            continue
        assert isinstance(found, dict)


def test_philips_precise_values_follow_the_published_formula():
    """FP = DV / (RS·SS), with DV = SV·RS + RI (dcm2niix, Philips/README.md)."""
    display = Scaling(slope=2.5, intercept=-7.0)
    precise = philips.precise_scaling(display, 0.004)
    stored = np.arange(0, 4095, 500)
    assert precise is not None
    assert np.allclose(stored * precise.slope + precise.intercept, (stored * 2.5 - 7) / (2.5 * 0.004))


def test_philips_volumes_hold_display_values_and_offer_precise_ones(tmp_path):
    slices = build.stack(
        np.full((3, 4, 4), 100, np.int16),
        Manufacturer="Philips Medical Systems",
        RescaleSlope=2.0,
        RescaleIntercept=1.0,
    )
    for data in slices:
        data.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(0x0E, "FL", 0.5)
    (image,) = images(opened(tmp_path, slices))
    volume = image.open()
    assert volume.meaning == "display value"
    assert volume.values()[0, 0, 0] == 201
    assert volume.scaled("precise").values()[0, 0, 0] == pytest.approx(201 / (2 * 0.5))


def test_united_imaging_tiles_are_placed_by_their_own_positions(tmp_path):
    frame = np.zeros((8, 10), np.uint16)
    places = [(1.0, 2.0, 3.0 * n) for n in range(3)]
    for n in range(3):
        frame[n // 2 * 4 : n // 2 * 4 + 4, n % 2 * 5 : n % 2 * 5 + 5] = n + 1
    data = build.instance(
        frame,
        Manufacturer="UIH",
        ImageType=["ORIGINAL", "PRIMARY", "M", "VFRAME"],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        PixelSpacing=[2.0, 2.0],
    )
    items = build.DicomSequence([build.dataset(ImagePositionPatient=list(p)) for p in places])
    data.private_block(0x0065, "Image Private Header", create=True).add_new(0x51, "SQ", items)
    (image,) = images(opened(tmp_path, [data]))
    assert image.shape == (3, 4, 5)
    assert image.open().values()[:, 0, 0].tolist() == [1, 2, 3]
    assert np.allclose(image.grid.origins_mm, places)


def test_canon_comments_tell_b_value_and_direction(tmp_path):
    slices = []
    for t, comment in enumerate(["b=0", "b=2000(0.445,0.000,0.895)"]):
        slices += build.stack(
            np.full((3, 4, 4), t, np.int16),
            Manufacturer="CANON_MEC",
            ImageComments=comment,
            first_number=1 + 3 * t,
        )
    (image,) = images(opened(tmp_path, slices))
    assert image.axes[0] == "diffusion"


def test_ge_b_values_are_taken_modulo_a_billion(tmp_path):
    slices = []
    for t, b in enumerate([0, 1_000_000_700]):
        part = build.stack(
            np.full((3, 4, 4), t, np.int16), Manufacturer="GE MEDICAL SYSTEMS", first_number=1 + 3 * t
        )
        for data in part:
            data.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x39, "IS", [b, 8, 0, 0])
        slices += part
    (image,) = images(opened(tmp_path, slices))
    assert image.axes[0] == "diffusion"
    assert any("b-value" in f.text for f in image.findings)

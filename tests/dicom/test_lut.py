"""Rescale, look-up tables, windows and units from headers."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from medvox.core.errors import FormatError
from medvox.dicom.lut import display_of, rescale_of, rescale_table_of, unit_of
from medvox.dicom.scan import read_header
from medvox.formats.inputs import InputFile
from medvox.testing.dicom_builder import instance, items, save

VALUES = np.arange(-5, 11, dtype=np.int16).reshape(4, 4)


@pytest.fixture
def header(tmp_path):
    def make(pixels=VALUES, **attributes):
        (path,) = save([instance(pixels, **attributes)], tmp_path)
        return read_header(InputFile(path, path.name, path.stat().st_size))

    return make


def test_slope_and_intercept(header):
    rescale = rescale_of(header(RescaleSlope="2.5", RescaleIntercept="-1024"))
    assert (float(rescale.slope), float(rescale.intercept)) == (2.5, -1024)
    assert rescale_of(header()).is_identity
    assert rescale_of(header(RescaleSlope="0", RescaleIntercept="3")).slope == 1


@pytest.mark.parametrize(("bits", "first"), [(16, -2), (8, 0)])
def test_modality_table_equals_pydicom(bits, first, header):
    entries = np.random.default_rng(1).integers(0, 1 << bits, 8)
    table = items(LUTDescriptor=[8, first, bits], ModalityLUTType="US", LUTData=[int(e) for e in entries])
    table[0]["LUTDescriptor"].VR = "SS"
    table[0]["LUTData"].VR = "US"
    made = header(ModalityLUTSequence=table)
    ours = rescale_of(made).apply(VALUES, np.int32)
    np.testing.assert_array_equal(ours, apply_modality_lut(VALUES, pydicom.dcmread(made.file)))
    assert rescale_table_of(header()) is None


def test_table_without_data_is_refused(header):
    table = items(LUTDescriptor=[8, 0, 16], LUTData=b"\1\0\2\0")
    table[0]["LUTDescriptor"].VR = "US"
    with pytest.raises(FormatError, match="look-up table"):
        rescale_of(header(ModalityLUTSequence=table))
    with pytest.raises(FormatError, match="look-up table"):
        rescale_of(header(ModalityLUTSequence=items(ModalityLUTType="US")))


def test_windows_with_their_names(header):
    display = display_of(
        header(
            WindowCenter=["40", "300", "0"],
            WindowWidth=["400", "1500", "0"],
            WindowCenterWidthExplanation=["SOFT", "BONE"],
        )
    )
    assert [(w.center, w.width, w.name) for w in display.windows] == [(40, 400, "SOFT"), (300, 1500, "BONE")]
    assert not display.inverted
    assert display.voi_table is None


def test_voi_table_equals_pydicom(header):
    entries = [0, 10, 100, 1000, 2000, 4095]
    table = items(LUTDescriptor=[6, 65534, 12], LUTData=entries)
    table[0]["LUTDescriptor"].VR = "US"
    table[0]["LUTData"].VR = "US"
    made = header(VOILUTSequence=table)
    first, outputs = display_of(made).voi_table
    assert first == -2
    index = np.clip(VALUES - int(first), 0, 5)
    data = pydicom.dcmread(made.file)
    data.VOILUTSequence[0]["LUTDescriptor"].VR = "SS"
    data.VOILUTSequence[0].LUTDescriptor = [6, -2, 12]
    np.testing.assert_allclose(np.array(outputs)[index] * 4095, apply_voi_lut(VALUES, data))


@pytest.mark.parametrize(
    ("attributes", "inverted"),
    [
        ({"PhotometricInterpretation": "MONOCHROME1"}, True),
        ({"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"}, True),
        ({"PresentationLUTShape": "INVERSE"}, True),
        ({"PresentationLUTShape": "IDENTITY"}, False),
    ],
)
def test_inversion_is_display_only(attributes, inverted, header):
    assert display_of(header(**attributes)).inverted is inverted


@pytest.mark.parametrize(
    ("attributes", "rate"),
    [
        ({"CineRate": 25}, 25),
        ({"RecommendedDisplayFrameRate": 30, "CineRate": 25}, 30),
        ({"FrameTime": "40"}, 25),
        ({"FrameTimeVector": ["0", "50", "50"]}, 20),
        ({}, None),
    ],
)
def test_frame_rate(attributes, rate, header):
    assert display_of(header(**attributes)).frame_rate == rate


@pytest.mark.parametrize(
    ("modality", "attributes", "unit"),
    [
        ("CT", {}, "HU"),
        ("CT", {"RescaleType": "HU"}, "HU"),
        ("CT", {"RescaleType": "US"}, "1"),
        ("CT", {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "1"),
        ("CT", {"RescaleType": "MGML"}, "mg/ml"),
        ("MR", {"RescaleType": "US"}, "1"),
        ("MR", {}, "1"),
        ("PT", {"Units": "BQML"}, "Bq/ml"),
        ("PT", {"Units": "CNTS"}, "counts"),
        ("PT", {"Units": "GML"}, "SUVbw"),
        ("PT", {"Units": "GML", "SUVType": "LBM"}, "SUVlbm"),
        ("PT", {"Units": "CM2ML"}, "SUVbsa"),
        ("PT", {}, "1"),
    ],
)
def test_units(modality, attributes, unit, header):
    assert unit_of(header(modality=modality, **attributes)) == unit


def test_headers_only_reads_the_data_set_where_a_table_is(header, monkeypatch):
    plain = header(WindowCenter="40", WindowWidth="400")
    assert Path(plain.file).exists()
    Path(plain.file).unlink()  # nothing more is read from the file
    assert display_of(plain).windows[0].center == 40
    assert rescale_of(plain).is_identity

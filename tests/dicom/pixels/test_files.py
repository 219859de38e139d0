"""Real files: the cornerstone set and the files that pydicom ships, beside other decoders."""

import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_color_lut

from data import data_dir

SET = "cornerstone_transfer_syntaxes"
CT = "CTImage.dcm"
LOSSLESS = (
    "BigEndianExplicitTransferSyntax_1.2.840.10008.1.2.2",
    "DeflatedExplicitVRLittleEndianTransferSyntax_1.2.840.10008.1.2.1.99",
    "JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90",
    "JPEGLSLosslessTransferSyntax_1.2.840.10008.1.2.4.80",
    "JPEGProcess14SV1TransferSyntax_1.2.840.10008.1.2.4.70",
    "JPEGProcess14TransferSyntax_1.2.840.10008.1.2.4.57",
    "LittleEndianExplicitTransferSyntax_1.2.840.10008.1.2.1",
    "LittleEndianImplicitTransferSyntax_1.2.840.10008.1.2",
    "RLELosslessTransferSyntax_1.2.840.10008.1.2.5",
)
TWELVE_BIT = (
    f"{CT}_JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51.dcm",
    f"{CT}_JPEGProcess6_8TransferSyntax_1.2.840.10008.1.2.4.53.dcm",
    f"{CT}_JPEGProcess10_12TransferSyntax_1.2.840.10008.1.2.4.55.dcm",
    "CT0012.fragmented_no_bot_jpeg_baseline.51.dcm",
)
LOSSY_COLOR = ("TestPattern_JPEG-Baseline_YBR422.dcm", "TestPattern_JPEG-Baseline_YBRFull.dcm")
PYDICOM_FILES = Path(pydicom.__file__).parent / "data" / "test_files"
UNREADABLE = {
    "JPEG2000-embedded-sequence-delimiter.dcm": "its code stream is damaged on purpose",
    "MR_truncated.dcm": "62 bytes are missing",
    "badVR.dcm": "Number of Frames is '1A'",
    "meta_missing_tsyntax.dcm": "no image attributes",
    "nested_priv_SQ.dcm": "no image attributes",
}


def pydicom_pixels(path):
    """Truth: pydicom's own decoders, palette applied; None where it has none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = pydicom.dcmread(path)
        try:
            pixels = data.pixel_array
        except Exception:
            return None
        if data.PhotometricInterpretation == "PALETTE COLOR":
            pixels = apply_color_lut(pixels, data)
    return np.asarray(pixels)


def with_pixels():
    return [p for p in sorted(PYDICOM_FILES.iterdir()) if p.suffix == ".dcm"]


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_variants_of_one_ct_are_equal_bit_for_bit(name, load):
    folder = data_dir(SET)
    truth = pydicom.dcmread(folder / CT).pixel_array
    got = load(folder / f"{CT}_{name}.dcm")[0]
    assert got.dtype == np.int16
    np.testing.assert_array_equal(got, truth)


def test_every_file_of_the_set_with_a_pydicom_decoder_is_equal(load):
    compared = 0
    for path in sorted(data_dir(SET).iterdir()):
        if path.suffix in (".ts", ".txt") or path.is_dir() or path.name == "no-pixel-data.dcm":
            continue
        got, truth = load(path), pydicom_pixels(path)
        if truth is None:
            assert path.name in TWELVE_BIT
            continue
        difference = np.abs(got.astype(int) - truth.reshape(got.shape))
        assert difference.max() <= (1 if path.name in LOSSY_COLOR else 0), path.name
        compared += 1
    assert compared == 25


@pytest.mark.parametrize("name", TWELVE_BIT)
def test_twelve_bit_jpeg_is_near_dcmtk(name, load, tmp_path):
    """dcmtk's inverse DCT is another one: values may differ by one."""
    if shutil.which("dcmdjpeg") is None:
        pytest.skip("dcmdjpeg is not installed (Debian package dcmtk)")
    path = data_dir(SET) / name
    target = tmp_path / "plain.dcm"
    subprocess.run(["dcmdjpeg", str(path), str(target)], check=True, capture_output=True)
    truth = pydicom.dcmread(target).pixel_array
    assert np.abs(load(path).astype(int) - truth).max() <= 1


@pytest.mark.parametrize("path", with_pixels(), ids=lambda p: p.name)
def test_files_that_pydicom_ships(path, load):
    from medvox.core.errors import FormatError, MissingError, UnknownFormatError

    if path.name in UNREADABLE:
        with pytest.raises(FormatError):
            load(path)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        has_pixels = "PixelData" in pydicom.dcmread(path, force=True)
    if not has_pixels:
        with pytest.raises((MissingError, UnknownFormatError)):
            load(path)
        return
    got = load(path)
    truth = pydicom_pixels(path)
    if truth is None:
        assert path.name in ("JPEG-lossy.dcm", "JPGExtended.dcm")
        return
    np.testing.assert_array_equal(got, truth.reshape(got.shape))
    assert got.dtype == truth.dtype.newbyteorder("=")

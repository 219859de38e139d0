"""Compressed pixel data that we write, decoded by others: pydicom, dcmtk, GDCM through SimpleITK."""

import shutil
import struct
import subprocess

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.encaps import get_frame, parse_basic_offsets

from medvox.core.errors import WriteError
from medvox.core.volume import Volume
from medvox.dicom.writing import Compression, DicomWriteOptions, write_series
from medvox.dicom.writing.files import compress as compression_module
from medvox.dicom.writing.files.compress import compressed_frames, encapsulated
from medvox.testing.volumes import axial_grid

CODED = [c for c in Compression if c not in (Compression.NONE, Compression.DEFLATED)]
SHAPE = (4, 33, 47)  # odd, to see padding


def values(dtype, seed=3):
    info = np.iinfo(dtype)
    rng = np.random.default_rng(seed)
    smooth = np.linspace(info.min, info.max, int(np.prod(SHAPE))).reshape(SHAPE)
    noise = rng.normal(0, 20, SHAPE)
    made = np.clip(smooth + noise, info.min, info.max).astype(dtype)
    made[1] = rng.integers(info.min, info.max, SHAPE[1:], dtype, endpoint=True)  # does not compress
    made[2] = info.max
    return made


def volume(dtype):
    return Volume(values(dtype), axial_grid(SHAPE), modality="OT")


def pixels(data):
    """Decode by pydicom; HTJ2K, which OpenJPH has encoded, by OpenJPEG."""
    if data.file_meta.TransferSyntaxUID != pydicom.uid.HTJ2KLossless:
        return data.pixel_array
    count = data.get("NumberOfFrames", 1)
    frames = [get_frame(data.PixelData, n, number_of_frames=count) for n in range(count)]
    decoded = [imagecodecs.jpeg2k_decode(frame) for frame in frames]
    return decoded[0] if count == 1 else np.stack(decoded)


@pytest.mark.parametrize("compression", list(Compression))
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
def test_pydicom_decodes_what_was_given(tmp_path, compression, dtype):
    wanted = volume(dtype)
    report = write_series(wanted, tmp_path, DicomWriteOptions(compression=compression))
    for k, file in enumerate(report.files):
        data = pydicom.dcmread(file)
        np.testing.assert_array_equal(pixels(data), wanted.data[k])
        assert data.LossyImageCompression == "00"


@pytest.mark.parametrize("compression", list(Compression))
def test_colours_come_back(tmp_path, compression):
    rgb = np.moveaxis(np.stack([values("uint8", n) for n in range(3)]), 0, 0)
    wanted = Volume(rgb, axial_grid(SHAPE), ("channel", "k", "j", "i"), modality="OT")
    report = write_series(wanted, tmp_path, DicomWriteOptions(compression=compression, kind="enhanced"))
    frames = pixels(pydicom.dcmread(report.files[0]))
    np.testing.assert_array_equal(np.moveaxis(frames, -1, 0), rgb)


@pytest.mark.parametrize(
    ("compression", "program"),
    [(Compression.RLE, "dcmdrle"), (Compression.JPEG_LOSSLESS, "dcmdjpeg"), (Compression.JPEG_LS, "dcmdjpls"),
     (Compression.DEFLATED, "dcmconv")],
)  # fmt: skip
def test_dcmtk_decodes_what_was_given(tmp_path, compression, program):
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed (Debian package dcmtk)")
    wanted = volume("uint16")
    report = write_series(wanted, tmp_path / "in", DicomWriteOptions(compression=compression))
    for k, file in enumerate(report.files):
        plain = tmp_path / f"{k}.dcm"
        extra = ["+te"] if program == "dcmconv" else []
        subprocess.run([program, *extra, str(file), str(plain)], check=True, capture_output=True)
        np.testing.assert_array_equal(pydicom.dcmread(plain).pixel_array, wanted.data[k])


@pytest.mark.parametrize("compression", [c for c in CODED if c != Compression.HTJ2K])
def test_gdcm_decodes_what_was_given(tmp_path, compression):
    import SimpleITK

    wanted = volume("int16")
    report = write_series(wanted, tmp_path, DicomWriteOptions(compression=compression))
    for k, file in enumerate(report.files):
        read = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file)))[0]
        np.testing.assert_array_equal(read, wanted.data[k])


def test_the_basic_offset_table_points_at_every_frame(tmp_path):
    wanted = volume("uint16")
    report = write_series(wanted, tmp_path, DicomWriteOptions(compression="rle", kind="enhanced"))
    data = pydicom.dcmread(report.files[0])
    offsets = parse_basic_offsets(data.PixelData)
    assert len(offsets) == data.NumberOfFrames == 4
    first = data.PixelData.index(b"\xfe\xff\x00\xe0", 4)
    for n, offset in enumerate(offsets):
        assert data.PixelData[first + offset :][:4] == b"\xfe\xff\x00\xe0"
        length = struct.unpack_from("<I", data.PixelData, first + offset + 4)[0]
        fragment = data.PixelData[first + offset + 8 :][:length]
        assert fragment == get_frame(data.PixelData, n, number_of_frames=4)


def test_offsets_beyond_32_bits_go_into_the_extended_table(monkeypatch):
    monkeypatch.setattr(compression_module, "_MOST_BASIC", 20)
    made = encapsulated([b"1234", b"123456", b"12"])
    assert struct.unpack("<3Q", made.others[0x7FE00001][12:]) == (0, 12, 26)
    assert struct.unpack("<3Q", made.others[0x7FE00002][12:]) == (4, 6, 2)
    assert b"".join(made.parts)[12:20] == b"\xfe\xff\x00\xe0\0\0\0\0"  # the basic table is empty


@pytest.mark.parametrize("compression", CODED)
def test_a_frame_that_does_not_decode_is_not_written(monkeypatch, compression):
    right = compression_module._ENCODERS[compression]
    monkeypatch.setitem(compression_module._ENCODERS, compression, lambda frame: right(frame ^ 1))
    with pytest.raises(WriteError, match="frame 1"):
        compressed_frames(values("uint16")[:1], compression)


@pytest.mark.parametrize("compression", CODED)
def test_the_header_states_the_transfer_syntax(tmp_path, compression):
    report = write_series(volume("uint8"), tmp_path, DicomWriteOptions(compression=compression))
    names = {
        "rle": "RLE Lossless", "jpeg-ls": "JPEG-LS Lossless Image Compression",
        "jpeg-2000": "JPEG 2000 Image Compression (Lossless Only)",
        "jpeg-lossless": "JPEG Lossless, Non-Hierarchical, First-Order Prediction "
        "(Process 14 [Selection Value 1])",
        "htj2k": "High-Throughput JPEG 2000 Image Compression (Lossless Only)",
    }  # fmt: skip
    assert pydicom.dcmread(report.files[0]).file_meta.TransferSyntaxUID.name == names[compression]

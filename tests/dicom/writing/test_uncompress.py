"""Transcoding to native encodings: the same values as DCMTK's decoders, pydicom and the uncompressed twin."""

from __future__ import annotations

import io
import shutil
import subprocess

import numpy as np
import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from data import data_dir
from medvox.core.errors import FormatError
from medvox.dicom.writing.files.compress import compressed_frames, transfer_syntax_of
from medvox.dicom.writing.files.uncompress import uncompressed
from medvox.dicom.writing.options import Compression
from medvox.network.dimse.files import file_to_send
from medvox.testing import dicom_builder

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
LOSSLESS = ("RLELossless", "JPEGLSLossless", "JPEG2000LosslessOnly", "JPEGProcess14", "Deflated", "BigEndian")


def read(data: bytes, syntax: str) -> Dataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    made = dcmread(io.BytesIO(data), force=True) if syntax == IMPLICIT else None
    if made is None:
        from pydicom.filereader import read_dataset

        made = read_dataset(io.BytesIO(data), False, True)
    made.file_meta = meta
    return made


def without_pixels(dataset: Dataset) -> Dataset:
    kept = Dataset()
    for element in dataset:
        if element.tag.group != 0x7FE0 and element.tag.element:
            kept.add(element)
    return kept


def numbers(frames: int, signed: bool, bits: int) -> np.ndarray:
    rng = np.random.default_rng(bits)
    low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
    return rng.integers(low, high, (frames, 24, 33)).astype(np.int16 if signed else np.uint16)


@pytest.mark.parametrize("compression", [Compression.RLE, Compression.JPEG_LS, Compression.JPEG_2000])
@pytest.mark.parametrize(("signed", "bits"), [(True, 12), (True, 16), (False, 12)])
@pytest.mark.parametrize("wanted", [IMPLICIT, EXPLICIT])
def test_synthetic_frames_come_back(compression, signed, bits, wanted):
    values = numbers(3, signed, bits)
    made = dicom_builder.stack(values[:1].astype(np.int16), modality="CT")[0]
    made.NumberOfFrames, made.BitsStored, made.HighBit = 3, bits, bits - 1
    made.PixelRepresentation = int(signed)
    item = Dataset()
    item.CodeMeaning = "Größe"
    made.SpecificCharacterSet = "ISO_IR 192"
    made.ConceptNameCodeSequence = Sequence([item])
    frames = compressed_frames(values, compression)
    made.PixelData = encapsulate([bytes(frame) for frame in frames])
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    syntax = transfer_syntax_of(compression)
    out = io.BytesIO()
    dcmwrite(out, Dataset({e.tag: e for e in made}), implicit_vr=False, little_endian=True)
    got = read(uncompressed(out.getvalue(), syntax, wanted), wanted)
    assert np.array_equal(got.pixel_array, values)
    assert without_pixels(got) == without_pixels(made)
    assert got["PixelData"].VR == "OW"


def test_an_extended_offset_table_goes():
    values = numbers(2, False, 16)
    made = dicom_builder.stack(values[:1].astype(np.int16), modality="CT")[0]
    made.NumberOfFrames, made.PixelRepresentation = 2, 0
    frames = [bytes(each) for each in compressed_frames(values, Compression.RLE)]
    made.PixelData, made.ExtendedOffsetTable, made.ExtendedOffsetTableLengths = encapsulate_extended(frames)
    made["PixelData"].VR, made["PixelData"].is_undefined_length = "OB", True
    out = io.BytesIO()
    dcmwrite(out, Dataset({e.tag: e for e in made}), implicit_vr=False, little_endian=True)
    got = read(uncompressed(out.getvalue(), transfer_syntax_of(Compression.RLE), EXPLICIT), EXPLICIT)
    assert "ExtendedOffsetTable" not in got
    assert np.array_equal(got.pixel_array, values)


@pytest.mark.parametrize("name", LOSSLESS)
@pytest.mark.parametrize("wanted", [IMPLICIT, EXPLICIT])
def test_real_slices_have_the_values_of_their_uncompressed_twin(name, wanted):
    folder = data_dir("cornerstone_transfer_syntaxes")
    twin = dcmread(folder / "CTImage.dcm_LittleEndianExplicitTransferSyntax_1.2.840.10008.1.2.1.dcm")
    file = next(folder.glob(f"CTImage.dcm_{name}*.dcm"))
    sent = file_to_send(file)
    got = read(sent.transcode(wanted), wanted)
    assert np.array_equal(got.pixel_array, twin.pixel_array)
    assert without_pixels(got) == without_pixels(dcmread(file))


@pytest.mark.parametrize(
    ("tool", "name"),
    [("dcmdjpls", "JPEGLSLoss"), ("dcmdjpeg", "Process2_4"), ("dcmdrle", "RLE"), ("dcmdjpeg", "Process1T")],
)
def test_real_slices_have_the_values_that_dcmtk_decodes(tmp_path, tool, name):
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed (apt install dcmtk)")
    for file in data_dir("cornerstone_transfer_syntaxes").glob(f"*{name}*.dcm"):
        out = tmp_path / "out.dcm"
        subprocess.run([tool, file, out], check=True, capture_output=True)
        theirs, got = dcmread(out), read(file_to_send(file).transcode(EXPLICIT), EXPLICIT)
        assert np.array_equal(got.pixel_array, theirs.pixel_array)
        assert got.get("LossyImageCompression") == theirs.get("LossyImageCompression")


def test_colors_that_a_codec_transforms_are_red_green_blue():
    folder = data_dir("cornerstone_transfer_syntaxes")
    for file in folder.glob("TestPattern*.dcm"):
        source = dcmread(file)
        if not source.file_meta.TransferSyntaxUID.is_compressed:
            continue
        got = read(file_to_send(file).transcode(EXPLICIT), EXPLICIT)
        assert got.PlanarConfiguration == 0
        assert got.PhotometricInterpretation in ("RGB", "YBR_FULL", "PALETTE COLOR")
        assert len(got.PixelData) == got.Rows * got.Columns * got.SamplesPerPixel
        if got.PhotometricInterpretation == "RGB":
            wanted = source.pixel_array
            assert np.abs(got.pixel_array.astype(int) - wanted).max() <= 2


def test_big_endian_tables_are_turned_too():
    made = dicom_builder.stack(numbers(1, False, 12).astype(np.int16), modality="CT")[0]
    native = made.pixel_array.copy()
    item = Dataset()
    item.LUTDescriptor = [256, 0, 16]
    item.add_new(Tag(0x00283006), "OW", np.arange(256, dtype=">u2").tobytes())
    made.ModalityLUTSequence = Sequence([item])
    made.add_new(Tag(0x7FE00010), "OW", native.astype(">u2").tobytes())
    out = io.BytesIO()
    dcmwrite(out, Dataset({e.tag: e for e in made}), implicit_vr=False, little_endian=False)
    got = read(uncompressed(out.getvalue(), BIG, EXPLICIT), EXPLICIT)
    assert np.array_equal(got.pixel_array, native)
    table = got.ModalityLUTSequence[0][0x00283006].value
    assert np.array_equal(np.frombuffer(table, "<u2"), np.arange(256))


def test_what_cannot_be_is_none_and_what_is_damaged_is_told():
    assert uncompressed(b"", "1.2.840.10008.1.2.4.102", EXPLICIT) is None
    assert uncompressed(b"", EXPLICIT, "1.2.840.10008.1.2.4.80") is None
    with pytest.raises(FormatError):
        uncompressed(b"\x08\0\x16\0UI\xff\xff1.2", EXPLICIT, IMPLICIT)

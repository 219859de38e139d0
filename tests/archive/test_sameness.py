"""Sameness: other encodings of an instance are the same, other content is a version."""

import io
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, Sequence, dcmread
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless, RLELossless

from archive_data import EXPLICIT, bare, sent
from medvox.archive.archive import Archive
from medvox.archive.bin import empty_bin
from medvox.archive.compressing import compress, compressed
from medvox.archive.editing.coercion import CoercionRule, coerced
from medvox.archive.model import ArchiveSettings, Outcome
from medvox.archive.sameness import same_content
from medvox.core.errors import UnsupportedError, UsageError
from medvox.dicom.writing.options import Compression
from medvox.testing.dicom_builder import instance

IMPLICIT = "1.2.840.10008.1.2"
RNG = np.random.default_rng(1)


def smooth(bits: int = 16, *, signed: bool = False) -> np.ndarray:
    rows = np.add.outer(np.arange(64), 3 * np.arange(48)) % (1 << (bits - 1 if signed else bits))
    return (rows - (500 if signed else 0)).astype("i2" if signed else "u2" if bits > 8 else "u1")


def picture(kind: str) -> Dataset:
    if kind == "color":
        return instance(np.random.default_rng(1).integers(0, 255, (16, 24, 3), np.uint8) // 64, modality="US")
    if kind == "frames":
        return instance(np.stack([smooth(), smooth()[::-1]]), modality="CT")
    if kind == "eight bits":
        return instance(smooth(8), modality="US")
    data = instance(smooth(12, signed=kind == "signed"), modality="CT")
    if kind == "twelve bits":
        data.BitsStored, data.HighBit = 12, 11
    return data


def transcoded(data: Dataset, syntax: str) -> bytes:
    """Encode with pydicom's own encoders, and without file meta."""
    copy = dcmread(io.BytesIO(file_of(data)))
    copy.compress(syntax, generate_instance_uid=False)
    return bare(copy)


def file_of(data: Dataset) -> bytes:
    out = io.BytesIO()
    data.save_as(out, enforce_file_format=True)
    return out.getvalue()


KINDS = ("color", "frames", "eight bits", "signed", "twelve bits")


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
@pytest.mark.parametrize("kind", KINDS)
def test_what_other_encoders_made_without_loss_is_the_same(kind: str, syntax: str) -> None:
    data = picture(kind)
    coded = transcoded(data, syntax)
    assert same_content((bare(data), EXPLICIT), (coded, syntax))
    other = picture(kind)
    pixels = bytearray(other.PixelData)
    pixels[len(pixels) // 2] ^= 1
    other.PixelData = bytes(pixels)
    assert not same_content((bare(other), EXPLICIT), (coded, syntax))
    other = picture(kind)
    other.PatientName = "Other"
    assert not same_content((bare(other), EXPLICIT), (coded, syntax))


def test_other_native_encodings_are_the_same() -> None:
    data = sent(
        SpecificCharacterSet="ISO_IR 100", PatientName="Müller", ReferencedImageSequence=Sequence([Dataset()])
    )
    data.ReferencedImageSequence[0].ReferencedSOPInstanceUID = "1.2.3"
    data.add_new(0x00091001, "LO", "private")
    explicit, implicit = bare(data), bare(data, implicit=True)
    assert same_content((explicit, EXPLICIT), (implicit, IMPLICIT))
    data.ReferencedImageSequence[0].ReferencedSOPInstanceUID = "1.2.4"
    assert not same_content((bare(data), EXPLICIT), (implicit, IMPLICIT))
    del data.ReferencedImageSequence
    assert not same_content((bare(data), EXPLICIT), (implicit, IMPLICIT))
    assert not same_content((explicit, EXPLICIT), (explicit[:-3], EXPLICIT))


@pytest.fixture
def archive(tmp_path: Path):
    with Archive.open(ArchiveSettings(tmp_path)) as opened:
        yield opened


def test_the_archive_keeps_other_encodings_once(archive: Archive) -> None:
    data = picture("twelve bits")
    archive.receive(bare(data), transfer_syntax=EXPLICIT)
    again = [
        (bare(data, implicit=True), IMPLICIT),
        (transcoded(data, JPEGLSLossless), JPEGLSLossless),
        (transcoded(data, RLELossless), RLELossless),
    ]
    outcomes = [archive.receive(body, transfer_syntax=str(syntax)).outcome for body, syntax in again]
    assert outcomes == [Outcome.SAME] * 3
    assert len(list(archive.instances(is_history=True))) == 1
    data.StudyDescription = "other"
    assert archive.receive(bare(data), transfer_syntax=EXPLICIT).outcome is Outcome.VERSION


def test_what_is_coerced_again_is_the_same(archive: Archive) -> None:
    rules = (CoercionRule("*", values={0x00100020: "SITE-{}"}),)
    outcomes = [
        archive.receive(coerced(bare(sent()), EXPLICIT, rules, "CT1"), transfer_syntax=EXPLICIT).outcome
        for _ in range(2)
    ]
    assert outcomes == [Outcome.STORED, Outcome.SAME]


@pytest.mark.parametrize("compression", ["jpeg-ls", "htj2k"])
@pytest.mark.parametrize("kind", KINDS)
def test_compressed_instances_decode_to_what_they_were(archive: Archive, kind: str, compression: str) -> None:
    data = picture(kind)
    archive.receive(bare(data), transfer_syntax=EXPLICIT)
    found = compress(archive, archive.instances(), compression, who="me")
    assert (found.instances, found.skipped, found.findings) == (1, 0, ())
    assert found.after < found.before
    (row,) = archive.instances()
    served = dcmread(io.BytesIO(archive.read(row)))
    assert served.file_meta.TransferSyntaxUID == row.transfer_syntax != EXPLICIT
    if compression == "jpeg-ls":  # which pydicom's plugins decode
        expected = dcmread(io.BytesIO(file_of(data))).pixel_array
        np.testing.assert_array_equal(served.pixel_array, expected)
    del served.PixelData
    del data.PixelData
    assert served == data
    original = picture(kind)
    assert archive.receive(bare(original), transfer_syntax=EXPLICIT).outcome is Outcome.SAME
    assert compress(archive, archive.instances(), compression, who="me").skipped == 1
    emptied = empty_bin(archive, who="me", reason="compressed")
    assert emptied.instances == 1
    assert [one.transfer_syntax for one in archive.instances(is_history=True)] == [row.transfer_syntax]
    assert archive.verify() == ()
    assert archive.audit.search(action="compress")[0].event.target == row.study_uid


def test_what_cannot_be_compressed_stays(archive: Archive) -> None:
    noise = instance(RNG.integers(0, 1 << 16, (32, 32), np.uint16), modality="CT")
    bits = instance(smooth(8), modality="US", series="bits")
    bits.PhotometricInterpretation, bits.SamplesPerPixel = "YBR_FULL_422", 3
    bits.PlanarConfiguration, bits.Columns = 0, 24
    text = instance(modality="OT", series="text")
    for data in (noise, text):
        archive.receive(bare(data), transfer_syntax=EXPLICIT)
    before = list(archive.instances(is_history=True))
    found = compress(archive, archive.instances(), "jpeg-ls", who="me")
    assert found.instances == 0
    assert found.skipped + len(found.findings) == 2
    assert list(archive.instances(is_history=True)) == before
    with pytest.raises(UnsupportedError):
        compressed(bare(bits), str(ExplicitVRLittleEndian), Compression.JPEG_LS)
    with pytest.raises(UsageError):
        compress(archive, [], "none", who="me")

"""`convert` to DICOM: the kinds, the compression, and whose the written files are."""

import numpy as np
import pytest
from pydicom import dcmread

import medvox as mv
from medvox.core.errors import UsageError
from medvox.testing import dicom_builder as build
from medvox.workflows.convert import ConvertOptions, convert

VALUES = np.arange(4 * 16 * 16, dtype=np.int16).reshape(4, 16, 16)
JPEG_LS = "1.2.840.10008.1.2.4.80"


@pytest.fixture
def source(tmp_path):
    made = build.stack(VALUES, modality="CT", PatientID="ID-77", PatientName="Garibaldi^Giuseppe")
    build.save(made, tmp_path / "in")
    return tmp_path / "in"


def files_of(folder):
    return [dcmread(file) for file in sorted(folder.rglob("*.dcm"))]


def test_nobody_is_named_unless_asked_for_and_the_report_says_so(source, tmp_path):
    report = convert(source, tmp_path / "out", ConvertOptions(to="dicom"))
    found = files_of(tmp_path / "out")
    assert len(found) == 4
    assert {(str(one.PatientName), one.PatientID) for one in found} == {("", "")}
    assert any("--keep-identity" in note for note in report.converted[0].notes)


def test_a_kept_identity_continues_patient_study_and_space(source, tmp_path):
    report = convert(source, tmp_path / "out", ConvertOptions(to="dicom", keep_identity=True))
    first = dcmread(source / "0001.dcm")
    for one in files_of(tmp_path / "out"):
        assert one.PatientName == "Garibaldi^Giuseppe"
        assert one.StudyInstanceUID == first.StudyInstanceUID
        assert one.FrameOfReferenceUID == first.FrameOfReferenceUID
        assert one.SeriesInstanceUID != first.SeriesInstanceUID
    assert not any("--keep-identity" in note for note in report.converted[0].notes)
    np.testing.assert_array_equal(mv.read(tmp_path / "out").load().data, VALUES)


@pytest.mark.parametrize("kind", ["enhanced", "legacy-enhanced"])
def test_one_compressed_file_a_series(source, tmp_path, kind):
    options = ConvertOptions(
        to="dicom", keep_identity=True, dicom_kind=kind, dicom_compression="jpeg-ls", sidecar=False
    )
    report = convert(source, tmp_path / "out", options)
    assert not report.skipped
    (found,) = files_of(tmp_path / "out")
    assert (found.NumberOfFrames, found.file_meta.TransferSyntaxUID) == (4, JPEG_LS)
    np.testing.assert_array_equal(mv.read(tmp_path / "out").load().values(), VALUES)


def test_a_compression_that_does_not_exist_is_told_before_anything_is_read(tmp_path):
    with pytest.raises(UsageError, match="compression"):
        convert(tmp_path / "nowhere", tmp_path / "out", ConvertOptions(to="dicom", dicom_compression="zip"))

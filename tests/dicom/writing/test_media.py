"""Media we write, read by pydicom's FileSet, dcmtk, dciodvfy and our own reader."""

import shutil
import subprocess
import zipfile
from contextlib import contextmanager
from io import BytesIO

import pydicom
import pytest
from pydicom.fileset import FileSet

import medvox as mv
from medvox.core.errors import MissingError, WriteError
from medvox.core.volume import Volume
from medvox.dicom.media import dicomdir_entries
from medvox.dicom.writing import DicomWriteOptions, write_series
from medvox.dicom.writing.media import write_media
from medvox.testing import dicom_builder
from medvox.testing.volumes import axial_grid, ramp


@pytest.fixture
def source(tmp_path):
    """Two patients, three studies, four series, nine images."""
    folder = tmp_path / "source"
    number = 0
    for name in ("A1x3", "A1y2", "A2z2", "B3w2"):
        (patient, study, series), count = name[:3], int(name[3])
        made = dicom_builder.stack(
            ramp((count, 6, 5), "uint16"), modality="CT", study=f"study {study}", series=series,
            PatientID=f"ID-{patient}", PatientName=f"Müller^{patient}", SpecificCharacterSet="ISO_IR 192",
            StudyDate="20260102", StudyTime="101112", StudyID=study, AccessionNumber="",
            SeriesNumber=count, StudyDescription=f"Thorax {study}", RescaleSlope=1, RescaleIntercept=0,
        )  # fmt: skip
        for one in made:
            number += 1
            folder.mkdir(exist_ok=True)
            one.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder


@contextmanager
def file_set(path):
    """Open by pydicom; it leaves a temporary folder to the garbage collector, which warns."""
    made = FileSet(path)
    try:
        yield made
    finally:
        made._stage["t"].cleanup()


def contents(folder):
    return sorted(p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != "DICOMDIR")


def test_the_images_are_copied_byte_by_byte(tmp_path, source):
    report = write_media(source, tmp_path / "cd")
    assert contents(tmp_path / "cd") == contents(source)
    assert {p for p in (tmp_path / "cd").rglob("*") if p.is_file()} == set(report.files)
    assert (report.losses, report.notes) == ((), ())


def test_names_fit_the_profile(tmp_path, source):
    report = write_media(source, tmp_path / "cd")
    for file in report.files:
        parts = file.relative_to(tmp_path / "cd").parts
        assert len(parts) <= 8
        assert all(
            len(part) <= 8 and set(part) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") for part in parts
        )


def test_pydicom_finds_every_image_in_its_place(tmp_path, source):
    write_media(source, tmp_path / "cd")
    with file_set(tmp_path / "cd" / "DICOMDIR") as directory:
        assert len(directory) == 9
        assert sorted(directory.find_values("PatientID")) == ["ID-A", "ID-B"]
        assert len(directory.find(PatientID="ID-A")) == 7
        assert len(directory.find_values("StudyInstanceUID")) == 3
        for instance in directory:
            data = pydicom.dcmread(instance.path)
            assert data.SOPInstanceUID == instance.ReferencedSOPInstanceUIDInFile == instance.SOPInstanceUID
            assert data.StudyInstanceUID == instance.StudyInstanceUID
            assert data.SeriesInstanceUID == instance.SeriesInstanceUID
            assert data.file_meta.TransferSyntaxUID == instance.ReferencedTransferSyntaxUIDInFile
        assert {str(i.PatientName) for i in directory} == {"Müller^A", "Müller^B"}


def test_our_own_reader_finds_the_same(tmp_path, source):
    write_media(source, tmp_path / "cd")
    entries = dicomdir_entries(tmp_path / "cd" / "DICOMDIR")
    assert len(entries) == 9
    assert all(entry.exists and entry.kind == "IMAGE" for entry in entries)
    scan = mv.scan(tmp_path / "cd")
    assert len(scan.studies) == 3
    assert len(list(scan.series())) == 4
    assert not any(f.code == "dicomdir-stale" for f in scan.all_findings())


@pytest.mark.parametrize("program", [["dcmdump"], ["dciodvfy", "-new"]])
def test_other_tools_find_no_error_in_the_directory(tmp_path, source, program):
    if shutil.which(program[0]) is None:
        pytest.skip(f"{program[0]} is not installed")
    write_media(source, tmp_path / "cd")
    shown = subprocess.run([*program, str(tmp_path / "cd" / "DICOMDIR")], capture_output=True, text=True)
    lines = (shown.stdout + shown.stderr).splitlines()
    assert [line for line in lines if line.startswith(("E:", "W:", "Error"))] == []
    assert "DirectoryRecordSequence" in shown.stdout or program[0] == "dciodvfy"


def test_a_written_series_of_nobody_gets_made_up_keys_and_says_so(tmp_path):
    volume = Volume(ramp((3, 6, 5), "int16"), axial_grid((3, 6, 5)), modality="CT", unit="HU")
    files = write_series(volume, tmp_path / "series").files
    report = write_media(list(files), tmp_path / "cd")
    assert any("PatientID" in note for note in report.notes)
    with file_set(tmp_path / "cd" / "DICOMDIR") as directory:
        assert len(directory) == 3
    assert not pydicom.dcmread(report.files[1]).PatientID  # the image still tells nothing


def test_compressed_files_and_other_objects_are_told(tmp_path):
    volume = Volume(ramp((2, 6, 5), "int16"), axial_grid((2, 6, 5)), modality="CT", unit="HU")
    write_series(volume, tmp_path / "in", DicomWriteOptions(compression="rle"))
    report_object = dicom_builder.instance(modality="RTSTRUCT", study="s", series="r")
    dicom_builder.save([report_object], tmp_path / "in")
    report = write_media(tmp_path / "in", tmp_path / "cd")
    assert any("2 of 2 are encoded otherwise" in note for note in report.notes)
    assert report.losses == ("0001.dcm is no image: it is not on the medium.",)


def test_a_zip_is_a_medium(tmp_path, source):
    report = write_media(source, tmp_path / "cd.zip")
    assert report.files == (tmp_path / "cd.zip",)
    with zipfile.ZipFile(tmp_path / "cd.zip") as archive:
        archive.extractall(tmp_path / "out")
    assert contents(tmp_path / "out") == contents(source)
    with file_set(tmp_path / "out" / "DICOMDIR") as directory:
        assert len(directory) == 9
    assert len(list(mv.scan(tmp_path / "cd.zip").series())) == 4


def test_an_iso_image_is_a_medium(tmp_path, source):
    pycdlib = pytest.importorskip("pycdlib", reason="pycdlib is not installed")
    write_media(source, tmp_path / "cd.iso", label="study_1")
    image = pycdlib.PyCdlib()
    image.open(str(tmp_path / "cd.iso"))
    assert image.pvd.volume_identifier.strip() == b"STUDY_1"
    stored = BytesIO()
    image.get_file_from_iso_fp(stored, iso_path="/DICOMDIR.;1")
    directory = pydicom.dcmread(BytesIO(stored.getvalue()))
    found = []
    for record in directory.DirectoryRecordSequence:
        if record.DirectoryRecordType == "IMAGE":
            file = BytesIO()
            image.get_file_from_iso_fp(file, iso_path="/" + "/".join(record.ReferencedFileID) + ".;1")
            found.append(file.getvalue())
    image.close()
    assert sorted(found) == contents(source)


def test_a_target_that_is_there_is_kept(tmp_path, source):
    (tmp_path / "cd").mkdir()
    (tmp_path / "cd" / "mine.txt").write_text("mine")
    for target in (tmp_path / "cd", tmp_path / "cd" / "mine.txt"):
        with pytest.raises(WriteError, match="there already"):
            write_media(source, target)
    assert [p.name for p in (tmp_path / "cd").iterdir()] == ["mine.txt"]


def test_a_medium_that_fails_leaves_nothing(tmp_path, source, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", fail)
    with pytest.raises(WriteError, match="No space left"):
        write_media(source, tmp_path / "cd")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["source"]


def test_no_image_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("no image")
    with pytest.raises(MissingError, match="no file is a DICOM image"):
        write_media(tmp_path / "a.txt", tmp_path / "cd")

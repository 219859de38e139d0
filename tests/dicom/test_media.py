"""DICOMDIR: used where it is, never required."""

import shutil
import warnings
from pathlib import Path

import pytest
from pydicom import Dataset, FileDataset
from pydicom import Sequence as DicomSequence
from pydicom.data import data_manager
from pydicom.dataset import FileMetaDataset

from dicom.scan_bytes import body, meta, pixels
from medvox.core.errors import AccessError, FormatError
from medvox.dicom.media import dicomdir_entries
from medvox.dicom.scan import scan_headers
from medvox.formats.inputs import find_inputs

SHIPPED = Path(data_manager.DATA_ROOT) / "test_files" / "dicomdirtests"


def write_dicomdir(path: Path, *file_ids: list[str]) -> None:
    records = []
    for file_id in file_ids:
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # names that are not allowed
            record.ReferencedFileID = file_id
        record.ReferencedSOPInstanceUIDInFile = "1.2.3"
        records.append(record)
    file_meta = FileMetaDataset()
    file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    data = FileDataset(path, {}, file_meta=file_meta, preamble=bytes(128))
    data.FileSetID = "TEST"
    data.DirectoryRecordSequence = DicomSequence(records)
    data.save_as(path)


def write_image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(meta() + body() + pixels())


def test_shipped_dicomdir_names_what_is_there() -> None:
    entries = dicomdir_entries(SHIPPED / "DICOMDIR")
    assert len(entries) == 31
    assert {entry.kind for entry in entries} == {"IMAGE"}
    there = {path for path in SHIPPED.rglob("*") if path.is_file() and "DICOMDIR" not in path.name}
    assert {entry.path for entry in entries if entry.exists} <= there
    assert all(entry.exists for entry in entries)
    assert all(entry.sop_instance_uid for entry in entries)


@pytest.mark.skipif(not SHIPPED.is_dir(), reason="pydicom came without its DICOMDIR tests")
def test_shipped_media_folder(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "cd")
    files, _ = find_inputs([tmp_path / "cd"])
    headers, others, findings = scan_headers(files)
    assert not [header for header in headers if "DICOMDIR" in header.name]
    images = [path for path in (tmp_path / "cd").rglob("*") if path.is_file() and "DICOMDIR" not in path.name]
    assert len(headers) + len(others) == len(images)
    assert {finding.code for finding in findings} <= {"dicomdir-stale"}


def test_files_are_found_in_any_case_of_letters(tmp_path: Path) -> None:
    write_image(tmp_path / "images" / "im01.;1")
    write_dicomdir(tmp_path / "DICOMDIR", ["IMAGES", "IM01"])
    (entry,) = dicomdir_entries(tmp_path / "DICOMDIR")
    assert (entry.exists, entry.path) == (True, tmp_path / "images" / "im01.;1")


def test_dicomdir_alone_opens_its_files(tmp_path: Path) -> None:
    write_image(tmp_path / "A" / "1")
    write_dicomdir(tmp_path / "DICOMDIR", ["A", "1"], ["A", "2"])
    files, _ = find_inputs([tmp_path / "DICOMDIR"])
    headers, others, findings = scan_headers(files)
    assert [header.name for header in headers] == ["A/1"]
    assert others == []
    assert [(finding.code, finding.text) for finding in findings] == [
        ("dicomdir-stale", "1 of 2 files are not there: A/2")
    ]


def test_dicomdir_is_not_required_and_hides_nothing(tmp_path: Path) -> None:
    write_image(tmp_path / "A" / "1")
    write_image(tmp_path / "B" / "unlisted")
    write_dicomdir(tmp_path / "DICOMDIR", ["A", "1"])
    headers, _, findings = scan_headers(find_inputs([tmp_path])[0])
    assert [header.name for header in headers] == ["A/1", "B/unlisted"]
    assert findings == []


def test_names_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    write_image(tmp_path / "outside")
    (tmp_path / "cd").mkdir()
    write_dicomdir(tmp_path / "cd" / "DICOMDIR", ["..", "outside"], ["../outside"], ["C:", "X"])
    assert dicomdir_entries(tmp_path / "cd" / "DICOMDIR") == ()


def test_broken_dicomdir(tmp_path: Path) -> None:
    write_dicomdir(tmp_path / "DICOMDIR", ["A", "1"])
    content = (tmp_path / "DICOMDIR").read_bytes()
    for end in range(132, len(content), 9):
        (tmp_path / "DICOMDIR").write_bytes(content[:end])
        try:
            entries = dicomdir_entries(tmp_path / "DICOMDIR")
        except FormatError:
            continue
        assert all(not entry.exists for entry in entries)
    with pytest.raises(AccessError):
        dicomdir_entries(tmp_path / "nothing")

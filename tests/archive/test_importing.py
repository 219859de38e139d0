"""Files of a folder are taken in without a copy, and come back as they are."""

from pathlib import Path

import pytest
from pydicom.uid import ImplicitVRLittleEndian

from archive_data import bare, sent
from medvox.archive.archive import Archive
from medvox.archive.importing import import_folder
from medvox.archive.model import ArchiveSettings, Level, Query
from medvox.core.errors import MissingError
from medvox.testing.dicom_builder import save, save_bare


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    save([sent(n) for n in range(1, 6)], folder / "a")
    save([sent(1), sent(2, PatientName="Other")], folder / "b")
    (folder / "notes.txt").write_text("no instance " * 40)
    (folder / "short").write_bytes(b"x")
    (folder / "cut.dcm").write_bytes((folder / "a/0003.dcm").read_bytes()[:-20])
    save_bare(sent(9, transfer_syntax=ImplicitVRLittleEndian), folder / "bare.dcm")
    return folder


def test_files_are_linked_and_found_again(tmp_path: Path, folder: Path) -> None:
    told: list[tuple[int, int | None]] = []
    with Archive.open(ArchiveSettings(tmp_path / "store")) as archive:
        counts, findings = import_folder(archive, folder, lambda done, total, _: told.append((done, total)))
        assert {name.value: count for name, count in counts.items()} == {"stored": 5, "same": 1, "version": 1}
        assert [(f.code, f.where) for f in findings] == [("not-stored", "cut.dcm")]
        assert told[-1] == (11, 11)
        rows = {row.sop_uid: row for row in archive.instances()}
        for number in (1, 3, 4, 5):
            path = folder / f"a/{number:04d}.dcm"
            row = rows[str(sent(number).SOPInstanceUID)]
            assert archive.read(row) == path.read_bytes()
            assert archive.read_data_set(row) == bare(sent(number))
            assert (tmp_path / "store" / row.place).samefile(path)
        assert archive.verify() == ()
        before = archive.find(Query(Level.INSTANCE)).rows
        assert archive.reindex() == ()
        assert archive.find(Query(Level.INSTANCE)).rows == before
        again, _ = import_folder(archive, folder)
        assert sum(again.values()) == again["same"] == 7
        (tmp_path / "store" / rows[str(sent(4).SOPInstanceUID)].place).unlink()
        assert [f.code for f in archive.verify()] == ["damaged-content"]
        with pytest.raises(MissingError):
            import_folder(archive, folder / "none")

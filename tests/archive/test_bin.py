"""Emptying the bin: the bytes are gone, nothing else is, and a crash at any moment changes nothing of it."""

import random
import shutil
from pathlib import Path

import pytest

from archive_data import EXPLICIT, bare, sent
from medvox.archive.archive import Archive
from medvox.archive.bin import bin_contents, empty_bin
from medvox.archive.importing import import_folder
from medvox.archive.model import ArchiveSettings, Level, Query
from medvox.archive.store.disk import Disk
from medvox.core.errors import AccessError, MissingError
from medvox.testing.disk import Operation, RecordingDisk

SECRET = "Secret^Patient"


def settings(folder: Path) -> ArchiveSettings:
    return ArchiveSettings(folder, segment_bytes=12_000)


def filled(folder: Path) -> str:
    """An archive with a deleted study between others; return its UID."""
    with Archive.open(settings(folder)) as archive:
        for number in range(24):
            name, study = (SECRET, "dead") if number % 3 == 0 else (f"Kept^{number}", f"live{number % 2}")
            data = sent(number, study=study, series=f"s{number % 4}", PatientName=name)
            archive.receive(bare(data), transfer_syntax=EXPLICIT)
            if number % 7 == 1:
                archive.receive(
                    bare(
                        sent(number, study=study, series=f"s{number % 4}", PatientName=name, PatientID="new")
                    ),
                    transfer_syntax=EXPLICIT,
                )
        dead = str(sent(study="dead").StudyInstanceUID)
        archive.delete(dead, reason="test", who="me")
    return dead


def shown(archive: Archive) -> dict[str, object]:
    """What is served, wherever it lies."""
    rows = {level: archive.find(Query(level, limit=5000)).rows for level in Level}
    history = archive.instances(is_history=True)
    versions = sorted((r.sop_uid, r.version, archive.read_data_set(r)) for r in history)
    served = sorted((r.sop_uid, r.digest) for r in archive.instances())
    return rows | {"served": served, "versions": versions}


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*.seg")) + b"".join(
        path.read_bytes() for path in folder.rglob("*.dcm")
    )


def test_the_bytes_are_gone_and_the_rest_is_as_it_was(tmp_path: Path) -> None:
    dead = filled(tmp_path)
    with Archive.open(settings(tmp_path)) as archive:
        before = {row.sop_uid: archive.read(row) for row in archive.instances()}
        old_rows = list(archive.instances())
        (binned,) = bin_contents(archive)
        assert (binned.study_uid, binned.deleted, binned.withdrawn) == (dead, 8 + 1, 0)
        trial = empty_bin(archive, who="me", reason="test", is_trial=True)
        assert trial.instances == 9
        assert empty_bin(archive, who="me", reason="test", older_s=3600).instances == 0
        assert SECRET.encode() in everything(tmp_path)
        size = len(everything(tmp_path))
        found = empty_bin(archive, who="me", reason="test")
        assert found.instances == 9
        assert found.collected.segments > 3
        assert size - len(everything(tmp_path)) >= found.collected.size - 1000 > binned.size
        assert SECRET.encode() not in everything(tmp_path)
        assert {row.sop_uid: archive.read(row) for row in archive.instances()} == before
        assert {row.sop_uid: archive.read(row) for row in old_rows} == before  # of a query made before
        assert archive.verify() == ()
        with pytest.raises(MissingError):
            archive.restore(dead, who="me")
        assert archive.audit.search(action="purge")[0].event.target == dead
        after = shown(archive)
        assert archive.reindex() == ()
        assert shown(archive) == after
    with Archive.open(settings(tmp_path)) as archive:
        assert archive.findings == ()
        assert shown(archive) == after
        archive.receive(bare(sent(99, study="live1")), transfer_syntax=EXPLICIT)
        archive.delete(str(sent(study="live0").StudyInstanceUID), reason="test", who="me")
        again = empty_bin(archive, who="me", reason="test")  # segments that were replaced are so again
        assert again.collected.segments > 0
        after = shown(archive)
        assert len(after["served"]) == 9
    for path in tmp_path.glob("index.sqlite*"):
        path.unlink()
    with Archive.open(settings(tmp_path)) as archive:
        assert shown(archive) == after


def test_what_was_received_again_after_it_was_deleted_stays(tmp_path: Path) -> None:
    data = sent()
    with Archive.open(settings(tmp_path)) as archive:
        archive.receive(bare(data), transfer_syntax=EXPLICIT)
        archive.delete(str(data.StudyInstanceUID), reason="test", who="me")
        archive.receive(bare(data), transfer_syntax=EXPLICIT)
        assert empty_bin(archive, who="me", reason="test").instances == 1
        (row,) = archive.instances(is_history=True)
        assert (row.version, archive.read_data_set(row)) == (1, bare(data))
        archive.receive(bare(sent(PatientName="New")), transfer_syntax=EXPLICIT)
        assert [r.version for r in archive.instances(is_history=True)] == [1, 2]
        after = shown(archive)
        archive.reindex()
        assert shown(archive) == after


def test_linked_files_go_too(tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    for n in range(4):
        sent(n, study=f"t{n % 2}").save_as(folder / f"{n}.dcm", enforce_file_format=True)
    store = tmp_path / "store"
    with Archive.open(settings(store)) as archive:
        import_folder(archive, folder)
        assert len(list(store.rglob("*.dcm"))) == 4
        archive.delete(str(sent(study="t0").StudyInstanceUID), reason="test", who="me")
        found = empty_bin(archive, who="me", reason="test")
        assert found.collected.files == 2
        assert len(list(store.rglob("*.dcm"))) == 2
        assert len(list(folder.iterdir())) == 4
        assert archive.verify() == ()
        assert archive.reindex() == ()
        assert len(list(archive.instances())) == 2


def test_damaged_segments_are_left_and_told(tmp_path: Path) -> None:
    filled(tmp_path)
    with Archive.open(settings(tmp_path)) as archive:
        row = next(archive.instances())
        path = tmp_path / "segments" / row.place
        content = bytearray(path.read_bytes())
        content[row.offset + 300] ^= 1
        path.write_bytes(content)
        found = empty_bin(archive, who="me", reason="test")
        assert [finding.where for finding in found.collected.findings] == [row.place]
        assert path.read_bytes() == content


def test_protected_studies_are_not_deleted(tmp_path: Path) -> None:
    data = sent()
    uid = str(data.StudyInstanceUID)
    with Archive.open(settings(tmp_path)) as archive:
        archive.receive(bare(data), transfer_syntax=EXPLICIT)
        archive.protect(uid, who="me")
        with pytest.raises(AccessError, match="protected"):
            archive.delete(uid, reason="test", who="me")
        archive.reindex()
        with pytest.raises(AccessError, match="protected"):
            archive.delete(uid, reason="test", who="me")
        archive.protect(uid, who="me", is_protected=False)
        assert archive.delete(uid, reason="test", who="me") == 1


class MirrorDisk(RecordingDisk):
    """Does what it records, and keeps the index as it is before each operation."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.real, self.folder = Disk(), folder
        self.indexes: list[dict[str, bytes]] = []
        for path in (folder / "segments").iterdir():
            self._note(Operation("create", path), Operation("write", path, 0, path.read_bytes()))
            self._note(Operation("sync", path, 1 << 60), Operation("sync_folder", path.parent))
        self.first = len(self.operations)

    def _note(self, *operations: Operation) -> None:
        kept = [*self.folder.glob("*.sqlite*"), *self.folder.glob("*.json")]
        index = {path.name: path.read_bytes() for path in kept}
        for operation in operations:
            self.operations.append(operation)
            self.indexes.append(index)

    def create(self, path: Path) -> int:
        self._note(Operation("create", path))
        descriptor = self.real.create(path)
        self._paths[descriptor] = path
        return descriptor

    def write(self, descriptor: int, buffers, offset: int) -> None:
        data = b"".join(bytes(buffer) for buffer in buffers)
        self._note(Operation("write", self._paths[descriptor], offset, data))
        self.real.write(descriptor, [data], offset)

    def sync(self, descriptor: int) -> None:
        self._note(Operation("sync", self._paths[descriptor], len(self.operations)))

    def sync_folder(self, folder: Path) -> None:
        self._note(Operation("sync_folder", folder))

    def rename(self, path: Path, target: Path) -> None:
        self._note(Operation("rename", path, target=target))
        self.real.rename(path, target)

    def remove(self, path: Path) -> None:
        self._note(Operation("remove", path))
        self.real.remove(path)

    def close(self, descriptor: int) -> None:
        super().close(descriptor)
        self.real.close(descriptor)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_loss_of_power_at_any_moment_loses_nothing_else(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    store = tmp_path / "store"
    filled(store)
    disk = MirrorDisk(store)
    with Archive(settings(store), disk) as archive:
        served = sorted((row.sop_uid, archive.read_data_set(row)) for row in archive.instances())
        empty_bin(archive, who="me", reason="test")
        end = len(disk.operations)
    names = {operation.name for operation in disk.operations[disk.first : end]}
    assert {"create", "write", "sync", "rename", "sync_folder", "remove"} <= names
    for count in range(disk.first, end + 1):
        for has_index in (True, False) if count % 9 == 0 else (True,):
            left = tmp_path / "left"
            (left / "segments").mkdir(parents=True)
            for path, content in disk.left_after(count, rng).items():
                (left / path.relative_to(store)).write_bytes(content)
            for name, content in disk.indexes[min(count, len(disk.indexes) - 1)].items():
                if has_index or not name.startswith("index"):
                    (left / name).write_bytes(content)
            with Archive.open(settings(left)) as archive:
                assert {finding.code for finding in archive.findings} <= {"torn-record"}
                found = sorted((row.sop_uid, archive.read_data_set(row)) for row in archive.instances())
                assert found == served, (count, has_index)
                assert archive.verify() == ()
                if count % 5 == seed:
                    empty_bin(archive, who="me", reason="test")
                    assert SECRET.encode() not in everything(left)
                    assert archive.reindex() == ()
                    found = sorted((row.sop_uid, archive.read_data_set(row)) for row in archive.instances())
                    assert found == served
            shutil.rmtree(left)

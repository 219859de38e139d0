"""The archive: what goes in comes out, once, in its newest version, and nothing else is found."""

import dataclasses
import io
import threading
from pathlib import Path

import pytest
from pydicom import dcmread

from archive_data import EXPLICIT, bare, sent
from medvox.archive.archive import Archive, checked_entry
from medvox.archive.model import (
    ArchiveSettings,
    InvalidObjectError,
    Level,
    Origin,
    Outcome,
    Query,
    StorageFullError,
)
from medvox.archive.store.disk import Disk
from medvox.archive.store.local import LocalStore
from medvox.archive.store.records import Kind
from medvox.core.errors import AccessError, MissingError
from medvox.testing.disk import RecordingDisk


@pytest.fixture(params=["folder", "objects"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, index: str | None) -> ArchiveSettings:
    """Both stores with both databases."""
    if request.param == "folder":
        return ArchiveSettings(tmp_path / "store", segment_bytes=20_000, index=index)
    objects = (tmp_path / "objects").as_uri()
    return ArchiveSettings(tmp_path / "store", is_durable=False, index=index, objects=objects)


@pytest.fixture
def archive(settings: ArchiveSettings):
    with Archive.open(settings) as opened:
        yield opened


def snapshot(archive: Archive) -> dict[str, object]:
    rows = {level: archive.find(Query(level, limit=5000)).rows for level in Level}
    return rows | {"instances": list(archive.instances(is_history=True))}


def test_bytes_come_back_as_sent(archive: Archive) -> None:
    data = sent(PatientName="Müller^Jürgen", SpecificCharacterSet="ISO_IR 192")
    received = archive.receive(bare(data), transfer_syntax=EXPLICIT, origin=Origin("CT1", "10.0.0.1"))
    (row,) = archive.instances()
    assert received.outcome is Outcome.STORED
    assert archive.read_data_set(row) == bare(data)
    file = archive.read(row)
    found = dcmread(io.BytesIO(file))
    assert found == data
    assert found.file_meta.TransferSyntaxUID == EXPLICIT
    assert found.file_meta.MediaStorageSOPInstanceUID == data.SOPInstanceUID == row.sop_uid
    assert found.file_meta.MediaStorageSOPClassUID == data.SOPClassUID == row.sop_class
    assert len(file) == row.size


def test_attributes_in_answers_equal_those_of_the_data_set(archive: Archive) -> None:
    data = sent(
        PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう",
        SpecificCharacterSet="ISO_IR 192",
        ReferringPhysicianName="Who^Dr",
        SeriesNumber=7,
        StationName="STATION",
        ImagePositionPatient=[1.5, -2, 3],
    )
    archive.receive(bare(data), transfer_syntax=EXPLICIT)
    truth = data.to_json_dict()
    (row,) = archive.find(Query(Level.INSTANCE)).rows
    assert {tag: row[tag] for tag in row} == {tag: truth[tag] for tag in row}
    assert {"00100010", "00080090", "00200011", "00081010", "00200032", "00080018"} <= set(row)
    (study,) = archive.find(Query(wanted=frozenset({0x00201208, 0x00100020, 0x00080061}))).rows
    assert study == {
        "00080061": {"vr": "CS", "Value": ["MR"]},
        "00100020": {"vr": "LO", "Value": ["TEST-1"]},
        "00201208": {"vr": "IS", "Value": [1]},
    }


def test_the_same_again_is_no_op_and_other_content_a_version(archive: Archive) -> None:
    first, second = sent(PatientName="Old"), sent(PatientName="New")
    outcomes = [
        archive.receive(bare(data), transfer_syntax=EXPLICIT).outcome
        for data in (first, first, second, second, first)
    ]
    assert outcomes == ["stored", "same", "version", "same", "same"]
    (row,) = archive.instances()
    assert row.version == 2
    assert archive.read_data_set(row) == bare(second)
    (study,) = archive.find(Query()).rows
    assert study["00100010"]["Value"] == [{"Alphabetic": "New"}]
    history = list(archive.instances(is_history=True))
    assert [archive.read_data_set(row) for row in history] == [bare(first), bare(second)]
    (event,) = archive.audit.search(action="version")
    assert event.event.target == first.SOPInstanceUID


@pytest.mark.parametrize(
    ("change", "announced"),
    [
        (lambda data: data[:-40], ""),
        (lambda _: b"", ""),
        (lambda _: b"not a data set at all", ""),
        (lambda data: data, "1.2.3"),
    ],
    ids=["cut", "empty", "text", "another"],
)
def test_what_is_no_instance_is_refused(archive: Archive, change, announced: str) -> None:
    with pytest.raises(InvalidObjectError):
        archive.receive(change(bare(sent())), transfer_syntax=EXPLICIT, sop_instance_uid=announced)
    data = sent()
    trick = bare(data).replace(str(data.StudyInstanceUID).encode()[:12], b"../../../etc")
    with pytest.raises(InvalidObjectError, match="Study Instance UID"):
        archive.receive(trick, transfer_syntax=EXPLICIT)
    assert archive.find(Query()).rows == []


def test_everything_is_there_after_reopening_and_reindexing(settings: ArchiveSettings, postgresql) -> None:
    with Archive.open(settings) as archive:
        for number in range(60):
            name = f"N{number % 3}" if number % 7 else "Changed"
            data = sent(number % 40, series=f"s{number % 4}", study=f"t{number % 3}", PatientName=name)
            archive.receive(bare(data), transfer_syntax=EXPLICIT)
        archive.delete(str(data.StudyInstanceUID), reason="test", who="me")
        before = snapshot(archive)
    for _ in range(2):
        with Archive.open(settings) as archive:
            assert archive.findings == ()
            assert snapshot(archive) == before
            archive.receive(bare(sent()), transfer_syntax=EXPLICIT)
            before = snapshot(archive)
            assert archive.reindex() == ()
            assert snapshot(archive) == before
    for path in settings.store.glob("index.sqlite*"):
        path.unlink()
    if settings.index:
        settings = dataclasses.replace(settings, index=postgresql.new_database())
    with Archive.open(settings) as archive:
        assert snapshot(archive) == before
        assert archive.verify() == ()


def test_damage_is_told_and_the_rest_is_found(tmp_path: Path) -> None:
    with Archive.open(ArchiveSettings(tmp_path)) as archive:
        for number in range(1, 5):
            archive.receive(bare(sent(number)), transfer_syntax=EXPLICIT)
        rows = list(archive.instances())
        path = tmp_path / "segments" / rows[1].place
        content = bytearray(path.read_bytes())
        content[rows[1].offset + rows[1].size - 3] ^= 1
        path.write_bytes(content + b"torn")
        (finding,) = archive.verify()
        assert (finding.code, finding.where) == ("damaged-content", f"{path.name} at {rows[1].offset}")
        assert {f.code for f in archive.reindex()} == {"damaged-record", "torn-record"}
        assert [row.sop_uid for row in archive.instances()] == [row.sop_uid for row in rows if row != rows[1]]


def test_deleted_studies_are_not_found_until_they_are_restored(archive: Archive) -> None:
    data, other = sent(), sent(study="other")
    for one in (data, other):
        archive.receive(bare(one), transfer_syntax=EXPLICIT)
    before = snapshot(archive)
    assert archive.delete(str(data.StudyInstanceUID), reason="wrong patient", who="admin") == 1
    assert [row.sop_uid for row in archive.instances()] == [other.SOPInstanceUID]
    assert len(archive.find(Query()).rows) == 1
    with pytest.raises(MissingError):
        archive.delete(str(data.StudyInstanceUID), reason="again", who="admin")
    assert archive.restore(str(data.StudyInstanceUID), who="admin") == 1
    assert snapshot(archive) == before
    archive.delete(str(data.StudyInstanceUID), reason="wrong patient", who="admin")
    assert archive.receive(bare(data), transfer_syntax=EXPLICIT).outcome is Outcome.STORED
    assert len(archive.find(Query()).rows) == 2
    assert [one.event.action for one in archive.audit.search()] == ["delete", "restore", "delete"]
    assert archive.audit.verify() == 3


def test_a_full_disk_refuses_and_the_service_recovers(tmp_path: Path) -> None:
    disk = RecordingDisk(room=20_000)
    with Archive(ArchiveSettings(tmp_path), disk) as archive:
        kept = []

        def fill() -> None:
            kept.extend(
                archive.receive(bare(sent(number)), transfer_syntax=EXPLICIT).sop_uid for number in range(100)
            )

        with pytest.raises(StorageFullError):
            fill()
        assert 3 < len(kept) < 100
        assert {row.sop_uid for row in archive.instances()} == set(kept)
        disk.room = None
        disk.sync_fails = True
        with pytest.raises(StorageFullError):
            archive.receive(bare(sent(500)), transfer_syntax=EXPLICIT)
        disk.sync_fails = False
        assert {row.sop_uid for row in archive.instances()} == set(kept)
        kept.append(archive.receive(bare(sent(500)), transfer_syntax=EXPLICIT).sop_uid)
        assert {row.sop_uid for row in archive.instances()} == set(kept)


class ListeningDisk(Disk):
    def __init__(self) -> None:
        self.synced: list[str] = []

    def sync(self, descriptor: int) -> None:
        self.synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        super().sync(descriptor)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="names of open files are asked of Linux")
def test_what_a_killed_process_left_is_synced_before_it_is_indexed(tmp_path: Path) -> None:
    journal = LocalStore(tmp_path)
    entry = checked_entry(bare(sent()), EXPLICIT, ("", "")) | {"origin": "[]", "data_set_offset": 0}
    appended = journal.append(Kind.INSTANCE, entry, [bare(sent())])
    journal.close()  # without a commit
    disk = ListeningDisk()
    with Archive(ArchiveSettings(tmp_path), disk) as archive:
        assert disk.synced == [appended.segment]
        assert archive.receive(bare(sent()), transfer_syntax=EXPLICIT).outcome is Outcome.SAME


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with (
        Archive.open(ArchiveSettings(tmp_path / "store")),
        pytest.raises(AccessError, match="another process"),
    ):
        Archive.open(ArchiveSettings(tmp_path / "store"))


def test_threads_that_send_the_same_get_one_instance(archive: Archive) -> None:
    outcomes, barrier = [], threading.Barrier(6)

    def send() -> None:
        barrier.wait()
        outcomes.extend(
            (number, archive.receive(bare(sent(number)), transfer_syntax=EXPLICIT).outcome)
            for number in range(10)
        )

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(n for n, outcome in outcomes if outcome == "stored") == list(range(10))
    assert sum(outcome == "same" for _, outcome in outcomes) == 50
    assert len(list(archive.instances(is_history=True))) == 10


def test_one_series_uid_in_two_studies_is_two_series(archive: Archive) -> None:
    first, second = sent(1, study="a"), sent(2, study="b")
    second.SeriesInstanceUID = first.SeriesInstanceUID
    for data in (first, second):
        archive.receive(bare(data), transfer_syntax=EXPLICIT)
        assert len(list(archive.instances(study_uid=str(data.StudyInstanceUID)))) == 1
    assert len(archive.find(Query(Level.SERIES)).rows) == 2

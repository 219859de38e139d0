"""The journal: what was committed is there after any loss of power, and nothing else is taken for whole."""

import random
import threading
from pathlib import Path

import pytest

from medvox.archive.store.disk import Disk
from medvox.archive.store.journal import Journal
from medvox.archive.store.records import Damage, Kind, Record, walk
from medvox.core.errors import WriteError
from medvox.testing.disk import RecordingDisk

ENTRY = {"uid": "1.2.3", "name": "Müller^Jürgen"}


def found(content: bytes | bytearray) -> list[Record | Damage]:
    return list(walk(memoryview(content)))


def data_of(content: bytes, record: Record) -> bytes:
    return content[record.data_offset : record.data_offset + record.data_length]


def payload(number: int) -> bytes:
    return random.Random(number).randbytes(700 + 613 * (number % 7))


def test_records_come_back_as_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    places = [journal.append(Kind.INSTANCE, {**ENTRY, "n": n}, [payload(n), b"tail"]) for n in range(20)]
    for place in places:
        journal.commit(place)
    journal.close()
    (segment,) = tmp_path.iterdir()
    content = segment.read_bytes()
    records = found(content)
    assert [r.entry["n"] for r in records if isinstance(r, Record)] == list(range(20))
    for number, (place, record) in enumerate(zip(places, records, strict=True)):
        assert isinstance(record, Record)
        assert (place.offset, place.data_offset, place.data_length) == (
            record.offset,
            record.data_offset,
            record.data_length,
        )
        assert record.entry["name"] == "Müller^Jürgen"
        assert data_of(content, record) == payload(number) + b"tail"


def test_segments_are_begun_anew_when_full_and_each_writer_has_its_own(tmp_path: Path) -> None:
    first, second = Journal(tmp_path, segment_bytes=4096), Journal(tmp_path, segment_bytes=4096)
    for journal in (first, second):
        for number in range(12):
            journal.commit(journal.append(Kind.INSTANCE, {"n": number}, [payload(number)]))
        journal.close()
    writers: dict[str, list[int]] = {}
    for path in sorted(tmp_path.iterdir()):
        records = [r for r in found(path.read_bytes()) if isinstance(r, Record)]
        writers.setdefault(path.name.split("-")[0], []).extend(r.entry["n"] for r in records)
    assert list(writers.values()) == [list(range(12))] * 2
    assert len(list(tmp_path.iterdir())) > 4


@pytest.mark.parametrize("seed", range(8))
def test_what_was_committed_survives_every_loss_of_power(seed: int) -> None:
    rng = random.Random(seed)
    disk = RecordingDisk()
    journal = Journal(Path("/store"), disk, segment_bytes=9000)
    promised: list[tuple[int, int]] = []  # operations done when the promise was made, number
    waiting = []
    for number in range(24):
        waiting.append((journal.append(Kind.INSTANCE, {"n": number}, [payload(number)]), number))
        if rng.random() < 0.5:
            for place, n in waiting:
                journal.commit(place)
                promised.append((len(disk.operations), n))
            waiting = []
    for count in range(len(disk.operations) + 1):
        for _ in range(3):
            left = disk.left_after(count, rng)
            whole = {}
            for content in left.values():
                for record in found(content):
                    if isinstance(record, Record):
                        whole[record.entry["n"]] = data_of(content, record)
            kept = {n for done, n in promised if done <= count}
            assert kept <= set(whole)
            assert all(data == payload(n) for n, data in whole.items())


def test_a_damaged_record_is_told_and_those_after_it_are_found(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    places = [journal.append(Kind.INSTANCE, {"n": n}, [payload(n)]) for n in range(6)]
    journal.close()
    (segment,) = tmp_path.iterdir()
    content = bytearray(segment.read_bytes())
    content[places[2].data_offset + 5] ^= 1
    content[places[4].offset + 3] ^= 1
    result = found(bytes(content))
    assert [r.entry["n"] if isinstance(r, Record) else r.is_tail for r in result] == [
        0,
        1,
        False,
        3,
        False,
        5,
    ]
    torn = found(bytes(content[: places[5].offset + 100]))
    assert isinstance(torn[-1], Damage)
    assert torn[-1].is_tail


def test_data_that_look_like_records_are_none(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(Kind.INSTANCE, {"n": 0}, [payload(0)])
    journal.close()
    (segment,) = tmp_path.iterdir()
    inner = segment.read_bytes()
    journal = Journal(tmp_path, writer="outer")
    journal.append(Kind.INSTANCE, {"n": "outer"}, [inner])
    journal.append(Kind.INSTANCE, {"n": "last"}, [])
    journal.close()
    names = [
        r.entry["n"] for r in found((tmp_path / "outer-000001.seg").read_bytes()) if isinstance(r, Record)
    ]
    assert names == ["outer", "last"]


@pytest.mark.parametrize("cut", range(0, 3000, 97))
def test_any_end_of_a_segment_is_taken(tmp_path: Path, cut: int) -> None:
    journal = Journal(tmp_path)
    for number in range(3):
        journal.append(Kind.INSTANCE, {"n": number}, [payload(number)])
    journal.close()
    (segment,) = tmp_path.iterdir()
    whole = [r for r in found(segment.read_bytes()[:cut]) if isinstance(r, Record)]
    assert all(r.offset + r.length <= cut for r in whole)


def test_a_full_disk_refuses_and_recovers() -> None:
    disk = RecordingDisk(room=5000)
    journal = Journal(Path("/store"), disk)
    kept = []

    def fill() -> None:
        for number in range(100):
            journal.commit(journal.append(Kind.INSTANCE, {"n": number}, [payload(number)]))
            kept.append(number)

    with pytest.raises(WriteError, match="stored"):
        fill()
    with pytest.raises(WriteError, match="segment"):
        journal.append(Kind.INSTANCE, {"n": 100}, [payload(100)])
    disk.room = None
    journal.commit(journal.append(Kind.INSTANCE, {"n": 101}, [payload(101)]))
    left = disk.left_after(len(disk.operations), random.Random(1))
    whole = {r.entry["n"] for c in left.values() for r in found(c) if isinstance(r, Record)}
    assert whole == {*kept, 101}


def test_after_a_failed_sync_nothing_is_promised_and_a_new_segment_is_begun() -> None:
    disk = RecordingDisk()
    journal = Journal(Path("/store"), disk)
    journal.commit(journal.append(Kind.INSTANCE, {"n": 0}))
    disk.sync_fails = True
    first, second = (journal.append(Kind.INSTANCE, {"n": n}) for n in (1, 2))
    for place in (first, second):
        with pytest.raises(WriteError, match="keep"):
            journal.commit(place)
    disk.sync_fails = False
    third = journal.append(Kind.INSTANCE, {"n": 3})
    journal.commit(third)
    assert third.segment != first.segment


class CountingDisk(Disk):
    def __init__(self) -> None:
        self.syncs = 0

    def sync(self, descriptor: int) -> None:
        self.syncs += 1
        super().sync(descriptor)


def test_many_threads_share_few_waits_for_the_disk(tmp_path: Path) -> None:
    disk = CountingDisk()
    journal = Journal(tmp_path, disk)
    barrier = threading.Barrier(8)

    def send(thread: int) -> None:
        barrier.wait()
        for number in range(25):
            journal.commit(journal.append(Kind.INSTANCE, {"n": [thread, number]}, [payload(number)]))

    threads = [threading.Thread(target=send, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    (segment,) = tmp_path.iterdir()
    records = [r for r in found(segment.read_bytes()) if isinstance(r, Record)]
    assert sorted(tuple(r.entry["n"]) for r in records) == [(t, n) for t in range(8) for n in range(25)]
    assert [r.sequence for r in records] == list(range(1, 201))
    assert disk.syncs < 200

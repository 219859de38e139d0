"""Several processes with one database and one object store are one archive, and faults of either pass."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from archive_data import EXPLICIT, bare, sent
from medvox.archive.archive import Archive
from medvox.archive.model import ArchiveSettings, Level, Outcome, Query, StorageFullError
from medvox.core.errors import AccessError, UsageError
from medvox.testing.postgresql import Server
from object_server import ObjectServer

WORKER = """
import json, sys
from pathlib import Path
from archive_data import EXPLICIT, bare, sent
from medvox.archive.archive import Archive
from medvox.archive.model import ArchiveSettings, Level, Query

archive = Archive.open(ArchiveSettings(Path(sys.argv[1]), index=sys.argv[2], objects=sys.argv[3]))
print("ready", flush=True)
for line in sys.stdin:
    word, *rest = json.loads(line)
    if word == "receive":
        found = [
            str(archive.receive(bare(sent(number, PatientName=name)), transfer_syntax=EXPLICIT).outcome)
            for number, name in rest
        ]
    elif word == "find":
        found = [row["00080018"]["Value"][0] for row in archive.find(Query(Level.INSTANCE, limit=1000)).rows]
    elif word == "delete":
        found = archive.delete(rest[0], reason="test", who="worker")
    print(json.dumps(found), flush=True)
archive.close()
"""


class Worker:
    def __init__(self, settings: ArchiveSettings) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(settings.store), settings.index, settings.objects],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        assert self._process.stdout.readline() == "ready\n"

    def tell(self, *words: object) -> None:
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()

    def answer(self) -> object:
        return json.loads(self._process.stdout.readline())

    def ask(self, *words: object) -> object:
        self.tell(*words)
        return self.answer()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(30)
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()

    def end(self) -> None:
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


@pytest.fixture
def settings(tmp_path: Path, postgresql: Server, object_server: ObjectServer) -> ArchiveSettings:
    return ArchiveSettings(
        tmp_path / "a",
        index=postgresql.new_database(),
        objects=object_server.new_bucket(),
        object_timeout_s=2,
    )


@pytest.fixture
def worker(settings: ArchiveSettings, tmp_path: Path):
    other = Worker(dataclasses.replace(settings, store=tmp_path / "b"))
    yield other
    other.end()


def snapshot(archive: Archive) -> dict[str, object]:
    rows = {level: archive.find(Query(level, limit=5000)).rows for level in Level}
    history = sorted(archive.instances(is_history=True), key=lambda row: (row.sop_uid, row.version))
    return rows | {"instances": history}


def keep(archive: Archive, number: int, name: str = "Test^Patient") -> Outcome:
    return archive.receive(bare(sent(number, PatientName=name)), transfer_syntax=EXPLICIT).outcome


def test_two_processes_are_one_archive(settings: ArchiveSettings, worker: Worker) -> None:
    with Archive.open(settings) as archive:
        for number in range(5):
            assert keep(archive, number) is Outcome.STORED
            uid = str(sent(number).SOPInstanceUID)
            assert uid in worker.ask("find")
            assert worker.ask("receive", [number, "Test^Patient"]) == ["same"]
        assert worker.ask("receive", [9, "Other^Name"]) == ["stored"]
        assert keep(archive, 9, "Third^Name") is Outcome.VERSION
        (row,) = archive.instances(sop_uid=str(sent(9).SOPInstanceUID))
        assert (row.version, archive.read_data_set(row)) == (2, bare(sent(9, PatientName="Third^Name")))
        assert worker.ask("delete", str(sent().StudyInstanceUID)) == 6
        assert archive.find(Query()).rows == []
        assert keep(archive, 1) is Outcome.STORED
        assert worker.ask("find") == [str(sent(1).SOPInstanceUID)]
        assert [one.event.action for one in archive.audit.search()] == ["delete", "version"]
        assert archive.audit.verify() == 2
        assert archive.verify() == ()


def test_what_both_receive_at_once_is_one_chain_of_versions(
    settings: ArchiveSettings, worker: Worker
) -> None:
    turns = 12
    with Archive.open(settings) as archive:
        for same in (True, False):
            base = 100 if same else 200
            worker.tell("receive", *[(base + n, "A^B") for n in range(turns)])
            ours = [keep(archive, base + n, "A^B" if same else "C^D") for n in range(turns)]
            theirs = worker.answer()
            for number, pair in enumerate(zip(ours, theirs, strict=True)):
                uid = str(sent(base + number).SOPInstanceUID)
                chain = list(archive.instances(sop_uid=uid, is_history=True))
                assert sorted(pair) == (["same", "stored"] if same else ["stored", "version"])
                assert [row.version for row in chain] == ([1] if same else [1, 2])
                assert len({row.digest for row in chain}) == len(chain)
                (current,) = archive.instances(sop_uid=uid)
                assert current.version == len(chain)
        before = snapshot(archive)
        assert archive.reindex() == ()
        assert snapshot(archive) == before
        assert len(worker.ask("find")) == 2 * turns
        assert archive.audit.verify() == turns


def test_a_process_that_is_killed_loses_nothing(settings: ArchiveSettings, tmp_path: Path) -> None:
    with Archive.open(settings) as archive:
        promised: list[int] = []
        for turn in range(3):
            worker = Worker(dataclasses.replace(settings, store=tmp_path / f"w{turn}"))
            for number in range(100 * turn, 100 * turn + 10):
                assert worker.ask("receive", [number, "A^B"]) == ["stored"]
                promised.append(number)
            worker.tell("receive", *[[number, "A^B"] for number in range(100 * turn + 10, 100 * turn + 60)])
            time.sleep(0.05 * (turn + 1))
            worker.kill()
            shown = {row.sop_uid for row in archive.instances()}
            assert {str(sent(number).SOPInstanceUID) for number in promised} <= shown
            assert archive.verify() == ()
            assert keep(archive, 1000 + turn) is Outcome.STORED  # no lock is left behind
        before = {row.sop_uid for row in archive.instances()}
        assert archive.reindex() == ()
        assert before <= {row.sop_uid for row in archive.instances()}
        assert archive.verify() == ()


def test_a_new_database_is_filled_from_the_objects(settings: ArchiveSettings, postgresql: Server) -> None:
    with Archive.open(settings) as archive:
        for number in range(8):
            keep(archive, number % 6, f"N^{number // 6}")
        archive.delete(str(sent().StudyInstanceUID), reason="x", who="y")
        keep(archive, 20)
        before = snapshot(archive)
    with Archive.open(dataclasses.replace(settings, index=postgresql.new_database())) as archive:
        assert archive.findings == ()
        assert snapshot(archive) == before
        keep(archive, 21)
        assert archive.reindex() == ()
        assert len(list(archive.instances())) == 2


def test_an_index_of_another_store_is_refused(settings: ArchiveSettings, object_server: ObjectServer) -> None:
    Archive.open(settings).close()
    for other in (
        dataclasses.replace(settings, objects=object_server.new_bucket()),
        dataclasses.replace(settings, objects=None),
    ):
        with pytest.raises(UsageError, match="belongs to another store"):
            Archive.open(other)


@pytest.mark.parametrize("mode", ["refusing", "silent"])
def test_an_object_store_that_fails_refuses_and_recovers(
    settings: ArchiveSettings, object_server: ObjectServer, mode: str
) -> None:
    settings = dataclasses.replace(settings, object_timeout_s=0.3)
    with Archive.open(settings) as archive:
        keep(archive, 1)
        before = snapshot(archive)
        with object_server.door.failing(mode):
            began = time.monotonic()
            with pytest.raises(StorageFullError):
                keep(archive, 2)
            with pytest.raises(StorageFullError):
                archive.delete(str(sent().StudyInstanceUID), reason="x", who="y")
            assert time.monotonic() - began < 10
            assert snapshot(archive) == before  # the index still answers
            with pytest.raises(AccessError):
                archive.read(next(archive.instances()))
        assert keep(archive, 2) is Outcome.STORED
        assert len(list(archive.instances())) == 2
        assert archive.verify() == ()


def test_records_that_fail_between_bytes_and_index_are_not_shown(
    settings: ArchiveSettings, object_server: ObjectServer
) -> None:
    client = object_server.client()
    bucket = settings.objects.split("/")[2]
    with Archive.open(settings) as archive:
        keep(archive, 1)
        door = object_server.door
        stop = threading.Event()

        def flutter() -> None:
            while not stop.is_set():
                with door.failing("refusing"):
                    time.sleep(0.02)
                time.sleep(0.05)

        thread = threading.Thread(target=flutter)
        thread.start()
        kept = {1}
        for number in range(2, 30):
            with contextlib.suppress(StorageFullError):
                keep(archive, number)
                kept.add(number)
        stop.set()
        thread.join()
        shown = {row.sop_uid for row in archive.instances()}
        assert shown == {str(sent(number).SOPInstanceUID) for number in kept}
        assert archive.verify() == ()
        objects = client.list_objects_v2(Bucket=bucket, Prefix="archive/instances/")["KeyCount"]
        assert objects >= len(kept)
        archive.reindex()
        assert shown <= {row.sop_uid for row in archive.instances()}


@pytest.mark.slow
@pytest.mark.parametrize("where", ["folder", "objects"])
def test_a_database_that_is_killed_refuses_and_recovers(
    where: str, tmp_path: Path, object_server: ObjectServer
) -> None:
    server = Server()
    try:
        objects = object_server.new_bucket() if where == "objects" else None
        settings = ArchiveSettings(tmp_path, index=server.new_database(), objects=objects)
        with Archive.open(settings) as archive:
            kept = {number for number in range(3) if keep(archive, number)}
            for turn in range(2):
                server.kill()
                for _ in range(3):
                    with pytest.raises(StorageFullError):
                        keep(archive, 10 + turn)
                with pytest.raises((AccessError, StorageFullError)):
                    archive.find(Query())
                server.start()
                assert keep(archive, 20 + turn) is Outcome.STORED
                kept.add(20 + turn)
                uids = {row.sop_uid for row in archive.instances()}
                assert uids == {str(sent(number).SOPInstanceUID) for number in kept}
            assert archive.reindex() == ()
            assert {row.sop_uid for row in archive.instances()} == uids
    finally:
        server.stop()


def test_a_database_that_is_not_there_is_told(tmp_path: Path) -> None:
    for url in ("postgresql://medvox@127.0.0.1:9/none", "mysql://host/x", "no url"):
        with pytest.raises((AccessError, UsageError)):
            Archive.open(ArchiveSettings(tmp_path, index=url))

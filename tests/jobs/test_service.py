"""Hooks and forwarding: each arrival once, after Success, again when it failed, also after a new start."""

import threading
import time
from pathlib import Path

import pytest

from archive_data import EXPLICIT, bare, sent
from medvox.archive.archive import Archive
from medvox.archive.editing.editor import Editor
from medvox.archive.editing.intents import Author
from medvox.archive.model import ArchiveSettings, Origin
from medvox.archive.state.database import StateDatabase
from medvox.core.errors import NetworkError
from medvox.jobs.feed import Feed, FeedSettings
from medvox.jobs.hooks import Hooks, registered_hooks
from medvox.jobs.queue import Backoff, JobQueue
from medvox.jobs.routing import ForwardingRule
from medvox.jobs.service import JobService


@pytest.fixture
def state(tmp_path: Path):
    database = StateDatabase(tmp_path / "state.sqlite")
    yield database
    database.close()


@pytest.fixture
def archive(tmp_path: Path):
    with Archive.open(ArchiveSettings(tmp_path / "store")) as opened:
        yield opened


def receive(archive: Archive, *datasets, caller: str = "CT1") -> None:
    for data in datasets:
        archive.receive(bare(data), transfer_syntax=EXPLICIT, origin=Origin(caller))


def waited(is_done) -> bool:
    end = time.monotonic() + 20
    while not is_done() and time.monotonic() < end:
        time.sleep(0.01)
    return bool(is_done())


def test_hooks_are_called_for_each_arrival_and_again_when_they_fail(archive: Archive, state) -> None:
    seen, stable, lock = [], [], threading.Lock()
    receive(archive, sent(0))  # before the service was ever started: no news

    def on_receive(of: Archive, row) -> None:
        with lock:
            seen.append(row.sop_uid)
            if seen.count(row.sop_uid) == 1:
                raise ValueError
        assert of.read_data_set(row)

    hooks = Hooks({"mine": on_receive}, {"mine": lambda _, uid: stable.append(uid)})
    service = JobService(
        archive, state, hooks, settings=FeedSettings(stable_s=0.3), backoff=Backoff(0.01, 0.01)
    )
    service.start(poll_s=0.05)
    data = [sent(n, study=f"t{n % 2}") for n in range(1, 9)]
    receive(archive, *data)
    assert waited(lambda: len(stable) == 2 and not service.queue.jobs())
    assert service.stop()
    assert sorted(seen) == sorted(2 * [str(one.SOPInstanceUID) for one in data])
    assert set(stable) == {str(one.StudyInstanceUID) for one in data}


class Clock:
    def __init__(self) -> None:
        self.now = time.time_ns()

    def __call__(self) -> int:
        return self.now


def test_nothing_is_lost_or_doubled_over_starts_and_a_new_index(
    tmp_path: Path, archive: Archive, state
) -> None:
    queue = JobQueue(state)
    hooks = Hooks({"mine": lambda *_: None})

    def feed() -> Feed:
        return Feed(archive, state, queue, hooks, FeedSettings())

    feed()
    receive(archive, *(sent(n) for n in range(3)))
    assert feed().poll() == 3
    assert feed().poll() == 0
    receive(archive, sent(3, PatientName="Other"))
    archive.reindex()
    receive(archive, *(sent(n) for n in range(5)))  # three are the same, one is a version
    assert feed().poll() == 3
    digests = [job.payload["digest"] for job in queue.jobs()]
    assert len(set(digests)) == len(digests) == 6


def test_a_study_is_stable_when_nothing_came_for_a_while(archive: Archive, state) -> None:
    queue, clock = JobQueue(state), Clock()
    hooks = Hooks(on_stable_study={"mine": lambda *_: None})
    feed = Feed(archive, state, queue, hooks, FeedSettings(stable_s=60), clock)
    receive(archive, sent(1))
    clock.now = time.time_ns() + int(50e9)
    assert feed.poll() == 0
    receive(archive, sent(2))
    clock.now = time.time_ns() + int(59e9)
    assert feed.poll() == 0
    clock.now = time.time_ns() + int(61e9)
    assert feed.poll() == 1
    assert feed.poll() == 0


def test_rules_choose_what_goes_where(archive: Archive, state) -> None:
    rules = (
        ForwardingRule("heads", "PACS", modality="ct", series_description="*head*"),
        ForwardingRule("all of CT1", "PACS", caller="CT1"),
        ForwardingRule("station", "WORK", station="ROOM?"),
    )
    received: dict[str, list[str]] = {}
    refused = []

    def send(node: str, rows) -> None:
        if not refused:
            refused.append(node)
            raise NetworkError("the peer refuses")
        received.setdefault(node, []).extend(row.sop_uid for row in rows)

    service = JobService(
        archive, state, Hooks(), send, FeedSettings(rules, stable_s=0.2), Backoff(0.01, 0.01)
    )
    service.start(poll_s=0.05)
    one = sent(1, series="Head 1mm", modality="CT")
    two = sent(2, series="neck", StationName="ROOM7")
    three = sent(3, series="neck", study="other")
    back = sent(4, study="back", StationName="ROOM1")
    receive(archive, one, two, caller="CT1")
    receive(archive, three, caller="MR1")
    receive(archive, back, caller="WORK")
    assert waited(lambda: set(received) == {"PACS", "WORK"} and not service.queue.jobs())
    editor = Editor(archive, state)
    editor.correct_study(str(one.StudyInstanceUID), {"PatientID": "9"}, Author("me", "test"))
    time.sleep(0.5)
    assert service.stop()
    assert sorted(received["PACS"]) == sorted(str(data.SOPInstanceUID) for data in (one, two))
    assert received["WORK"] == [str(two.SOPInstanceUID)]
    assert refused


def test_hooks_of_packages_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "plug-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plug\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[medvox.on_receive]\ngood = plug_of_test:call\nbad = plug_of_test:missing\n"
    )
    (tmp_path / "plug_of_test.py").write_text("def call(archive, row):\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    hooks = registered_hooks()
    assert list(hooks.on_receive) == ["good"]
    assert hooks.on_stable_study == {}

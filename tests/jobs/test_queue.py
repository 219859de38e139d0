"""The queue: a job is done at least once, by one worker at a time, whatever happens to the process."""

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from medvox.archive.state.database import StateDatabase
from medvox.core.errors import MissingError, NetworkError, UsageError
from medvox.jobs.queue import Backoff, JobQueue
from medvox.jobs.workers import Workers


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(tmp_path: Path, clock: Clock):
    database = StateDatabase(tmp_path / "state.sqlite")
    yield JobQueue(database, Backoff(first_s=10, longest_s=30, attempts=3), clock)
    database.close()


def test_jobs_are_taken_in_the_order_of_their_time_and_once(queue: JobQueue, clock: Clock) -> None:
    queue.add("send", {"n": 1}, delay_s=5)
    queue.add("send", {"n": 2})
    queue.add("other", {"n": 3})
    job = queue.claim("a", ["send"])
    assert job is not None
    assert (job.payload, job.attempts, job.state) == ({"n": 2}, 1, "running")
    assert queue.claim("b", ["send"]) is None
    clock.now += 5
    second = queue.claim("b", ["send"])
    assert second is not None
    assert second.payload == {"n": 1}
    queue.finish(job)
    queue.finish(second)
    assert [job.kind for job in queue.jobs()] == ["other"]


def test_a_key_is_there_once_until_its_job_is_done(queue: JobQueue) -> None:
    assert queue.add("send", {"n": 1}, key="study 1")
    assert not queue.add("send", {"n": 2}, key="study 1")
    job = queue.claim("a", ["send"])
    assert job is not None
    assert not queue.add("send", {"n": 3}, key="study 1")
    queue.finish(job)
    assert queue.add("send", {"n": 4}, key="study 1")


def test_failed_jobs_come_back_later_each_time_and_are_given_up(queue: JobQueue, clock: Clock) -> None:
    queue.add("send", {})
    waits = []
    for _ in range(3):
        job = queue.claim("a", ["send"])
        assert job is not None
        queue.fail(job, NetworkError("the peer refuses", got="0xA700"))
        (left,) = queue.jobs()
        waits.append(left.due - clock.now)
        clock.now = left.due
    assert 9 <= waits[0] <= 11
    assert 18 <= waits[1] <= 22
    assert queue.claim("a", ["send"]) is None
    (failed,) = queue.jobs(state="failed")
    assert failed.error == "NetworkError: the peer refuses (got 0xA700)"
    assert queue.retry() == 1
    again = queue.claim("a", ["send"])
    assert again is not None
    assert again.attempts == 1
    with pytest.raises(MissingError):
        queue.retry(99)
    with pytest.raises(UsageError):
        queue.jobs(state="lost")


def test_errors_of_others_keep_their_text_to_themselves(queue: JobQueue) -> None:
    queue.add("send", {})
    job = queue.claim("a", ["send"])
    assert job is not None
    queue.fail(job, ValueError("Doe^John cannot be sent"))
    assert queue.jobs()[0].error == "ValueError"


def test_a_claim_that_ran_out_belongs_to_another(queue: JobQueue, clock: Clock) -> None:
    queue.add("send", {})
    first = queue.claim("a", ["send"], lease_s=10)
    assert first is not None
    clock.now += 9
    assert queue.renew(first, lease_s=10)
    clock.now += 9
    assert queue.claim("b", ["send"]) is None
    clock.now += 2
    second = queue.claim("b", ["send"], lease_s=10)
    assert second is not None
    assert second.attempts == 2
    assert not queue.renew(first)
    queue.finish(first)
    queue.fail(first, ValueError())
    assert queue.jobs()[0].state == "running"
    queue.finish(second)
    assert queue.jobs() == []


def test_workers_do_jobs_again_until_they_succeed_and_stop(tmp_path: Path) -> None:
    database = StateDatabase(tmp_path / "state.sqlite")
    queue = JobQueue(database, Backoff(first_s=0.01, longest_s=0.01))
    done, tries = [], []
    finished = threading.Event()

    def work(payload) -> None:
        tries.append(payload["n"])
        if tries.count(payload["n"]) < 3:
            raise ValueError
        done.append(payload["n"])
        if len(done) == 10:
            finished.set()

    workers = Workers(queue, {"work": work}, threads=3, poll_s=0.01)
    workers.start()
    for n in range(10):
        queue.add("work", {"n": n})
    workers.wake()
    assert finished.wait(30)
    assert workers.stop()
    assert sorted(done) == list(range(10))
    assert len(tries) == 30
    assert queue.jobs() == []
    database.close()


def test_stopping_waits_for_what_runs_and_begins_no_more(tmp_path: Path) -> None:
    database = StateDatabase(tmp_path / "state.sqlite")
    queue = JobQueue(database)
    begun, done = threading.Event(), []

    def work(payload) -> None:
        begun.set()
        time.sleep(0.2)
        done.append(payload["n"])

    for n in range(2):
        queue.add("work", {"n": n})
    workers = Workers(queue, {"work": work}, threads=1)
    workers.start()
    assert begun.wait(10)
    assert workers.stop()
    assert done == [0]
    assert [job.payload["n"] for job in queue.jobs(state="waiting")] == [1]
    database.close()


def test_long_jobs_keep_their_claim(tmp_path: Path) -> None:
    database = StateDatabase(tmp_path / "state.sqlite")
    queue = JobQueue(database)
    runs = []
    ended = threading.Event()

    def work(_payload) -> None:
        runs.append(1)
        time.sleep(1.2)
        ended.set()

    queue.add("work", {})
    workers = Workers(queue, {"work": work}, threads=3, poll_s=0.02, lease_s=0.4)
    workers.start()
    assert ended.wait(20)
    assert workers.stop()
    assert len(runs) == 1
    assert queue.jobs() == []
    database.close()


WORKER = """
import sys, time
from pathlib import Path
from medvox.archive.state.database import StateDatabase
from medvox.jobs.queue import JobQueue
from medvox.jobs.workers import Workers

folder = Path(sys.argv[1])
queue = JobQueue(StateDatabase(folder / "state.sqlite"))

def work(payload):
    with open(folder / "begun", "a") as out:
        out.write(f"{payload['n']}\\n")
    time.sleep(0.05)
    (folder / f"done-{payload['n']}").touch()

workers = Workers(queue, {"work": work}, threads=2, poll_s=0.02, lease_s=1.0)
workers.start()
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.slow
def test_jobs_of_killed_workers_are_done_by_others(tmp_path: Path) -> None:
    database = StateDatabase(tmp_path / "state.sqlite")
    queue = JobQueue(database)
    for n in range(40):
        queue.add("work", {"n": n}, key=str(n))

    def started() -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "ready\n"
        return process

    def is_done() -> bool:
        return len(list(tmp_path.glob("done-*"))) == 40 and not queue.jobs()

    for _ in range(3):
        process = started()
        time.sleep(0.25)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    two = [started(), started()]  # share what is left
    end = time.monotonic() + 40
    while not is_done() and time.monotonic() < end:
        time.sleep(0.05)
    for process in two:
        process.kill()
        process.wait()
        process.stdout.close()
    assert is_done()
    begun = (tmp_path / "begun").read_text().split()
    assert 40 <= len(begun) <= 40 + 3 * 2  # again only what was running when its worker was killed
    database.close()
    assert json.dumps(sorted(map(int, set(begun)))) == json.dumps(list(range(40)))

"""Queues on the status page: what waits, what failed, and trying it again."""

import pytest

from medvox.archive.state.database import StateDatabase
from medvox.core.errors import MissingError, NetworkError
from medvox.jobs.queue import Backoff, JobQueue
from medvox.workflows.node.monitoring.queues import HookQueue
from medvox.workflows.node.status import QueueFacts


@pytest.fixture
def jobs(tmp_path):
    state = StateDatabase(tmp_path / "state.sqlite")
    yield JobQueue(state, Backoff(attempts=1))
    state.close()


def test_a_failed_job_is_listed_and_tried_again(jobs):
    shown = HookQueue(jobs)
    jobs.add("forward", {"study": "1.2"}, key="a")
    jobs.add("forward", {"study": "1.3"}, key="b")
    assert shown.facts() == QueueFacts("jobs", 2, 0, 0)
    jobs.fail(jobs.claim("worker", ["forward"]), NetworkError("nobody answers"))
    assert shown.facts() == QueueFacts("jobs", 1, 0, 1)
    (failed,) = shown.failures(10)
    assert (failed.what, failed.tries) == ("forward", 1)
    assert "nobody answers" in failed.reason
    shown.retry(failed.id)
    assert shown.facts() == QueueFacts("jobs", 2, 0, 0)


def test_what_is_not_there_cannot_be_tried_again(jobs):
    for wrong in ("jobs:99", "jobs:x", "jobs"):
        with pytest.raises(MissingError):
            HookQueue(jobs).retry(wrong)

"""Queues of a node, as its status page shows them: each is a `TaskQueue` of `own_status`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from medvox.archive.state.commitments import CommitmentState
from medvox.core.errors import MissingError
from medvox.jobs.queue import FAILED, WAITING, JobQueue
from medvox.workflows.node.procedures.procedures import Procedures
from medvox.workflows.node.status import FailedTask, QueueFacts


class CommitmentQueue:
    """Reports of storage commitment that are still to be delivered."""

    name: Final = "storage commitment"

    def __init__(self, procedures: Procedures) -> None:
        self._procedures = procedures

    def facts(self) -> QueueFacts:
        """Say how many reports there are."""
        counts = self._procedures.commitments.counts()
        waiting, failed = counts[CommitmentState.WAITING], counts[CommitmentState.GIVEN_UP]
        return QueueFacts(self.name, waiting, 0, failed)

    def failures(self, limit: int) -> Sequence[FailedTask]:
        """Return the reports that were given up last."""
        kept = self._procedures.commitments.newest(limit, CommitmentState.GIVEN_UP)
        return [
            FailedTask(f"{self.name}:{x.id}", self.name, f"report to {x.caller}", x.fault, x.attempts, x.due)
            for x in kept
        ]

    def retry(self, task_id: str) -> None:
        """Try a report again at once.

        Raises
        ------
        MissingError
            If there is no such failed report.
        """
        number = task_id.rpartition(":")[2]
        if not number.isdecimal():
            raise MissingError("there is no such failed task", got=task_id)
        self._procedures.reporter.retry(int(number))


class HookQueue:
    """Jobs of hooks and forwarding."""

    name: Final = "jobs"

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue

    def facts(self) -> QueueFacts:
        """Say how many jobs there are; those being done count as waiting."""
        counts = self._queue.counts().values()
        waiting, failed = (sum(one.get(state, 0) for one in counts) for state in (WAITING, FAILED))
        return QueueFacts(self.name, waiting, 0, failed)

    def failures(self, limit: int) -> Sequence[FailedTask]:
        """Return the jobs that failed for good."""
        kept = self._queue.jobs(state=FAILED, limit=limit)
        return [
            FailedTask(f"{self.name}:{x.number}", self.name, x.kind, x.error, x.attempts, x.due) for x in kept
        ]

    def retry(self, task_id: str) -> None:
        """Try a job again at once.

        Raises
        ------
        MissingError
            If there is no such job.
        """
        number = task_id.rpartition(":")[2]
        if not number.isdecimal():
            raise MissingError("there is no such failed task", got=task_id)
        self._queue.retry(int(number))

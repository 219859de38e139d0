"""Task queues: what waits in a node and what has failed, for its status page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from medvox.archive.state.commitments import LONGEST_LIST, CommitmentState
from medvox.core.errors import MissingError
from medvox.workflows.node.procedures import Procedures
from medvox.workflows.node.status import FailedTask, QueueFacts


class CommitmentQueue:
    """Reports of storage commitment that are to be delivered (a `own_status.TaskQueue`).

    Parameters
    ----------
    procedures
        Of the node.
    """

    NAME: Final = "storage commitment"

    def __init__(self, procedures: Procedures) -> None:
        self._procedures = procedures

    def facts(self) -> QueueFacts:
        """Count the last `LONGEST_LIST` requests by their state."""
        states = Counter(one.state for one in self._procedures.commitments.newest(LONGEST_LIST))
        return QueueFacts(self.NAME, states[CommitmentState.WAITING], 0, states[CommitmentState.GIVEN_UP])

    def failures(self, limit: int) -> Sequence[FailedTask]:
        """Return the reports that were given up, the newest first."""
        given_up = [
            one
            for one in self._procedures.commitments.newest(LONGEST_LIST)
            if one.state is CommitmentState.GIVEN_UP
        ]
        return [
            FailedTask(
                id=f"{self.NAME}:{one.id}",
                queue=self.NAME,
                what=f"report on {len(one.instances)} instances to {one.caller}",
                reason=one.fault,
                tries=one.attempts,
                last_s=one.due,
            )
            for one in given_up[:limit]
        ]

    def retry(self, task_id: str) -> None:
        """Try to deliver a report again.

        Raises
        ------
        MissingError
            If there is no such report.
        """
        number = task_id.rpartition(":")[2]
        if not number.isdecimal():
            raise MissingError("there is no such failed task", got=task_id)
        self._procedures.reporter.retry(int(number))

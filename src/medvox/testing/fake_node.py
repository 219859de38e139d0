"""Fake of what a node tells of itself and of remote nodes, for tests of the pages that show it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from medvox.core.errors import MissingError, NetworkError
from medvox.core.progress import Progress
from medvox.workflows.node.remote import RemoteStudy, Transferred
from medvox.workflows.node.status import (
    FailedTask,
    NodeFacts,
    QueueFacts,
    RefusedCaller,
    StorageFacts,
)


@dataclass(slots=True)
class FakeStatus:
    """A `medvox.workflows.node.status.NodeStatus` that says what it was given.

    Attributes
    ----------
    retried, accepted
        Ids that were asked for.
    """

    node: NodeFacts = field(default_factory=lambda: NodeFacts("MEDVOX", 11112, "0.1.0", 1_700_000_000.0, 2))
    held: StorageFacts = field(default_factory=lambda: StorageFacts(3, 7, 120, 5 << 30, 40 << 30))
    tasks: list[QueueFacts] = field(
        default_factory=lambda: [QueueFacts("forward", 4, 1, 1), QueueFacts("commitment", 0, 0, 0)]
    )
    failed: list[FailedTask] = field(
        default_factory=lambda: [
            FailedTask("17", "forward", "1.2.3 to PACS", "cannot be reached", 5, 1_700_000_100.0)
        ]
    )
    strangers: list[RefusedCaller] = field(
        default_factory=lambda: [
            RefusedCaller("4", "CT_ROOM_2", "192.0.2.17", "the title is not known", 3, 1_700_000_200.0)
        ]
    )
    retried: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)

    def facts(self) -> NodeFacts:
        """Return `node`."""
        return self.node

    def storage(self) -> StorageFacts:
        """Return `held`."""
        return self.held

    def queues(self) -> Sequence[QueueFacts]:
        """Return `tasks`."""
        return tuple(self.tasks)

    def failures(self, limit: int) -> Sequence[FailedTask]:
        """Return `failed`."""
        return tuple(self.failed[:limit])

    def retry(self, task_id: str) -> None:
        """Take a task off the list."""
        kept = [one for one in self.failed if one.id != task_id]
        if len(kept) == len(self.failed):
            raise MissingError("there is no such failed task", got=task_id)
        self.failed = kept
        self.retried.append(task_id)

    def refused(self, limit: int) -> Sequence[RefusedCaller]:
        """Return `strangers`."""
        return tuple(self.strangers[:limit])

    def accept(self, caller_id: str) -> None:
        """Take a caller off the list."""
        kept = [one for one in self.strangers if one.id != caller_id]
        if len(kept) == len(self.strangers):
            raise MissingError("no such caller was refused", got=caller_id)
        self.strangers = kept
        self.accepted.append(caller_id)


@dataclass(frozen=True, slots=True)
class FakeAddress:
    """A configured node."""

    name: str
    ae_title: str
    host: str = "192.0.2.1"
    port: int = 104


@dataclass(slots=True)
class FakeRemote:
    """A `medvox.workflows.node.remote.RemoteNodes` with one node that answers, and one that does not.

    Attributes
    ----------
    studies
        What the node has.
    asked
        Keys of the searches.
    step
        Is acquired before each instance of a transfer; tests release it. None: not waited for.
    """

    studies: list[RemoteStudy] = field(default_factory=list)
    asked: list[Sequence[str]] = field(default_factory=list)
    step: threading.Semaphore | None = None
    instances: int = 4

    def nodes(self) -> Sequence[FakeAddress]:
        """Return both."""
        return (FakeAddress("PACS", "PACS"), FakeAddress("gone", "GONE"))

    def echo(self, name: str) -> float:
        """Answer at once."""
        self._reach(name)
        return 0.012

    def find(self, name: str, keys: Sequence[str], limit: int) -> list[RemoteStudy]:
        """Return `studies`."""
        self._reach(name)
        self.asked.append(tuple(keys))
        return self.studies[:limit]

    def retrieve(self, name: str, study_uid: str, progress: Progress) -> Transferred:
        """Count."""
        self._reach(name)
        self._count(progress)
        self.studies = [replace(one) for one in self.studies]
        return Transferred(self.instances, 0)

    def send(self, name: str, study_uid: str, progress: Progress) -> Transferred:
        """Count; the last instance fails."""
        self._reach(name)
        self._count(progress)
        return Transferred(self.instances - 1, 1, "status A700H")

    def _count(self, progress: Progress) -> None:
        for done in range(self.instances):
            if self.step is not None:
                self.step.acquire()
            progress(done + 1, self.instances, "Transferring")

    def _reach(self, name: str) -> None:
        if name == "gone":
            raise NetworkError("the peer cannot be reached", where=name)
        if name != "PACS":
            raise MissingError("there is no such node", got=name)

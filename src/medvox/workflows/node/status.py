"""Status: what a node says of itself to the people who run it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What a node is and does now.

    Parameters
    ----------
    aet, dicom_port
        Where it is called; port 0: it does not listen.
    version
        Of medvox.
    started_s
        When it was started, seconds since 1970.
    associations
        DICOM associations open now.
    """

    aet: str
    dicom_port: int
    version: str
    started_s: float
    associations: int


@dataclass(frozen=True, slots=True)
class StorageFacts:
    """What an archive holds, and the room there is.

    Parameters
    ----------
    studies, series, instances
        Numbers of what queries find.
    used_bytes, free_bytes
        Of instances, versions and the bin among them; left on the disk (None: unknown).
    waiting
        Received instances that the index does not have yet.
    fault
        Why nothing can be stored; empty where all is well.
    """

    studies: int
    series: int
    instances: int
    used_bytes: int
    free_bytes: int | None
    waiting: int = 0
    fault: str = ""


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """How many tasks of a kind wait, are being done, and have failed for good."""

    name: str
    waiting: int
    running: int
    failed: int


@dataclass(frozen=True, slots=True)
class FailedTask:
    """A task that failed.

    Parameters
    ----------
    id
        For `NodeStatus.retry`.
    queue, what
        Kind of task, and what it was to do, without patient data.
    reason
        Why it failed the last time.
    tries
        How often it was tried.
    last_s
        When it was tried last, seconds since 1970.
    """

    id: str
    queue: str
    what: str
    reason: str
    tries: int
    last_s: float


@dataclass(frozen=True, slots=True)
class RefusedCaller:
    """A remote application entity that was refused.

    Parameters
    ----------
    id
        For `NodeStatus.accept`.
    ae_title, address
        As it called.
    reason
        Why it was refused.
    times, last_s
        How often, and when last, in seconds since 1970.
    """

    id: str
    ae_title: str
    address: str
    reason: str
    times: int
    last_s: float


class NodeStatus(Protocol):
    """What the status page asks a node."""

    def facts(self) -> NodeFacts:
        """Say what the node is and does."""

    def storage(self) -> StorageFacts:
        """Say what the archive holds."""

    def queues(self) -> Sequence[QueueFacts]:
        """Return all queues."""

    def failures(self, limit: int) -> Sequence[FailedTask]:
        """Return the tasks that failed last, at most `limit`."""

    def retry(self, task_id: str) -> None:
        """Put a failed task into its queue again.

        Raises
        ------
        medvox.core.errors.MissingError
            If there is no such failed task.
        """

    def refused(self, limit: int) -> Sequence[RefusedCaller]:
        """Return the callers that were refused last, at most `limit`."""

    def accept(self, caller_id: str) -> None:
        """Admit a caller from now on.

        Raises
        ------
        medvox.core.errors.MissingError
            If no such caller was refused.
        """

"""Own status: what a node tells of itself (a `medvox.workflows.node.status.NodeStatus`)."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from sqlalchemy import func, select

from medvox import __version__
from medvox.archive.archive import Archive
from medvox.archive.index.tables import INSTANCES, SERIES, STUDIES
from medvox.archive.state.ae_rules import accept
from medvox.archive.state.commitments import CommitmentState
from medvox.core.errors import MedvoxError, MissingError
from medvox.workflows.node.access import NodeAccess
from medvox.workflows.node.procedures import Procedures
from medvox.workflows.node.settings import NodeSettings
from medvox.workflows.node.status import FailedTask, NodeFacts, QueueFacts, RefusedCaller, StorageFacts

COMMITMENTS = "storage commitment"


class NodeParts(Protocol):
    """What is told of a node."""

    settings: NodeSettings
    archive: Archive
    access: NodeAccess
    procedures: Procedures
    started_s: float

    @property
    def dicom_port(self) -> int:
        """Port of the listener."""

    @property
    def associations(self) -> int:
        """Associations open now."""


class OwnStatus:
    """Status of a node."""

    def __init__(self, node: NodeParts) -> None:
        self._node = node

    def facts(self) -> NodeFacts:
        """Say what the node is and does."""
        node = self._node
        return NodeFacts(node.settings.aet, node.dicom_port, __version__, node.started_s, node.associations)

    def storage(self) -> StorageFacts:
        """Say what the archive holds."""
        try:
            counts = self._counts()
        except MedvoxError as error:
            return StorageFacts(0, 0, 0, 0, _free(self._node.settings.store), fault=error.reason)
        return StorageFacts(*counts, _free(self._node.settings.store))

    def _counts(self) -> tuple[int, int, int, int]:
        live = select(INSTANCES.c.series).where(INSTANCES.c.is_current)
        series = select(SERIES.c.study).where(SERIES.c.id.in_(live))
        questions = (
            select(func.count()).select_from(STUDIES).where(STUDIES.c.id.in_(series)),
            select(func.count()).select_from(series.subquery()),
            select(func.count()).select_from(live.subquery()),
            select(func.coalesce(func.sum(INSTANCES.c.size), 0)),
        )
        with self._node.archive.up_to_date().connect() as connection:
            studies, found, instances, size = (int(connection.scalar(one) or 0) for one in questions)
        return studies, found, instances, size

    def queues(self) -> Sequence[QueueFacts]:
        """Return all queues."""
        counts = self._node.procedures.commitments.counts()
        waiting, failed = counts[CommitmentState.WAITING], counts[CommitmentState.GIVEN_UP]
        return [QueueFacts(COMMITMENTS, waiting, 0, failed)]

    def failures(self, limit: int) -> Sequence[FailedTask]:
        """Return the tasks that failed last."""
        kept = self._node.procedures.commitments.newest(limit, CommitmentState.GIVEN_UP)
        return [
            FailedTask(f"commitment-{x.id}", COMMITMENTS, f"report to {x.caller}", x.fault, x.attempts, x.due)
            for x in kept
        ]

    def retry(self, task_id: str) -> None:
        """Put a failed task into its queue again."""
        kind, _, number = task_id.rpartition("-")
        if kind != "commitment" or not number.isdecimal():
            raise MissingError("there is no such failed task", got=task_id)
        self._node.procedures.reporter.retry(int(number))

    def refused(self, limit: int) -> Sequence[RefusedCaller]:
        """Return the callers that were refused last."""
        self._node.access.refused.flush()
        return [
            RefusedCaller(f"{x.title}@{x.address}", x.title, x.address, x.reason, x.count, x.last)
            for x in self._node.access.refused.all()[:limit]
        ]

    def accept(self, caller_id: str) -> None:
        """Admit a caller from now on, from the address where it was refused."""
        title, _, address = caller_id.rpartition("@")
        accept(self._node.access.rules, self._node.access.refused, title, address)


def _free(store: Path) -> int | None:
    try:
        return shutil.disk_usage(store).free
    except OSError:
        return None

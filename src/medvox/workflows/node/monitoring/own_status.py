"""Own status: what a running node says of itself."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from medvox import __version__
from medvox.archive.archive import Archive
from medvox.archive.index.tables import INSTANCES, SERIES
from medvox.archive.state.ae_rules import accept
from medvox.core.errors import MedvoxError, MissingError
from medvox.workflows.node.access import NodeAccess
from medvox.workflows.node.status import (
    FailedTask,
    NodeFacts,
    QueueFacts,
    RefusedCaller,
    StorageFacts,
)

_COUNTED_S: Final = 10.0
"""Instances are counted no more often than this: it takes long in a large archive."""


class TaskQueue(Protocol):
    """Tasks of one kind, as the status page sees them."""

    def facts(self) -> QueueFacts:
        """Say how many tasks there are."""

    def failures(self, limit: int) -> Sequence[FailedTask]:
        """Return the tasks that failed last; their ids begin with the name of the queue and a colon."""

    def retry(self, task_id: str) -> None:
        """Put a failed task into the queue again; see `medvox.workflows.node.status.NodeStatus.retry`."""


class OwnStatus:
    """What a node says of itself (a `medvox.workflows.node.status.NodeStatus`).

    Parameters
    ----------
    archive
        What is stored.
    store
        Folder whose disk is looked at.
    facts
        Returns AE title, DICOM port, start and open associations.
    access
        Has the refused callers; None: nobody is refused.
    queues
        Of the node.
    """

    def __init__(
        self,
        archive: Archive,
        store: Path,
        facts: Callable[[], tuple[str, int, float, int]],
        access: NodeAccess | None = None,
        queues: Sequence[TaskQueue] = (),
    ) -> None:
        self._archive, self._store, self._facts = archive, store, facts
        self._access, self._queues = access, queues
        self._counted: tuple[float, tuple[int, int, int, int]] | None = None

    def facts(self) -> NodeFacts:
        """Say what the node is and does."""
        aet, port, started_s, associations = self._facts()
        return NodeFacts(aet, port, __version__, started_s, associations)

    def storage(self) -> StorageFacts:
        """Say what the archive holds; numbers may be some seconds old."""
        fault = ""
        try:
            self._count()
        except (MedvoxError, SQLAlchemyError) as error:
            fault = error.reason if isinstance(error, MedvoxError) else "the index does not answer"
        studies, series, instances, used = self._counted[1] if self._counted else (0, 0, 0, 0)
        try:
            free: int | None = shutil.disk_usage(self._store).free
        except OSError:
            free = None
        return StorageFacts(studies, series, instances, used, free, fault=fault)

    def _count(self) -> None:
        now = time.monotonic()
        if self._counted is not None and now - self._counted[0] < _COUNTED_S:
            return
        current = INSTANCES.c.is_current
        held = select(INSTANCES.c.series).where(current)
        with self._archive.up_to_date().connect() as connection:
            studies = connection.scalar(
                select(func.count(SERIES.c.study.distinct())).where(SERIES.c.id.in_(held))
            )
            series = connection.scalar(select(func.count(INSTANCES.c.series.distinct())).where(current))
            instances = connection.scalar(select(func.count()).select_from(INSTANCES).where(current))
            used = connection.scalar(select(func.sum(INSTANCES.c.size)))
        self._counted = now, (studies or 0, series or 0, instances or 0, int(used or 0))

    def queues(self) -> Sequence[QueueFacts]:
        """Return all queues."""
        return tuple(queue.facts() for queue in self._queues)

    def failures(self, limit: int) -> Sequence[FailedTask]:
        """Return the tasks that failed last, at most `limit`."""
        found = [task for queue in self._queues for task in queue.failures(limit)]
        return sorted(found, key=lambda task: -task.last_s)[:limit]

    def retry(self, task_id: str) -> None:
        """Put a failed task into its queue again.

        Raises
        ------
        MissingError
            If there is no such failed task.
        """
        name = task_id.partition(":")[0]
        for queue in self._queues:
            if queue.facts().name == name:
                queue.retry(task_id)
                return
        raise MissingError("there is no such failed task", got=task_id)

    def refused(self, limit: int) -> Sequence[RefusedCaller]:
        """Return the callers that were refused last and have no rule yet, at most `limit`."""
        if self._access is None:
            return ()
        rules = {rule.title: rule for rule in self._access.rules.all()}
        found = [
            RefusedCaller(
                f"{one.title}@{one.address}", one.title, one.address, one.reason, one.count, float(one.last)
            )
            for one in self._access.refused.all()
            if one.title not in rules or not rules[one.title].matches(one.address)
        ]
        return tuple(found[:limit])

    def accept(self, caller_id: str) -> None:
        """Make a rule for a caller that was refused, for all services.

        Raises
        ------
        MissingError
            If no such caller was refused.
        """
        if self._access is None:
            raise MissingError("no such caller was refused", got=caller_id)
        title, _, address = caller_id.rpartition("@")
        accept(self._access.rules, self._access.refused, title, address)

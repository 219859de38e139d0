"""Service: the feed and the workers of a node, started and stopped together."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from medvox.archive.archive import Archive
from medvox.archive.model import InstanceRow
from medvox.archive.state.database import StateDatabase
from medvox.core.errors import MissingError
from medvox.jobs.feed import FORWARD, RECEIVE, STABLE, Feed, FeedSettings
from medvox.jobs.hooks import Hooks
from medvox.jobs.queue import Backoff, JobQueue, error_text
from medvox.jobs.workers import Handler, Workers

Send = Callable[[str, Sequence[InstanceRow]], None]
"""Sends instances to the node of a name; raises an error of `medvox.core.errors` unless all are there."""
_LOG: Final = logging.getLogger(__name__)


class JobService:
    """Runs hooks and forwarding of a node, beside other kinds of jobs that are given.

    Parameters
    ----------
    archive, state
        Of the node.
    hooks
        See `medvox.jobs.hooks.registered_hooks`.
    send
        Sends instances; None where nothing is forwarded.
    settings
        Rules, and when a study is stable.
    backoff
        When failed jobs are tried again.
    """

    def __init__(
        self,
        archive: Archive,
        state: StateDatabase,
        hooks: Hooks,
        send: Send | None = None,
        settings: FeedSettings | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self._archive, self._hooks, self._send = archive, hooks, send
        self.queue = JobQueue(state, backoff)
        self._feed = Feed(archive, state, self.queue, hooks, settings or FeedSettings())
        self._stopped = threading.Event()
        self._workers: Workers | None = None
        self._thread = threading.Thread(target=self._follow, name="medvox-feed", daemon=True)
        self._poll_s = 1.0

    def start(
        self, handlers: Mapping[str, Handler] | None = None, *, threads: int = 2, poll_s: float = 1.0
    ) -> None:
        """Begin to work.

        Parameters
        ----------
        handlers
            Of other kinds of jobs.
        threads
            How many jobs are done at once.
        poll_s
            Seconds between two looks for what came.
        """
        own: dict[str, Handler] = {RECEIVE: self._on_receive, STABLE: self._on_stable}
        if self._send is not None:
            own[FORWARD] = self._forward
        self._poll_s = poll_s
        self._workers = Workers(self.queue, own | dict(handlers or {}), threads=threads, poll_s=poll_s)
        self._workers.start()
        self._thread.start()

    def stop(self, grace_s: float = 10.0) -> bool:
        """Begin nothing more and wait for what runs; tell whether all of it has ended in time."""
        self._stopped.set()
        if self._workers is None:
            return True
        self._thread.join(grace_s)
        return self._workers.stop(grace_s) and not self._thread.is_alive()

    def _follow(self) -> None:
        while not self._stopped.is_set():
            try:
                made = self._feed.poll()
            except Exception as error:  # the database is locked or full: the place is where it was
                _LOG.warning("what came could not be looked at: %s", error_text(error))
                made = 0
            if made and self._workers is not None:
                self._workers.wake()
            self._stopped.wait(self._poll_s)

    def _on_receive(self, payload: Mapping[str, Any]) -> None:
        hook = self._hooks.on_receive.get(payload["hook"])
        if hook is None:
            raise MissingError("this hook is not installed", got=payload["hook"])
        for row in self._rows([(payload["sop_uid"], payload["digest"])]):
            hook(self._archive, row)

    def _on_stable(self, payload: Mapping[str, Any]) -> None:
        hook = self._hooks.on_stable_study.get(payload["hook"])
        if hook is None:
            raise MissingError("this hook is not installed", got=payload["hook"])
        hook(self._archive, payload["study_uid"])

    def _forward(self, payload: Mapping[str, Any]) -> None:
        """Send what is still there; a version that was replaced or deleted meanwhile is not sent."""
        rows = self._rows(payload["versions"])
        if rows and self._send is not None:
            self._send(payload["to"], rows)

    def _rows(self, versions: Sequence[Sequence[str]]) -> list[InstanceRow]:
        found = []
        for sop_uid, digest in versions:
            rows = self._archive.instances(sop_uid=sop_uid)
            found += [row for row in rows if row.digest == digest]
        return found

"""Workers: threads that do the jobs of a queue."""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from medvox.core.errors import MedvoxError
from medvox.jobs.queue import Job, JobQueue, error_text

Handler = Callable[[Mapping[str, Any]], None]
"""Does a job of one kind with its payload; an error lets it be tried again later."""
_LOG: Final = logging.getLogger(__name__)


class Workers:
    """Threads that take jobs and do them; several processes may work at one queue.

    Parameters
    ----------
    queue
        Of the jobs.
    handlers
        By kind of job; jobs of other kinds are left for others.
    threads
        How many jobs are done at once.
    poll_s
        Seconds between two looks for jobs that others have added; `wake` is faster.
    lease_s
        Seconds after which a job of a process that died is taken by another.
    """

    def __init__(
        self,
        queue: JobQueue,
        handlers: Mapping[str, Handler],
        *,
        threads: int = 2,
        poll_s: float = 1.0,
        lease_s: float = 60.0,
    ) -> None:
        self._queue, self._handlers = queue, dict(handlers)
        self._poll_s, self._lease_s = poll_s, lease_s
        self._name = f"{os.getpid()}-{secrets.token_hex(6)}"
        self._changed = threading.Condition()
        self._ended = threading.Event()
        self._is_stopped = False
        self._woken = 0
        self._running: dict[int, Job] = {}
        self._threads = [
            threading.Thread(target=self._run, args=(n,), name=f"medvox-job-{n}", daemon=True)
            for n in range(threads)
        ]
        self._keeper = threading.Thread(target=self._keep, name="medvox-job-claims", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        for thread in (*self._threads, self._keeper):
            thread.start()

    def wake(self) -> None:
        """Look for jobs now."""
        with self._changed:
            self._woken += 1
            self._changed.notify_all()

    def stop(self, grace_s: float = 10.0) -> bool:
        """Begin no more jobs and wait for those that run; tell whether all have ended in time.

        What has not ended stays claimed until its lease runs out, and is then done again.
        """
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()
        end = time.monotonic() + grace_s
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, end - time.monotonic()))
        is_clean = not any(thread.is_alive() for thread in self._threads)
        if is_clean:
            self._ended.set()
        return is_clean

    def _run(self, number: int) -> None:
        name = f"{self._name}-{number}"
        while True:
            with self._changed:
                if self._is_stopped:
                    return
                seen = self._woken
            if not self._one(name):
                self._wait(seen)

    def _wait(self, seen: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped or self._woken != seen, self._poll_s)

    def _one(self, name: str) -> bool:
        """Do one job; False where there is none, or the database refuses."""
        try:
            job = self._queue.claim(name, self._handlers, self._lease_s)
            if job is None:
                return False
            with self._changed:
                self._running[job.number] = job
            try:
                self._do(job)
            finally:
                with self._changed:
                    self._running.pop(job.number, None)
        except Exception as error:  # the database is locked or full: the lease brings the job back
            _LOG.warning("a job could not be taken or ended: %s", error_text(error))
            return False
        return True

    def _do(self, job: Job) -> None:
        try:
            self._handlers[job.kind](job.payload)
        except Exception as error:
            _LOG.warning("job %d (%s) failed: %s", job.number, job.kind, error_text(error))
            self._queue.fail(job, error)
        else:
            self._queue.finish(job)

    def _keep(self) -> None:
        """Renew the claims of jobs that take long, until all threads have ended."""
        while not self._ended.wait(self._lease_s / 3):
            with self._changed:
                running = list(self._running.values())
            for job in running:
                try:
                    self._queue.renew(job, self._lease_s)
                except MedvoxError as error:
                    _LOG.warning("a claim could not be renewed: %s", error_text(error))

"""Queue: jobs that survive a loss of power, are tried again, and are shared by several processes."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from medvox.archive.state.database import StateDatabase
from medvox.core.errors import MedvoxError, MissingError, UsageError

METADATA: Final = MetaData()
JOBS: Final = Table(
    "jobs",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("key", Text, unique=True),
    Column("payload", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created", Float, nullable=False),
    Column("due", Float, nullable=False),
    Column("claimed_by", String(64), nullable=False),
    Column("claimed_until", Float, nullable=False),
    Column("error", Text, nullable=False),
    Index("jobs_by_due", "state", "due"),
)
WAITING: Final = "waiting"
FAILED: Final = "failed"
_LONGEST_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class Backoff:
    """When a job that failed is tried again: each time after twice the time, with a tenth of chance.

    Parameters
    ----------
    first_s, longest_s
        Seconds after the first failure, and at most.
    attempts
        After so many it is given up, and waits in the list of failed jobs for somebody.
    """

    first_s: float = 10.0
    longest_s: float = 3600.0
    attempts: int = 12

    def delay_s(self, attempts: int) -> float:
        """Seconds to wait after so many attempts."""
        whole = min(self.longest_s, self.first_s * 2.0 ** min(attempts - 1, 60))
        return whole * random.uniform(0.9, 1.1)  # noqa: S311 - no secret


@dataclass(frozen=True, slots=True)
class Job:
    """Work that is to be done.

    Parameters
    ----------
    number
        Of the job.
    kind
        Which handler does it.
    key
        No two jobs that are not done have the same; empty for none.
    payload
        What the handler needs.
    state
        ``"waiting"``, ``"running"`` or ``"failed"``.
    attempts
        How often it was begun.
    created, due
        Seconds since 1970: when it was added, when it is tried next.
    error
        Why the last attempt failed, without patient data.
    claim
        Who is at it; empty where nobody is.
    """

    number: int
    kind: str
    key: str
    payload: Mapping[str, Any]
    state: str
    attempts: int
    created: float
    due: float
    error: str
    claim: str = ""


class JobQueue:
    """Jobs in a database; safe to use from several threads and processes.

    A job is at least once begun after `add` has returned, whatever happens to the process: it is claimed
    for a time, and who has claimed it renews that; when the claim runs out another takes it. So a handler
    must bear to be called again for the same job.

    Parameters
    ----------
    database
        Whose transactions survive a loss of power.
    backoff
        When failed jobs are tried again.
    clock
        Seconds since 1970.
    """

    def __init__(
        self,
        database: StateDatabase,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database, self._backoff, self._clock = database, backoff or Backoff(), clock
        database.prepare(METADATA)

    def add(self, kind: str, payload: Mapping[str, Any], *, key: str = "", delay_s: float = 0.0) -> bool:
        """Add a job; False where one with this key is there already. It is durable when this returns.

        Raises
        ------
        WriteError
            If it cannot be kept.
        """
        with self._database.changing() as connection:
            return self.add_within(connection, kind, payload, key=key, delay_s=delay_s)

    def add_within(
        self,
        connection: Connection,
        kind: str,
        payload: Mapping[str, Any],
        *,
        key: str = "",
        delay_s: float = 0.0,
    ) -> bool:
        """Add a job in a transaction of the same database, together with other changes."""
        now = self._clock()
        values = {
            "kind": kind,
            "key": key or None,
            "payload": json.dumps(payload, ensure_ascii=False),
            "state": WAITING,
            "attempts": 0,
            "created": now,
            "due": now + delay_s,
            "claimed_by": "",
            "claimed_until": 0.0,
            "error": "",
        }
        make = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
        statement = make(JOBS).values(**values).on_conflict_do_nothing().returning(JOBS.c.id)
        return connection.execute(statement).first() is not None

    def claim(self, who: str, kinds: Collection[str], lease_s: float = 60.0) -> Job | None:
        """Take the job that is due the longest; None where there is none.

        Parameters
        ----------
        who
            Name of the worker; no other has the same.
        kinds
            Of jobs that it can do.
        lease_s
            Seconds after which others may take the job, unless `renew` is called.
        """
        now = self._clock()
        is_free = (
            (JOBS.c.state == WAITING)
            & (JOBS.c.due <= now)
            & (JOBS.c.claimed_until <= now)
            & JOBS.c.kind.in_(list(kinds))
        )
        first = select(JOBS.c.id).where(is_free).order_by(JOBS.c.due, JOBS.c.id).limit(1)
        with self._database.reading() as connection:
            if connection.scalar(first) is None:
                return None  # without a transaction that writes
        taken = (
            update(JOBS)
            .where(JOBS.c.id == first.with_for_update(skip_locked=True).scalar_subquery())
            .values(claimed_by=who, claimed_until=now + lease_s, attempts=JOBS.c.attempts + 1)
            .returning(*JOBS.c)
        )
        with self._database.changing() as connection:
            row = connection.execute(taken).first()
        return None if row is None else _job(row, now)

    def renew(self, job: Job, lease_s: float = 60.0) -> bool:
        """Keep a claim; False where another has it by now."""
        values = {"claimed_until": self._clock() + lease_s}
        with self._database.changing() as connection:
            return connection.execute(update(JOBS).where(_claimed(job)).values(**values)).rowcount == 1

    def finish(self, job: Job) -> None:
        """Take a job that is done out of the queue."""
        with self._database.changing() as connection:
            connection.execute(delete(JOBS).where(_claimed(job)))

    def fail(self, job: Job, error: BaseException) -> None:
        """Note why a job failed; it is tried again later, or given up after the last attempt.

        Of an error that is not of `medvox.core.errors` only the class is noted: its text may have anything.
        """
        is_last = job.attempts >= self._backoff.attempts
        values = {
            "state": FAILED if is_last else WAITING,
            "due": self._clock() + self._backoff.delay_s(job.attempts),
            "claimed_by": "",
            "claimed_until": 0.0,
            "error": error_text(error),
        }
        with self._database.changing() as connection:
            connection.execute(update(JOBS).where(_claimed(job)).values(**values))

    def release(self, job: Job) -> None:
        """Give a job back that was not done and did not fail; others can take it at once."""
        values = {"claimed_by": "", "claimed_until": 0.0, "attempts": job.attempts - 1}
        with self._database.changing() as connection:
            connection.execute(update(JOBS).where(_claimed(job)).values(**values))

    def jobs(self, *, state: str = "", kind: str = "", after: int = 0, limit: int = 100) -> list[Job]:
        """Return jobs that are not done, by number.

        Parameters
        ----------
        state, kind
            What they must be; empty for any.
        after
            Number of the last job of the page before.
        limit
            At most how many, up to 1000.

        Raises
        ------
        UsageError
            If `state` is none.
        """
        if state not in ("", WAITING, "running", FAILED):
            raise UsageError("unknown state of jobs", got=state, expected=[WAITING, "running", FAILED])
        now = self._clock()
        statement = select(JOBS).where(JOBS.c.id > after).order_by(JOBS.c.id).limit(min(limit, 1000))
        if state == FAILED:
            statement = statement.where(JOBS.c.state == FAILED)
        elif state:
            is_running = JOBS.c.claimed_until > now
            statement = statement.where(
                JOBS.c.state == WAITING, is_running if state == "running" else ~is_running
            )
        if kind:
            statement = statement.where(JOBS.c.kind == kind)
        with self._database.reading() as connection:
            return [_job(row, now) for row in connection.execute(statement)]

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many jobs there are, by kind and state."""
        statement = select(JOBS.c.kind, JOBS.c.state, func.count()).group_by(JOBS.c.kind, JOBS.c.state)
        found: dict[str, dict[str, int]] = {}
        with self._database.reading() as connection:
            for kind, state, count in connection.execute(statement):
                found.setdefault(kind, {})[state] = count
        return found

    def retry(self, number: int | None = None) -> int:
        """Try a failed or waiting job again at once, or all that failed; return how many.

        Raises
        ------
        MissingError
            If there is no such job.
        """
        which = JOBS.c.state == FAILED if number is None else JOBS.c.id == number
        values = {"state": WAITING, "attempts": 0, "due": self._clock()}
        with self._database.changing() as connection:
            count = connection.execute(update(JOBS).where(which).values(**values)).rowcount
        if number is not None and not count:
            raise MissingError("there is no such job", got=number)
        return int(count)

    def discard(self, number: int) -> None:
        """Take a job that is not wanted any more out of the queue.

        Raises
        ------
        MissingError
            If there is no such job.
        """
        with self._database.changing() as connection:
            count = connection.execute(delete(JOBS).where(JOBS.c.id == number)).rowcount
        if not count:
            raise MissingError("there is no such job", got=number)


def error_text(error: BaseException) -> str:
    """Return what may be kept of an error: the texts of medvox's own have no patient data, others may."""
    name = type(error).__name__
    return f"{name}: {error.reason}"[:_LONGEST_ERROR] if isinstance(error, MedvoxError) else name


def _claimed(job: Job) -> Any:
    """The job, while the same claim holds: another worker's has another name or another attempt."""
    return (JOBS.c.id == job.number) & (JOBS.c.claimed_by == job.claim) & (JOBS.c.attempts == job.attempts)


def _job(row: Any, now: float) -> Job:
    is_running = row.state == WAITING and row.claimed_until > now
    return Job(
        row.id,
        row.kind,
        row.key or "",
        json.loads(row.payload),
        "running" if is_running else row.state,
        row.attempts,
        row.created,
        row.due,
        row.error,
        row.claimed_by,
    )

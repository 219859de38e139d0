"""Print jobs: what was printed, for whom, and what became of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, Text, insert, select, update

from medvox.archive.state.database import StateDatabase
from medvox.core.errors import MissingError

METADATA = MetaData()
JOBS = Table(
    "print_jobs",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("caller", String(16), nullable=False),
    Column("address", String(64), nullable=False),
    Column("label", String(64), nullable=False),
    Column("films", Integer, nullable=False),
    Column("copies", Integer, nullable=False),
    Column("status", String(16), nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
)


class JobStatus(StrEnum):
    """Execution Status (2100,0020)."""

    PENDING = "PENDING"
    PRINTING = "PRINTING"
    DONE = "DONE"
    FAILURE = "FAILURE"


@dataclass(frozen=True, slots=True)
class PrintJob:
    """A job.

    Parameters
    ----------
    id
        Its number.
    caller, address
        AE title and network address of who printed.
    label
        Film Session Label.
    films, copies
        Sheets, and how often each.
    status, reason
        What became of it, and why not more.
    created, changed
        Nanoseconds since 1970, UTC.
    """

    id: int
    caller: str
    address: str
    label: str
    films: int
    copies: int
    status: JobStatus
    reason: str
    created: int
    changed: int


class PrintJobs:
    """Print jobs of a node.

    Parameters
    ----------
    database
        State of the node.
    """

    def __init__(self, database: StateDatabase) -> None:
        self._database = database
        database.prepare(METADATA)

    def add(self, caller: str, address: str, *, label: str = "", films: int = 1, copies: int = 1) -> int:
        """Note a job that is pending; return its number."""
        now = time.time_ns()
        row = {
            "caller": caller, "address": address, "label": label, "films": films, "copies": copies,
            "status": JobStatus.PENDING, "reason": "", "created": now, "changed": now,
        }  # fmt: skip
        with self._database.changing() as connection:
            made = connection.execute(insert(JOBS).values(row))
        return int(made.inserted_primary_key[0])  # type: ignore[index]

    def set_status(self, number: int, status: JobStatus, reason: str = "") -> None:
        """Change what became of a job.

        Raises
        ------
        MissingError
            If there is none of this number.
        """
        values = {"status": status, "reason": reason, "changed": time.time_ns()}
        with self._database.changing() as connection:
            changed = connection.execute(update(JOBS).where(JOBS.c.id == number).values(values))
        if not changed.rowcount:
            raise MissingError("there is no such print job", got=number)

    def recent(self, limit: int = 100, before: int | None = None) -> list[PrintJob]:
        """Return jobs, the newest first; `before` is the last number of the page before."""
        statement = select(JOBS).order_by(JOBS.c.id.desc()).limit(limit)
        if before is not None:
            statement = statement.where(JOBS.c.id < before)
        with self._database.reading() as connection:
            rows = connection.execute(statement).all()
        return [PrintJob(**{**row._asdict(), "status": JobStatus(row.status)}) for row in rows]

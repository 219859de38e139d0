"""Commitments: requests for storage commitment, kept until their reports are delivered (PS3.4 J)."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    Column,
    Float,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    insert,
    select,
    update,
)

from medvox.archive.state.database import StateDatabase
from medvox.core.errors import MissingError, UsageError

LONGEST_LIST: Final = 1000

METADATA = MetaData()
COMMITMENTS = Table(
    "commitments",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("caller", String, nullable=False),
    Column("transaction_uid", String, nullable=False),
    Column("address", String, nullable=False),
    Column("instances", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due", Float, nullable=False, index=True),
    Column("fault", String, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("received", Float, nullable=False),
    UniqueConstraint("caller", "transaction_uid"),
)


class CommitmentState(StrEnum):
    """State of a request."""

    WAITING = "waiting"
    """Its report is still to be delivered."""
    DELIVERED = "delivered"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True)
class Commitment:
    """A request for storage commitment.

    Parameters
    ----------
    id
        Its number.
    caller, address
        AE title of who asked, and from where.
    transaction_uid
        Its Transaction UID.
    instances
        SOP Class UID and SOP Instance UID of each instance.
    state
        Whether its report is delivered.
    attempts
        How often that was tried.
    due
        When it is to be tried next, seconds since 1970.
    fault
        Why the last attempt failed, or why it was given up; empty if it did not.
    failures
        Instances that the delivered report says are not kept.
    received
        When it came, seconds since 1970.
    """

    id: int
    caller: str
    transaction_uid: str
    address: str
    instances: tuple[tuple[str, str], ...]
    state: CommitmentState
    attempts: int
    due: float
    fault: str
    failures: int
    received: float


class Commitments:
    """Requests for storage commitment; each change survives a loss of power.

    Parameters
    ----------
    database
        State of the node.
    """

    def __init__(self, database: StateDatabase) -> None:
        self._database = database
        database.prepare(METADATA)

    def add(
        self,
        caller: str,
        transaction_uid: str,
        instances: Sequence[tuple[str, str]],
        *,
        address: str = "",
        delay: float = 0.0,
    ) -> Commitment:
        """Keep a request; the same again, still waiting, is the same request.

        Parameters
        ----------
        delay
            Seconds until its report is first due.

        Raises
        ------
        UsageError
            If the caller has used this Transaction UID for something else, or it is done.
        """
        now = time.time()
        row = {
            "caller": caller, "transaction_uid": transaction_uid, "address": address,
            "instances": json.dumps([list(pair) for pair in instances], separators=(",", ":")),
            "state": CommitmentState.WAITING, "attempts": 0, "due": now + delay, "fault": "", "failures": 0,
            "received": now,
        }  # fmt: skip
        with self._database.changing() as connection:
            statement = select(COMMITMENTS).where(
                COMMITMENTS.c.caller == caller, COMMITMENTS.c.transaction_uid == transaction_uid
            )
            known = connection.execute(statement).first()
            if known is not None:
                if known.state != CommitmentState.WAITING or known.instances != row["instances"]:
                    raise UsageError("the Transaction UID was used before", got=transaction_uid)
                return _commitment(known)
            made = connection.execute(insert(COMMITMENTS).values(row))
            number = int(made.inserted_primary_key[0])  # type: ignore[index]
        return self.get(number)

    def get(self, number: int) -> Commitment:
        """Return a request.

        Raises
        ------
        MissingError
            If there is none of this number.
        """
        with self._database.reading() as connection:
            row = connection.execute(select(COMMITMENTS).where(COMMITMENTS.c.id == number)).first()
        if row is None:
            raise MissingError("there is no such request for storage commitment", got=number)
        return _commitment(row)

    def newest(self, limit: int = 100, state: CommitmentState | None = None) -> list[Commitment]:
        """Return the requests that came last, all or of a state, newest first; at most `LONGEST_LIST`."""
        statement = select(COMMITMENTS).order_by(COMMITMENTS.c.id.desc()).limit(min(limit, LONGEST_LIST))
        if state is not None:
            statement = statement.where(COMMITMENTS.c.state == state)
        with self._database.reading() as connection:
            return [_commitment(row) for row in connection.execute(statement)]

    def counts(self) -> dict[CommitmentState, int]:
        """Return how many requests are in each state."""
        statement = select(COMMITMENTS.c.state, func.count()).group_by(COMMITMENTS.c.state)
        with self._database.reading() as connection:
            found = {CommitmentState(name): count for name, count in connection.execute(statement)}
        return {state: found.get(state, 0) for state in CommitmentState}

    def next_due(self) -> float | None:
        """Return when the next report is due, seconds since 1970; None if none waits."""
        statement = select(func.min(COMMITMENTS.c.due)).where(COMMITMENTS.c.state == CommitmentState.WAITING)
        with self._database.reading() as connection:
            due = connection.scalar(statement)
        return None if due is None else float(due)

    def claim(self, lease: float) -> Commitment | None:
        """Take a request whose report is due; no other process takes it for `lease` seconds."""
        now = time.time()
        waiting = COMMITMENTS.c.state == CommitmentState.WAITING
        statement = select(COMMITMENTS).where(waiting, COMMITMENTS.c.due <= now).order_by(COMMITMENTS.c.due)
        with self._database.reading() as connection:
            row = connection.execute(statement.limit(1)).first()
        if row is None:
            return None
        with self._database.changing() as connection:
            claimed = connection.execute(
                update(COMMITMENTS)
                .where(COMMITMENTS.c.id == row.id, waiting, COMMITMENTS.c.due == row.due)
                .values(due=now + lease, attempts=row.attempts + 1)
            )
        return self.get(row.id) if claimed.rowcount else None

    def delivered(self, number: int, failures: int) -> None:
        """Note that a report was taken, and how many instances it said are not kept."""
        self._change(number, state=CommitmentState.DELIVERED, fault="", failures=failures)

    def postpone(self, number: int, fault: str, due: float) -> None:
        """Note that an attempt failed, and when the next one is due."""
        self._change(number, fault=fault[:256], due=due)

    def give_up(self, number: int, fault: str) -> None:
        """Note that a report will not be delivered."""
        self._change(number, state=CommitmentState.GIVEN_UP, fault=fault[:256])

    def retry(self, number: int) -> None:
        """Try again at once to deliver a report, from the beginning, also where it was given up.

        Raises
        ------
        MissingError
            If there is none of this number.
        """
        self.get(number)
        now = time.time()
        self._change(number, state=CommitmentState.WAITING, due=now, attempts=0, received=now)

    def of(self, caller: str, transaction_uid: str) -> Commitment | None:
        """Return the request of a caller; None if there is none."""
        statement = select(COMMITMENTS).where(
            COMMITMENTS.c.caller == caller, COMMITMENTS.c.transaction_uid == transaction_uid
        )
        with self._database.reading() as connection:
            row = connection.execute(statement).first()
        return None if row is None else _commitment(row)

    def _change(self, number: int, **values: object) -> None:
        with self._database.changing() as connection:
            connection.execute(update(COMMITMENTS).where(COMMITMENTS.c.id == number).values(**values))


def _commitment(row: Row[Any]) -> Commitment:
    values = dict(row._mapping)  # noqa: SLF001
    values["instances"] = tuple((pair[0], pair[1]) for pair in json.loads(row.instances))
    values["state"] = CommitmentState(row.state)
    return Commitment(**values)

"""Performed steps: what modalities did, linked to what was scheduled (PS3.4 F.7)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    insert,
    select,
    update,
)

from medvox.archive.state.attribute_matching import Json, text_of
from medvox.archive.state.database import StateDatabase
from medvox.archive.state.worklist import STEP_ID, STUDY_UID, StepStatus, Worklist
from medvox.core.errors import MissingError, UsageError, WriteError

SCHEDULED_STEPS: Final = "00400270"
"""Scheduled Step Attributes Sequence."""
PERFORMED_STATUS: Final = "00400252"
LONGEST_LIST: Final = 1000

METADATA = MetaData()
STEPS_DONE = Table(
    "performed_steps",
    METADATA,
    Column("uid", String, primary_key=True),
    Column("status", String, nullable=False),
    Column("caller", String, nullable=False),
    Column("data", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("begun", BigInteger, nullable=False, index=True),
    Column("changed", BigInteger, nullable=False),
)
LINKS = Table(
    "performed_links",
    METADATA,
    Column("uid", String, primary_key=True),
    Column("item", Integer, primary_key=True, index=True),
)


class PerformedStatus(StrEnum):
    """Performed Procedure Step Status (0040,0252)."""

    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    DISCONTINUED = "DISCONTINUED"


@dataclass(frozen=True, slots=True)
class PerformedStep:
    """A modality performed procedure step.

    Parameters
    ----------
    uid
        Its SOP Instance UID.
    status
        Its state; nothing leaves COMPLETED and DISCONTINUED.
    caller
        AE title of who performed it.
    data
        Its attributes (PS3.18 F.2).
    begun, changed
        Nanoseconds since 1970, UTC.
    """

    uid: str
    status: PerformedStatus
    caller: str
    data: dict[str, Any]
    begun: int
    changed: int


class PerformedSteps:
    """Performed steps of a node; each change of them and of the worklist is one transaction.

    Parameters
    ----------
    database
        State of the node.
    worklist
        Scheduled steps that they are linked to.
    """

    def __init__(self, database: StateDatabase, worklist: Worklist) -> None:
        self._database = database
        self._worklist = worklist
        self._lock = threading.Lock()
        database.prepare(METADATA)

    def add(self, uid: str, data: Json, caller: str) -> PerformedStep:
        """Begin a step; worklist items that it names are STARTED.

        Parameters
        ----------
        uid
            SOP Instance UID.
        data
            Attributes; the status is IN PROGRESS whatever they say.
        caller
            AE title of who performs it.

        Raises
        ------
        UsageError
            If there is one of this UID.
        """
        now = time.time_ns()
        whole = {**data, PERFORMED_STATUS: {"vr": "CS", "Value": [PerformedStatus.IN_PROGRESS]}}
        row = {
            "uid": uid, "status": PerformedStatus.IN_PROGRESS, "caller": caller, "data": _text(whole),
            "version": 1, "begun": now, "changed": now,
        }  # fmt: skip
        with self._lock, self._database.changing() as connection:
            if _read(connection, uid) is not None:
                raise UsageError("there is a performed step of this UID", got=uid)
            connection.execute(insert(STEPS_DONE).values(row))
            for item in self._scheduled(connection, data):
                connection.execute(insert(LINKS).values(uid=uid, item=item))
                self._worklist.mark(connection, item, StepStatus.STARTED)
        return self.get(uid)

    def change(self, uid: str, change: Callable[[PerformedStep], Json]) -> PerformedStep:
        """Change a step; worklist items follow where it ends.

        Parameters
        ----------
        uid
            SOP Instance UID.
        change
            Returns the new attributes from the old step; what it raises leaves the step as it is.

        Raises
        ------
        MissingError
            If there is none.
        WriteError
            If another process changed it meanwhile.
        """
        with self._lock, self._database.changing() as connection:
            row = _read(connection, uid)
            if row is None:
                raise MissingError("there is no such performed step", got=uid)
            data = change(_step(row))
            values = {"data": _text(data), "status": PerformedStatus(text_of(data, PERFORMED_STATUS))}
            changed = connection.execute(
                update(STEPS_DONE)
                .where(STEPS_DONE.c.uid == uid, STEPS_DONE.c.version == row.version)
                .values(**values, version=row.version + 1, changed=time.time_ns())
            )
            if not changed.rowcount:
                raise WriteError("the performed step was changed by another process", where=uid)
            for item in connection.scalars(select(LINKS.c.item).where(LINKS.c.uid == uid)).all():
                self._worklist.mark(connection, item, _state_of(connection, item))
        return self.get(uid)

    def get(self, uid: str) -> PerformedStep:
        """Return a step.

        Raises
        ------
        MissingError
            If there is none of this UID.
        """
        with self._database.reading() as connection:
            row = _read(connection, uid)
        if row is None:
            raise MissingError("there is no such performed step", got=uid)
        return _step(row)

    def newest(self, limit: int = 100) -> list[PerformedStep]:
        """Return the steps that began last, newest first; at most `LONGEST_LIST`."""
        statement = select(STEPS_DONE).order_by(STEPS_DONE.c.begun.desc(), STEPS_DONE.c.uid)
        with self._database.reading() as connection:
            return [_step(row) for row in connection.execute(statement.limit(min(limit, LONGEST_LIST)))]

    def of_item(self, number: int) -> list[PerformedStep]:
        """Return the steps that performed a worklist item, in the order they began."""
        statement = select(STEPS_DONE).join(LINKS, LINKS.c.uid == STEPS_DONE.c.uid)
        statement = statement.where(LINKS.c.item == number).order_by(STEPS_DONE.c.begun)
        with self._database.reading() as connection:
            return [_step(row) for row in connection.execute(statement)]

    def items_of(self, uid: str) -> list[int]:
        """Return the numbers of the worklist items that a step performed."""
        statement = select(LINKS.c.item).where(LINKS.c.uid == uid).order_by(LINKS.c.item)
        with self._database.reading() as connection:
            return list(connection.scalars(statement))

    def _scheduled(self, connection: Connection, data: Json) -> Iterable[int]:
        """Numbers of the worklist items that a step says it performs."""
        found: set[int] = set()
        for part in (data.get(SCHEDULED_STEPS) or {}).get("Value") or ():
            number = self._worklist.number_of(connection, text_of(part, STUDY_UID), text_of(part, STEP_ID))
            if number is not None:
                found.add(number)
        return sorted(found)


def _state_of(connection: Connection, item: int) -> StepStatus:
    """State of a worklist item by all steps that performed it: one that goes on, else one completed."""
    statement = select(STEPS_DONE.c.status).join(LINKS, LINKS.c.uid == STEPS_DONE.c.uid)
    states = set(connection.scalars(statement.where(LINKS.c.item == item)))
    if PerformedStatus.IN_PROGRESS in states:
        return StepStatus.STARTED
    completed = PerformedStatus.COMPLETED in states
    return StepStatus.COMPLETED if completed else StepStatus.DISCONTINUED


def _read(connection: Connection, uid: str) -> Row[Any] | None:
    return connection.execute(select(STEPS_DONE).where(STEPS_DONE.c.uid == uid)).first()


def _step(row: Row[Any]) -> PerformedStep:
    data = json.loads(row.data)
    return PerformedStep(row.uid, PerformedStatus(row.status), row.caller, data, row.begun, row.changed)


def _text(data: Json) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))

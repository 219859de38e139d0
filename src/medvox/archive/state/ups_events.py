"""Events of unified procedure steps, and who is told of them (PS3.4 CC.2.3, CC.2.4)."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    insert,
    select,
    update,
)

from medvox.archive.state.attribute_matching import Json, matches
from medvox.archive.state.database import StateDatabase

GLOBAL: Final = "1.2.840.10008.5.1.4.34.5"
FILTERED: Final = "1.2.840.10008.5.1.4.34.5.1"
"""UPS Global and UPS Filtered Global Subscription SOP Instance (PS3.6 A)."""
_WAITS: Final = (0, 5, 30, 120, 600)
"""Seconds before each further try; the last one counts for all that follow."""
_LIFE: Final = 3 * 86400 * 10**9
"""Nanoseconds after which an event that nobody takes is dropped."""

METADATA = MetaData()
FOLLOWED = Table(
    "ups_subscriptions",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("receiver", String(16), nullable=False),
    Column("uid", String(64), nullable=False, index=True),
    Column("is_locking", Boolean, nullable=False),
    UniqueConstraint("receiver", "uid"),
)
FOLLOWERS = Table(
    "ups_global_subscriptions",
    METADATA,
    Column("receiver", String(16), primary_key=True),
    Column("is_locking", Boolean, nullable=False),
    Column("keys", Text, nullable=False),
)
EVENTS = Table(
    "ups_events",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("receiver", String(16), nullable=False),
    Column("uid", String(64), nullable=False),
    Column("kind", Integer, nullable=False),
    Column("data", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False, index=True),
    Column("tries", Integer, nullable=False),
)


class EventKind(IntEnum):
    """Event Type ID (PS3.4 table CC.2.4-1)."""

    STATE = 1
    CANCEL = 2
    PROGRESS = 3
    SCP_STATUS = 4
    ASSIGNED = 5


@dataclass(frozen=True, slots=True)
class UpsEvent:
    """What happened to a step.

    Parameters
    ----------
    uid
        The step.
    kind
        Its type.
    data
        Event information (PS3.18 F.2).
    receivers
        AE titles that are told; empty: all that follow the step.
    """

    uid: str
    kind: EventKind
    data: dict[str, Any]
    receivers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event that waits for one receiver; see `UpsEvent`."""

    id: int
    receiver: str
    uid: str
    kind: EventKind
    data: dict[str, Any]
    tries: int


class Subscriptions:
    """Subscriptions and undelivered events.

    Parameters
    ----------
    database
        State of the node.
    """

    def __init__(self, database: StateDatabase) -> None:
        self._database = database
        database.prepare(METADATA)

    @staticmethod
    def is_global(uid: str) -> bool:
        """Whether a UID stands for all steps."""
        return uid in (GLOBAL, FILTERED)

    def add(self, connection: Connection, receiver: str, uid: str, lock: bool) -> None:
        """Have an AE follow a step."""
        mine = (FOLLOWED.c.receiver == receiver) & (FOLLOWED.c.uid == uid)
        if not connection.execute(update(FOLLOWED).where(mine).values(is_locking=lock)).rowcount:
            connection.execute(insert(FOLLOWED).values(receiver=receiver, uid=uid, is_locking=lock))

    def add_global(self, connection: Connection, receiver: str, lock: bool, keys: Json | None) -> None:
        """Have an AE follow steps that are made later."""
        self.remove_global(connection, receiver)
        text = "" if keys is None else json.dumps(keys, ensure_ascii=False)
        connection.execute(insert(FOLLOWERS).values(receiver=receiver, is_locking=lock, keys=text))

    def remove(self, connection: Connection, receiver: str, uid: str) -> None:
        """End a subscription, or with a global UID all of an AE."""
        mine = FOLLOWED.c.receiver == receiver
        if self.is_global(uid):
            self.remove_global(connection, receiver)
        else:
            mine &= FOLLOWED.c.uid == uid
        connection.execute(delete(FOLLOWED).where(mine))

    def remove_global(self, connection: Connection, receiver: str) -> None:
        """End that an AE follows steps that are made later."""
        connection.execute(delete(FOLLOWERS).where(FOLLOWERS.c.receiver == receiver))

    def follow(self, connection: Connection, uid: str, content: Json) -> None:
        """Subscribe the global subscribers to a new step."""
        for row in connection.execute(select(FOLLOWERS)).all():
            if not row.keys or matches(content, json.loads(row.keys)):
                self.add(connection, row.receiver, uid, row.is_locking)

    def keep(self, connection: Connection, events: Sequence[UpsEvent]) -> None:
        """Put events into the queue of each receiver."""
        now = time.time_ns()
        for event in events:
            chosen = event.receivers or tuple(
                connection.scalars(select(FOLLOWED.c.receiver).where(FOLLOWED.c.uid == event.uid))
            )
            row = {
                "uid": event.uid, "kind": int(event.kind), "created": now, "due": now, "tries": 0,
                "data": json.dumps(event.data, ensure_ascii=False),
            }  # fmt: skip
            if chosen:
                connection.execute(insert(EVENTS), [row | {"receiver": receiver} for receiver in chosen])

    def receivers(self, uid: str) -> list[str]:
        """Return the AE titles that follow a step."""
        with self._database.reading() as connection:
            return list(connection.scalars(select(FOLLOWED.c.receiver).where(FOLLOWED.c.uid == uid)))

    def waiting(self, limit: int = 100, receiver: str | None = None) -> list[Delivery]:
        """Return events that are due, the oldest first; all of a receiver if one is named."""
        chosen = EVENTS.c.due <= time.time_ns() if receiver is None else EVENTS.c.receiver == receiver
        statement = select(EVENTS).where(chosen).order_by(EVENTS.c.id).limit(limit)
        with self._database.reading() as connection:
            rows = connection.execute(statement).all()
        return [
            Delivery(r.id, r.receiver, r.uid, EventKind(r.kind), json.loads(r.data), r.tries) for r in rows
        ]

    def delivered(self, number: int) -> None:
        """Take a delivered event out."""
        with self._database.changing() as connection:
            connection.execute(delete(EVENTS).where(EVENTS.c.id == number))

    def postponed(self, receiver: str) -> None:
        """Try the events of a receiver again later; drop those that have waited for three days."""
        now = time.time_ns()
        mine = (EVENTS.c.receiver == receiver) & (EVENTS.c.due <= now)
        with self._database.changing() as connection:
            connection.execute(delete(EVENTS).where(mine, EVENTS.c.created < now - _LIFE))
            for row in connection.execute(select(EVENTS.c.id, EVENTS.c.tries).where(mine)).all():
                wait = _WAITS[min(row.tries + 1, len(_WAITS) - 1)] * 10**9
                values = {"due": now + wait, "tries": row.tries + 1}
                connection.execute(update(EVENTS).where(EVENTS.c.id == row.id).values(values))

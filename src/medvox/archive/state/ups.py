"""Unified procedure steps: work that is shared between people and devices, with subscribers (PS3.4 CC)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    select,
    update,
)

from medvox.archive.entry import is_uid
from medvox.archive.state.attribute_matching import Json, matches, text_of
from medvox.archive.state.database import StateDatabase
from medvox.archive.state.ups_content import (
    STATE,
    checked_creation,
    checked_update,
    completion_faults,
    reports_of_update,
    state_report,
    stored,
    with_cancellation,
)
from medvox.archive.state.ups_events import EventKind, Subscriptions, UpsEvent
from medvox.archive.state.ups_states import (
    CANCEL_REQUESTS,
    CANCELED_BEFORE,
    CHANGES,
    DUPLICATE,
    FINAL,
    MAY_NOT_CHANGE,
    NO_STEP,
    NOT_FINISHED,
    NOT_IN_PROGRESS,
    WRONG_TRANSACTION,
    State,
    StepRefusedError,
    after,
)
from medvox.core.errors import WriteError

_PAGE: Final = 200

METADATA = MetaData()
STEPS = Table(
    "ups",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("uid", String(64), nullable=False, unique=True),
    Column("state", String(16), nullable=False, index=True),
    Column("transaction_uid", String(64), nullable=False),
    Column("data", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("changed", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Step:
    """A unified procedure step.

    Parameters
    ----------
    uid
        SOP Instance UID.
    state
        Its state.
    data
        The data set (PS3.18 F.2), without Transaction UID, which is for its performer alone.
    changed
        Nanoseconds since 1970, UTC.
    """

    uid: str
    state: State
    data: dict[str, Any]
    changed: int


@dataclass(frozen=True, slots=True)
class _Row:
    """A step as it is kept."""

    step: Step
    transaction_uid: str
    version: int


class UnifiedSteps:
    """Unified procedure steps of a node; changes and what subscribers are told of them are durable together.

    Parameters
    ----------
    database
        State of the node.
    listeners
        Are told of each event after it is durable, in the thread that made it; they must not wait.
    """

    def __init__(self, database: StateDatabase) -> None:
        self._database = database
        self._lock = threading.Lock()
        self.listeners: list[Callable[[UpsEvent], None]] = []
        database.prepare(METADATA)
        self.subscriptions = Subscriptions(database)

    def create(self, uid: str, data: Json) -> Step:
        """Make a step, in the state SCHEDULED.

        Raises
        ------
        StepRefusedError
            If there is one of this UID (0111H), another state is asked for (C309H), or an attribute of type 1
            is missing or empty (0120H, 0121H; PS3.4 table CC.2.5-3).
        """
        if not is_uid(uid):
            raise StepRefusedError(0x0117, "the SOP Instance UID is no UID")
        content = checked_creation(uid, data)
        row = {"uid": uid, "state": State.SCHEDULED, "transaction_uid": "", "version": 1}
        with self._lock, self._database.changing() as connection:
            if _find(connection, uid) is not None:
                raise StepRefusedError(DUPLICATE)
            connection.execute(insert(STEPS).values(row | _text(content)))
            self.subscriptions.follow(connection, uid, content)
            events = [UpsEvent(uid, EventKind.STATE, state_report(content))]
            self.subscriptions.keep(connection, events)
        self._tell(events)
        return self.get(uid)

    def get(self, uid: str) -> Step:
        """Return a step.

        Raises
        ------
        StepRefusedError
            If there is none of this UID (C307H).
        """
        with self._database.reading() as connection:
            return _needed(connection, uid).step

    def find(self, keys: Json) -> Iterator[Step]:
        """Yield the steps that match an identifier, the newest last (PS3.4 CC.2.8, C.2.2.2)."""
        conditions = []
        state, uid = text_of(keys, STATE), text_of(keys, "00080018")
        if state in list(State):
            conditions.append(STEPS.c.state == state)
        if uid and not set("*?\\") & set(uid) and len(keys["00080018"]["Value"]) == 1:
            conditions.append(STEPS.c.uid == uid)
        last = 0
        while True:
            statement = select(STEPS).where(*conditions, STEPS.c.id > last).order_by(STEPS.c.id).limit(_PAGE)
            with self._database.reading() as connection:
                rows = connection.execute(statement).all()
            for row in rows:
                step = _step(row)
                if matches(step.data, keys):
                    yield step
            if len(rows) < _PAGE:
                return
            last = rows[-1].id

    def update(self, uid: str, data: Json, transaction_uid: str = "") -> Step:
        """Change attributes: anybody of a SCHEDULED step, of one IN PROGRESS who has its Transaction UID.

        Raises
        ------
        StepRefusedError
            If it is not there, ended, or of another performer, or an attribute may not change (CC.2.6.3).
        """

        def change(row: _Row) -> tuple[State, str, dict[str, Any], list[UpsEvent]]:
            step = row.step
            if step.state in FINAL:
                raise StepRefusedError(MAY_NOT_CHANGE)
            if step.state is State.SCHEDULED and transaction_uid:
                raise StepRefusedError(NOT_IN_PROGRESS)
            if step.state is State.IN_PROGRESS and transaction_uid != row.transaction_uid:
                raise StepRefusedError(WRONG_TRANSACTION)
            changes = checked_update(data)
            content = stored({**step.data, **changes})
            events = [UpsEvent(uid, kind, told) for kind, told in reports_of_update(step.data, content)]
            return step.state, row.transaction_uid, content, events

        return self._change(uid, change)

    def change_state(self, uid: str, state: State, transaction_uid: str) -> int:
        """Claim (IN PROGRESS), finish (COMPLETED) or cancel (CANCELED) a step.

        Returns
        -------
        status
            0, or the warning that it was so before (B304H, B306H).

        Raises
        ------
        StepRefusedError
            As table CC.1.1-2 says.
        """
        status = 0

        def change(row: _Row) -> tuple[State, str, dict[str, Any], list[UpsEvent]] | None:
            nonlocal status
            before = row.step.state
            is_correct = is_uid(transaction_uid) and (
                before is State.SCHEDULED or transaction_uid == row.transaction_uid
            )
            cell = CHANGES[state, is_correct][before]
            new = after(cell)
            if new is None:
                status = int(cell)
                return None
            if new in FINAL and (tags := completion_faults(row.step.data, new)):
                raise StepRefusedError(NOT_FINISHED, tags=tags)
            content = _in_state(row.step.data, new)
            return new, transaction_uid, content, [UpsEvent(uid, EventKind.STATE, state_report(content))]

        self._change(uid, change)
        return status

    def request_cancel(self, uid: str, reason: Json, requester: str) -> int:
        """Ask that a step be canceled: a scheduled one is, the performer of one in progress is told.

        Parameters
        ----------
        reason
            Reason For Cancellation, discontinuation codes, contact (PS3.4 table CC.2.2-1).
        requester
            AE title of who asks.

        Returns
        -------
        status
            0, or B304H: it was canceled before.

        Raises
        ------
        StepRefusedError
            If it is not there (C307H) or completed (C311H).
        """
        status = 0

        def change(row: _Row) -> tuple[State, str, dict[str, Any], list[UpsEvent]] | None:
            nonlocal status
            step = row.step
            new = after(CANCEL_REQUESTS[step.state])
            if new is None:
                status = CANCELED_BEFORE
                return None
            if new is State.CANCELED:
                working = _in_state(step.data, State.IN_PROGRESS)
                content = _in_state(with_cancellation(working, reason), new)
                told = [UpsEvent(uid, EventKind.STATE, state_report(each)) for each in (working, content)]
                return new, row.transaction_uid, content, told
            asked = {**reason, "00741236": {"vr": "AE", "Value": [requester]}}
            return step.state, row.transaction_uid, step.data, [UpsEvent(uid, EventKind.CANCEL, asked)]

        self._change(uid, change)
        return status

    def subscribe(self, uid: str, receiver: str, *, lock: bool = False, keys: Json | None = None) -> None:
        """Have an AE told of the events of a step, or of all and future ones.

        Parameters
        ----------
        uid
            A step; or one of `ups_events.GLOBAL` and `ups_events.FILTERED`.
        receiver
            AE title.
        lock
            Whether steps stay after they ended until the AE unsubscribes.
        keys
            Which steps, for `ups_events.FILTERED`.

        Raises
        ------
        StepRefusedError
            If there is no such step (C307H).
        """
        with self._lock, self._database.changing() as connection:
            if self.subscriptions.is_global(uid):
                self.subscriptions.add_global(connection, receiver, lock, keys)
                rows = [_step(row) for row in connection.execute(select(STEPS)).all()]
                steps = [step for step in rows if keys is None or matches(step.data, keys)]
            else:
                steps = [_needed(connection, uid).step]
            events = []
            for step in steps:
                self.subscriptions.add(connection, receiver, step.uid, lock)
                told = state_report(step.data)
                events.append(UpsEvent(step.uid, EventKind.STATE, told, (receiver,)))
            self.subscriptions.keep(connection, events)
        self._tell(events)

    def unsubscribe(self, uid: str, receiver: str) -> None:
        """End a subscription; a global one ends all of the AE (PS3.4 CC.2.3.3)."""
        with self._lock, self._database.changing() as connection:
            if not self.subscriptions.is_global(uid):
                _needed(connection, uid)
            self.subscriptions.remove(connection, receiver, uid)

    def suspend(self, receiver: str) -> None:
        """Have an AE no longer told of future steps; those that it follows stay."""
        with self._lock, self._database.changing() as connection:
            self.subscriptions.remove_global(connection, receiver)

    def _change(
        self,
        uid: str,
        change: Callable[[_Row], tuple[State, str, dict[str, Any], list[UpsEvent]] | None],
    ) -> Step:
        """Change a step in one transaction, unless another process has changed it since it was read."""
        with self._lock, self._database.changing() as connection:
            row = _needed(connection, uid)
            made = change(row)
            if made is None:
                return row.step
            state, transaction_uid, content, events = made
            values = {"state": state, "transaction_uid": transaction_uid, "version": row.version + 1}
            same = (STEPS.c.uid == uid) & (STEPS.c.version == row.version)
            if not connection.execute(update(STEPS).where(same).values(values | _text(content))).rowcount:
                raise WriteError("the step is being changed by another process", where=uid)
            self.subscriptions.keep(connection, events)
        self._tell(events)
        return self.get(uid)

    def _tell(self, events: list[UpsEvent]) -> None:
        for event in events:
            for listener in tuple(self.listeners):
                listener(event)


def _find(connection: Connection, uid: str) -> Any:
    return connection.execute(select(STEPS).where(STEPS.c.uid == uid)).first()


def _needed(connection: Connection, uid: str) -> _Row:
    row = _find(connection, uid)
    if row is None:
        raise StepRefusedError(NO_STEP)
    return _Row(_step(row), row.transaction_uid, row.version)


def _step(row: Any) -> Step:
    return Step(row.uid, State(row.state), json.loads(row.data), row.changed)


def _in_state(data: Json, state: State) -> dict[str, Any]:
    return {**data, STATE: {"vr": "CS", "Value": [state]}}


def _text(content: Json) -> dict[str, Any]:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return {"data": text, "changed": time.time_ns()}

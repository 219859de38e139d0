"""Worklist: procedure steps that are scheduled, as data sets with columns to find them by (PS3.4 K)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from medvox.archive.entry import is_uid
from medvox.archive.state.attribute_matching import Json, is_universal, matches, text_of
from medvox.archive.state.database import StateDatabase
from medvox.core.errors import MissingError, UsageError

STEPS: Final = "00400100"
"""Scheduled Procedure Step Sequence."""
STUDY_UID, STEP_ID, STATUS = "0020000D", "00400009", "00400020"
_TOP: Final = {"study_uid": STUDY_UID, "patient_id": "00100020", "accession": "00080050"}
_STEP: Final = {
    "step_id": STEP_ID, "modality": "00080060", "start_date": "00400002", "start_time": "00400003",
    "status": STATUS,
}  # fmt: skip
_STATION: Final = "00400001"
_NEEDED: Final = {
    "00100010": "PatientName", "00100020": "PatientID", STUDY_UID: "StudyInstanceUID",
    "00401001": "RequestedProcedureID",
}  # fmt: skip
_NEEDED_OF_STEP: Final = {
    "00080060": "Modality", _STATION: "ScheduledStationAETitle",
    "00400002": "ScheduledProcedureStepStartDate", "00400003": "ScheduledProcedureStepStartTime",
    STEP_ID: "ScheduledProcedureStepID",
}  # fmt: skip
"""Attributes of type 1 (PS3.4 table K.6-1)."""
_PAGE: Final = 200

METADATA = MetaData()
WORKLIST = Table(
    "worklist",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("study_uid", String, nullable=False),
    Column("step_id", String, nullable=False),
    Column("patient_id", String, nullable=False, index=True),
    Column("accession", String, nullable=False, index=True),
    Column("stations", String, nullable=False),
    Column("modality", String, nullable=False),
    Column("start_date", String, nullable=False),
    Column("start_time", String, nullable=False),
    Column("status", String, nullable=False),
    Column("data", Text, nullable=False),
    Column("changed", BigInteger, nullable=False),
    UniqueConstraint("study_uid", "step_id"),
    Index("worklist_by_start", "start_date", "start_time", "id"),
)


class StepStatus(StrEnum):
    """State of a step: Scheduled Procedure Step Status (0040,0020), and its two ends, which are ours."""

    SCHEDULED = "SCHEDULED"
    ARRIVED = "ARRIVED"
    READY = "READY"
    STARTED = "STARTED"
    DEPARTED = "DEPARTED"
    COMPLETED = "COMPLETED"
    DISCONTINUED = "DISCONTINUED"


ENDED: Final = (StepStatus.COMPLETED, StepStatus.DISCONTINUED)
"""Steps that are not offered unless their status is asked for."""


@dataclass(frozen=True, slots=True)
class WorklistItem:
    """A scheduled procedure step.

    Parameters
    ----------
    id
        Its number in the worklist.
    study_uid, step_id
        Study Instance UID and Scheduled Procedure Step ID, which name it together.
    status
        Its state.
    data
        The data set (PS3.18 F.2), with one item in the Scheduled Procedure Step Sequence.
    """

    id: int
    study_uid: str
    step_id: str
    status: StepStatus
    data: dict[str, Any]

    @property
    def step(self) -> dict[str, Any]:
        """The item of the Scheduled Procedure Step Sequence."""
        step: dict[str, Any] = self.data[STEPS]["Value"][0]
        return step


class Worklist:
    """Scheduled procedure steps of a node.

    Parameters
    ----------
    database
        State of the node.
    """

    def __init__(self, database: StateDatabase) -> None:
        self._database = database
        database.prepare(METADATA)

    def add(self, data: Json) -> WorklistItem:
        """Schedule a step.

        Parameters
        ----------
        data
            Its data set (PS3.18 F.2). The status is SCHEDULED if none is said.

        Raises
        ------
        UsageError
            If an attribute of type 1 is missing (PS3.4 table K.6-1), or the step is scheduled already.
        """
        row = _row(data)
        with self._database.changing() as connection:
            if _of_step(connection, row["study_uid"], row["step_id"]) is not None:
                raise UsageError("the step is scheduled already", where=f"step {row['step_id']}")
            made = connection.execute(insert(WORKLIST).values(row))
            number = int(made.inserted_primary_key[0])  # type: ignore[index]
        return _item(number, row["data"])

    def put_all(self, items: Iterable[Json]) -> list[WorklistItem]:
        """Schedule steps, or change those that are scheduled already, whose status then stays; all or none.

        Raises
        ------
        UsageError
            As for `add`.
        """
        with self._database.changing() as connection:
            return [_put(connection, data) for data in items]

    def get(self, number: int) -> WorklistItem:
        """Return an item.

        Raises
        ------
        MissingError
            If there is none of this number.
        """
        with self._database.reading() as connection:
            row = connection.execute(select(WORKLIST).where(WORKLIST.c.id == number)).first()
        if row is None:
            raise MissingError("there is no such worklist item", got=number)
        return _item(row.id, row.data)

    def of_step(self, study_uid: str, step_id: str) -> WorklistItem | None:
        """Return the item of a study and a Scheduled Procedure Step ID; None if there is none."""
        with self._database.reading() as connection:
            return _of_step(connection, study_uid, step_id)

    def find(self, keys: Json, *, is_history: bool = False) -> Iterator[WorklistItem]:
        """Yield the items that match an identifier, in order of their start (PS3.4 K.2.2, C.2.2.2).

        Ended steps are left out, unless the identifier asks for a status, or with `is_history`.
        """
        steps = (keys.get(STEPS) or {}).get("Value") or [{}]
        step = steps[0] or {}
        conditions = [*_conditions(keys, _TOP), *_conditions(step, _STEP)]
        if not is_history and not text_of(step, STATUS).strip("*"):
            conditions.append(WORKLIST.c.status.notin_(ENDED))
        station = text_of(step, _STATION)
        if station and not set("*?") & set(station):
            conditions.append(WORKLIST.c.stations.contains(f"\\{station}\\", autoescape=True))
        for row in self._pages(conditions):
            item = _item(row.id, row.data)
            if matches(item.data, keys):
                yield item

    def update(self, number: int, data: Json) -> WorklistItem:
        """Replace the data set of an item.

        Raises
        ------
        MissingError
            If there is none of this number.
        UsageError
            As for `add`.
        """
        row = _row(data)
        with self._database.changing() as connection:
            known = _of_step(connection, row["study_uid"], row["step_id"])
            if known is not None and known.id != number:
                raise UsageError("another item has this step", where=f"step {row['step_id']}")
            changed = connection.execute(update(WORKLIST).where(WORKLIST.c.id == number).values(row))
        if not changed.rowcount:
            raise MissingError("there is no such worklist item", got=number)
        return _item(number, row["data"])

    def set_status(self, number: int, status: StepStatus) -> WorklistItem:
        """Change the state of an item.

        Raises
        ------
        MissingError
            If there is none of this number.
        """
        return self.update(number, _with_status(self.get(number).data, status))

    def mark(self, connection: Connection, number: int, status: StepStatus) -> None:
        """Change the state of an item as part of a transaction; one that was taken out is passed over."""
        row = connection.execute(select(WORKLIST).where(WORKLIST.c.id == number)).first()
        if row is not None and row.status != status:
            values = _row(_with_status(json.loads(row.data), status))
            connection.execute(update(WORKLIST).where(WORKLIST.c.id == number).values(values))

    def number_of(self, connection: Connection, study_uid: str, step_id: str) -> int | None:
        """Return the number of the item of a study and a Scheduled Procedure Step ID, in a transaction."""
        item = _of_step(connection, study_uid, step_id)
        return None if item is None else item.id

    def delete(self, number: int) -> None:
        """Take an item out.

        Raises
        ------
        MissingError
            If there is none of this number.
        """
        with self._database.changing() as connection:
            gone = connection.execute(delete(WORKLIST).where(WORKLIST.c.id == number))
        if not gone.rowcount:
            raise MissingError("there is no such worklist item", got=number)

    def _pages(self, conditions: list[ColumnElement[bool]]) -> Iterator[Row[Any]]:
        """Read rows by pages, so that no transaction stays open while a peer takes them."""
        place = tuple_(WORKLIST.c.start_date, WORKLIST.c.start_time, WORKLIST.c.id)
        statement = select(WORKLIST).where(*conditions)
        statement = statement.order_by(WORKLIST.c.start_date, WORKLIST.c.start_time, WORKLIST.c.id)
        after: tuple[str, str, int] | None = None
        while True:
            page = statement if after is None else statement.where(place > after)
            with self._database.reading() as connection:
                rows = connection.execute(page.limit(_PAGE)).all()
            yield from rows
            if len(rows) < _PAGE:
                return
            after = rows[-1].start_date, rows[-1].start_time, rows[-1].id


def _put(connection: Connection, data: Json) -> WorklistItem:
    row = _row(data)
    known = _of_step(connection, row["study_uid"], row["step_id"])
    if known is None:
        made = connection.execute(insert(WORKLIST).values(row))
        return _item(int(made.inserted_primary_key[0]), row["data"])  # type: ignore[index]
    row = _row(_with_status(data, known.status))
    connection.execute(update(WORKLIST).where(WORKLIST.c.id == known.id).values(row))
    return _item(known.id, row["data"])


def _of_step(connection: Connection, study_uid: str, step_id: str) -> WorklistItem | None:
    statement = select(WORKLIST).where(WORKLIST.c.study_uid == study_uid, WORKLIST.c.step_id == step_id)
    row = connection.execute(statement).first()
    return None if row is None else _item(row.id, row.data)


def _item(number: int, text: str) -> WorklistItem:
    data = json.loads(text)
    step = data[STEPS]["Value"][0]
    return WorklistItem(
        number, text_of(data, STUDY_UID), text_of(step, STEP_ID), StepStatus(text_of(step, STATUS)), data
    )


def _row(data: Json) -> dict[str, Any]:
    """Columns of a data set that is in order."""
    steps = (data.get(STEPS) or {}).get("Value") or []
    if len(steps) != 1:
        raise UsageError("a worklist item has one scheduled procedure step", got=len(steps), expected=1)
    step = dict(steps[0])
    if not text_of(step, STATUS):
        step[STATUS] = {"vr": "CS", "Value": [StepStatus.SCHEDULED]}
    missing = [name for tag, name in _NEEDED.items() if not text_of(data, tag)]
    missing += [name for tag, name in _NEEDED_OF_STEP.items() if not text_of(step, tag)]
    if missing:
        raise UsageError("a worklist item lacks attributes", expected=", ".join(missing))
    if not is_uid(text_of(data, STUDY_UID)):
        raise UsageError("the Study Instance UID is no UID", expected="digits and dots, at most 64")
    if text_of(step, STATUS) not in list(StepStatus):
        raise UsageError("unknown status of a step", got=text_of(step, STATUS), expected=list(StepStatus))
    row = {name: text_of(data, tag) for name, tag in _TOP.items()}
    row |= {name: text_of(step, tag) for name, tag in _STEP.items()}
    stations = "\\".join(str(title).strip() for title in step[_STATION]["Value"])
    whole = {**data, STEPS: {"vr": "SQ", "Value": [step]}}
    text = json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
    return row | {"stations": f"\\{stations}\\", "data": text, "changed": time.time_ns()}


def _with_status(data: Json, status: StepStatus) -> dict[str, Any]:
    step = {**data[STEPS]["Value"][0], STATUS: {"vr": "CS", "Value": [status]}}
    return {**data, STEPS: {"vr": "SQ", "Value": [step]}}


def _conditions(keys: Json, columns: Mapping[str, str]) -> list[ColumnElement[bool]]:
    """Conditions that leave no match out: plain values, and ranges of dates; the rest is matched later."""
    found: list[ColumnElement[bool]] = []
    for name, tag in columns.items():
        key = keys.get(tag)
        if key is None or is_universal(key) or name == "start_time":
            continue
        column, values = WORKLIST.c[name], [str(value).strip(" \0") for value in key["Value"] if value]
        if name == "start_date":
            first, dash, last = (part.strip().replace(".", "") for part in values[0].partition("-"))
            found.append(column >= first if dash else column == first)
            found += [column <= last] if last else []
        elif not any(set("*?") & set(value) for value in values):
            found.append(or_(*(column == value for value in values)))
    return found

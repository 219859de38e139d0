"""Arrivals: what came into an archive after a place, for those who act on what is received."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, func, select

from medvox.archive.index.tables import INSTANCES, SERIES, STUDIES

_STATION: Final = "00081010"
INTERNAL: Final = "medvox:"
"""Beginning of the callers that stand for the archive itself: versions made by edits and compression."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A version of an instance that was received.

    Parameters
    ----------
    number
        Of its row; later arrivals have greater ones until the index is made anew.
    received
        Nanoseconds since 1970, UTC.
    study_uid, series_uid, sop_uid, sop_class, digest
        Which.
    caller
        AE title, account or command that it came from.
    modality, study_description, series_description, station
        As in the data set.
    """

    number: int
    received: int
    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class: str
    digest: str
    caller: str
    modality: str
    study_description: str
    series_description: str
    station: str

    @property
    def is_internal(self) -> bool:
        """Whether the archive has made it itself."""
        return self.caller.startswith(INTERNAL)


@dataclass(frozen=True, slots=True)
class Place:
    """Up to which arrival something was done.

    Parameters
    ----------
    number, received
        Of the last arrival; 0 before the first.
    """

    number: int = 0
    received: int = 0


def last_place(connection: Connection) -> Place:
    """Return the place after all arrivals."""
    i = INSTANCES.c
    row = connection.execute(select(i.id, i.received).order_by(i.id.desc()).limit(1)).first()
    return Place() if row is None else Place(row.id, row.received)


def settled_place(connection: Connection, place: Place) -> Place:
    """Return a place in the index as it is now: it may have been made anew, and have other numbers."""
    i = INSTANCES.c
    if (
        place.number == 0
        or connection.scalar(select(i.received).where(i.id == place.number)) == place.received
    ):
        return place
    number = connection.scalar(select(func.max(i.id)).where(i.received <= place.received))
    return Place(number or 0, place.received)


def arrivals_after(connection: Connection, place: Place, limit: int = 1000) -> list[Arrival]:
    """Return what came after a place, in its order."""
    statement = _arrivals().where(INSTANCES.c.id > place.number).order_by(INSTANCES.c.id).limit(limit)
    return [_arrival(row) for row in connection.execute(statement)]


def arrivals_of(connection: Connection, study_uid: str, span: tuple[int, int]) -> Sequence[Arrival]:
    """Return what came of a study, and is served, from one time to another, both included."""
    i = INSTANCES.c
    statement = _arrivals().where(STUDIES.c.study_uid == study_uid, i.is_current)
    statement = statement.where(i.received.between(*span)).order_by(i.series, i.number, i.id)
    return [_arrival(row) for row in connection.execute(statement)]


def _arrivals() -> Select[Any]:
    i, series = INSTANCES.c, SERIES.c
    return select(
        i.id,
        i.received,
        STUDIES.c.study_uid,
        series.series_uid,
        i.sop_uid,
        i.sop_class,
        i.digest,
        i.origin,
        series.modality,
        STUDIES.c.description.label("study_description"),
        series.description.label("series_description"),
        series.attributes,
    ).select_from(INSTANCES.join(SERIES, series.id == i.series).join(STUDIES))


def _arrival(row: Any) -> Arrival:
    station = json.loads(row.attributes).get(_STATION, {}).get("Value", [""])[0]
    caller = json.loads(row.origin)[0] if row.origin else ""
    return Arrival(
        *(row.id, row.received, row.study_uid, row.series_uid, row.sop_uid, row.sop_class, row.digest),
        *(caller, row.modality, row.study_description, row.series_description, str(station)),
    )

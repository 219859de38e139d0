"""Listing: rows of instances, a series after another, so that no question to the database is long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, Select, func, select

from medvox.archive.index.tables import INSTANCES, SERIES, STUDIES
from medvox.archive.model import InstanceRow

_AT_ONCE: Final = 500
_FIRST: Final = -(1 << 31)
"""Stands for no number: databases do not agree where such rows come."""


def instance_rows(
    connection: Connection,
    *,
    study_uid: str | None = None,
    series_uid: str | None = None,
    sop_uid: str | None = None,
    is_history: bool = False,
) -> Iterator[InstanceRow]:
    """Yield instances, by series and number, fetched in parts.

    Parameters
    ----------
    connection
        Is in use until the last row was taken.
    study_uid, series_uid, sop_uid
        Which; None for all.
    is_history
        Whether replaced and deleted versions are wanted too.
    """
    asked = [
        column == value
        for column, value in (
            (STUDIES.c.study_uid, study_uid),
            (SERIES.c.series_uid, series_uid),
            (INSTANCES.c.sop_uid, sop_uid),
        )
        if value is not None
    ]
    if not is_history:
        asked.append(INSTANCES.c.is_current)
    rows = _rows().where(*asked)
    if sop_uid is not None:
        for row in connection.execute(rows):
            yield InstanceRow(*tuple(row)[:-2])
        return
    for series in _series(connection, study_uid, series_uid):
        statement, last = rows.where(INSTANCES.c.series == series).limit(_AT_ONCE), None
        while True:
            found = connection.execute(statement if last is None else statement.where(last)).all()
            for row in found:
                yield InstanceRow(*tuple(row)[:-2])
            if len(found) < _AT_ONCE:
                break
            position, number = found[-1].position, found[-1].id
            at = func.coalesce(INSTANCES.c.number, _FIRST)
            last = (at > position) | ((at == position) & (INSTANCES.c.id > number))


def _rows() -> Select[Any]:
    i = INSTANCES.c
    at = func.coalesce(i.number, _FIRST).label("position")
    return (
        select(
            STUDIES.c.study_uid,
            SERIES.c.series_uid,
            *(i.sop_uid, i.sop_class, i.transfer_syntax, i.version, i.frames, i.size, i.digest),
            *(i.place, i.place_offset, i.data_set_offset, i.received),
            *(at, i.id),
        )
        .select_from(INSTANCES.join(SERIES, SERIES.c.id == i.series).join(STUDIES))
        .order_by(at, i.id)
    )


def _series(connection: Connection, study_uid: str | None, series_uid: str | None) -> Iterator[int]:
    """Yield numbers of series in the order in which they came."""
    statement = select(SERIES.c.id).order_by(SERIES.c.id).limit(_AT_ONCE)
    if study_uid is not None:
        statement = statement.join(STUDIES).where(STUDIES.c.study_uid == study_uid)
    if series_uid is not None:
        statement = statement.where(SERIES.c.series_uid == series_uid)
    last = 0
    while found := connection.scalars(statement.where(SERIES.c.id > last)).all():
        yield from found
        last = found[-1]

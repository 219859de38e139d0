"""Patients: pages of patients, who have no rows of their own but are what studies say of them.

A patient is a Patient ID with its issuer (PS3.3 C.7.1.1). Where studies differ in the rest, the study that
came last counts. All studies without an ID are one row, of which nothing is said but counts.
"""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import Connection, Select, exists, func, select, tuple_

from medvox.archive.entry import ISSUER
from medvox.archive.index.answers import element, in_parts
from medvox.archive.index.matching import (
    NUMBER_OF_PATIENT_INSTANCES,
    NUMBER_OF_PATIENT_SERIES,
    NUMBER_OF_PATIENT_STUDIES,
)
from medvox.archive.index.tables import INSTANCES, SERIES, STUDIES
from medvox.archive.model import Query
from medvox.core.errors import UsageError
from medvox.dicom import tags

RETURNED: Final = (
    tags.PATIENT_NAME,
    tags.PATIENT_ID,
    ISSUER,
    tags.PATIENT_BIRTH_DATE,
    tags.PATIENT_SEX,
    0x00104000,  # Patient Comments
)
_COUNTS: Final = NUMBER_OF_PATIENT_STUDIES, NUMBER_OF_PATIENT_SERIES, NUMBER_OF_PATIENT_INSTANCES


def page(
    connection: Connection, studies: Select[Any], query: Query, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """Return the patients of studies, and what `Query.after` must be for the next page.

    Parameters
    ----------
    connection
        To the index.
    studies
        Selects the studies that match.
    query
        What was asked.
    limit
        Patients at most.

    Raises
    ------
    UsageError
        If `Query.after` is not from a page of this level.
    """
    key = STUDIES.c.patient_id, STUDIES.c.issuer
    statement = studies.with_only_columns(*key).group_by(*key).order_by(*key).limit(limit + 1)
    if query.after is not None:
        statement = statement.where(tuple_(*key) > tuple_(*_key_of(query.after)))
    found = [(row.patient_id, row.issuer) for row in connection.execute(statement)]
    following = json.dumps(found[limit - 1], ensure_ascii=False) if len(found) > limit else None
    rows = _rows(connection, found[:limit], query.wanted)
    return rows, following


def _key_of(after: str) -> tuple[str, str]:
    try:
        number, issuer = json.loads(after)
        return str(number), str(issuer)
    except (ValueError, TypeError):
        raise UsageError("this is not the end of a page", got=after) from None


def _rows(
    connection: Connection, keys: list[tuple[str, str]], wanted: frozenset[int] | None
) -> list[dict[str, Any]]:
    """Make DICOM JSON objects of patients."""
    numbers = list(range(len(keys)))
    rows: list[dict[str, Any]] = []
    is_counted = wanted is None or not wanted.isdisjoint(_COUNTS)
    for some in in_parts(numbers):
        counted = _counted(connection, [keys[n] for n in some], is_counted=is_counted)
        attributes = _attributes(connection, [counted[keys[n]][0] for n in some if keys[n] in counted])
        for key in (keys[n] for n in some):
            newest, *counts = counted[key]
            one = {f"{tags.PATIENT_ID:08X}": element("LO")}
            if key[0]:
                known = json.loads(attributes[newest])
                one |= {name: known[name] for tag in RETURNED if (name := f"{tag:08X}") in known}
            if is_counted:
                pairs = zip(_COUNTS, counts, strict=True)
                one |= {f"{tag:08X}": element("IS", count) for tag, count in pairs}
            kept = one if wanted is None else {k: v for k, v in one.items() if int(k, 16) in wanted}
            rows.append(dict(sorted(kept.items())))
    return rows


def _counted(
    connection: Connection, keys: list[tuple[str, str]], *, is_counted: bool
) -> dict[tuple[str, str], tuple[int, ...]]:
    """Newest study of patients, and with `is_counted` how many studies, series and instances they have."""
    key = STUDIES.c.patient_id, STUDIES.c.issuer
    is_asked = STUDIES.c.patient_id.in_([number for number, _ in keys])  # pairs would not use an index
    newest = func.max(STUDIES.c.id)
    if not is_counted:
        there = select(1).select_from(SERIES.join(INSTANCES)).where(SERIES.c.study == STUDIES.c.id)
        statement = select(*key, newest).where(
            is_asked, exists(there.where(INSTANCES.c.is_current).correlate(STUDIES))
        )
        statement = statement.group_by(*key)
    else:
        counts = func.count(STUDIES.c.id.distinct()), func.count(SERIES.c.id.distinct()), func.count()
        statement = (
            select(*key, newest, *counts)
            .join(SERIES, SERIES.c.study == STUDIES.c.id)
            .join(INSTANCES, (INSTANCES.c.series == SERIES.c.id) & INSTANCES.c.is_current)
            .where(is_asked)
            .group_by(*key)
        )
    return {
        (number, issuer): tuple(int(value) for value in more)
        for number, issuer, *more in connection.execute(statement)
    }


def _attributes(connection: Connection, studies: list[int]) -> dict[int, str]:
    statement = select(STUDIES.c.id, STUDIES.c.attributes).where(STUDIES.c.id.in_(studies))
    return {row.id: row.attributes for row in connection.execute(statement)}

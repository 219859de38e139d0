"""Query: pages of studies, series and instances, as DICOM JSON objects."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, FromClause, Select, exists, func, select, tuple_

from medvox.archive.index import matching, patients, ways
from medvox.archive.index.answers import element, in_parts
from medvox.archive.index.tables import INSTANCES, SERIES, STUDIES
from medvox.archive.model import LONGEST_PAGE, Level, Page, Query
from medvox.core.errors import UsageError
from medvox.dicom import tags

_DEPTH: Final = {Level.PATIENT: 0, Level.STUDY: 0, Level.SERIES: 1, Level.INSTANCE: 2}
_COUNTS: Final = (
    matching.MODALITIES_IN_STUDY,
    matching.SOP_CLASSES_IN_STUDY,
    matching.NUMBER_OF_STUDY_SERIES,
    matching.NUMBER_OF_STUDY_INSTANCES,
)


def page(connection: Connection, query: Query) -> Page:
    """Return one page of the answer to a query.

    Patients come by their ID, studies newest first, series and instances in the order in which they
    arrived. Only what has instances that are not deleted is found.

    Raises
    ------
    UsageError
        If `Query.after` is not from a page of this level, or `limit` is below 1.
    """
    if query.limit < 1:
        raise UsageError("a page has at least one row", got=query.limit)
    limit, depth = min(query.limit, LONGEST_PAGE), _DEPTH[query.level]
    statement, ignored = _filtered(connection, query, depth)
    if query.level is Level.PATIENT:
        rows_of_patients, after = patients.page(connection, statement, query, limit)
        return Page(rows_of_patients, after, ignored)
    statement = _after(statement, query.after, depth).limit(limit + 1)
    found = connection.execute(statement).all()
    rows, more = found[:limit], len(found) > limit
    following = None
    if more:
        last = rows[-1]
        following = f"{last.study_date},{last.id}" if depth == 0 else str(last.id)
    return Page(_Rows(connection, query.wanted).of(rows, depth), following, ignored)


def _filtered(connection: Connection, query: Query, depth: int) -> tuple[Select[Any], tuple[int, ...]]:
    """Select the rows that match; tell which filters cannot be matched."""
    of: tuple[dict[int, ColumnElement[bool]], ...] = ({}, {}, {})
    ignored: list[int] = []
    for tag, value in query.filters.items():
        level = next((n for n, table in enumerate(matching.TABLES) if tag in table), None)
        if level is None:
            if value.strip("* ") and tag != matching.SPECIFIC_CHARACTER_SET:
                ignored.append(tag)
            continue
        found = matching.condition(tag, value, fuzzy=query.fuzzy, any_case=query.any_case)
        if found is not None:
            of[level][tag] = found
    if depth == 0:
        own = ways.of_studies(connection, of[0], query.filters, query.limit)
        statement = select(STUDIES.c.id, STUDIES.c.study_uid, STUDIES.c.study_date, STUDIES.c.attributes)
    elif depth == 1:
        own = [*of[0].values(), *ways.of_series(connection, of[1], query.limit)]
        statement = select(SERIES.c.id, SERIES.c.study, SERIES.c.attributes).join(STUDIES)
        statement = statement.add_columns(STUDIES.c.study_uid, STUDIES.c.attributes.label("above"))
    else:
        own = [one for level in of for one in level.values()]
        statement = _instances(INSTANCES.c.id, INSTANCES.c.attributes, SERIES.c.study)
        statement = statement.add_columns(
            STUDIES.c.study_uid,
            STUDIES.c.attributes.label("above"),
            SERIES.c.attributes.label("between"),
            INSTANCES.c.transfer_syntax,
        )
    if depth < 2:
        current = INSTANCES.c.is_current & (INSTANCES.c.series == SERIES.c.id)
        within: FromClause = INSTANCES if depth == 1 else SERIES.join(INSTANCES, current)
        linked = current if depth == 1 else SERIES.c.study == STUDIES.c.id
        lower = [one for level in of[depth + 1 :] for one in level.values()]
        own += ways.of_lower(connection, of[1], of[2], depth, query.limit)
        there = select(1).select_from(within).where(linked, *lower)
        statement = statement.where(exists(there.correlate(STUDIES if depth == 0 else SERIES)))
    return statement.where(*own), tuple(ignored)


def _instances(*columns: Any) -> Select[Any]:
    """Select from instances that are not deleted and not replaced."""
    return (
        select(*columns)
        .select_from(INSTANCES.join(SERIES, SERIES.c.id == INSTANCES.c.series).join(STUDIES))
        .where(INSTANCES.c.is_current)
    )


def _after(statement: Select[Any], key: str | None, depth: int) -> Select[Any]:
    """Order the rows and begin after the last of the page before."""
    try:
        if depth == 0:
            if key is not None:
                date, _, number = key.rpartition(",")
                statement = statement.where(
                    tuple_(STUDIES.c.study_date, STUDIES.c.id) < tuple_(date, int(number))
                )
            return statement.order_by(STUDIES.c.study_date.desc(), STUDIES.c.id.desc())
        column = SERIES.c.id if depth == 1 else INSTANCES.c.id
        if key is not None:
            statement = statement.where(column > int(key))
        return statement.order_by(column)
    except ValueError:
        raise UsageError("this is not the end of a page", got=key) from None


class _Rows:
    """Makes DICOM JSON objects of rows.

    Parameters
    ----------
    connection
        To count what is below.
    wanted
        Tags to return; None for all.
    """

    def __init__(self, connection: Connection, wanted: frozenset[int] | None) -> None:
        self._connection = connection
        self._wanted = wanted
        self._keys = None if wanted is None else {f"{tag:08X}" for tag in wanted}

    def of(self, rows: Iterable[Any], depth: int) -> list[dict[str, Any]]:
        """Make the objects; those of series and instances have the attributes of what is above too."""
        rows = list(rows)
        found = []
        fields = rows[0]._fields if rows else ()
        places = [fields.index(name) for name in ("above", "between", "attributes") if name in fields]
        for row in rows:
            one: dict[str, Any] = {}
            for place in places:
                one.update(_attributes(row[place]))
            one.setdefault(f"{tags.STUDY_INSTANCE_UID:08X}", element("UI", row.study_uid))
            found.append(one)
        if depth == 0 and self._wants(*_COUNTS):
            self._count_studies([row.id for row in rows], found)
        if depth == 1 and self._wants(matching.NUMBER_OF_SERIES_INSTANCES):
            self._count_series([row.id for row in rows], found)
        return [self._cut(one) for one in found]

    def _wants(self, *asked: int) -> bool:
        return self._wanted is None or not self._wanted.isdisjoint(asked)

    def _cut(self, one: dict[str, Any]) -> dict[str, Any]:
        keys = self._keys
        kept = one.items() if keys is None else ((key, value) for key, value in one.items() if key in keys)
        return dict(sorted(kept))

    def _count_studies(self, ids: list[int], found: list[dict[str, Any]]) -> None:
        series: dict[int, set[int]] = defaultdict(set)
        modalities: dict[int, set[str]] = defaultdict(set)
        classes: dict[int, set[str]] = defaultdict(set)
        instances: dict[int, int] = defaultdict(int)
        columns = SERIES.c.study, SERIES.c.id, SERIES.c.modality, INSTANCES.c.sop_class
        for some in in_parts(ids):
            counted = (
                select(*columns, func.count())
                .join(INSTANCES, (INSTANCES.c.series == SERIES.c.id) & INSTANCES.c.is_current)
                .where(SERIES.c.study.in_(some))
                .group_by(*columns)
            )
            for study, one, modality, sop_class, count in self._connection.execute(counted):
                series[study].add(one)
                modalities[study].add(modality)
                classes[study].add(sop_class)
                instances[study] += count
        for number, row in zip(ids, found, strict=True):
            modality = sorted(modalities[number] - {""})
            row[f"{matching.MODALITIES_IN_STUDY:08X}"] = element("CS", *modality)
            row[f"{matching.SOP_CLASSES_IN_STUDY:08X}"] = element("UI", *sorted(classes[number]))
            row[f"{matching.NUMBER_OF_STUDY_SERIES:08X}"] = element("IS", len(series[number]))
            row[f"{matching.NUMBER_OF_STUDY_INSTANCES:08X}"] = element("IS", instances[number])

    def _count_series(self, ids: list[int], found: list[dict[str, Any]]) -> None:
        counts: dict[int, int] = {}
        for some in in_parts(ids):
            counted = (
                select(INSTANCES.c.series, func.count())
                .where(INSTANCES.c.series.in_(some), INSTANCES.c.is_current)
                .group_by(INSTANCES.c.series)
            )
            counts.update((number, count) for number, count in self._connection.execute(counted))
        for number, row in zip(ids, found, strict=True):
            row[f"{matching.NUMBER_OF_SERIES_INSTANCES:08X}"] = element("IS", counts.get(number, 0))


@lru_cache(4096)
def _attributes(text: str) -> Mapping[str, Any]:
    """Elements of a row; rows are often asked for again, and those of a study share what is above them."""
    found: dict[str, Any] = json.loads(text)
    return found


def count_of_study(connection: Connection, study_uid: str, *, is_live: bool) -> int:
    """Count instances of a study that are not deleted, or those that are in the bin."""
    i = INSTANCES.c
    statement = (
        select(func.count())
        .select_from(INSTANCES.join(SERIES, SERIES.c.id == i.series).join(STUDIES))
        .where(STUDIES.c.study_uid == study_uid, i.is_current if is_live else i.deleted > 0)
    )
    return int(connection.scalar(statement) or 0)

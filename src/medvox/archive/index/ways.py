"""Ways: lets SQLite go the shorter way to the rows of a page, which it cannot know by itself.

A condition that few rows match is answered from its own index; one that many match, in the order of the
page until the page is full. SQLite, unlike PostgreSQL, has no figures to choose by, so rows are counted
before, as far as `_most` says: the way with fewer steps then costs at most about the square root of rows
in the archive times rows of the page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, func, select
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.operators import custom_op

from medvox.archive.entry import ISSUER
from medvox.archive.index.tables import INSTANCES, SERIES, STUDIES
from medvox.dicom import tags

_BY_INDEX: Final = {tags.PATIENT_NAME, tags.PATIENT_ID, tags.ACCESSION_NUMBER}
_DATES: Final = {tags.STUDY_DATE}
_ALWAYS_FEW: Final = {tags.STUDY_INSTANCE_UID}
_LEAST: Final = 200
Conditions = Mapping[int, ColumnElement[bool]]
"""By tag."""


def of_studies(
    connection: Connection, conditions: Conditions, filters: Mapping[int, str], limit: int
) -> list[ColumnElement[bool]]:
    """Return conditions of studies, such that many rows are met in the order of the page.

    Parameters
    ----------
    connection
        To the index.
    conditions
        Of columns of studies.
    filters
        The values they stand for.
    limit
        Rows of a page.
    """
    every = list(conditions.values())
    others = [one for tag, one in conditions.items() if tag not in _DATES]
    is_led = any(tag in _BY_INDEX and not filters[tag].startswith(("*", "?")) for tag in conditions)
    if connection.dialect.name != "sqlite" or not is_led or not _ALWAYS_FEW.isdisjoint(conditions):
        return every
    if ISSUER in conditions or not _is_more(connection, STUDIES.c.id, every, limit):
        return every
    dates = [one for tag, one in conditions.items() if tag in _DATES]
    return [*dates, _unaided(others)]


def of_series(connection: Connection, conditions: Conditions, limit: int) -> list[ColumnElement[bool]]:
    """Return conditions of series, such that those of a common modality are met in their order.

    Parameters
    ----------
    connection
        To the index.
    conditions
        Of columns of series.
    limit
        Rows of a page.
    """
    every = list(conditions.values())
    if connection.dialect.name != "sqlite" or tags.SERIES_INSTANCE_UID in conditions:
        return every
    if _MODALITIES.isdisjoint(conditions) or not _is_more(connection, SERIES.c.id, every, limit):
        return every
    return [_unaided(every)]


def of_lower(
    connection: Connection, series: Conditions, instances: Conditions, depth: int, limit: int
) -> list[ColumnElement[bool]]:
    """Return conditions that lead from the few series or instances that match to what is above them.

    Parameters
    ----------
    connection
        To the index.
    series, instances
        Conditions of their columns.
    depth
        0 for studies, 1 for series.
    limit
        Rows of a page.
    """
    above = STUDIES.c.id if depth == 0 else SERIES.c.id
    if tags.SOP_INSTANCE_UID in instances:
        found = select(SERIES.c.study if depth == 0 else SERIES.c.id)
        found = found.join(INSTANCES, INSTANCES.c.series == SERIES.c.id)
        return [above.in_(found.where(instances[tags.SOP_INSTANCE_UID]))]
    if depth == 0 and series:
        is_few = tags.SERIES_INSTANCE_UID in series
        if not is_few and connection.dialect.name == "sqlite":
            led = [one for tag, one in series.items() if tag in _MODALITIES]
            is_few = bool(led) and not _is_more(connection, SERIES.c.id, led, limit)
        if is_few:
            return [above.in_(select(SERIES.c.study).where(*series.values()))]
    return []


_MODALITIES: Final = {tags.MODALITY, 0x00080061}


def _unaided(conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    """Return conditions for which SQLite uses no index."""
    return UnaryExpression(and_(*conditions).self_group(), operator=custom_op("+"))


def _is_more(connection: Connection, key: Any, conditions: Sequence[ColumnElement[bool]], limit: int) -> bool:
    """Tell whether so many rows match that it is better to go through the rows in their order."""
    total = connection.scalar(select(func.max(key))) or 0
    most = max(_LEAST, math.isqrt(limit * total))
    some = select(key).where(*conditions).limit(most + 1).subquery()
    return (connection.scalar(select(func.count()).select_from(some)) or 0) > most

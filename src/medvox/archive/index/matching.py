"""Matching: conditions for the values of an identifier (PS3.4 C.2.2.2).

What they mean: an empty value, or one of nothing but ``*``, matches all, also what is absent. UIDs match a
list. ``*`` and ``?`` are wildcards in text. Dates and times match a range; the end of a time range, and a
single time, include all times that begin with it. Names match without regard to case and marks, and a name
without ``=`` matches any of the three groups.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, and_, or_

from medvox.archive.entry import ISSUER, REFERRING, STUDY_ID, name_key
from medvox.archive.index.tables import INSTANCES, SERIES, STUDIES
from medvox.dicom import tags

MODALITIES_IN_STUDY: Final = 0x00080061
SOP_CLASSES_IN_STUDY: Final = 0x00080062
NUMBER_OF_PATIENT_STUDIES: Final = 0x00201200
NUMBER_OF_PATIENT_SERIES: Final = 0x00201202
NUMBER_OF_PATIENT_INSTANCES: Final = 0x00201204
NUMBER_OF_STUDY_SERIES: Final = 0x00201206
NUMBER_OF_STUDY_INSTANCES: Final = 0x00201208
NUMBER_OF_SERIES_INSTANCES: Final = 0x00201209
SPECIFIC_CHARACTER_SET: Final = tags.SPECIFIC_CHARACTER_SET
_ESCAPE: Final = "\\"
_LAST: Final = "\x7f"

_STUDY: Final[dict[int, tuple[str, Any]]] = {
    tags.STUDY_INSTANCE_UID: ("uid", STUDIES.c.study_uid),
    tags.PATIENT_ID: ("text", STUDIES.c.patient_id),
    ISSUER: ("text", STUDIES.c.issuer),
    tags.PATIENT_NAME: ("name", (STUDIES.c.patient_key, STUDIES.c.patient_key2, STUDIES.c.patient_key3)),
    tags.PATIENT_BIRTH_DATE: ("date", STUDIES.c.birth_date),
    tags.PATIENT_SEX: ("text", STUDIES.c.sex),
    tags.STUDY_DATE: ("date", STUDIES.c.study_date),
    tags.STUDY_TIME: ("time", STUDIES.c.study_time),
    tags.ACCESSION_NUMBER: ("text", STUDIES.c.accession),
    STUDY_ID: ("text", STUDIES.c.study_id),
    REFERRING: ("name", (STUDIES.c.referring_key, STUDIES.c.referring_key2, STUDIES.c.referring_key3)),
    tags.STUDY_DESCRIPTION: ("text", STUDIES.c.description),
}
_SERIES: Final[dict[int, tuple[str, Any]]] = {
    tags.SERIES_INSTANCE_UID: ("uid", SERIES.c.series_uid),
    tags.MODALITY: ("text", SERIES.c.modality),
    MODALITIES_IN_STUDY: ("text", SERIES.c.modality),
    tags.SERIES_NUMBER: ("number", SERIES.c.number),
    tags.SERIES_DESCRIPTION: ("text", SERIES.c.description),
    tags.BODY_PART_EXAMINED: ("text", SERIES.c.body_part),
}
_INSTANCE: Final[dict[int, tuple[str, Any]]] = {
    tags.SOP_INSTANCE_UID: ("uid", INSTANCES.c.sop_uid),
    tags.SOP_CLASS_UID: ("uid", INSTANCES.c.sop_class),
    SOP_CLASSES_IN_STUDY: ("uid", INSTANCES.c.sop_class),
    tags.INSTANCE_NUMBER: ("number", INSTANCES.c.number),
}
TABLES: Final = (_STUDY, _SERIES, _INSTANCE)
"""Tags that can be matched, of studies, series and instances."""


def condition(
    tag: int, value: str, *, fuzzy: bool = False, any_case: bool = False
) -> ColumnElement[bool] | None:
    """Return the condition that a value stands for; None where it matches all.

    Raises
    ------
    KeyError
        If the tag cannot be matched.
    """
    kind, column = next(table[tag] for table in TABLES if tag in table)
    value = value.replace("\0", "").strip(" ")
    if not value.strip("*"):
        return None
    if kind == "uid":
        uids = [part.strip() for part in value.replace(",", "\\").split("\\") if part.strip()]
        return column.in_(uids) if len(uids) > 1 else column == uids[0]  # type: ignore[no-any-return]
    if kind == "number":
        return column == int(value) if _is_whole(value) else column.is_(None) & column.isnot(None)  # type: ignore[no-any-return]
    if kind in ("date", "time"):
        return _range(column, value, is_time=kind == "time")
    if kind == "name":
        return _name(column, value, fuzzy=fuzzy)
    return or_(*(_text(column, part.strip(), any_case=any_case) for part in value.split("\\")))


def _is_whole(value: str) -> bool:
    return value.lstrip("+-").isdecimal() and len(value) <= 10


def _text(column: Any, value: str, *, any_case: bool = False) -> ColumnElement[bool]:
    if any_case:
        return column.ilike(_pattern(value), escape=_ESCAPE)  # type: ignore[no-any-return]
    if "*" in value or "?" in value:
        return column.like(_pattern(value), escape=_ESCAPE)  # type: ignore[no-any-return]
    return column == value  # type: ignore[no-any-return]


def _pattern(value: str) -> str:
    for letter in (_ESCAPE, "%", "_"):
        value = value.replace(letter, _ESCAPE + letter)
    return value.replace("*", "%").replace("?", "_")


def _range(column: Any, value: str, *, is_time: bool) -> ColumnElement[bool]:
    value = value.replace(":" if is_time else ".", "")  # as in ACR-NEMA (PS3.5 6.2)
    first, dash, last = (part.strip() for part in value.partition("-"))
    if not dash:
        return and_(column >= first, column <= first + _LAST) if is_time else column == first
    parts = [column != ""]
    if first:
        parts.append(column >= first)
    if last:
        parts.append(column <= last + (_LAST if is_time else ""))
    return and_(*parts)


def _name(columns: tuple[Any, ...], value: str, *, fuzzy: bool) -> ColumnElement[bool]:
    key = name_key(value)
    groups = key.split("=")
    if len(groups) > 1:
        pairs = [(column, group) for column, group in zip(columns, groups, strict=False) if group.strip("*")]
        return and_(
            *(_one_name(column, group, fuzzy=fuzzy) for column, group in pairs), columns[0].isnot(None)
        )
    return or_(*(_one_name(column, key, fuzzy=fuzzy) for column in columns))


def _one_name(column: Any, key: str, *, fuzzy: bool) -> ColumnElement[bool]:
    if not fuzzy:
        return _text(column, key)
    words = [word for word in key.replace("^", " ").replace("*", " ").split() if word]
    parts = []
    for word in words:
        begun = _pattern(word + "*")
        parts.append(or_(*(column.like(head + begun, escape=_ESCAPE) for head in ("", "%^", "% "))))
    return and_(*parts, column != "")

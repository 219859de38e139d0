"""Listing: pages of studies for people to look through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from medvox.archive.archive import Archive
from medvox.archive.index import matching
from medvox.archive.model import LONGEST_PAGE, Level, Query
from medvox.core.errors import MissingError
from medvox.dicom import tags
from medvox.server.archive_viewer import types as api

Row = Mapping[str, Any]
"""A DICOM JSON object (PS3.18 F.2)."""

_STUDY: Final = (
    tags.PATIENT_NAME, tags.PATIENT_ID, tags.PATIENT_BIRTH_DATE, tags.PATIENT_SEX, tags.STUDY_DATE,
    tags.STUDY_TIME, tags.STUDY_DESCRIPTION, tags.ACCESSION_NUMBER, tags.STUDY_INSTANCE_UID,
    matching.MODALITIES_IN_STUDY, matching.NUMBER_OF_STUDY_SERIES, matching.NUMBER_OF_STUDY_INSTANCES,
)  # fmt: skip
_SERIES: Final = (
    tags.SERIES_INSTANCE_UID, tags.SERIES_NUMBER, tags.MODALITY, tags.SERIES_DESCRIPTION,
    tags.BODY_PART_EXAMINED, matching.NUMBER_OF_SERIES_INSTANCES,
)  # fmt: skip


def filters(search: api.StudySearch) -> dict[int, str]:
    """Return what a search asks for, as keys of an identifier (PS3.4 C.2.2.2)."""
    first = "" if search.first_date is None else search.first_date.strftime("%Y%m%d")
    last = "" if search.last_date is None else search.last_date.strftime("%Y%m%d")
    wanted = {
        tags.PATIENT_NAME: search.patient_name.strip(),
        tags.PATIENT_ID: _part(search.patient_id),
        tags.ACCESSION_NUMBER: _part(search.accession),
        tags.STUDY_DESCRIPTION: _part(search.description),
        matching.MODALITIES_IN_STUDY: search.modality.strip().upper(),
        tags.STUDY_DATE: f"{first}-{last}" if first or last else "",
    }
    return {tag: value for tag, value in wanted.items() if value}


def keys(search: api.StudySearch) -> list[str]:
    """Return what a search asks a remote node for, by keyword; a name begins with what was typed."""
    from pydicom.datadict import keyword_for_tag

    found = filters(search)
    name = found.get(tags.PATIENT_NAME, "")
    if name and "*" not in name:  # remote nodes match the whole name (PS3.4 C.2.2.2.1)
        found[tags.PATIENT_NAME] = name.replace(", ", "^").replace(",", "^").replace(" ", "^") + "*"
    return [f"{keyword_for_tag(tag)}={value}" for tag, value in found.items()]


def held(archive: Archive, study_uids: Sequence[str]) -> dict[str, int]:
    """Return how many instances the archive has of each of some studies."""
    found: dict[str, int] = {}
    for at in range(0, len(study_uids), 100):
        wanted = {tags.STUDY_INSTANCE_UID: "\\".join(study_uids[at : at + 100])}
        rows = archive.find(Query(Level.STUDY, wanted, frozenset(_STUDY))).rows
        found |= {one.study_uid: one.instances for one in map(_study, rows)}
    return found


def _part(text: str) -> str:
    """Pattern that matches where a text is a part."""
    text = text.strip().replace("\\", "?")  # a backslash would part values
    return text if not text or "*" in text or "?" in text else f"*{text}*"


def studies(archive: Archive, page: api.StudyPage) -> api.ListedStudies:
    """Return a page of the studies that match, the newest first.

    Raises
    ------
    UsageError
        If `page.after` is not from a page of studies.
    """
    query = Query(
        Level.STUDY, filters(page), frozenset(_STUDY), page.limit, page.after, fuzzy=True, any_case=True
    )
    found = archive.find(query)
    return api.ListedStudies(studies=[_study(row) for row in found.rows], next=found.next)


def study(archive: Archive, study_uid: str) -> api.ListedStudy:
    """Return one study.

    Raises
    ------
    MissingError
        If there is no such study.
    """
    rows = archive.find(Query(Level.STUDY, {tags.STUDY_INSTANCE_UID: study_uid}, frozenset(_STUDY))).rows
    if not rows:
        raise MissingError("there is no such study", advice="Choose a study out of the list")
    return _study(rows[0])


def series(archive: Archive, study_uid: str) -> list[api.ListedSeries]:
    """Return the series of a study by number, at most `LONGEST_PAGE`.

    Raises
    ------
    MissingError
        If there is no such study.
    """
    wanted = {tags.STUDY_INSTANCE_UID: study_uid}
    rows = archive.find(Query(Level.SERIES, wanted, frozenset(_SERIES), LONGEST_PAGE)).rows
    if not rows:
        raise MissingError("there is no such study", advice="Choose a study out of the list")
    return sorted(map(_series, rows), key=lambda one: (one.number is None, one.number or 0))


def _study(row: Row) -> api.ListedStudy:
    return api.ListedStudy(
        study_uid=text(row, tags.STUDY_INSTANCE_UID),
        patient_name=text(row, tags.PATIENT_NAME),
        patient_id=text(row, tags.PATIENT_ID),
        birth_date=text(row, tags.PATIENT_BIRTH_DATE),
        sex=text(row, tags.PATIENT_SEX),
        date=text(row, tags.STUDY_DATE),
        time=text(row, tags.STUDY_TIME),
        description=text(row, tags.STUDY_DESCRIPTION),
        accession=text(row, tags.ACCESSION_NUMBER),
        modalities=[str(value) for value in _values(row, matching.MODALITIES_IN_STUDY)],
        series=number(row, matching.NUMBER_OF_STUDY_SERIES) or 0,
        instances=number(row, matching.NUMBER_OF_STUDY_INSTANCES) or 0,
    )


def _series(row: Row) -> api.ListedSeries:
    return api.ListedSeries(
        series_uid=text(row, tags.SERIES_INSTANCE_UID),
        number=number(row, tags.SERIES_NUMBER),
        modality=text(row, tags.MODALITY),
        description=text(row, tags.SERIES_DESCRIPTION),
        body_part=text(row, tags.BODY_PART_EXAMINED),
        instances=number(row, matching.NUMBER_OF_SERIES_INSTANCES) or 0,
    )


def _values(row: Row, tag: int) -> Iterable[Any]:
    return [value for value in row.get(f"{tag:08X}", {}).get("Value", ()) if value is not None]


def text(row: Row, tag: int) -> str:
    """Return the first value of an attribute as text; of a name its first group that is not empty."""
    value = next(iter(_values(row, tag)), "")
    if isinstance(value, Mapping):
        groups = (value.get(group, "") for group in ("Alphabetic", "Ideographic", "Phonetic"))
        value = next((group for group in groups if group), "")
    return str(value)


def number(row: Row, tag: int) -> int | None:
    """Return the first value of an attribute as a whole number, or None."""
    try:
        return int(text(row, tag))
    except ValueError:
        return None

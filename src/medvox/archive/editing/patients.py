"""Patients and studies as the index has them, for those who edit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, exists, select

from medvox.archive.index.tables import INSTANCES, SERIES, STUDIES
from medvox.core.errors import MissingError
from medvox.dicom import tags

ISSUER: Final = 0x00100021
PATIENT: Final = {
    "patient_name": tags.PATIENT_NAME,
    "patient_id": tags.PATIENT_ID,
    "issuer": ISSUER,
    "birth_date": tags.PATIENT_BIRTH_DATE,
    "sex": tags.PATIENT_SEX,
}
STUDY: Final = {
    "study_date": tags.STUDY_DATE,
    "study_time": tags.STUDY_TIME,
    "accession": tags.ACCESSION_NUMBER,
    "study_id": 0x00200010,
    "referring": 0x00080090,
    "description": tags.STUDY_DESCRIPTION,
}


@dataclass(frozen=True, slots=True)
class PatientKey:
    """What names a patient.

    Parameters
    ----------
    patient_id
        Patient ID (0010,0020).
    issuer
        Issuer of Patient ID (0010,0021), empty without.
    """

    patient_id: str
    issuer: str = ""


def studies_of(connection: Connection, patient: PatientKey) -> list[str]:
    """UIDs of the studies of a patient, the newest first.

    Raises
    ------
    MissingError
        If there is none.
    """
    served = exists().where(INSTANCES.c.series == SERIES.c.id, SERIES.c.study == STUDIES.c.id)
    found = connection.scalars(
        select(STUDIES.c.study_uid)
        .where(STUDIES.c.patient_id == patient.patient_id, STUDIES.c.issuer == patient.issuer)
        .where(served.where(INSTANCES.c.is_current))
        .order_by(STUDIES.c.study_date.desc(), STUDIES.c.id.desc())
    )
    uids = list(found)
    if not uids:
        raise MissingError("there is no such patient", advice="Give the issuer too if the ID has one")
    return uids


def values_of(connection: Connection, study_uid: str, *columns: dict[str, int]) -> dict[int, str]:
    """Values of a study by tag.

    Raises
    ------
    MissingError
        If there is no such study.
    """
    row: Any = connection.execute(select(STUDIES).where(STUDIES.c.study_uid == study_uid)).first()
    if row is None:
        raise MissingError("there is no such study", got=study_uid)
    return {tag: getattr(row, name) for group in columns for name, tag in group.items()}


def versions_of(
    connection: Connection, study_uid: str, series_uids: Iterable[str] | None = None
) -> list[tuple[str, str]]:
    """UID and digest of the instances that are served of a study, or of some of its series.

    Raises
    ------
    MissingError
        If there are none.
    """
    statement = (
        select(INSTANCES.c.sop_uid, INSTANCES.c.digest)
        .select_from(INSTANCES.join(SERIES, SERIES.c.id == INSTANCES.c.series).join(STUDIES))
        .where(STUDIES.c.study_uid == study_uid, INSTANCES.c.is_current)
        .order_by(INSTANCES.c.series, INSTANCES.c.number, INSTANCES.c.id)
    )
    if series_uids is not None:
        statement = statement.where(SERIES.c.series_uid.in_(list(series_uids)))
    found = [(row.sop_uid, row.digest) for row in connection.execute(statement)]
    if not found:
        raise MissingError("there is no such study or series", got=study_uid)
    return found


def series_of(connection: Connection, study_uid: str) -> set[str]:
    """UIDs of the series of a study that have instances which are served."""
    statement = (
        select(SERIES.c.series_uid)
        .join(STUDIES)
        .join(INSTANCES, INSTANCES.c.series == SERIES.c.id)
        .where(STUDIES.c.study_uid == study_uid, INSTANCES.c.is_current)
    )
    return set(connection.scalars(statement))

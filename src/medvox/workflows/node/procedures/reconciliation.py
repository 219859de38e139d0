"""Reconciliation: what a stored study and a scheduled step say differently of one procedure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from medvox.archive.archive import Archive
from medvox.archive.entry import name_key
from medvox.archive.model import Level, Query
from medvox.archive.state.attribute_matching import Json, text_of
from medvox.archive.state.worklist import STEPS, STUDY_UID, Worklist, WorklistItem
from medvox.core.errors import MissingError

_COMPARED: Final = {
    "PatientName": ("00100010", "00100010"),
    "PatientID": ("00100020", "00100020"),
    "IssuerOfPatientID": ("00100021", "00100021"),
    "PatientBirthDate": ("00100030", "00100030"),
    "PatientSex": ("00100040", "00100040"),
    "AccessionNumber": ("00080050", "00080050"),
    "ReferringPhysicianName": ("00080090", "00080090"),
    "StudyID": ("00200010", "00401001"),
    "StudyDescription": ("00081030", "00321060"),
}
"""Attributes of a study, and of the worklist item that they come from (IHE RAD TF-2, A)."""
_ACCESSION, _PATIENT_ID, _STUDY_DATE = "00080050", "00100020", "00080020"
_STEP_DATE: Final = "00400002"


class Evidence(StrEnum):
    """Why a step may belong to a study, the strongest first."""

    STUDY_UID = "same Study Instance UID"
    ACCESSION = "same Accession Number"
    PATIENT_AND_DAY = "same patient on the same day"


@dataclass(frozen=True, slots=True)
class Difference:
    """An attribute that is stored otherwise than it was scheduled.

    Parameters
    ----------
    keyword
        The attribute of the study.
    stored, scheduled
        Both values, names with their groups.
    is_spelling
        Whether only case, marks or trailing separators of a name differ.
    """

    keyword: str
    stored: str
    scheduled: str
    is_spelling: bool = False


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """A proposal; nothing is changed by it.

    Parameters
    ----------
    study_uid, item
        The study, and the number of the worklist item.
    differences
        What the item says otherwise. What it does not say stays as it is stored.
    scheduled_study_uid
        Study Instance UID of the item where it is another; UIDs are not corrected, studies are merged.
    """

    study_uid: str
    item: int
    differences: tuple[Difference, ...]
    scheduled_study_uid: str = ""

    @property
    def values(self) -> dict[str, str]:
        """Values by keyword, as the correction of a study takes them."""
        return {each.keyword: each.scheduled for each in self.differences}


def reconcile(study: Json, item: WorklistItem) -> Reconciliation:
    """Compare a stored study with a worklist item.

    Parameters
    ----------
    study
        Attributes of the study (PS3.18 F.2), as `study_of` returns them.
    item
        The worklist item.
    """
    found = []
    for keyword, (stored_tag, scheduled_tag) in _COMPARED.items():
        stored, scheduled = text_of(study, stored_tag), text_of(item.data, scheduled_tag)
        if scheduled and scheduled != stored:
            is_name = keyword.endswith("Name")
            spelling = is_name and name_key(stored) == name_key(scheduled)
            found.append(Difference(keyword, stored, scheduled, spelling))
    uid = text_of(study, STUDY_UID)
    return Reconciliation(uid, item.id, tuple(found), "" if item.study_uid == uid else item.study_uid)


def study_of(archive: Archive, study_uid: str) -> dict[str, Any]:
    """Return the attributes of a stored study.

    Raises
    ------
    MissingError
        If there is no such study.
    """
    page = archive.find(Query(Level.STUDY, {int(STUDY_UID, 16): study_uid}, limit=1))
    if not page.rows:
        raise MissingError("there is no such study", got=study_uid)
    return page.rows[0]


def candidates(worklist: Worklist, study: Json) -> list[tuple[WorklistItem, Evidence]]:
    """Return the worklist items that may belong to a study, each once, the strongest evidence first."""
    found: dict[int, tuple[WorklistItem, Evidence]] = {}
    for keys, evidence in _questions(study):
        for item in worklist.find(keys, is_history=True):
            found.setdefault(item.id, (item, evidence))
    return list(found.values())


def _questions(study: Json) -> Iterator[tuple[dict[str, Any], Evidence]]:
    """Identifiers that ask the worklist for a study; those without a value are left out."""
    uid, accession, patient, day = (
        text_of(study, tag) for tag in (STUDY_UID, _ACCESSION, _PATIENT_ID, _STUDY_DATE)
    )
    if uid:
        yield {STUDY_UID: {"vr": "UI", "Value": [uid]}}, Evidence.STUDY_UID
    if accession and not set("*?") & set(accession):
        yield {_ACCESSION: {"vr": "SH", "Value": [accession]}}, Evidence.ACCESSION
    if patient and day and not set("*?") & set(patient):
        step = {_STEP_DATE: {"vr": "DA", "Value": [day]}}
        keys = {_PATIENT_ID: {"vr": "LO", "Value": [patient]}, STEPS: {"vr": "SQ", "Value": [step]}}
        yield keys, Evidence.PATIENT_AND_DAY

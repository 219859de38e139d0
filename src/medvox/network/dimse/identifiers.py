"""Identifiers of queries from words: ``KEYWORD=VALUE``, ``(gggg,eeee)=VALUE`` (PS3.4 C.2.2, C.6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from medvox.core.errors import UsageError
from medvox.network.dimse.datasets import quiet

if TYPE_CHECKING:
    from pydicom import Dataset

_RETURNED = {
    "PATIENT": ("PatientName", "PatientID", "PatientBirthDate"),
    "STUDY": (
        "PatientName", "PatientID", "StudyDate", "StudyTime", "AccessionNumber", "StudyDescription",
        "ModalitiesInStudy", "NumberOfStudyRelatedInstances", "StudyInstanceUID",
    ),
    "SERIES": (
        "StudyInstanceUID", "Modality", "SeriesNumber", "SeriesDescription",
        "NumberOfSeriesRelatedInstances", "SeriesInstanceUID",
    ),
    "IMAGE": ("StudyInstanceUID", "SeriesInstanceUID", "InstanceNumber", "SOPClassUID", "SOPInstanceUID"),
}  # fmt: skip
"""Attributes asked for by level (PS3.4 C.6.1.1, C.6.2.1)."""
_WORKLIST = (
    "AccessionNumber", "ReferringPhysicianName", "ReferencedStudySequence", "ReferencedPatientSequence",
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientWeight", "MedicalAlerts",
    "Allergies", "PregnancyStatus", "StudyInstanceUID", "RequestingPhysician",
    "RequestedProcedureDescription", "RequestedProcedureCodeSequence", "AdmissionID", "RequestedProcedureID",
    "RequestedProcedurePriority",
)  # fmt: skip
_WORKLIST_STEP = (
    "Modality", "RequestedContrastAgent", "ScheduledStationAETitle", "ScheduledProcedureStepStartDate",
    "ScheduledProcedureStepStartTime", "ScheduledPerformingPhysicianName",
    "ScheduledProcedureStepDescription", "ScheduledProtocolCodeSequence", "ScheduledProcedureStepID",
    "ScheduledStationName", "ScheduledProcedureStepLocation", "ScheduledProcedureStepStatus",
    "CommentsOnTheScheduledProcedureStep",
)  # fmt: skip
"""Attributes asked for of worklist items, and of their step (PS3.4 table K.6-1)."""
LEVELS = tuple(_RETURNED)


def identifier(level: str, keys: Iterable[str], *, unique: bool = False) -> Dataset:
    """Return an identifier.

    Parameters
    ----------
    level
        Query/Retrieve Level, any case: ``patient``, ``study``, ``series`` or ``image``.
    keys
        ``KEYWORD=VALUE``; wildcards and ranges as PS3.4 C.2.2.2 has them, lists by a backslash.
    unique
        Whether only the keys go in (to retrieve), not the attributes to return.

    Raises
    ------
    UsageError
        If the level, a keyword or a value is wrong.
    """
    from pydicom import Dataset

    name = level.upper()
    if name not in LEVELS:
        raise UsageError("unknown level", got=level, expected=[each.lower() for each in LEVELS])
    found = Dataset()
    found.SpecificCharacterSet = "ISO_IR 192"
    found.QueryRetrieveLevel = name
    for keyword in () if unique else _RETURNED[name]:
        setattr(found, keyword, None)
    for key in keys:
        _add(found, key)
    return found


def worklist_identifier(keys: Iterable[str]) -> Dataset:
    """Return an identifier of the Modality Worklist with the attributes that are usual (PS3.4 K.6.1.2).

    Parameters
    ----------
    keys
        ``KEYWORD=VALUE``; those of the Scheduled Procedure Step Sequence go into its item.

    Raises
    ------
    UsageError
        If a keyword or a value is wrong.
    """
    from pydicom import Dataset

    found, step = Dataset(), Dataset()
    found.SpecificCharacterSet = "ISO_IR 192"
    for keyword in _WORKLIST:
        setattr(found, keyword, None)
    for keyword in _WORKLIST_STEP:
        setattr(step, keyword, None)
    for key in keys:
        name = key.partition("=")[0]
        _add(step if name in _WORKLIST_STEP else found, key)
    found.ScheduledProcedureStepSequence = [step]
    return found


def _add(found: Dataset, key: str) -> None:
    from pydicom.datadict import dictionary_VR
    from pydicom.tag import Tag

    name, separator, value = key.partition("=")
    with quiet():
        try:
            tag = Tag(name.strip("()").replace(",", ""))
            found.add_new(tag, dictionary_VR(tag), value.split("\\") if "\\" in value else value or None)
        except Exception:
            separator = ""
    if not separator:
        raise UsageError("a key is written KEYWORD=VALUE", got=name, expected="e.g. PatientID=1234")

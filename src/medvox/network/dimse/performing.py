"""Performed steps as user: what to send when a procedure begins and ends (PS3.4 table F.7.2-1)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from medvox.core.errors import FormatError, UsageError
from medvox.network.dimse.datasets import quiet

if TYPE_CHECKING:
    from pydicom import Dataset

_SCHEDULED: Final = (
    "StudyInstanceUID", "ReferencedStudySequence", "AccessionNumber", "RequestedProcedureID",
    "RequestedProcedureDescription",
)  # fmt: skip
_SCHEDULED_STEP: Final = (
    "ScheduledProcedureStepID", "ScheduledProcedureStepDescription", "ScheduledProtocolCodeSequence",
)  # fmt: skip
_PATIENT: Final = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "ReferencedPatientSequence",
)  # fmt: skip
_EMPTY: Final = (
    "PerformedStationName", "PerformedLocation", "PerformedProcedureStepDescription",
    "PerformedProcedureTypeDescription", "ProcedureCodeSequence", "PerformedProcedureStepEndDate",
    "PerformedProcedureStepEndTime", "StudyID", "PerformedProtocolCodeSequence", "PerformedSeriesSequence",
    "PerformedProcedureStepDiscontinuationReasonCodeSequence",
)  # fmt: skip
"""Of type 2 in N-CREATE: what is not known yet."""
_OF_SERIES: Final = ("SeriesInstanceUID", "SeriesDescription", "ProtocolName", "OperatorsName")
_OTHER: Final = "ReferencedNonImageCompositeSOPInstanceSequence"
_READ: Final = (
    *_OF_SERIES, "SpecificCharacterSet", "PerformingPhysicianName", "SOPClassUID", "SOPInstanceUID", "Rows",
)  # fmt: skip


def begin(item: Dataset, station: str, now: dt.datetime) -> Dataset:
    """Return the attributes of N-CREATE for a worklist item.

    Parameters
    ----------
    item
        The worklist item, or as much as is known of it; with a Study Instance UID.
    station
        AE title of the modality.
    now
        When the procedure begins.

    Raises
    ------
    UsageError
        If Study Instance UID or Modality is not known.
    """
    from pydicom import Dataset

    steps = item.get("ScheduledProcedureStepSequence") or [Dataset()]
    modality = steps[0].get("Modality") or item.get("Modality")
    if not item.get("StudyInstanceUID") or not modality:
        raise UsageError("a step needs a StudyInstanceUID and a Modality")
    found, scheduled = Dataset(), Dataset()
    found.SpecificCharacterSet = "ISO_IR 192"
    _copy(item, scheduled, _SCHEDULED)
    _copy(steps[0], scheduled, _SCHEDULED_STEP)
    found.ScheduledStepAttributesSequence = [scheduled]
    _copy(item, found, _PATIENT)
    for keyword in _EMPTY:
        setattr(found, keyword, None)
    found.PerformedProcedureStepID = scheduled.ScheduledProcedureStepID or f"{now:%Y%m%d%H%M%S}"
    found.PerformedStationAETitle = station
    found.PerformedProcedureStepStartDate = f"{now:%Y%m%d}"
    found.PerformedProcedureStepStartTime = f"{now:%H%M%S}"
    found.PerformedProcedureStepStatus = "IN PROGRESS"
    found.PerformedProcedureStepDescription = scheduled.ScheduledProcedureStepDescription
    found.Modality = modality
    return found


def end(status: str, series: Iterable[Dataset], now: dt.datetime, reason: Dataset | None = None) -> Dataset:
    """Return the modifications of the last N-SET.

    Parameters
    ----------
    status
        COMPLETED or DISCONTINUED.
    series
        Items of the Performed Series Sequence.
    now
        When the procedure ends.
    reason
        Why it was discontinued.
    """
    from pydicom import Dataset

    found = Dataset()
    found.SpecificCharacterSet = "ISO_IR 192"
    found.PerformedProcedureStepStatus = status
    found.PerformedProcedureStepEndDate = f"{now:%Y%m%d}"
    found.PerformedProcedureStepEndTime = f"{now:%H%M%S}"
    found.PerformedSeriesSequence = list(series)
    if reason is not None:
        found.PerformedProcedureStepDiscontinuationReasonCodeSequence = [reason]
    return found


def performed_series(files: Iterable[Path]) -> list[Dataset]:
    """Return the items of the Performed Series Sequence that tell of files.

    Raises
    ------
    FormatError
        If a file is no DICOM file.
    """
    from pydicom import Dataset, dcmread

    found: dict[str, Dataset] = {}
    for path in files:
        with quiet():
            try:
                header = dcmread(path, stop_before_pixels=True, specific_tags=list(_READ))
                uid, sop_class, instance = header.SeriesInstanceUID, header.SOPClassUID, header.SOPInstanceUID
            except Exception as error:
                raise FormatError("no DICOM instance", where=path, got=type(error).__name__) from None
        series = found.get(uid)
        if series is None:
            series = found[uid] = Dataset()
            _copy(header, series, (*_OF_SERIES, "PerformingPhysicianName", "RetrieveAETitle"))
            series.ProtocolName = series.ProtocolName or header.get("SeriesDescription") or "unknown"
            series.ReferencedImageSequence = []
            setattr(series, _OTHER, [])
        reference = Dataset()
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = sop_class, instance
        kind = "ReferencedImageSequence" if "Rows" in header else _OTHER
        series[kind].value.append(reference)
    return list(found.values())


def discontinuation_reason(code: str) -> Dataset:
    """Return the item of a reason to discontinue (PS3.16 CID 9301).

    Raises
    ------
    UsageError
        If there is no such code.
    """
    from pydicom import Dataset
    from pydicom.sr.codedict import codes

    known = {concept.value: concept for concept in codes.cid9301.concepts.values()}
    if code not in known:
        expected = [f"{value} ({concept.meaning})" for value, concept in sorted(known.items())]
        raise UsageError("unknown reason to discontinue", got=code, expected=expected)
    reason = Dataset()
    reason.CodeValue = code
    reason.CodingSchemeDesignator = known[code].scheme_designator
    reason.CodeMeaning = known[code].meaning
    return reason


def _copy(source: Dataset, target: Dataset, keywords: Iterable[str]) -> None:
    for keyword in keywords:
        setattr(target, keyword, source.get(keyword))

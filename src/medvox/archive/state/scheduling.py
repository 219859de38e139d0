"""Scheduling: worklist items from plain columns, one by one or from a CSV file."""

from __future__ import annotations

import csv
import io
import uuid
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from medvox.archive.state.worklist import STEPS, Worklist, WorklistItem
from medvox.core.errors import AccessError, FormatError, MissingError, UsageError

_TOP: Final = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientWeight",
    "PatientSize", "PregnancyStatus", "MedicalAlerts", "Allergies", "SpecialNeeds", "PatientComments",
    "AccessionNumber", "ReferringPhysicianName", "RequestingPhysician", "RequestingService",
    "RequestedProcedureID", "RequestedProcedureDescription", "RequestedProcedurePriority",
    "ReasonForTheRequestedProcedure", "PatientTransportArrangements", "CurrentPatientLocation", "AdmissionID",
    "InstitutionName", "StudyInstanceUID",
)  # fmt: skip
_STEP: Final = (
    "Modality", "ScheduledStationAETitle", "ScheduledStationName", "ScheduledProcedureStepLocation",
    "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime", "ScheduledProcedureStepEndDate",
    "ScheduledProcedureStepEndTime", "ScheduledPerformingPhysicianName", "ScheduledProcedureStepDescription",
    "ScheduledProcedureStepID", "ScheduledProcedureStepStatus", "RequestedContrastAgent", "PreMedication",
    "CommentsOnTheScheduledProcedureStep",
)  # fmt: skip
COLUMNS: Final = (*_TOP, *_STEP)
"""Attributes that a worklist item is written with: keywords of PS3.6."""
LONGEST_FILE: Final = 64 << 20
"""Bytes of a CSV file that is taken."""


def scheduled(values: Mapping[str, str]) -> dict[str, Any]:
    """Return the data set of a worklist item.

    What is not said is made: a Study Instance UID, the same for the same patient, accession number and
    requested procedure; Requested Procedure ID from the accession number, else 1; Scheduled Procedure Step
    ID 1; start time 000000; Requested Procedure Description from that of the step.

    Parameters
    ----------
    values
        By keywords, of `COLUMNS`; several values are parted by a backslash. Dates may be written 2026-11-22
        and times 14:30.

    Raises
    ------
    UsageError
        If a keyword is unknown or a value does not fit its VR (PS3.5 6.2); the value is not in the error.
    """
    given = {name: value.strip() for name, value in values.items() if value.strip()}
    unknown = sorted(given.keys() - set(COLUMNS))
    if unknown:
        raise UsageError("unknown column", got=", ".join(unknown), expected=COLUMNS)
    given.setdefault("RequestedProcedureID", given.get("AccessionNumber", "1"))
    given.setdefault("ScheduledProcedureStepID", "1")
    given.setdefault("ScheduledProcedureStepStartTime", "000000")
    if "ScheduledProcedureStepDescription" in given:
        given.setdefault("RequestedProcedureDescription", given["ScheduledProcedureStepDescription"])
    given.setdefault("StudyInstanceUID", _study_uid(given))
    step = dict(_element(name, given[name]) for name in _STEP if name in given)
    data = dict(_element(name, given[name]) for name in _TOP if name in given)
    return data | {STEPS: {"vr": "SQ", "Value": [step]}}


def read_csv(path: Path) -> list[dict[str, Any]]:
    """Return the data sets of worklist items in a CSV file: UTF-8, the first line names `COLUMNS`.

    Steps of one study without a Scheduled Procedure Step ID are numbered from 1 in their order.

    Raises
    ------
    MissingError, AccessError
        If the file is not there or cannot be read.
    FormatError
        If it is no CSV in UTF-8, a column is unknown, or a value is wrong; names line and column.
    """
    try:
        if path.stat().st_size > LONGEST_FILE:
            raise FormatError("the file is too long for a worklist", where=path, expected="at most 64 MiB")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise MissingError("there is no such file", where=path) from None
    except OSError as error:
        raise AccessError("the file cannot be read", where=path, got=error.strerror) from None
    except UnicodeDecodeError:
        raise FormatError("the file is not in UTF-8", where=path) from None
    delimiter = ";" if text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",") else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    numbers: Counter[str] = Counter()
    try:
        return [_of_line(row, numbers) for row in reader]
    except (UsageError, csv.Error) as error:
        what = error.reason if isinstance(error, UsageError) else "the line is no CSV"
        raise FormatError(what, where=f"{path}, line {reader.line_num}") from None


def import_csv(worklist: Worklist, path: Path) -> list[WorklistItem]:
    """Schedule what a CSV file lists; steps that are there already are changed.

    Nothing is scheduled where a line is wrong.

    Raises
    ------
    FormatError, MissingError, AccessError
        As for `read_csv`.
    """
    return worklist.put_all(read_csv(path))


def _of_line(row: dict[str, str], numbers: Counter[str]) -> dict[str, Any]:
    """The data set of a line; a step without an ID is given the next number of its study."""
    if None in row or None in row.values():
        raise UsageError("the line has not as many columns as the first")
    if not row.get("ScheduledProcedureStepID", "").strip():
        uid = scheduled(row)["0020000D"]["Value"][0]
        numbers[uid] += 1
        row["ScheduledProcedureStepID"] = str(numbers[uid])
    return scheduled(row)


def _study_uid(given: Mapping[str, str]) -> str:
    """A UID that the same request gets again; a new one where nothing names the request (PS3.5 B.2)."""
    if not {"AccessionNumber", "RequestedProcedureID"} & given.keys():
        return f"2.25.{uuid.uuid4().int}"
    parts = ("IssuerOfPatientID", "PatientID", "AccessionNumber", "RequestedProcedureID")
    name = "\\".join(given.get(part, "") for part in parts)
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, name).int}"


def _element(keyword: str, value: str) -> tuple[str, dict[str, Any]]:
    """Tag and element of a value."""
    from pydicom.config import RAISE
    from pydicom.datadict import dictionary_VR, tag_for_keyword
    from pydicom.valuerep import validate_value

    tag = tag_for_keyword(keyword)
    assert tag is not None
    vr = dictionary_VR(tag)
    if vr == "DA":
        value = value.replace("-", "")
    elif vr == "TM":
        value = value.replace(":", "")
    values = [value] if vr in ("LT", "ST", "UT") else [part.strip() for part in value.split("\\")]
    try:
        for part in values:
            validate_value(vr, part, RAISE)
        if vr in ("DS", "US"):
            return f"{tag:08X}", {"vr": vr, "Value": [float(p) if vr == "DS" else int(p) for p in values]}
    except (ValueError, TypeError):
        raise UsageError("a value does not fit its column", where=keyword, expected=f"VR {vr}") from None
    if vr == "PN":
        return f"{tag:08X}", {"vr": vr, "Value": [_person(part) for part in values]}
    return f"{tag:08X}", {"vr": vr, "Value": values}


def _person(name: str) -> dict[str, str]:
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), name.split("="), strict=False)
    return {group: text for group, text in groups if text}

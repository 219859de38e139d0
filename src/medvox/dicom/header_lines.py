"""The header of an instance as lines, for the header browser and `medvox info --tag`."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pydicom import DataElement, Dataset, dcmread

from medvox.core.errors import FormatError
from medvox.core.study import HeaderElement

LONGEST_VALUE = 200
_IDENTIFYING_VR = frozenset({"PN"})
_IDENTIFYING = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientBirthTime", "PatientSex", "PatientAge",
    "OtherPatientIDs", "OtherPatientIDsSequence", "OtherPatientNames", "PatientAddress",
    "PatientTelephoneNumbers", "PatientMotherBirthName", "EthnicGroup", "PatientComments",
    "AccessionNumber", "StudyID", "InstitutionName", "InstitutionAddress", "StationName",
    "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "DeviceSerialNumber",
    "IssuerOfPatientID", "MilitaryRank", "Occupation", "CountryOfResidence", "RegionOfResidence",
)  # fmt: skip


def header_lines(file: str) -> tuple[HeaderElement, ...]:
    """Read the whole header of a file, pixel data left out, sequences flattened.

    Raises
    ------
    FormatError
        If it cannot be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's name the values they object to; the lines show them
            data = dcmread(Path(file), stop_before_pixels=True, force=True)
            meta = list(_lines(data.file_meta, 0)) if getattr(data, "file_meta", None) else []
            return (*meta, *_lines(data, 0))
    except Exception as error:  # pydicom raises errors of many classes
        raise FormatError("header cannot be read", where=Path(file).name) from error


def _lines(data: Dataset, depth: int) -> Iterator[HeaderElement]:
    for element in data:
        items = element.value if element.VR == "SQ" else None
        value = f"{len(items)} item(s)" if items is not None else _text(element)
        yield HeaderElement(
            tag=f"({element.tag.group:04X},{element.tag.element:04X})",
            vr=str(element.VR),
            keyword=element.keyword or element.name.strip("[]"),
            value=value,
            depth=depth,
            identifying=element.VR in _IDENTIFYING_VR or element.keyword in _identifying(),
        )
        for item in items or []:
            yield from _lines(item, depth + 1)


def _text(element: DataElement) -> str:
    if isinstance(element.value, bytes):
        return f"{len(element.value)} bytes"
    text = "\\".join(str(v) for v in element.value) if element.VM > 1 else str(element.value)
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"


@cache
def _identifying() -> frozenset[str]:
    return frozenset(_IDENTIFYING)

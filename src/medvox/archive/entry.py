"""Entry: what the index keeps of an instance, taken from its header alone."""

from __future__ import annotations

import unicodedata
from typing import Any, Final

from medvox.core.errors import FormatError
from medvox.dicom import tags
from medvox.dicom.header import Header

ISSUER: Final = 0x00100021
REFERRING: Final = 0x00080090
STUDY_ID: Final = 0x00200010

STUDY_COLUMNS: Final = {
    "patient_id": tags.PATIENT_ID,
    "issuer": ISSUER,
    "patient_name": tags.PATIENT_NAME,
    "birth_date": tags.PATIENT_BIRTH_DATE,
    "sex": tags.PATIENT_SEX,
    "study_date": tags.STUDY_DATE,
    "study_time": tags.STUDY_TIME,
    "accession": tags.ACCESSION_NUMBER,
    "study_id": STUDY_ID,
    "referring": REFERRING,
    "description": tags.STUDY_DESCRIPTION,
}
SERIES_COLUMNS: Final = {
    "modality": tags.MODALITY,
    "description": tags.SERIES_DESCRIPTION,
    "body_part": tags.BODY_PART_EXAMINED,
}
STUDY_RETURNED: Final = (
    *STUDY_COLUMNS.values(),
    tags.STUDY_INSTANCE_UID,
    tags.PATIENT_AGE,
    0x00081060,  # Name of Physician(s) Reading Study
    0x00101020,  # Patient's Size
    0x00101030,  # Patient's Weight
    0x00104000,  # Patient Comments
    0x00080201,  # Timezone Offset From UTC
)
SERIES_RETURNED: Final = (
    *SERIES_COLUMNS.values(),
    tags.SERIES_INSTANCE_UID,
    tags.SERIES_NUMBER,
    tags.SERIES_DATE,
    tags.SERIES_TIME,
    tags.PROTOCOL_NAME,
    tags.MANUFACTURER,
    tags.FRAME_OF_REFERENCE_UID,
    0x00081090,  # Manufacturer's Model Name
    0x00080080,  # Institution Name
    0x00081010,  # Station Name
    0x00081050,  # Performing Physician's Name
    0x00200060,  # Laterality
    0x00185100,  # Patient Position
    0x00400244,  # Performed Procedure Step Start Date
    0x00400245,  # Performed Procedure Step Start Time
    0x00400253,  # Performed Procedure Step ID
)
INSTANCE_RETURNED: Final = (
    tags.SOP_CLASS_UID,
    tags.SOP_INSTANCE_UID,
    tags.INSTANCE_NUMBER,
    tags.IMAGE_TYPE,
    tags.ACQUISITION_NUMBER,
    tags.ACQUISITION_DATE,
    tags.ACQUISITION_TIME,
    tags.CONTENT_DATE,
    tags.CONTENT_TIME,
    tags.NUMBER_OF_FRAMES,
    tags.ROWS,
    tags.COLUMNS,
    0x00280100,  # Bits Allocated
    tags.IMAGE_POSITION_PATIENT,
    tags.IMAGE_ORIENTATION_PATIENT,
    0x0040A491,  # Completion Flag
    0x0040A493,  # Verification Flag
)
LONGEST_UID: Final = 64
WANTED: Final = tuple(
    sorted(
        {
            tags.SPECIFIC_CHARACTER_SET,
            0x00280103,  # Pixel Representation
            *STUDY_RETURNED,
            *SERIES_RETURNED,
            *INSTANCE_RETURNED,
        }
    )
)
"""Tags that a header must have been read with."""


def entry_of(header: Header) -> dict[str, Any]:
    """Return what the index keeps of an instance, as JSON.

    Raises
    ------
    FormatError
        If a UID that an instance must have is missing or is no UID (PS3.5 9.1).
    """
    study, series, sop = (
        _uid(header, tag, name)
        for tag, name in (
            (tags.STUDY_INSTANCE_UID, "Study Instance UID (0020,000D)"),
            (tags.SERIES_INSTANCE_UID, "Series Instance UID (0020,000E)"),
            (tags.SOP_INSTANCE_UID, "SOP Instance UID (0008,0018)"),
        )
    )
    study_columns = {name: header.text(tag) for name, tag in STUDY_COLUMNS.items()}
    study_columns |= name_columns("patient", study_columns["patient_name"])
    study_columns |= name_columns("referring", study_columns["referring"])
    return {
        "study_uid": study,
        "series_uid": series,
        "sop_uid": sop,
        "sop_class": _uid(header, tags.SOP_CLASS_UID, "SOP Class UID (0008,0016)"),
        "study": study_columns | {"attributes": _json(header, STUDY_RETURNED)},
        "series": {name: header.text(tag) for name, tag in SERIES_COLUMNS.items()}
        | {"number": _whole(header, tags.SERIES_NUMBER), "attributes": _json(header, SERIES_RETURNED)},
        "number": _whole(header, tags.INSTANCE_NUMBER),
        "frames": max(1, _whole(header, tags.NUMBER_OF_FRAMES) or 1),
        "attributes": _json(header, INSTANCE_RETURNED),
    }


def name_key(name: str) -> str:
    """Return what names are matched by: letters without case and marks, groups and parts kept apart.

    PS3.4 C.2.2.2.1 lets a PN be matched without regard to case and to marks; a key with wildcards is
    folded in the same way.
    """
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    groups = unicodedata.normalize("NFC", bare).split("=")
    return "=".join("^".join(part.strip() for part in group.split("^")).rstrip("^") for group in groups)


def name_columns(prefix: str, name: str) -> dict[str, str]:
    """Return the columns that a name is matched by: one for each of its groups (PS3.5 6.2.1.1)."""
    groups = [*name_key(name).split("="), "", ""]
    return {f"{prefix}_key": groups[0], f"{prefix}_key2": groups[1], f"{prefix}_key3": groups[2]}


def is_uid(text: str) -> bool:
    """Tell whether a text is a UID; leading zeros, which many writers make, are let pass (PS3.5 9.1)."""
    parts = text.split(".")
    return 0 < len(text) <= LONGEST_UID and all(part.isascii() and part.isdigit() for part in parts)


def _uid(header: Header, tag: int, name: str) -> str:
    text = header.text(tag)
    if not is_uid(text):
        raise FormatError(
            f"{name} is missing or is no UID", where=header.name, expected="digits and dots, at most 64"
        )
    return text


def _whole(header: Header, tag: int) -> int | None:
    number = header.integer(tag)
    return number if number is not None and abs(number) < 1 << 31 else None


def _json(header: Header, wanted: tuple[int, ...]) -> dict[str, Any]:
    """Elements in the JSON model (PS3.18 F.2)."""
    return {f"{tag:08X}": _element(header, tag) for tag in wanted if tag in header}


def _element(header: Header, tag: int) -> dict[str, Any]:
    vr = header.vr(tag) or "LO"
    if vr in ("DS", "IS", "US", "SS", "UL", "SL", "FD", "FL"):
        values: list[Any] = [int(v) if v == int(v) else v for v in header.floats(tag)]
    elif vr == "PN":
        values = [_person(name) for name in header.texts(tag) if name]
    elif vr in ("LT", "ST", "UT"):
        values = [header.text(tag)] if header.text(tag) else []
    else:
        values = list(header.texts(tag))
    return {"vr": vr, "Value": values} if values else {"vr": vr}


def _person(name: str) -> dict[str, str]:
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), name.split("="), strict=False)
    return {group: text for group, text in groups if text}

"""The DICOMDIR: patient, study, series and image records with offsets from one to the next (PS3.3 F)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from medvox.dicom import tags
from medvox.dicom.header import Header
from medvox.dicom.writing.facts import stable_uid
from medvox.dicom.writing.files import encode

STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
_NEXT, _LOWER = 0x00041400, 0x00041420
_FIRST, _LAST, _SEQUENCE = 0x00041200, 0x00041202, 0x00041220
_MADE_UP = {
    "PatientID": "MEDVOX{}",
    "StudyDate": "19000101",
    "StudyTime": "000000",
    "StudyID": "{}",
    "SeriesNumber": "{}",
    "InstanceNumber": "{}",
}
"""Keys that a record must have (PS3.3 F.5), made up for the directory where the images do not tell."""


@dataclass(frozen=True, slots=True)
class MediaFile:
    """One image on the medium.

    Parameters
    ----------
    header
        Of the file that is copied.
    file_id
        Components of its name on the medium, each of at most 8 capitals and digits (PS3.10 8.2).
    """

    header: Header
    file_id: tuple[str, ...]


@dataclass(slots=True)
class _Record:
    """One directory record and those below it."""

    elements: dict[int, bytes]
    below: list[_Record] = field(default_factory=list)
    offset: int = 0

    def walk(self) -> list[_Record]:
        """Itself and all below, in the order of the file."""
        return [self, *(found for one in self.below for found in one.walk())]


def directory_bytes(files: Sequence[MediaFile], label: str) -> tuple[bytes, list[str]]:
    """Make a DICOMDIR.

    Parameters
    ----------
    files
        Images in the order of their File IDs.
    label
        File-set ID.

    Returns
    -------
    file, notes
        The whole file; which keys were made up.
    """
    made_up: dict[str, int] = {}
    roots: list[_Record] = []
    for file in files:
        level, one = roots, file.header.dataset()
        for depth, kind in enumerate(("PATIENT", "STUDY", "SERIES")):
            number = int(file.file_id[depth][2:])
            if len(level) < number:
                level.append(_record(kind, one, number, made_up))
            level = level[number - 1].below
        level.append(_image(file, one, made_up))
    notes = [f"{count} {name} of directory records made up." for name, count in made_up.items()]
    return _file(
        roots, label, stable_uid("media", *(f.header.text(tags.SOP_INSTANCE_UID) for f in files))
    ), notes


_KEYS = {
    "PATIENT": ("PatientName", "PatientID"),
    "STUDY": ("StudyDate", "StudyTime", "StudyDescription", "StudyInstanceUID", "StudyID", "AccessionNumber"),
    "SERIES": ("Modality", "SeriesInstanceUID", "SeriesNumber"),
    "IMAGE": ("InstanceNumber",),
}


def _record(kind: str, data: Dataset, number: int, made_up: dict[str, int]) -> _Record:
    record = Dataset()
    record.OffsetOfTheNextDirectoryRecord = 0
    record.RecordInUseFlag = 0xFFFF
    record.OffsetOfReferencedLowerLevelDirectoryEntity = 0
    record.DirectoryRecordType = kind
    record.SpecificCharacterSet = "ISO_IR 192"
    for keyword in _KEYS[kind]:
        value = data.get(keyword)
        if value in (None, "") and keyword in _MADE_UP:
            value = _MADE_UP[keyword].format(number)
            made_up[keyword] = made_up.get(keyword, 0) + 1
        setattr(record, keyword, str(value) if keyword == "PatientName" and value else value)
    return _Record(encode.encoded(record))


def _image(file: MediaFile, data: Dataset, made_up: dict[str, int]) -> _Record:
    made = _record("IMAGE", data, int(file.file_id[-1][2:]), made_up)
    header: Header = file.header
    for tag, vr, value in (
        (0x00041500, "CS", "\\".join(file.file_id)),
        (0x00041510, "UI", header.text(tags.SOP_CLASS_UID)),
        (0x00041511, "UI", header.text(tags.SOP_INSTANCE_UID)),
        (0x00041512, "UI", header.transfer_syntax),
    ):
        made.elements[tag] = encode.text(tag, vr, value)
    return made


def _file(roots: list[_Record], label: str, uid: str) -> bytes:
    """Place the records one after the other, then say where each one lies."""
    front = encode.file_meta(STORAGE_DIRECTORY, uid, encode.EXPLICIT_LITTLE)
    head = {
        0x00041130: encode.text(0x00041130, "CS", label),
        _FIRST: _offset(_FIRST, 0),
        _LAST: _offset(_LAST, 0),
        0x00041212: encode.element(0x00041212, "US", struct.pack("<H", 0)),
    }
    records = [record for root in roots for record in root.walk()]
    at = len(front) + len(encode.joined(head)) + 12
    for record in records:
        record.offset = at
        at += 8 + len(encode.joined(record.elements))
    _link(roots)
    head[_FIRST], head[_LAST] = _offset(_FIRST, roots[0].offset), _offset(_LAST, roots[-1].offset)
    body = encode.sequence(_SEQUENCE, [encode.joined(record.elements) for record in records])
    return front + encode.joined(head) + body


def _link(level: Sequence[_Record]) -> None:
    if not level:
        return
    following = [record.offset for record in level[1:]] + [0]
    for record, after in zip(level, following, strict=True):
        record.elements[_NEXT] = _offset(_NEXT, after)
        record.elements[_LOWER] = _offset(_LOWER, record.below[0].offset if record.below else 0)
        _link(record.below)


def _offset(tag: int, value: int) -> bytes:
    return encode.element(tag, "UL", struct.pack("<I", value))

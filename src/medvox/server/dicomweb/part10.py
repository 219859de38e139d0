"""Part 10: the meta information before a data set that came as a file (PS3.10 7.1)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from medvox.archive.entry import is_uid
from medvox.archive.model import InvalidObjectError
from medvox.core.errors import UsageError
from medvox.dicom.in_memory import header_of

_SOP_CLASS, _SOP_UID, _SYNTAX = 0x00020002, 0x00020003, 0x00020010
_STUDY: Final = (0x0020000D,)
_LONG: Final = (b"OB", b"UN", b"UT")
_LONGEST: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class FileParts:
    """What the meta information says.

    Parameters
    ----------
    transfer_syntax, sop_class, sop_uid
        UIDs; of the SOP class and instance empty where they are not stated.
    data_set_offset
        First byte of the data set.
    """

    transfer_syntax: str
    sop_class: str
    sop_uid: str
    data_set_offset: int

    def check_study(self, content: memoryview, study: str) -> None:
        """Refuse an instance of another study.

        Raises
        ------
        UsageError
            If it is of another study.
        FormatError
            If it cannot be read.
        """
        header = header_of(content[self.data_set_offset :], self.transfer_syntax, "the instance", _STUDY)
        if header.text(_STUDY[0]) != study:
            raise UsageError("the instance is of another study", expected=study)


def file_parts(content: memoryview) -> FileParts:
    """Read the meta information of a DICOM file.

    Raises
    ------
    InvalidObjectError
        If it is missing or malformed, or states no transfer syntax.
    """
    if bytes(content[128:132]) != b"DICM":
        raise InvalidObjectError("the part is no DICOM file", expected="a preamble and DICM (PS3.10 7.1)")
    at, found = 132, {_SOP_CLASS: "", _SOP_UID: "", _SYNTAX: ""}
    while at + 8 <= len(content) and at < _LONGEST:
        group, element, vr, length = struct.unpack_from("<HH2sH", content, at)
        if group != 2:
            break
        at += 8
        if vr in _LONG:
            if at + 4 > len(content):
                break
            length = struct.unpack_from("<I", content, at)[0]
            at += 4
        tag = group << 16 | element
        if tag in found:
            found[tag] = bytes(content[at : at + min(length, 128)]).decode("latin-1").strip(" \0")
        at += length
    if at >= len(content) or not is_uid(found[_SYNTAX]):
        raise InvalidObjectError("the file meta information is malformed", where="the received instance")
    return FileParts(found[_SYNTAX], found[_SOP_CLASS], found[_SOP_UID], at)

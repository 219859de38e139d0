"""Files to send: where the data set begins and what the file meta information says (PS3.10 7.1)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from medvox.core.errors import AccessError, FormatError

_PREAMBLE = 132
_LONG = {b"OB", b"OW", b"SQ", b"UN", b"UT", b"UC", b"UR", b"OD", b"OF", b"OL", b"OV", b"SV", b"UV"}
_WANTED = {0x0002: "class", 0x0003: "instance", 0x0010: "syntax"}
_DIRECTORY = "1.2.840.10008.1.3.10"
_MAX_META = 1 << 20


@dataclass(frozen=True, slots=True)
class FileToSend:
    """An instance in a Part 10 file; an `ObjectToSend`.

    Parameters
    ----------
    path
        The file.
    sop_class_uid, sop_instance_uid, transfer_syntax
        From the file meta information.
    offset
        First byte of the data set.
    """

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax: str
    offset: int

    def open(self) -> memoryview:
        """Return the data set as it stands in the file."""
        try:
            return memoryview(self.path.read_bytes())[self.offset :]
        except OSError as error:
            raise AccessError("cannot be read", where=self.path.name, got=error.strerror) from None

    def transcode(self, transfer_syntax: str) -> bytes | None:
        """Return the data set in a native little endian encoding; None where that cannot be.

        Raises
        ------
        FormatError, UnsupportedError
            If the data set or its pixels cannot be decoded or written.
        """
        from medvox.dicom.writing.files.uncompress import uncompressed

        return uncompressed(self.open(), self.transfer_syntax, transfer_syntax)


def file_to_send(path: Path) -> FileToSend:
    """Read the file meta information of a Part 10 file.

    Raises
    ------
    FormatError
        If it is no Part 10 file, is a DICOMDIR, or lacks one of the three UIDs.
    AccessError
        If the system refuses.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_PREAMBLE)
            if head[128:] != b"DICM":
                raise FormatError("is no DICOM file (no DICM at byte 128)", where=path.name)
            found, offset = _meta(file, path.name)
    except OSError as error:
        if isinstance(error, FormatError):
            raise
        raise AccessError("cannot be read", where=path.name, got=error.strerror) from None
    if found.keys() != set(_WANTED.values()):
        raise FormatError("the file meta information lacks a UID", where=path.name)
    if found["class"] == _DIRECTORY:
        raise FormatError("a DICOMDIR is not sent", where=path.name)
    return FileToSend(path, found["class"], found["instance"], found["syntax"], offset)


def _meta(file: BinaryIO, name: str) -> tuple[dict[str, str], int]:
    """Walk the elements of group 0002, explicit VR little endian, to the first of another group."""
    data, place, found = file.read(4096), 0, {}
    while place + 12 <= len(data):
        group, element, vr, short = struct.unpack_from("<HH2sH", data, place)
        if group != 2:
            break
        long = vr in _LONG
        length = struct.unpack_from("<I", data, place + 8)[0] if long else short
        begin = place + (12 if long else 8)
        place = begin + length
        if place > _MAX_META:
            raise FormatError("the file meta information is too long", where=name)
        if place + 12 > len(data):
            data += file.read(max(place + 12 - len(data), 4096))
        if element in _WANTED:
            found[_WANTED[element]] = data[begin:place].decode("ascii", "replace").strip("\0 ")
    return found, _PREAMBLE + place

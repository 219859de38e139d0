"""Encode data elements in Explicit VR Little Endian (PS3.5 7.1.2), and files around them (PS3.10 7.1)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from medvox.dicom.writing.facts import stable_uid

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
IMPLEMENTATION_UID = stable_uid("medvox", "implementation")
IMPLEMENTATION_NAME = "MEDVOX"
PIXEL_DATA = 0x7FE00010
UNDEFINED = 0xFFFFFFFF
_LONG = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"))
_ITEM = b"\xfe\xff\x00\xe0"
Elements = Mapping[int, bytes]
"""Whole encoded elements by tag."""


def element(tag: int, vr: str, value: bytes) -> bytes:
    r"""One element of defined length; its value is padded to an even length (PS3.5 7.1.1).

    Examples
    --------
    >>> element(0x00280010, "US", b"\x00\x02").hex(" ", 2)
    '2800 1000 5553 0200 0002'
    """
    if len(value) % 2:
        value += b"\0" if vr in ("UI", "OB", "UN") else b" "
    return head(tag, vr, len(value)) + value


def head(tag: int, vr: str, length: int) -> bytes:
    """Tag, VR and length of an element."""
    if vr in _LONG:
        return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr.encode(), 0, length)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), length)


def text(tag: int, vr: str, value: str) -> bytes:
    """Element of text; values of several parts are joined by a backslash already."""
    return element(tag, vr, value.encode())


def sequence(tag: int, items: Iterable[bytes]) -> bytes:
    """Sequence of items of defined length (PS3.5 7.5)."""
    return element(tag, "SQ", b"".join(_ITEM + struct.pack("<I", len(item)) + item for item in items))


def encoded(data: Dataset) -> dict[int, bytes]:
    """Encode every element of a data set, by tag.

    Private and nested elements go through pydicom; text is encoded as the data set's Specific Character
    Set says.
    """
    charset = data.get("SpecificCharacterSet", "ISO_IR 192")
    found = {}
    for part in data:
        one = Dataset()
        one.add(part)
        stream = DicomBytesIO()
        stream.is_little_endian, stream.is_implicit_VR = True, False
        write_dataset(stream, one, parent_encoding=charset)
        found[int(part.tag)] = stream.getvalue()
    return found


def joined(*parts: Elements) -> bytes:
    """Elements in the order of their tags; the last part that has a tag counts."""
    merged: dict[int, bytes] = {}
    for part in parts:
        merged.update(part)
    return b"".join(merged[tag] for tag in sorted(merged))


def file_meta(sop_class_uid: str, sop_instance_uid: str, transfer_syntax: str) -> bytes:
    """Preamble, prefix and File Meta Information (PS3.10 7.1)."""
    meta = b"".join(
        (
            element(0x00020001, "OB", b"\0\1"),
            text(0x00020002, "UI", sop_class_uid),
            text(0x00020003, "UI", sop_instance_uid),
            text(0x00020010, "UI", transfer_syntax),
            text(0x00020012, "UI", IMPLEMENTATION_UID),
            text(0x00020013, "SH", IMPLEMENTATION_NAME),
        )
    )
    return bytes(128) + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(meta))) + meta


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """Pixel data as they lie in the file.

    Parameters
    ----------
    parts
        Bytes-like pieces, header of the element included.
    others
        Elements that belong to them (offset tables).
    """

    parts: Sequence[bytes | memoryview]
    others: Elements = field(default_factory=dict)


def file_parts(
    sop: tuple[str, str], transfer_syntax: str, elements: Sequence[Elements], pixels: Encoded
) -> list[bytes | memoryview]:
    """Pieces of a whole file, in order.

    Parameters
    ----------
    sop
        SOP Class UID and SOP Instance UID.
    elements
        Elements before the pixel data; later ones replace earlier ones.
    """
    front = file_meta(*sop, transfer_syntax)
    body = joined(*elements, pixels.others)
    if transfer_syntax != DEFLATED:
        return [front + body, *pixels.parts]
    machine = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = b"".join([machine.compress(piece) for piece in (body, *pixels.parts)]) + machine.flush()
    return [front, packed + b"\0" * (len(packed) % 2)]

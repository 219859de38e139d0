"""Data elements written by hand, byte for byte after PS3.5 section 7."""

import struct
from pathlib import Path

from medvox.dicom.header import Header
from medvox.dicom.scan import read_header
from medvox.formats.inputs import InputFile

LONG = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
UNDEFINED = 0xFFFFFFFF
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
BIG, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"


def el(
    tag: int, vr: str, value: bytes | str = b"", *, length: int | None = None, style: str = EXPLICIT
) -> bytes:
    """One element; `length` is what it claims, `style` how it is encoded."""
    order = ">" if style == BIG else "<"
    data = value.encode() if isinstance(value, str) else value
    count = len(data) if length is None else length
    head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    if style == IMPLICIT or tag >> 16 == 0xFFFE:
        return head + struct.pack(order + "I", count) + data
    if vr in LONG:
        return head + vr.encode() + struct.pack(order + "HI", 0, count) + data
    return head + vr.encode() + struct.pack(order + "H", count) + data


def meta(transfer_syntax: str = EXPLICIT, group_length: bool = True) -> bytes:
    """Preamble and file meta information."""
    rest = el(0x00020010, "UI", transfer_syntax + "\0" * (len(transfer_syntax) % 2))
    first = el(0x00020000, "UL", struct.pack("<I", len(rest))) if group_length else b""
    return bytes(128) + b"DICM" + first + rest


def body(style: str = EXPLICIT) -> bytes:
    """Elements of a small image, up to the pixel data."""
    short = ">H" if style == BIG else "<H"
    return b"".join(
        (
            el(0x00080060, "CS", "MR", style=style),
            el(0x00100010, "PN", "Test^Bytes", style=style),
            el(0x00200013, "IS", "7 ", style=style),
            el(0x00280010, "US", struct.pack(short, 4), style=style),
            el(0x00280011, "US", struct.pack(short, 4), style=style),
        )
    )


def pixels(style: str = EXPLICIT, count: int = 32) -> bytes:
    """Pixel data."""
    return el(0x7FE00010, "OW", bytes(count), style=style)


def header_of(content: bytes, folder: Path, name: str = "x.dcm") -> Header:
    """The header of a file with this content."""
    return read_header(file_of(content, folder, name))


def file_of(content: bytes, folder: Path, name: str = "x.dcm") -> InputFile:
    """A file with this content."""
    path = folder / name
    path.write_bytes(content)
    return InputFile(path, name, len(content))


def check_body(header: Header) -> None:
    """Assert that a header holds the elements of `body`."""
    assert header.text(0x00080060) == "MR"
    assert header.text(0x00100010) == "Test^Bytes"
    assert header.integer(0x00200013) == 7
    assert header.ints(0x00280010) == header.ints(0x00280011) == (4,)

"""Parsed: the elements before the pixel data of a data set, to be changed; what follows stays as it is."""

from __future__ import annotations

import io
import warnings
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from medvox.archive.store.disk import Buffer
from medvox.core.errors import FormatError, UnsupportedError
from medvox.dicom.elements.encoding import DEFLATED, Encoding
from medvox.dicom.header import inflate
from medvox.dicom.in_memory import header_of

if TYPE_CHECKING:
    from pydicom import Dataset

PIXELS: Final = 0x7FE00008
"""First tag of pixel data (Float Pixel Data); elements from here on are not parsed."""
CHARACTER_SET: Final = 0x00080005
UTF_8: Final = "ISO_IR 192"
_ASKED: Final = (CHARACTER_SET,)


@dataclass(frozen=True, slots=True, eq=False)
class Parsed:
    """A data set, parsed up to its pixel data.

    Parameters
    ----------
    head
        Elements before the pixel data.
    tail
        Bytes of the pixel data and what follows, as they were.
    encoding
        How both are encoded; what the bytes show, not what was stated.
    transfer_syntax
        UID that was stated.
    """

    head: Dataset
    tail: memoryview
    encoding: Encoding
    transfer_syntax: str


def parse(data: Buffer, transfer_syntax: str) -> Parsed:
    """Parse a data set without file meta information.

    Raises
    ------
    FormatError
        If it is none.
    """
    from pydicom.filereader import read_dataset

    if transfer_syntax in DEFLATED:
        data = inflate(bytes(data), 0, "the instance")
    found = header_of(data, "" if transfer_syntax in DEFLATED else transfer_syntax, "the instance", _ASKED)
    implicit, little = found.encoding.implicit, not found.encoding.big_endian
    stream = io.BytesIO(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            head = read_dataset(stream, implicit, little, stop_when=lambda tag, _vr, _length: tag >= PIXELS)
            head.set_original_encoding(implicit, little, head.get("SpecificCharacterSet", "ISO_IR 6"))
        except Exception as error:  # pydicom raises errors of many classes, whose text has values
            raise FormatError("a data set cannot be parsed", got=type(error).__name__) from None
    return Parsed(head, memoryview(data)[stream.tell() :], found.encoding, transfer_syntax)


def encode(parsed: Parsed) -> bytes:
    """Return the data set in its transfer syntax; elements that were not touched have their old bytes.

    Raises
    ------
    UnsupportedError
        If a value cannot be written.
    """
    body = encoded_head(parsed) + bytes(parsed.tail)
    if parsed.transfer_syntax not in DEFLATED:
        return body
    machine = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = machine.compress(body) + machine.flush()
    return packed + b"\0" * (len(packed) % 2)


def encoded_head(parsed: Parsed) -> bytes:
    """Return the elements before the pixel data as bytes; raises as `encode`."""
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = parsed.encoding.implicit, not parsed.encoding.big_endian
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # a letter that the character set lacks
        warnings.filterwarnings("ignore", message=".*(invalid|exceed|Invalid|recommend).*")
        try:
            write_dataset(out, parsed.head)
        except Exception as error:
            raise UnsupportedError("a data set cannot be encoded", got=type(error).__name__) from None
    return out.getvalue()


def to_utf_8(head: Dataset) -> None:
    """Turn all text into Unicode, for values that the present character set lacks (PS3.3 C.12.1.1.2)."""
    head.decode()

    def say(data: Dataset) -> None:
        if CHARACTER_SET in data:
            data.SpecificCharacterSet = UTF_8
        for element in data:
            if element.VR == "SQ":
                for item in element.value:
                    say(item)

    head.SpecificCharacterSet = UTF_8
    say(head)

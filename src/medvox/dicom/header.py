"""Header: the elements of one DICOM file that were asked for, as bytes until a value is asked for."""

from __future__ import annotations

import io
import math
import struct
import warnings
import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

import numpy as np

from medvox.core.errors import AccessError, FormatError, LimitError
from medvox.core.finding import Finding
from medvox.core.settings import current
from medvox.dicom.elements.encoding import GE_BIG_ENDIAN_PIXELS, Encoding, PixelSpan, vr_text
from medvox.dicom.elements.walk import FAR, UNDEFINED
from medvox.dicom.elements.wanted import VRS
from medvox.formats.remote.mirror import opened

if TYPE_CHECKING:
    from pydicom import Dataset

T = TypeVar("T")

__all__ = ["Encoding", "Header", "PixelSpan", "Records", "inflate", "inflate_part", "pack"]

_BINARY = {
    "US": "H",
    "SS": "h",
    "UL": "I",
    "SL": "i",
    "UV": "Q",
    "SV": "q",
    "FL": "f",
    "FD": "d",
    "OV": "Q",
    "OW": "H",
    "OL": "I",
    "OF": "f",
    "OD": "d",
}
"""struct codes by VR (PS3.5 table 6.2-1)."""
_WORD, _PLACE = struct.Struct("=I"), struct.Struct("=3I")
_VAGUE = ("", "UN", "OB")
_NUMBER_CHARACTERS = frozenset(b"0123456789+-.,eE\\ \0\t")
_CHARACTER_SET = 0x00080005
_PIXEL_REPRESENTATION = 0x00280103


@dataclass(frozen=True, slots=True)
class Kept:
    """What was worked out from records that other files share, so that it is done once."""

    texts: dict[int, str] = field(default_factory=dict)
    numbers: dict[int, tuple[float, ...]] = field(default_factory=dict)
    facts: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Records:
    """What `walk_elements` has found in one file, packed.

    Parameters
    ----------
    tags
        Tags, four bytes each, ascending.
    places
        Three words of four bytes for each tag: the second to fourth of the record that `walk` wrote.
    values
        The copied values.
    model
        Records of another file that has the same elements but for those `apart`.
    apart
        Tags of own elements and of those that only the model has.
    kept
        What was worked out from these as a model.
    """

    tags: bytes = b""
    places: bytes = b""
    values: bytes = b""
    model: Records | None = None
    apart: frozenset[int] = frozenset()
    kept: Kept = field(default_factory=Kept, compare=False, repr=False)

    def owner(self, tag: int) -> Records:
        """Return the records that hold a tag: these or the model's."""
        return self if self.model is None or tag in self.apart else self.model

    def find(self, tag: int) -> tuple[int, int, int] | None:
        """Return the three words of a tag, of a repeated one those of the last; None where it is absent.

        The place is one in the values of the `owner`.
        """
        if self.model is not None and tag not in self.apart:
            return self.model.find(tag)
        key = _WORD.pack(tag)
        at = self.tags.rfind(key)
        while at % 4 and at > 0:  # a match across two tags
            at = self.tags.rfind(key, 0, at + 3)
        return _PLACE.unpack_from(self.places, 3 * at) if at >= 0 else None


def pack(out: Any, found: int, values: bytes, *, disorder: bool) -> Records:
    """Pack what `walk_elements` wrote to `out`, sorted by tag where it is not."""
    rows = np.asarray(out[: 4 * found], np.uint32).reshape(found, 4)
    if disorder:
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
    return Records(rows[:, 0].tobytes(), rows[:, 1:].tobytes(), values)


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """The elements of one file that were asked for; about 2 KB each.

    Parameters
    ----------
    file
        Path on disk.
    name
        What people call the file, see `medvox.formats.inputs.InputFile`.
    size
        Bytes of the file.
    transfer_syntax
        UID. Of the uncompressed ones that which the bytes show, of the compressed ones that which the file
        states.
    encoding
        How the data set is encoded.
    pixel
        Where the pixel data are; None without.
    findings
        Oddities of the encoding.
    records
        The elements.
    """

    file: str
    name: str
    size: int
    transfer_syntax: str
    encoding: Encoding
    pixel: PixelSpan | None
    findings: tuple[Finding, ...] = ()
    records: Records = field(default=Records(), repr=False)

    @property
    def big_endian(self) -> bool:
        """Whether the words of the pixel data are big-endian.

        True for Explicit VR Big Endian and for GE's private 1.2.840.113619.5.2, whose other elements are
        little-endian.
        """
        return self.encoding.big_endian or self.transfer_syntax == GE_BIG_ENDIAN_PIXELS

    def __contains__(self, tag: int) -> bool:
        return self.records.find(tag) is not None

    def tags(self) -> tuple[int, ...]:
        """Tags that are there, of those asked for, ascending."""
        records = self.records
        own = memoryview(records.tags).cast("I")
        if records.model is None:
            return tuple(own)
        theirs = memoryview(records.model.tags).cast("I")
        return tuple(sorted({*own, *(tag for tag in theirs if tag not in records.apart)}))

    def shared(self, make: Callable[[Header], T], tags: Collection[int]) -> T:
        """Work something out from some elements: once for all files that share them.

        Parameters
        ----------
        make
            Works it out from nothing but `tags`, the encoding, and the kind of the pixel data.
        tags
            All tags that `make` reads.
        """
        records = self.records
        if records.model is None or not records.apart.isdisjoint(tags):
            return make(self)
        facts = records.model.kept.facts
        if make not in facts:
            facts[make] = make(self)
        return cast("T", facts[make])

    def vr(self, tag: int) -> str:
        """VR of an element: stated, else from the dictionary, else empty."""
        found = self.records.find(tag)
        code = (found[0] & 0xFFFF) if found else 0
        return vr_text(code) or self._known_vr(tag)

    def _known_vr(self, tag: int) -> str:
        vr = VRS.get(tag)
        if vr is None:
            from pydicom.datadict import dictionary_VR

            try:
                vr = dictionary_VR(tag)
            except KeyError:
                return ""
            vr = "XS" if vr.startswith("US or SS") else vr[:2]
        if vr == "XS":
            return "SS" if self.integer(_PIXEL_REPRESENTATION) == 1 else "US"
        return vr

    def raw(self, tag: int) -> bytes | None:
        """Value as stored, padding included; None when the element is absent.

        Empty for a sequence: its presence is all that a header knows (see `dataset`). Values of more than
        4 KB are read from the file when they are asked for.

        Raises
        ------
        AccessError
            If the file cannot be read any more.
        """
        found = self.records.find(tag)
        if found is None:
            return None
        code, place, length = found
        if code & 0xFFFF == 0 and VRS.get(tag) == "SQ":
            return b""
        if not code & FAR:
            return self.records.owner(tag).values[place : place + length]
        if length == UNDEFINED or self.vr(tag) == "SQ":
            return b""
        with self.open() as stream:
            stream.seek((code >> 16 & 0x7FFF) << 32 | place)
            return stream.read(length)

    def text(self, tag: int, default: str = "") -> str:
        """Value as text, decoded by Specific Character Set (PS3.5 6.1), padding stripped."""
        records = self.records
        if records.model is None or tag in records.apart:
            return self._text(tag) or default
        known = records.model.kept.texts.get(tag)
        if known is None:
            known = records.model.kept.texts[tag] = self._text(tag)
        return known or default

    def _text(self, tag: int) -> str:
        data = self.raw(tag)
        if not data:
            return ""
        if data.isascii() and b"\x1b" not in data:
            return data.decode("ascii").strip(" \0")
        return _decode(data, self.raw(_CHARACTER_SET) or b"").strip(" \0")

    def texts(self, tag: int) -> tuple[str, ...]:
        """Values as texts; () when the element is absent or empty."""
        text = self.text(tag)
        return tuple(part.strip(" \0") for part in text.split("\\")) if text else ()

    def floats(self, tag: int) -> tuple[float, ...]:
        """Values as numbers; () when the element is absent or any of its values is no finite number.

        Decimal strings may be longer than 16 characters and may have a decimal comma. A value whose VR is
        wrong is read by the dictionary's VR where that gives numbers.
        """
        records = self.records
        if records.model is None or tag in records.apart:
            return self._floats(tag)
        known = records.model.kept.numbers.get(tag)
        if known is None:
            known = records.model.kept.numbers[tag] = self._floats(tag)
        return known

    def _floats(self, tag: int) -> tuple[float, ...]:
        found = self.records.find(tag)
        if found is None:
            return ()
        code, place, length = found
        data = self.raw(tag) if code & FAR else self.records.owner(tag).values[place : place + length]
        if not data:
            return ()
        known = VRS.get(tag)
        if known is None or known == "XS":
            known = self._known_vr(tag)
        return _numbers(data, code & 0xFFFF, known, self.encoding.big_endian)

    def ints(self, tag: int) -> tuple[int, ...]:
        """Values as whole numbers; () when the element is absent or any of its values is not one."""
        numbers = self.floats(tag)
        return tuple(map(int, numbers)) if all(number == int(number) for number in numbers) else ()

    def number(self, tag: int) -> float | None:
        """First value as a number."""
        numbers = self.floats(tag)
        return numbers[0] if numbers else None

    def integer(self, tag: int) -> int | None:
        """First value as a whole number."""
        number = self.number(tag)
        return int(number) if number is not None and number == int(number) else None

    def open(self) -> BinaryIO:
        """Open the file for reading at the offsets that this header gives; a deflated one is inflated.

        Raises
        ------
        AccessError, LimitError
            If the system refuses, or the data set inflates to more than the limit.
        """
        try:
            stream = opened(self.file)
        except OSError as error:
            raise AccessError(f"cannot be read: {error.strerror}", where=self.name) from None
        if not self.encoding.deflated:
            return stream
        with stream:
            content = stream.read()
        return io.BytesIO(inflate(content, self.encoding.start, self.name))

    def dataset(self) -> Dataset:
        """Read all elements with pydicom, without the pixel data.

        Raises
        ------
        AccessError
            If the file cannot be read any more.
        FormatError
            If pydicom cannot read it.
        """
        from pydicom import dcmread
        from pydicom.filereader import read_dataset

        encoding, wrong = self.encoding, any(f.code == "wrong-transfer-syntax" for f in self.findings)
        with self.open() as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                if not wrong and not encoding.deflated:
                    return dcmread(stream, stop_before_pixels=True, force=True)
                stream.seek(encoding.start)
                return read_dataset(stream, encoding.implicit, not encoding.big_endian, stop_when=_at_pixels)
            except Exception as error:
                raise FormatError(
                    f"pydicom cannot read the data set: {type(error).__name__}", where=self.name
                ) from error


def _at_pixels(tag: int, _vr: str | None, _length: int) -> bool:
    return tag in (0x7FE00008, 0x7FE00009, 0x7FE00010)


@lru_cache(maxsize=1 << 14)
def _numbers(data: bytes, code: int, known: str, big_endian: bool) -> tuple[float, ...]:
    """Numbers of a value; kept, since most values recur from slice to slice."""
    if known in ("DS", "IS") and _NUMBER_CHARACTERS.issuperset(data):
        return _from_text(data)
    stated = vr_text(code) or known
    for vr in (stated,) if stated == known else (stated, known):
        if vr in _VAGUE and vr != known:
            continue
        numbers = _from_binary(data, vr, big_endian) if vr in _BINARY or vr == "AT" else _from_text(data)
        if numbers:
            return numbers
    return ()


def _from_binary(data: bytes, vr: str, big_endian: bool) -> tuple[float, ...]:
    code = (">" if big_endian else "<") + ("HH" if vr == "AT" else _BINARY[vr])
    numbers: tuple[float, ...] = tuple(
        value for values in struct.iter_unpack(code, _whole(data, code)) for value in values
    )
    if vr == "AT":
        return tuple(int(a) << 16 | int(b) for a, b in zip(numbers[::2], numbers[1::2], strict=True))
    return numbers if all(map(math.isfinite, numbers)) else ()


def _whole(data: bytes, code: str) -> bytes:
    return data[: len(data) - len(data) % struct.calcsize(code)]


def _from_text(data: bytes) -> tuple[float, ...]:
    """Numbers of a DS or IS value."""
    if not _NUMBER_CHARACTERS.issuperset(data):
        return ()
    try:
        numbers = tuple(
            float(part.strip(b" \0\t").replace(b",", b".")) for part in data.rstrip(b" \0").split(b"\\")
        )
    except ValueError:
        return ()
    return numbers if all(map(math.isfinite, numbers)) else ()


def _decode(data: bytes, character_set: bytes) -> str:
    """Decode text that is not plain ASCII (PS3.3 C.12.1.1.2, PS3.5 6.1.2)."""
    from pydicom.charset import convert_encodings, decode_bytes

    names = [part.strip(" \0") for part in character_set.decode("ascii", "replace").split("\\")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return decode_bytes(data, convert_encodings(names), {0x5C, 0x0A, 0x0C, 0x0D, 0x5E, 0x3D})
        except (LookupError, ValueError):
            return data.decode("latin-1")


def inflate(content: bytes, start: int, name: str) -> bytes:
    """Inflate the data set of a deflated file (PS3.5 A.5); what precedes it is kept.

    Parameters
    ----------
    content
        The file.
    start
        Offset of the data set.
    name
        Of the file, for errors.

    Raises
    ------
    LimitError
        If it grows beyond `Settings.max_expanded_bytes`.
    FormatError
        If it is not deflated.
    """
    return inflate_part(content, start, name, current().max_expanded_bytes)[0]


def inflate_part(content: bytes, start: int, name: str, most: int) -> tuple[bytes, bool]:
    """Inflate at most `most` bytes of a data set; return also whether that is all of it.

    Raises the errors of `inflate`.
    """
    limit = current().max_expanded_bytes
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = machine.decompress(memoryview(content)[start:], min(limit, most))
    except zlib.error:
        raise FormatError("the data set is said to be deflated but is not", where=name) from None
    complete = machine.eof or not machine.unconsumed_tail
    if not complete and len(data) >= limit:
        raise LimitError(
            "the data set inflates to more than the limit",
            where=name,
            expected=f"at most {limit} bytes",
            advice="MEDVOX_MAX_EXPANDED_BYTES sets the limit",
        )
    return content[:start] + data, complete

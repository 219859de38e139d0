"""Every element of a file as a line: named, explained, sequences as a tree, pixel data named only."""

from __future__ import annotations

import string
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medvox.core.errors import FormatError, MedvoxError
from medvox.core.study import HeaderElement
from medvox.dicom.header import Header
from medvox.dicom.header_lines.confidentiality import action
from medvox.dicom.header_lines.values import VR_NAMES, shown
from medvox.dicom.scan import read_header
from medvox.dicom.vendors.private_creators import creator_meaning
from medvox.dicom.vendors.siemens import read_csa
from medvox.formats.inputs import InputFile

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset

PIXELS = {
    0x7FE00008: ("FloatPixelData", "Float Pixel Data"),
    0x7FE00009: ("DoubleFloatPixelData", "Double Float Pixel Data"),
    0x7FE00010: ("PixelData", "Pixel Data"),
}
UNDEFINED = 0xFFFFFFFF
DEEPEST = 60
"""Sequences nested deeper than this are named, not listed."""
NO_CREATOR = "?"
_CSA = "SIEMENS CSA HEADER"


def header_lines(file: str) -> tuple[HeaderElement, ...]:
    """Read the whole header of a file: file meta information, then the data set.

    Sequences are followed by their items, one level deeper, and these by their elements. Pixel data are
    named, with their length. An element that cannot be understood is a line that says so.

    Raises
    ------
    FormatError
        If it cannot be read.
    LimitError
        If it is deflated and inflates to more than `Settings.max_expanded_bytes`.
    """
    path = Path(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's name the values they object to; the lines show them
        try:
            header = read_header(InputFile(path, path.name, path.stat().st_size))
            return (*_meta_lines(path), *_data_set_lines(header))
        except MedvoxError:
            raise
        except Exception as error:  # what pydicom raises on broken files is not a closed list
            raise FormatError("header cannot be read", where=path.name) from error


def _meta_lines(path: Path) -> list[HeaderElement]:
    from pydicom.errors import InvalidDicomError
    from pydicom.filereader import read_file_meta_info

    try:
        return list(_lines(read_file_meta_info(path), 0))
    except (InvalidDicomError, ValueError, KeyError, TypeError, AttributeError, EOFError):
        return []  # a file without, which a finding says


def _data_set_lines(header: Header) -> list[HeaderElement]:
    from pydicom.filereader import read_dataset

    pixels: list[HeaderElement] = []
    encoding = header.encoding
    with header.open() as stream:

        def at_pixels(tag: int, vr: str | None, length: int) -> bool:
            if tag not in PIXELS:
                return False
            here = stream.tell()
            pixels.append(_pixel_line(tag, vr or "", length, stream.seek(0, 2) - here))
            stream.seek(here)
            return True

        stream.seek(encoding.start)
        data = read_dataset(stream, encoding.implicit, not encoding.big_endian, stop_when=at_pixels)
        if not hasattr(data, "_character_set"):
            data.set_original_encoding(encoding.implicit, not encoding.big_endian, "iso8859")
    return [*_lines(data, 0), *pixels]


def _pixel_line(tag: int, vr: str, length: int, rest: int) -> HeaderElement:
    keyword, name = PIXELS[tag]
    value = f"encapsulated, {rest} bytes to the end" if length == UNDEFINED else f"{length} bytes"
    return HeaderElement(
        _tag_text(tag), vr, keyword, f"{value}, not shown", name=name, vr_name=VR_NAMES.get(vr, "")
    )


def _lines(data: Dataset, depth: int) -> Iterator[HeaderElement]:
    for tag in sorted(data.keys()):
        try:
            element = data[tag]
        except Exception as error:  # see `header_lines`
            text = f"cannot be understood ({type(error).__name__})"
            keyword, name = _known_names(tag)
            marked = action(tag, keyword)
            yield HeaderElement(_tag_text(tag), "", keyword, text, depth, bool(marked), name, action=marked)
            continue
        yield from _element_lines(data, element, depth)


def _element_lines(data: Dataset, element: DataElement, depth: int) -> Iterator[HeaderElement]:
    line = _line(data, element, depth)
    yield line
    if element.VR == "SQ" and depth < DEEPEST:
        items: Sequence[Dataset] = element.value or []
        for number, item in enumerate(items, start=1):
            text = f"{number} of {len(items)}"
            yield HeaderElement("(FFFE,E000)", "", "Item", text, depth + 1, creator=line.creator, name="Item")
            yield from _lines(item, depth + 2)
    elif line.creator == _CSA and isinstance(element.value, bytes):
        yield from _csa_lines(element.value, depth + 1)


def _line(data: Dataset, element: DataElement, depth: int) -> HeaderElement:
    tag, vr = int(element.tag), str(element.VR)
    keyword, name, creator = _names(data, element)
    value, meaning = shown(element)
    if element.tag.is_private_creator:
        meaning = creator_meaning(creator)
    marked = action(tag, keyword) or ("D" if vr == "PN" else "")
    return HeaderElement(
        tag=_tag_text(tag),
        vr=vr,
        keyword=keyword,
        value=value,
        depth=depth,
        identifying=marked != "" and not element.tag.is_private,
        name=name,
        meaning=meaning,
        vr_name=VR_NAMES.get(vr, ""),
        creator=creator,
        action=marked,
    )


def _names(data: Dataset, element: DataElement) -> tuple[str, str, str]:
    """Keyword, name and private creator of an element."""
    tag = element.tag
    if tag.is_private_creator:
        return "PrivateCreator", "Private Creator", _plain(element.value) or NO_CREATOR
    if tag.is_private:
        creator = _plain(data.get_item((tag.group, tag.elem >> 8)))
        name = element.name.removeprefix("[").removesuffix("]")
        name = "" if name in ("Private tag data", "Unknown") else name
        return name, name, creator or NO_CREATOR
    return *_known_names(tag), ""


def _known_names(tag: int) -> tuple[str, str]:
    from pydicom.datadict import dictionary_description, dictionary_has_tag, keyword_for_tag

    if tag & 0xFFFF == 0 and not dictionary_has_tag(tag):
        return "", "Group Length"
    try:
        return keyword_for_tag(tag), dictionary_description(tag)
    except KeyError:
        return "", ""


def _plain(value: Any) -> str:
    """Text of a private creator, whether it was converted already or not."""
    value = getattr(value, "value", value)
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value or "")
    return "".join(c for c in text if c in _PRINTED).strip()[:64]


def _csa_lines(raw: bytes, depth: int) -> Iterator[HeaderElement]:
    """Fields of a Siemens CSA header, as if they were elements."""
    try:
        fields = read_csa(raw)
    except MedvoxError:
        return
    for name, values in fields.items():
        if values:
            yield HeaderElement(
                "CSA", "", name, "\\".join(values)[:200], depth, name=name, creator=_CSA, action="X"
            )


@cache
def _tag_text(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


_PRINTED = frozenset(string.printable) - frozenset("\t\n\r\x0b\x0c")

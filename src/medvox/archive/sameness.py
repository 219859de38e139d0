"""Sameness: whether two encodings of one instance say the same, whatever their transfer syntax.

Compared are all elements and the decoded pixels. Left out is what an encoding may change without changing
what is said: group lengths, padding, the names that lossless coding gives to the same colors, and when an
attribute was coerced.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from medvox.archive.parsed import CHARACTER_SET, Parsed, parse
from medvox.archive.pixels import same_samples, stored_pixels
from medvox.archive.store.disk import Buffer
from medvox.core.errors import MedvoxError

if TYPE_CHECKING:
    from pydicom import Dataset

_OF_COLORS: Final = frozenset((0x00280004, 0x00280006))
"""Photometric Interpretation and Planar Configuration, which the pixels are compared with."""
_MODIFIED: Final = 0x04000562
"""Attribute Modification DateTime: instances that are coerced twice differ in it."""
_PADDING: Final = b"\0 "


def same_content(one: tuple[Buffer, str], other: tuple[Buffer, str]) -> bool:
    """Tell whether two data sets say the same.

    Parameters
    ----------
    one, other
        Data set without file meta information and UID of its transfer syntax.

    Returns
    -------
    bool
        False too where one of them cannot be decoded: then both are kept.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            first, second = parse(*one), parse(*other)
            if not _same_heads(first, second):
                return False
            if first.transfer_syntax == second.transfer_syntax and first.tail == second.tail:
                return True
            if not first.tail and not second.tail:
                return True
            return _same_pixels(one, other)
        except MedvoxError:
            return False
        except Exception:  # pydicom raises errors of many classes for what it cannot parse
            return False


def _same_heads(first: Parsed, second: Parsed) -> bool:
    if _text(first.head, CHARACTER_SET) != _text(second.head, CHARACTER_SET):
        return False
    return _same_elements(first.head, second.head, first, second)


def _same_elements(one: Dataset, other: Dataset, *parsed: Parsed) -> bool:
    pairs = zip_longest(_elements(one, parsed[0]), _elements(other, parsed[1]))
    return all(a is not None and b is not None and _same(a, b, *parsed) for a, b in pairs)


def _elements(data: Dataset, parsed: Parsed) -> Iterator[Any]:
    is_color = parsed.head.get("SamplesPerPixel") == 3
    for tag in sorted(data.keys()):
        left_out = tag == _MODIFIED or (is_color and tag in _OF_COLORS)
        if tag & 0xFFFF and not left_out:
            yield data[tag]


def _same(one: Any, other: Any, *parsed: Parsed) -> bool:
    if one.tag != other.tag:
        return False
    if one.VR == "SQ" and other.VR == "SQ":
        pairs = zip_longest(one.value, other.value)
        return all(a is not None and b is not None and _same_elements(a, b, *parsed) for a, b in pairs)
    if one.VR == other.VR and one.value == other.value:
        return True
    return _bytes(one) == _bytes(other)


def _bytes(element: Any) -> bytes:
    """Value as it is in Implicit VR Little Endian, without padding; what is not known is so already."""
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_data_element

    if isinstance(element.value, bytes):
        return bytes(element.value).rstrip(_PADDING)
    out = DicomBytesIO()
    out.is_implicit_VR = out.is_little_endian = True
    write_data_element(out, element, ["utf_8"])
    return out.getvalue()[8:].rstrip(_PADDING)


def _text(head: Dataset, tag: int) -> str:
    return str(head[tag].value) if tag in head else ""


def _same_pixels(one: tuple[Buffer, str], other: tuple[Buffer, str]) -> bool:
    """Compare frame by frame, so that two frames at most are in memory."""
    first, second = stored_pixels(*one), stored_pixels(*other)
    if not (first.is_lossless and second.is_lossless) or first.form.frames != second.form.frames:
        return False  # what a lossy stream decodes to depends on the decoder
    pairs = zip(first.frames(), second.frames(), strict=True)
    return all(name == other_name and same_samples(a, b, first.form) for (a, name), (b, other_name) in pairs)

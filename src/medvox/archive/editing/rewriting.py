"""Rewriting: changes attributes of a data set and notes what they were (PS3.3 C.12.1.1.9)."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from medvox.archive.parsed import CHARACTER_SET, UTF_8, Parsed, encode, parse, to_utf_8
from medvox.archive.store.disk import Buffer
from medvox.core.errors import FormatError, UsageError

if TYPE_CHECKING:
    from pydicom import Dataset

CORRECT: Final = "CORRECT"
COERCE: Final = "COERCE"
ORIGINAL_ATTRIBUTES: Final = 0x04000561
SYSTEM: Final = "MEDVOX"
_GROUPS: Final = frozenset((0x0008, 0x0010, 0x0020, 0x0032, 0x0038, 0x0040))
_TEXTS: Final = frozenset(
    ("AE", "AS", "CS", "DA", "DS", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UT")
)


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What is changed in data sets.

    Parameters
    ----------
    values
        New values by tag; an empty one leaves the attribute there without a value.
    time
        When, as DT (PS3.5 6.2), so that doing it again gives the same bytes.
    nested_uids
        UIDs inside sequences that are replaced where they are Study Instance UIDs, by the new ones.
    reason
        ``"CORRECT"`` or ``"COERCE"``: Reason for the Attribute Modification (0400,0565).
    source
        Source of Previous Values (0400,0564).
    """

    values: Mapping[int, str]
    time: str
    nested_uids: Mapping[str, str] = field(default_factory=dict)
    reason: str = CORRECT
    source: str = ""


def now() -> str:
    """Time of a rewrite: UTC, as DT with its offset."""
    return dt.datetime.now(dt.UTC).strftime("%Y%m%d%H%M%S.%f+0000")


def checked_values(values: Mapping[str, str]) -> dict[int, str]:
    """Return values by tag.

    Parameters
    ----------
    values
        By keyword, e.g. ``{"PatientName": "Doe^Jane"}``: attributes of patient, study and series that are
        text, but for UIDs.

    Raises
    ------
    UsageError
        If a keyword is none of these, or a value is not of its VR (PS3.5 6.2).
    """
    from pydicom.datadict import dictionary_VR, tag_for_keyword

    found = {}
    for keyword, value in values.items():
        tag = tag_for_keyword(keyword)
        vr = "" if tag is None else dictionary_VR(tag)
        if tag is None or tag >> 16 not in _GROUPS or vr not in _TEXTS or tag == CHARACTER_SET:
            raise UsageError(
                "this attribute cannot be corrected",
                got=keyword,
                expected="the keyword of a text of patient, study or series, e.g. PatientID",
            )
        _check_value(keyword, vr, value)
        found[int(tag)] = value
    return found


def _check_value(keyword: str, vr: str, value: str) -> None:
    from pydicom import config
    from pydicom.valuerep import validate_value

    has_control = any(ord(letter) < 32 and letter not in "\n\r\t\f" for letter in value)
    is_good = not has_control and not (vr == "PN" and "\\" in value)
    try:
        for part in value.split("\\") if vr not in ("LT", "ST", "UT") else [value]:
            validate_value(vr, part, config.RAISE)
    except ValueError:
        is_good = False
    if not is_good:
        raise UsageError(f"the value is no {vr} (PS3.5 6.2)", where=keyword)


def rewritten(data: Buffer, transfer_syntax: str, change: Rewrite) -> bytes | None:
    """Return a data set with its attributes changed; None where they are so already.

    What is not changed has its old bytes; the pixel data are never parsed. The values before go into a new
    item of the Original Attributes Sequence (0400,0561).

    Parameters
    ----------
    data
        Data set without file meta information.
    transfer_syntax
        UID of its encoding, which is kept. Text becomes UTF-8 where a new value needs it.

    Raises
    ------
    FormatError
        If it is no data set.
    UnsupportedError
        If it cannot be encoded again.
    """
    parsed = parse(data, transfer_syntax)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            changed = _changed(parsed, change)
        except Exception as error:
            raise FormatError("a data set cannot be changed", got=type(error).__name__) from None
    return encode(parsed) if changed else None


def _changed(parsed: Parsed, change: Rewrite) -> bool:
    from pydicom import DataElement, Dataset
    from pydicom.datadict import dictionary_VR

    head = parsed.head
    before = Dataset()
    wanted = {tag: value for tag, value in change.values.items() if (_text(head, tag) or "") != value}
    is_nested = bool(change.nested_uids) and _replace_nested(head, change.nested_uids)
    if not wanted and not is_nested:
        return False
    if not all(_fits(head, value) for value in wanted.values()):
        to_utf_8(head)
    for tag, value in wanted.items():
        if tag in head:
            before.add(head[tag])
        parts: Any = value.split("\\") if "\\" in value else value
        head[tag] = DataElement(tag, dictionary_VR(tag), parts)
    _note(head, before, change)
    return True


def _note(head: Dataset, before: Dataset, change: Rewrite) -> None:
    """Add an item with the values before (PS3.3 table C.12.1.1.9-1)."""
    from pydicom import Dataset, Sequence

    item = Dataset()
    item.SourceOfPreviousValues = change.source
    item.AttributeModificationDateTime = change.time
    item.ModifyingSystem = SYSTEM
    item.ReasonForTheAttributeModification = change.reason
    item.ModifiedAttributesSequence = Sequence([before])
    items = list(head[ORIGINAL_ATTRIBUTES].value) if ORIGINAL_ATTRIBUTES in head else []
    head.OriginalAttributesSequence = Sequence([*items, item])


def _text(head: Dataset, tag: int) -> str | None:
    if tag not in head:
        return None
    value = head[tag].value
    if value is None:
        return ""
    several = not isinstance(value, str) and head[tag].VM > 1
    return "\\".join(map(str, value)) if several else str(value)


def _fits(head: Dataset, value: str) -> bool:
    """Tell whether a text can be written in the character set of a data set."""
    from pydicom.charset import encode_string

    names = head.get("SpecificCharacterSet")
    if value.isascii() or names == UTF_8:
        return True
    if not names:
        return False
    from pydicom.charset import convert_encodings

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            encode_string(value, convert_encodings(names))
        except (UserWarning, ValueError, LookupError):
            return False
    return True


def _replace_nested(data: Dataset, uids: Mapping[str, str]) -> bool:
    """Replace Study Instance UIDs in the items of sequences; those that are originals stay."""
    from pydicom.datadict import dictionary_has_tag, dictionary_VR

    is_changed = False
    for tag in list(data.keys()):
        vr: str | None = getattr(data.get_item(tag), "VR", None)
        if vr is None and dictionary_has_tag(tag):
            vr = dictionary_VR(tag)
        if vr != "SQ" or tag == ORIGINAL_ATTRIBUTES:
            continue
        for item in data[tag].value:
            old = str(item.get("StudyInstanceUID") or "")
            if old in uids:
                item.StudyInstanceUID = uids[old]
                is_changed = True
            is_changed = _replace_nested(item, uids) or is_changed
    return is_changed

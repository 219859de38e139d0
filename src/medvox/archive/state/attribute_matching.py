"""Matching of attributes at any depth, in the JSON model: what keys of identifiers mean (PS3.4 C.2.2.2).

For items that have no table of their own for each attribute: worklist items and the like. Data sets are JSON
objects (PS3.18 F.2), elements by tag in eight hexadecimal digits. An empty key matches all, also what is
absent, and so does one of nothing but ``*``; UIDs match a list; ``*`` and ``?`` are wildcards in text; dates
and times match a range, and a time all times that begin with it; names match without regard to case and
marks, and a name without ``=`` matches any of the three groups; a sequence matches where one of its items
matches all keys of the item of the identifier.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from medvox.archive.entry import name_key

Json = Mapping[str, Any]
_NOT_KEYS: Final = frozenset(("00080005", "00080052", "00080053", "00080201"))
"""Character set, level, retrieve AE and time zone: they say how keys are to be read."""
_LITERAL: Final = frozenset(("DA", "TM", "DT", "UI", "PN", "SQ", "IS", "DS"))
_NUMBERS: Final = frozenset(("IS", "DS", "US", "SS", "UL", "SL", "UV", "SV", "FL", "FD"))
_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_LAST: Final = "\x7f"
DATE_AND_TIME: Final = (("00400002", "00400003"), ("00400244", "00400245"))
"""Dates whose ranges are one range together with the times beside them (PS3.4 table K.6-1)."""


def matches(item: Json, keys: Json) -> bool:
    """Tell whether a data set matches all keys.

    Parameters
    ----------
    item
        The data set.
    keys
        The identifier.
    """
    joined: set[str] = set()
    for date, time in DATE_AND_TIME:
        span = _joined_range(text_of(keys, date), text_of(keys, time))
        if span is None:
            continue
        moment = text_of(item, date) + _plain_time(text_of(item, time)).ljust(6, "0")
        if not text_of(item, date) or not span[0] <= moment <= span[1]:
            return False
        joined |= {date, time}
    return all(
        _element_matches(item.get(tag), key)
        for tag, key in keys.items()
        if tag not in _NOT_KEYS and tag not in joined
    )


def returned(item: Json, keys: Json) -> dict[str, Any]:
    """Return what an identifier asks for of a data set; what it lacks is there, empty (PS3.4 K.2.2.1.2)."""
    found: dict[str, Any] = {}
    for tag, key in keys.items():
        if tag in _NOT_KEYS or tag.endswith("0000"):
            continue
        element = item.get(tag) or {"vr": key["vr"]}
        inner = (key.get("Value") or [None])[0] if key["vr"] == "SQ" else None
        if inner:
            parts = [part for part in element.get("Value", ()) if matches(part, inner)]
            element = {"vr": "SQ", "Value": [returned(part, inner) for part in parts]}
        found[tag] = element
    return found


def is_universal(key: Json) -> bool:
    """Tell whether a key matches everything."""
    values = key.get("Value") or ()
    if key["vr"] == "SQ":
        return all(is_universal(part) for value in values for part in (value or {}).values())
    return not any(text.strip("*") for text in _texts(values))


def text_of(item: Json, tag: str) -> str:
    """Return the first value of an element as text, a name as it is stored; empty where there is none."""
    values = (item.get(tag) or {}).get("Value") or ()
    return next(iter(_texts(values)), "")


def _texts(values: Iterable[Any]) -> list[str]:
    return [_text(value) for value in values]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return "=".join(str(value.get(group, "")) for group in _GROUPS).rstrip("=")
    return str(value).strip(" \0")


def _element_matches(element: Json | None, key: Json) -> bool:
    if is_universal(key):
        return True
    values = (element or {}).get("Value") or ()
    if key["vr"] == "SQ":
        return any(matches(value or {}, key["Value"][0] or {}) for value in values)
    wanted = [text for text in _texts(key["Value"]) if text]
    return any(_value_matches(key["vr"], text, one) for text in _texts(values) for one in wanted if text)


def _value_matches(vr: str, text: str, key: str) -> bool:
    if vr == "PN":
        return _name_matches(name_key(text), name_key(key))
    if vr in ("DA", "DT") and "-" not in key:
        return _plain_date(text) == _plain_date(key)
    if vr in ("DA", "DT", "TM"):
        return _in_range(text, key, is_time=vr == "TM")
    if vr in _NUMBERS:
        return _same_number(text, key)
    if vr not in _LITERAL and ("*" in key or "?" in key):
        return _pattern(key).fullmatch(text) is not None
    return text == key


def _name_matches(name: str, key: str) -> bool:
    groups, wanted = [*name.split("="), "", ""], key.split("=")
    if len(wanted) == 1:
        return any(group and _pattern(key).fullmatch(group) for group in groups)
    return all(
        _pattern(one).fullmatch(group) is not None
        for group, one in zip(groups, wanted, strict=False)
        if one.strip("*")
    )


def _same_number(text: str, key: str) -> bool:
    try:
        return float(text) == float(key)
    except ValueError:
        return False


def _in_range(text: str, key: str, *, is_time: bool) -> bool:
    plain = _plain_time if is_time else _plain_date
    first, dash, last = (plain(part.strip()) for part in key.partition("-"))
    value = plain(text)
    if not dash:
        last = first
    return first <= value and (not last or value <= last + _LAST)


def _joined_range(date: str, time: str) -> tuple[str, str] | None:
    """First and last moment of a range of dates and a range of times; None unless both are ranges."""
    if "-" not in date or "-" not in time:
        return None
    first_date, _, last_date = map(_plain_date, date.partition("-"))
    first_time, _, last_time = map(_plain_time, time.partition("-"))
    first = first_date + first_time.ljust(6, "0") if first_date else ""
    return first, (last_date + last_time + _LAST if last_date else _LAST)


def _plain_date(text: str) -> str:
    return text.replace(".", "").strip()  # as in ACR-NEMA (PS3.5 6.2)


def _plain_time(text: str) -> str:
    return text.replace(":", "").strip()


@lru_cache(maxsize=512)
def _pattern(key: str) -> re.Pattern[str]:
    letters = {"*": ".*", "?": "."}
    return re.compile("".join(letters.get(letter, re.escape(letter)) for letter in key), re.DOTALL)

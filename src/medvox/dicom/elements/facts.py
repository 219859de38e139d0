"""Elements of one frame as facts: public ones wherever the standard puts them, private ones by creator."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.tag import Tag

from medvox.core.acquisition import Fact

_BINARY = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}
_FIRST_BLOCK, _LAST_BLOCK = 0x10, 0xFF


@dataclass(frozen=True, slots=True)
class Private:
    """A private element, as its vendor describes it.

    Parameters
    ----------
    group, element
        Group, and the last two digits of the element.
    creators
        What the names of its block's creator begin with, in capitals.
    name
        The vendor's or customary name.
    vr
        Value representation, for files that lost it.
    """

    group: int
    element: int
    creators: tuple[str, ...]
    name: str
    vr: str = ""


@dataclass(frozen=True, slots=True)
class Elements:
    """Elements that hold for one frame of an instance.

    Parameters
    ----------
    data
        The data set.
    groups
        Where to look, in this order: items of the frame's own functional groups, of the shared ones, the
        data set itself (PS3.3 C.7.6.16).
    """

    data: Dataset
    groups: tuple[Dataset, ...]

    @classmethod
    def of(cls, data: Dataset, frame: int = 1) -> Elements:
        """Elements of a frame, counted from 1."""
        own = list(data.get("PerFrameFunctionalGroupsSequence") or [])[frame - 1 : frame]
        shared = list(data.get("SharedFunctionalGroupsSequence") or [])[:1]
        found = [item for group in (*own, *shared) for item in _items(group)]
        return cls(data, (*found, *own, *shared, data))

    def element(self, *keywords: str) -> DataElement | None:
        """First of some elements that is there and not empty."""
        for keyword in keywords:
            for place in self.groups:
                if keyword in place and place[keyword].value not in (None, "", b""):
                    return place[keyword]
        return None

    def item(self, keyword: str) -> Dataset:
        """First item of a sequence; empty where there is none."""
        found = self.element(keyword)
        return found.value[0] if found is not None and found.VR == "SQ" and found.value else Dataset()

    def inside(self, keyword: str) -> Elements:
        """Elements of the first item of a sequence."""
        return Elements(self.data, (self.item(keyword),))

    def numbers(self, *keywords: str) -> Fact[tuple[float, ...]] | None:
        """Values as numbers; None if absent or one is no finite number."""
        return _numbers(self.element(*keywords))

    def number(self, *keywords: str) -> Fact[float] | None:
        """First value as a number."""
        return _first(self.numbers(*keywords))

    def whole(self, *keywords: str) -> Fact[int] | None:
        """First value as a whole number."""
        return _as_whole(self.number(*keywords))

    def text(self, *keywords: str) -> Fact[str] | None:
        """Value as text, several with a backslash between."""
        return _text(self.element(*keywords))

    def private(self, wanted: Private) -> DataElement | None:
        """Private element, in whichever block its creator has reserved (PS3.5 7.8.1).

        Where no block of the group names the creator (an archive has renamed it), the first block counts.
        """
        for place in self.groups:
            for block in _blocks(place, wanted):
                tag = Tag(wanted.group, block << 8 | wanted.element)
                if tag in place and place[tag].value not in (None, "", b""):
                    return place[tag]
        return None

    def private_numbers(self, wanted: Private) -> Fact[tuple[float, ...]] | None:
        """Values of a private element as numbers."""
        return _numbers(self.private(wanted), wanted)

    def private_number(self, wanted: Private) -> Fact[float] | None:
        """First value of a private element as a number."""
        return _first(self.private_numbers(wanted))

    def private_whole(self, wanted: Private) -> Fact[int] | None:
        """First value of a private element as a whole number."""
        return _as_whole(self.private_number(wanted))

    def private_text(self, wanted: Private) -> Fact[str] | None:
        """Value of a private element as text."""
        return _text(self.private(wanted), wanted)


def _items(group: Dataset) -> Iterator[Dataset]:
    """First item of each functional group; Philips' (2005,140F) shadows public attributes and is left out."""
    for element in group:
        if element.VR == "SQ" and element.value and element.tag != 0x2005140F:
            yield element.value[0]


def _blocks(place: Dataset, wanted: Private) -> list[int]:
    creators = {
        tag.element: str(place[tag].value).upper()
        for tag in place.keys()  # noqa: SIM118 - iterating a data set converts every element
        if tag.group == wanted.group and _FIRST_BLOCK <= tag.element <= _LAST_BLOCK
    }
    named = [block for block, name in creators.items() if name.startswith(wanted.creators)]
    return named or [_FIRST_BLOCK]


def source_of(element: DataElement, name: str = "") -> str:
    """How a fact names an element: tag and keyword."""
    words = name or element.keyword
    return f"({element.tag.group:04X},{element.tag.element:04X}) {words}".strip()


def _numbers(element: DataElement | None, wanted: Private | None = None) -> Fact[tuple[float, ...]] | None:
    if element is None:
        return None
    value = element.value
    if isinstance(value, bytes):
        value = _decoded(value, wanted.vr if wanted else "")
    values = [value] if isinstance(value, str | int | float) or not hasattr(value, "__iter__") else value
    numbers = tuple(finite(v) for v in values)
    if not numbers or None in numbers:
        return None
    kept = tuple(n for n in numbers if n is not None)
    return Fact(kept, source_of(element, wanted.name if wanted else ""))


def _decoded(data: bytes, vr: str) -> Sequence[Any]:
    """Values of an element whose VR was lost, as its description has it; little-endian."""
    code = _BINARY.get(vr)
    if code is None:
        return data.decode("ascii", "replace").strip(" \0").split("\\")
    whole = len(data) - len(data) % struct.calcsize(code)
    return [v for (v,) in struct.iter_unpack("<" + code, data[:whole])]


def _text(element: DataElement | None, wanted: Private | None = None) -> Fact[str] | None:
    if element is None:
        return None
    value = element.value
    if isinstance(value, bytes):
        value = value.decode("latin-1").strip(" \0")
    parts = [str(value)] if isinstance(value, str) or not hasattr(value, "__iter__") else [*map(str, value)]
    text = "\\".join(parts).strip()
    return Fact(text, source_of(element, wanted.name if wanted else "")) if text else None


def _first(fact: Fact[tuple[float, ...]] | None) -> Fact[float] | None:
    return None if fact is None else Fact(fact.value[0], fact.source)


def _as_whole(fact: Fact[float] | None) -> Fact[int] | None:
    return None if fact is None or fact.value != int(fact.value) else Fact(int(fact.value), fact.source)


def finite(value: Any) -> float | None:
    """Return a value as a finite number, a decimal comma allowed; None where it is none."""
    try:
        number = float(value.replace(",", ".") if isinstance(value, str) else value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def scaled(fact: Fact[float] | None, factor: float) -> Fact[float] | None:
    """Fact in another unit."""
    return None if fact is None else Fact(fact.value * factor, fact.source)


def positive(fact: Fact[float] | None) -> Fact[float] | None:
    """Fact where it is above zero; many headers have 0 for what does not apply."""
    return fact if fact is not None and fact.value > 0 else None

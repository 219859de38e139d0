"""Answers: matches of a query encoded without objects in between, a tenth of the work (PS3.5 7.1)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from medvox.core.errors import UnsupportedError
from medvox.network.upper_layer.negotiation import BIG, EXPLICIT, IMPLICIT

_BINARY: Final = {
    "US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d", "AT": "HH",
}  # fmt: skip
_LONG: Final = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"))
"""VRs whose length has four bytes (PS3.5 7.1.2)."""
_CHARACTER_SET: Final = 0x00080005
_SHORT: Final = 2
_LONGEST: Final = 0xFFFE


@dataclass(frozen=True, slots=True)
class Answer:
    """A match, or anything else that is told element by element.

    Parameters
    ----------
    elements
        Tag, VR and value of each: text (several values joined by a backslash, names as in files), or
        numbers for binary VRs; empty text where nothing is known. In any order.
    """

    elements: Sequence[tuple[int, str, str | Sequence[float]]]

    def encode(self, transfer_syntax: str) -> bytes:
        """Return the data set, in UTF-8 where it is not plain.

        Raises
        ------
        UnsupportedError
            If the transfer syntax is not native, or a value cannot be written.
        """
        if transfer_syntax not in (EXPLICIT, IMPLICIT, BIG):
            raise UnsupportedError("the transfer syntax is not native", got=transfer_syntax)
        elements = self.elements
        if not "".join([value for _, _, value in elements if isinstance(value, str)]).isascii():
            others = [one for one in elements if one[0] != _CHARACTER_SET]
            elements = [*others, (_CHARACTER_SET, "CS", "ISO_IR 192")]
        order: Literal["big", "little"] = "big" if transfer_syntax == BIG else "little"
        parts: list[bytes] = []
        for tag, vr, value in sorted(elements):
            data = _text(vr, value) if isinstance(value, str) else _numbers(vr, value, order)
            start, room = _head(tag, vr, transfer_syntax)
            if room == _SHORT:
                data = data[:_LONGEST]
            parts += (start, len(data).to_bytes(room, order), data)
        return b"".join(parts)


@lru_cache(4096)
def _head(tag: int, vr: str, transfer_syntax: str) -> tuple[bytes, int]:
    """Return what stands before the length of an element, and in how many bytes the length is written."""
    order = ">" if transfer_syntax == BIG else "<"
    place = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    if transfer_syntax == IMPLICIT:
        return place, 4
    return (place + vr.encode() + b"\0\0", 4) if vr in _LONG else (place + vr.encode(), _SHORT)


def _text(vr: str, value: str) -> bytes:
    data = value.encode()
    return data + (b"\0" if vr in ("UI", "OB", "UN") else b" ") if len(data) % 2 else data


def _numbers(vr: str, values: Sequence[float], order: Literal["big", "little"]) -> bytes:
    code = ">" if order == "big" else "<"
    try:
        return b"".join(struct.pack(code + _BINARY[vr], one) for one in values)
    except (KeyError, struct.error) as error:
        raise UnsupportedError("a value cannot be encoded", got=f"{vr}: {type(error).__name__}") from None

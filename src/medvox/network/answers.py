"""Answers: matches of a query encoded without objects in between, a tenth of the work (PS3.5 7.1)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from medvox.core.errors import UnsupportedError
from medvox.network.upper_layer.negotiation import BIG, EXPLICIT, IMPLICIT

_BINARY: Final = {
    "US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d", "AT": "HH",
}  # fmt: skip
_LONG: Final = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"))
"""VRs whose length has four bytes (PS3.5 7.1.2)."""
_CHARACTER_SET: Final = 0x00080005
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
        elements: Iterable[tuple[int, str, str | Sequence[float]]] = self.elements
        if not all(value.isascii() for _, _, value in self.elements if isinstance(value, str)):
            others = [one for one in self.elements if one[0] != _CHARACTER_SET]
            elements = [*others, (_CHARACTER_SET, "CS", "ISO_IR 192")]
        order = ">" if transfer_syntax == BIG else "<"
        parts: list[bytes] = []
        for tag, vr, value in sorted(elements, key=_tag):
            data = _value(vr, value, order)
            if transfer_syntax == IMPLICIT:
                parts.append(struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(data)))
            elif vr in _LONG:
                head = struct.pack(f"{order}HH2sHI", tag >> 16, tag & 0xFFFF, vr.encode(), 0, len(data))
                parts.append(head)
            else:
                data = data[:_LONGEST]
                parts.append(struct.pack(f"{order}HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), len(data)))
            parts.append(data)
        return b"".join(parts)


def _tag(element: tuple[int, str, Any]) -> int:
    return element[0]


def _value(vr: str, value: str | Sequence[float], order: str) -> bytes:
    if isinstance(value, str):
        data = value.encode()
        return data + (b"\0" if vr in ("UI", "OB", "UN") else b" ") if len(data) % 2 else data
    try:
        return b"".join(struct.pack(order + _BINARY[vr], one) for one in value)
    except (KeyError, struct.error) as error:
        raise UnsupportedError("a value cannot be encoded", got=f"{vr}: {type(error).__name__}") from None

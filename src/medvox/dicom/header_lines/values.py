"""Values of elements as text, cut where they are long, and what they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from medvox.formats.base import shortened

if TYPE_CHECKING:
    from pydicom import DataElement

LONGEST_VALUE = 400
"""Characters of a value that are shown."""
MOST_VALUES = 64
SHOWN_BYTES = 16
VR_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "AE": "Application Entity",
        "AS": "Age String",
        "AT": "Attribute Tag",
        "CS": "Code String",
        "DA": "Date",
        "DS": "Decimal String",
        "DT": "Date Time",
        "FD": "Floating Point Double",
        "FL": "Floating Point Single",
        "IS": "Integer String",
        "LO": "Long String",
        "LT": "Long Text",
        "OB": "Other Byte",
        "OD": "Other Double",
        "OF": "Other Float",
        "OL": "Other Long",
        "OV": "Other 64-bit Very Long",
        "OW": "Other Word",
        "PN": "Person Name",
        "SH": "Short String",
        "SL": "Signed Long",
        "SQ": "Sequence of Items",
        "SS": "Signed Short",
        "ST": "Short Text",
        "SV": "Signed 64-bit Very Long",
        "TM": "Time",
        "UC": "Unlimited Characters",
        "UI": "Unique Identifier",
        "UL": "Unsigned Long",
        "UN": "Unknown",
        "UR": "Universal Resource",
        "US": "Unsigned Short",
        "UT": "Unlimited Text",
        "UV": "Unsigned 64-bit Very Long",
    }
)
"""Value representations (PS3.5 Table 6.2-1)."""


def shown(element: DataElement) -> tuple[str, str]:
    """Value as text, and what it stands for where that is known.

    Returns
    -------
    text, meaning
        At most `LONGEST_VALUE` characters and a note of what was cut; the name of a UID or of a tag.
    """
    value = element.value
    if element.VR == "SQ":
        count = len(value or [])
        return f"{count} item" if count == 1 else f"{count} items", ""
    if isinstance(value, bytes):
        return _bytes_text(value, element.VR == "UN"), ""
    if value is None:
        return "", ""
    values = list(islice(value, MOST_VALUES)) if element.VM > 1 else [value]
    text = "\\".join(_one(v, element.VR) for v in values)
    left = element.VM - len(values)
    more = f" … ({left} more values)" if left > 0 else ""
    return (shortened(text, LONGEST_VALUE) if not more else text[:LONGEST_VALUE]) + more, _meaning(
        values, element.VR
    )


def _one(value: Any, vr: str) -> str:
    if vr == "AT":
        return f"({int(value) >> 16:04X},{int(value) & 0xFFFF:04X})"
    return str(value).rstrip("\0")


def _bytes_text(value: bytes, may_be_text: bool) -> str:
    plain = value.rstrip(b"\0 ")
    if may_be_text and plain and all(32 <= byte < 127 for byte in plain):
        return shortened(plain.decode("ascii"), LONGEST_VALUE)
    start = value[:SHOWN_BYTES].hex(" ").upper()
    if not value:
        return "0 bytes"
    return f"{len(value)} bytes: {start}" + (" …" if len(value) > SHOWN_BYTES else "")


def _meaning(values: list[Any], vr: str) -> str:
    from pydicom.datadict import keyword_for_tag
    from pydicom.uid import UID

    if vr == "UI":
        names = [UID(str(v)).name if v else "" for v in values]
        known = [name for name, value in zip(names, values, strict=True) if name != str(value)]
        return ", ".join(dict.fromkeys(known))
    if vr == "AT":
        return ", ".join(filter(None, (keyword_for_tag(int(v)) for v in values)))
    return ""

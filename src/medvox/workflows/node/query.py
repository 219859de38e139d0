"""Queries: C-FIND answered by the index of the archive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from medvox.archive.archive import Archive
from medvox.archive.model import Level, Query
from medvox.core.errors import UsageError
from medvox.network.answers import Answer

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset

LEVELS: Final = {
    "PATIENT": Level.PATIENT,
    "STUDY": Level.STUDY,
    "SERIES": Level.SERIES,
    "IMAGE": Level.INSTANCE,
}
_CHARACTER_SET, _LEVEL, _RETRIEVE_AE, _AVAILABILITY = 0x00080005, 0x00080052, 0x00080054, 0x00080056
_NOT_MATCHED: Final = frozenset((_CHARACTER_SET, _LEVEL, _RETRIEVE_AE, _AVAILABILITY))
FIRST_PAGE: Final = 50
PAGE: Final = 500


class ArchiveQuery:
    """Finds in an archive (a `QueryHandler`); keys of any level are matched at any (relational queries).

    Parameters
    ----------
    archive
        Where.
    ae_title
        Returned as Retrieve AE Title (0008,0054).
    """

    def __init__(self, archive: Archive, ae_title: str) -> None:
        self._archive = archive
        self._ae_title = ae_title

    def find(self, model: str, level: str, identifier: Dataset, calling_ae: str) -> Iterator[Answer]:
        """Yield matches, see `medvox.network.handlers.QueryHandler.find`."""
        if level not in LEVELS:
            raise UsageError("Query/Retrieve Level is missing or unknown")
        asked_for = [one for one in identifier if int(one.tag) not in _NOT_MATCHED]
        filters = {int(one.tag): text for one in asked_for if (text := key_text(one))}
        keys = [(int(one.tag), one.VR) for one in asked_for]
        wanted = frozenset(tag for tag, _ in keys)
        for row in self._rows(Query(LEVELS[level], filters, wanted, PAGE)):
            yield self._answer(row, keys, level)

    def _rows(self, query: Query) -> Iterator[dict[str, Any]]:
        """Yield rows page by page; the first page is small, so that the first answer comes soon."""
        page = self._archive.find(replace(query, limit=FIRST_PAGE))
        yield from page.rows
        while page.next is not None:
            page = self._archive.find(replace(query, after=page.next))
            yield from page.rows

    def _answer(self, row: dict[str, Any], keys: list[tuple[int, str]], level: str) -> Answer:
        """Make a response of a row: all keys that were asked for, empty where nothing is known."""
        elements: list[tuple[int, str, str | list[float]]] = [
            (_LEVEL, "CS", level),
            (_RETRIEVE_AE, "AE", self._ae_title),
            (_AVAILABILITY, "CS", "ONLINE"),
        ]
        for tag, vr in keys:
            element = row.get(f"{tag:08X}")
            if element is None:
                elements.append((tag, vr, ""))
            else:
                elements.append((tag, element["vr"], _value(element)))
        return Answer(elements)


def key_text(element: DataElement) -> str:
    """Return the value of a key as the index takes it; lists joined by a backslash, empty for a sequence."""
    if element.VR == "SQ" or element.value is None:
        return ""
    value = element.value
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        return str(value)
    if element.VR == "PN":
        return str(value)
    return "\\".join(str(one) for one in value)


def _value(element: dict[str, Any]) -> str | list[float]:
    """Value of a DICOM JSON element as an answer takes it: text, or numbers of a binary VR."""
    values, vr = element.get("Value", []), element["vr"]
    if not values:
        return ""
    if vr == "PN":
        groups = ("Alphabetic", "Ideographic", "Phonetic")
        values = ["=".join(one.get(group, "") for group in groups).rstrip("=") for one in values]
    elif vr not in ("IS", "DS") and not isinstance(values[0], str):
        return list(values)
    return "\\".join(map(str, values))

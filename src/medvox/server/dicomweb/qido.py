"""QIDO-RS: searches for studies, series and instances (PS3.18 10.6)."""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from medvox.archive.access import Action
from medvox.archive.archive import Archive
from medvox.archive.model import LONGEST_PAGE, Level, Query
from medvox.core.errors import UsageError
from medvox.server.dicomweb import xml
from medvox.server.dicomweb.negotiation import JSON, text_type
from medvox.server.dicomweb.resources import Resource, checked_uid, getting, service_url

router = APIRouter(tags=["QIDO-RS"])
USUAL_LIMIT: Final = 1000
"""Results where a client states no limit."""
FARTHEST: Final = 1_000_000
"""Largest offset."""
_FARTHEST_WALK: Final = 50_000
"""Rows that one request steps over at most: an offset far from any that was asked before is refused."""
_STUDY_UID, _SERIES_UID = 0x0020000D, 0x0020000E
_RETRIEVE_URL: Final = "00081190"
_AVAILABILITY: Final = "00080056"
_LEVELS: Final = (Level.STUDY, Level.SERIES, Level.INSTANCE)
_ONLINE: Final = {"vr": "CS", "Value": ["ONLINE"]}
_STUDY: Final = frozenset(
    (0x00080020, 0x00080030, 0x00080050, 0x00080061, 0x00080062, 0x00080090, 0x00080201, 0x00081030,
     0x00100010, 0x00100020, 0x00100021, 0x00100030, 0x00100040, 0x0020000D, 0x00200010, 0x00201206,
     0x00201208)
)  # fmt: skip
_SERIES: Final = frozenset(
    (0x00080060, 0x00080201, 0x0008103E, 0x0020000D, 0x0020000E, 0x00200011, 0x00201209, 0x00400244,
     0x00400245, 0x00180015, 0x00080021, 0x00080031)
)  # fmt: skip
_INSTANCE: Final = frozenset(
    (0x00080016, 0x00080018, 0x00080201, 0x0020000D, 0x0020000E, 0x00200013, 0x00280010, 0x00280011,
     0x00280100, 0x00280008)
)  # fmt: skip
_OWN: Final = {Level.STUDY: _STUDY, Level.SERIES: _SERIES, Level.INSTANCE: _INSTANCE}
"""Attributes returned of each level (PS3.18 tables 10.6.3-3 to 10.6.3-5), and what lists show besides."""
_CONTROL: Final = frozenset(("includefield", "limit", "offset", "fuzzymatching", "accept", "charset"))
_LARGEST_VALUE: Final = 16_384


@dataclass(frozen=True, slots=True)
class Search:
    """A search as a client states it.

    Parameters
    ----------
    query
        What is asked of the archive; its limit is that of the answer.
    offset
        Results to leave out.
    ignored
        Parameters that are left out of account.
    """

    query: Query
    offset: int = 0
    ignored: tuple[str, ...] = ()


@getting(
    router,
    Action.QUERY,
    "/studies",
)
def studies(request: Request, archive: Archive, resource: Resource) -> Response:
    """Studies."""
    return _answer(request, archive, resource, Level.STUDY)


@getting(
    router,
    Action.QUERY,
    "/studies/{study}/series",
    "/series",
)
def series(request: Request, archive: Archive, resource: Resource) -> Response:
    """Series, of a study or of all."""
    return _answer(request, archive, resource, Level.SERIES)


@getting(
    router,
    Action.QUERY,
    "/studies/{study}/series/{series}/instances",
    "/studies/{study}/instances",
    "/instances",
)
def instances(request: Request, archive: Archive, resource: Resource) -> Response:
    """Instances, of a series, a study or of all."""
    return _answer(request, archive, resource, Level.INSTANCE)


def _answer(request: Request, archive: Archive, resource: Resource, level: Level) -> Response:
    media = text_type(request)
    search = search_of(request.query_params.multi_items(), resource, level)
    rows, ignored, is_more = found(archive, search)
    warnings = [_ignoring((*search.ignored, *(f"{tag:08X}" for tag in ignored)))]
    if is_more:
        warnings.append('299 medvox "There are additional results that can be requested"')
    headers = {"Warning": ", ".join(filter(None, warnings))} if any(warnings) else {}
    if not rows:
        return Response(status_code=204, headers=headers)
    _complete(rows, level, service_url(request))
    body = json.dumps(rows, separators=(",", ":"), ensure_ascii=False).encode()
    answer = Response(body, headers={"Content-Type": JSON}) if media == JSON else xml.answer(body)
    answer.headers.update(headers)
    return answer


def _ignoring(names: Iterable[str]) -> str:
    told = ", ".join(sorted(set(names)))
    return f'299 medvox "The following parameters are not supported and were ignored: {told}"' if told else ""


def _complete(rows: Iterable[dict[str, Any]], level: Level, base: str) -> None:
    """Add where each result is retrieved, and that it is there."""
    names = (("studies", "0020000D"), ("series", "0020000E"), ("instances", "00080018"))
    for row in rows:
        url = base
        for word, key in names[: 1 + _LEVELS.index(level)]:
            url += f"/{word}/{row[key]['Value'][0]}"
        row[_AVAILABILITY] = _ONLINE
        row[_RETRIEVE_URL] = {"vr": "UR", "Value": [url]}


# -- what is asked ---------------------------------------------------------------------------------


def search_of(parameters: Iterable[tuple[str, str]], resource: Resource, level: Level) -> Search:
    """Read the parameters of a search.

    Parameters
    ----------
    parameters
        Names and values of the address, as often as each is there.
    resource
        Whose series or instances are searched.
    level
        What is searched.

    Raises
    ------
    UsageError
        If a name or a value makes no sense.
    """
    named = ((_STUDY_UID, resource.study), (_SERIES_UID, resource.series))
    filters = {tag: uid for tag, uid in named if uid is not None}
    fields: list[str] = []
    control: dict[str, str] = {}
    ignored: list[str] = []
    for name, value in parameters:
        if len(value) > _LARGEST_VALUE:
            raise UsageError("a parameter is too long", got=name[:80])
        if name == "includefield":
            fields += value.split(",")
        elif name in _CONTROL:
            control[name] = value
        elif "." in name or not _put(filters, _tag(name), value):
            ignored.append(name[:80])
    wanted, unknown = _wanted(fields, resource, level)
    query = Query(
        level,
        filters,
        wanted,
        min(_whole(control, "limit", USUAL_LIMIT), LONGEST_PAGE),
        fuzzy=_is_true(control.get("fuzzymatching", "false")),
    )
    return Search(query, _whole(control, "offset", 0), (*ignored, *unknown))


def _put(filters: dict[int, str], tag: int, value: str) -> bool:
    """Add a filter; False where the path has it already with another value."""
    if tag in (_STUDY_UID, _SERIES_UID) and filters.get(tag, value) != value:
        return False
    if tag in (_STUDY_UID, _SERIES_UID, 0x00080018, 0x00080016):
        value = "\\".join(checked_uid(uid.strip()) for uid in re.split(r"[,\\]", value) if uid.strip())
    filters[tag] = value
    return True


@lru_cache(1024)
def _tag(name: str) -> int:
    """Return the tag of an attribute: by its eight digits or its keyword."""
    from pydicom.datadict import tag_for_keyword

    if re.fullmatch(r"[0-9A-Fa-f]{8}", name):
        return int(name, 16)
    found = tag_for_keyword(name)
    if found is None:
        raise UsageError("there is no such attribute", got=name[:80], expected="a keyword or eight digits")
    return int(found)


def _wanted(
    fields: Iterable[str], resource: Resource, level: Level
) -> tuple[frozenset[int] | None, tuple[str, ...]]:
    """Return the tags to return, None for all; and the names that mean nothing."""
    names = [name.strip() for name in fields if name.strip()]
    if "all" in names:
        return None, ()
    tags, unknown = set(_OWN[level]), []
    if level is not Level.STUDY and resource.study is None:
        tags |= _STUDY
    if level is Level.INSTANCE and resource.series is None:
        tags |= _SERIES
    for name in names:
        try:
            tags.add(_tag(name.split(".")[0]))
        except UsageError:
            unknown.append(f"includefield={name[:80]}")
    return frozenset(tags), tuple(unknown)


def _whole(control: Mapping[str, str], name: str, usual: int) -> int:
    text = control.get(name, str(usual))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= FARTHEST):
        raise UsageError(f"{name} is no whole number", got=text[:20], expected=f"0 to {FARTHEST}")
    return int(text)


def _is_true(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise UsageError("fuzzymatching is neither true nor false", got=text[:20])
    return text.lower() == "true"


# -- what is found ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Places:
    """Keys of pages by search and offset, so that the next page costs no more than the first."""

    known: OrderedDict[tuple[Any, int], str] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def nearest(self, search: Any, offset: int) -> tuple[int, str | None]:
        """Return the largest offset known up to one, and its key."""
        with self.lock:
            there = [(at, key) for (one, at), key in self.known.items() if one == search and at <= offset]
        return max(there, default=(0, None), key=lambda place: place[0])

    def put(self, search: Any, offset: int, key: str) -> None:
        """Remember where a page begins."""
        with self.lock:
            self.known[search, offset] = key
            while len(self.known) > 1000:
                self.known.popitem(last=False)


_places = _Places()


def found(archive: Archive, search: Search) -> tuple[list[dict[str, Any]], tuple[int, ...], bool]:
    """Return the results, the filters that could not be matched, and whether there are more results.

    Raises
    ------
    UsageError
        If the offset is too far from any that was asked for before.
    """
    query = search.query
    name = id(archive), query.level, tuple(sorted(query.filters.items())), query.fuzzy
    at, after = _places.nearest(name, search.offset) if search.offset else (0, None)
    if search.offset - at > _FARTHEST_WALK:
        raise UsageError(
            "the offset is too large", got=search.offset, advice="Page by page, or search closer"
        )
    ignored: tuple[int, ...] = ()
    while at < search.offset:
        step = min(LONGEST_PAGE, search.offset - at)
        page = archive.find(replace(query, wanted=frozenset((_STUDY_UID,)), limit=step, after=after))
        if page.next is None:
            return [], page.ignored, False
        at, after = at + step, page.next
        _places.put(name, at, after)
    if not query.limit:
        return [], ignored, False
    page = archive.find(replace(query, after=after))
    if page.next is not None:
        _places.put(name, search.offset + len(page.rows), page.next)
    return page.rows, page.ignored, page.next is not None

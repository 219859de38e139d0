"""Content of unified procedure steps: what they must and may have, and what reports tell (PS3.4 CC.2.5)."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from medvox.archive.state.attribute_matching import Json, text_of
from medvox.archive.state.ups_events import EventKind
from medvox.archive.state.ups_states import NOT_SCHEDULED, State, StepRefusedError

UPS_PUSH: Final = "1.2.840.10008.5.1.4.34.6.1"
"""SOP class of all unified procedure steps (PS3.4 CC.3.1.1)."""
STATE, PROGRESS, PERFORMED = "00741000", "00741002", "00741216"
_READINESS, _MODIFIED, _TRANSACTION = "00404041", "00404010", "00081195"
_CANCELLATION_TIME, _REASON, _REASON_CODES = "00404052", "00741238", "0074100E"
_STATIONS, _HUMANS = "00404025", "00404034"
_NEEDED: Final = ("00741200", "00741204", _READINESS, "00404005", STATE)
"""Priority, label, input readiness, start, state: of type 1 for the SCU of N-CREATE (table CC.2.5-3)."""
_EMPTY: Final = {"00404018": "SQ", "00404021": "SQ", "00741202": "LO", "00380010": "LO", PERFORMED: "SQ",
                 PROGRESS: "SQ", "00100010": "PN", "00100020": "LO", "00100030": "DA", "00100040": "CS",
                 "0040A370": "SQ"}  # fmt: skip
"""Attributes of type 2 that a step always has."""
_FIXED: Final = (STATE, "00080016", "00080018", "00100010", "00100020", "00100030", "00100040", "00380010",
                 "0040A370")  # fmt: skip
"""Attributes that N-SET may not change: state, identity, patient, admission, request (table CC.2.5-3)."""
_OF_COMPLETED: Final = ("00404028", "00404050", "00404051", "00404019", "00404033")
"""Performed station, start, end, workitem code, output information: of an item of the performed procedure."""
_MAY_BE_EMPTY: Final = ("00404033",)


def checked_creation(uid: str, data: Json) -> dict[str, Any]:
    """Return the content of a new step.

    Raises
    ------
    StepRefusedError
        If an attribute of type 1 is missing or empty, or the state is not SCHEDULED.
    """
    missing = tuple(int(tag, 16) for tag in _NEEDED if tag not in data)
    if missing:
        raise StepRefusedError(0x0120, "attributes of the step are missing", missing)
    empty = tuple(int(tag, 16) for tag in _NEEDED if not text_of(data, tag))
    if empty:
        raise StepRefusedError(0x0121, "attributes of the step are empty", empty)
    if text_of(data, STATE) != State.SCHEDULED:
        raise StepRefusedError(NOT_SCHEDULED)
    content = {tag: {"vr": vr} for tag, vr in _EMPTY.items()} | dict(data)
    content["00080016"] = {"vr": "UI", "Value": [UPS_PUSH]}
    content["00080018"] = {"vr": "UI", "Value": [uid]}
    return stored(content)


def checked_update(data: Json) -> dict[str, Any]:
    """Return the changes of N-SET without Transaction UID.

    Raises
    ------
    StepRefusedError
        If one of them may not change.
    """
    wrong = tuple(int(tag, 16) for tag in _FIXED if tag in data)
    if wrong:
        raise StepRefusedError(0x0106, "attributes of the step may not change", wrong)
    emptied = tuple(int(tag, 16) for tag in _NEEDED if tag in data and not text_of(data, tag))
    if emptied:
        raise StepRefusedError(0x0121, "attributes of the step are empty", emptied)
    return dict(data)


def stored(data: Json) -> dict[str, Any]:
    """Return content as it is kept: in order, with the time of the change, without Transaction UID."""
    content = {tag: data[tag] for tag in sorted(data) if tag not in (_TRANSACTION, "00080005")}
    return content | {_MODIFIED: {"vr": "DT", "Value": [_now()]}}


def completion_faults(data: Json, state: State) -> tuple[int, ...]:
    """Return tags that a final state requires and that the step lacks (table CC.2.5-3, Final State)."""
    needed: tuple[str, ...]
    if state is State.CANCELED:
        item, needed = _item(data, PROGRESS), (_CANCELLATION_TIME, _REASON_CODES)
    else:
        item, needed = _item(data, PERFORMED), _OF_COMPLETED
    return tuple(
        int(tag, 16)
        for tag in needed
        if tag not in item or not (item[tag].get("Value") or tag in _MAY_BE_EMPTY)
    )


def with_cancellation(data: Json, reason: Json) -> dict[str, Any]:
    """Return the content of a step that is canceled before it began, with time and reason."""
    item = {**_item(data, PROGRESS), _CANCELLATION_TIME: {"vr": "DT", "Value": [_now()]}}
    item |= {tag: reason[tag] for tag in (_REASON, _REASON_CODES) if tag in reason}
    return stored({**data, PROGRESS: {"vr": "SQ", "Value": [item]}})


def state_report(data: Json) -> dict[str, Any]:
    """Return the information of a UPS State Report (table CC.2.4-1)."""
    told = {tag: data[tag] for tag in (STATE, _READINESS) if tag in data}
    if text_of(data, STATE) == State.CANCELED:
        item = _item(data, PROGRESS)
        told |= {tag: item[tag] for tag in (_REASON, _REASON_CODES) if tag in item}
    return told


def reports_of_update(before: Json, content: Json) -> list[tuple[EventKind, dict[str, Any]]]:
    """Return what subscribers are told of a change: readiness, progress, assignment (table CC.2.4-1)."""
    found: list[tuple[EventKind, dict[str, Any]]] = []
    if before.get(_READINESS) != content.get(_READINESS):
        found.append((EventKind.STATE, state_report(content)))
    if before.get(PROGRESS) != content.get(PROGRESS):
        found.append((EventKind.PROGRESS, {PROGRESS: content.get(PROGRESS, {"vr": "SQ"})}))
    if any(before.get(tag) != content.get(tag) for tag in (_STATIONS, _HUMANS)):
        told = {tag: content[tag] for tag in (_STATIONS, _HUMANS) if tag in content}
        found.append((EventKind.ASSIGNED, told))
    return found


def _item(data: Json, tag: str) -> dict[str, Any]:
    items = (data.get(tag) or {}).get("Value") or [{}]
    return dict(items[0] or {})


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y%m%d%H%M%S.%f+0000")

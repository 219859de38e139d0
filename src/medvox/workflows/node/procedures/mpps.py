"""Performed steps: the rules of PS3.4 F.7 over the state of a node, and what of them is stored."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from medvox.archive.archive import Archive
from medvox.archive.entry import is_uid
from medvox.archive.state.ae_rules import AeService
from medvox.archive.state.attribute_matching import Json, text_of
from medvox.archive.state.mpps import (
    PERFORMED_STATUS,
    SCHEDULED_STEPS,
    PerformedStatus,
    PerformedStep,
    PerformedSteps,
)
from medvox.core.errors import MissingError, UsageError
from medvox.network.dimse.commands import Status
from medvox.network.dimse.datasets import with_character_set
from medvox.network.handlers import RefusedError
from medvox.workflows.node.policy import Gate
from medvox.workflows.node.procedures.worklist import dataset_of, enter, json_of

if TYPE_CHECKING:
    from pydicom import Dataset

NO_LONGER_UPDATED: Final = 0xA710
"""Error ID: the performed procedure step object may no longer be updated (PS3.4 table F.7.2-2)."""
_SERIES: Final = "00400340"
_SERIES_UID, _STUDY_UID, _PROTOCOL = "0020000E", "0020000D", "00181030"
_REFERENCES: Final = ("00081140", "00400220")
"""Referenced Image Sequence, Referenced Non-Image Composite SOP Instance Sequence."""
_REFERENCED_UID: Final = "00081155"
_NEEDED: Final = (
    PERFORMED_STATUS, SCHEDULED_STEPS, "00080060", "00400241", "00400244", "00400245", "00400253",
)  # fmt: skip
"""Type 1 in N-CREATE (PS3.4 table F.7.2-1)."""
_NEEDED_AT_END: Final = ("00400250", "00400251")
"""Type 1 in the final state: end date and time."""
_FIXED: Final = frozenset((
    SCHEDULED_STEPS, "00080060", "00081120", "00100010", "00100020", "00100021", "00100024", "00100030",
    "00100040", "00101002", "00200010", "00380010", "00380014", "00400241", "00400242", "00400243",
    "00400244", "00400245", "00400253",
))  # fmt: skip
"""Not allowed in N-SET."""
_CHARACTER_SET: Final = "00080005"


class PerformedStepRules:
    """Keeps performed steps (a `medvox.network.procedure_handlers.PerformedStepHandler`).

    An attribute of type 2 that is missing is taken as empty, and one that may not be set is let pass where
    its value stays the same: modalities send both.

    Parameters
    ----------
    steps
        Performed steps of the node.
    gate
        What a request passes; None: nothing.
    """

    def __init__(self, steps: PerformedSteps, gate: Gate | None = None) -> None:
        self._steps = steps
        self._gate = gate

    def create(self, uid: str, attributes: Dataset, calling_ae: str) -> str:
        """Begin a step (PS3.4 F.7.2.1)."""
        enter(self._gate, calling_ae, AeService.MPPS)
        data = _plain(attributes)
        if uid and not is_uid(uid):
            raise RefusedError(Status.INVALID_SOP_INSTANCE, "the SOP Instance UID is no UID")
        _need(data, _NEEDED)
        parts = data[SCHEDULED_STEPS]["Value"]
        for part in parts:
            _need(part or {}, (_STUDY_UID,))
        if text_of(data, PERFORMED_STATUS) != PerformedStatus.IN_PROGRESS:
            raise _refused_value("a step begins IN PROGRESS", PERFORMED_STATUS)
        uid = uid or f"2.25.{uuid.uuid4().int}"
        try:
            self._steps.add(uid, data, calling_ae)
        except UsageError:
            raise RefusedError(Status.DUPLICATE_SOP_INSTANCE, "there is a step of this UID") from None
        self._note(calling_ae, data, PerformedStatus.IN_PROGRESS)
        return uid

    def update(self, uid: str, modifications: Dataset, calling_ae: str) -> None:
        """Change a step that is in progress, or end it (PS3.4 F.7.2.2)."""
        enter(self._gate, calling_ae, AeService.MPPS)
        data = _plain(modifications)
        try:
            step = self._steps.change(uid, lambda step: changed(step, data))
        except MissingError:
            raise RefusedError(Status.NO_SUCH_SOP_INSTANCE, "there is no such step") from None
        self._note(calling_ae, step.data, step.status)

    def get(self, uid: str, wanted: Sequence[int], calling_ae: str) -> Dataset:
        """Return attributes of a step (PS3.4 F.8.2.1), in UTF-8 where ASCII does not hold them."""
        enter(self._gate, calling_ae, AeService.MPPS)
        try:
            data = self._steps.get(uid).data
        except MissingError:
            raise RefusedError(Status.NO_SUCH_SOP_INSTANCE, "there is no such step") from None
        names = {f"{tag:08X}" for tag in wanted}
        asked = {tag: element for tag, element in data.items() if not names or tag in names}
        self._note(calling_ae, data, "read")
        return with_character_set(dataset_of(asked), None)

    def _note(self, calling_ae: str, data: Json, detail: str) -> None:
        if self._gate is not None:
            parts = (data.get(SCHEDULED_STEPS) or {}).get("Value") or ()
            studies = dict.fromkeys(text_of(part, _STUDY_UID) for part in parts)
            self._gate.note(calling_ae, AeService.MPPS, *studies, detail=detail)


def changed(step: PerformedStep, modifications: Json) -> dict[str, Any]:
    """Return the attributes of a step after N-SET.

    Raises
    ------
    RefusedError
        If the step has ended (0110H with error ID A710H), an attribute may not be set (0105H), a value is
        wrong (0106H), or something is missing to end it (0120H, 0121H).
    """
    if step.status is not PerformedStatus.IN_PROGRESS:
        what = "Performed Procedure Step Object may no longer be updated"
        raise RefusedError(Status.PROCESSING_FAILURE, what, error_id=NO_LONGER_UPDATED)
    fixed = [tag for tag in modifications if tag in _FIXED and modifications[tag] != step.data.get(tag)]
    if fixed:
        what = "an attribute may not be changed by N-SET"
        raise RefusedError(Status.NO_SUCH_ATTRIBUTE, what, attributes=[int(tag, 16) for tag in fixed])
    data = {**step.data, **modifications}
    status = text_of(data, PERFORMED_STATUS)
    if status not in list(PerformedStatus):
        raise _refused_value("no status of a performed step", PERFORMED_STATUS)
    for part in (data.get(_SERIES) or {}).get("Value") or ():
        _need(part or {}, (_SERIES_UID,))
    if status != PerformedStatus.IN_PROGRESS:
        _need(data, _NEEDED_AT_END)
    if status == PerformedStatus.COMPLETED:
        _need(data, (_SERIES,))
        for part in data[_SERIES]["Value"]:
            _need(part, (_PROTOCOL,))
    return data


def _plain(dataset: Dataset) -> dict[str, Any]:
    try:
        data = json_of(dataset)
    except UsageError as error:
        raise RefusedError(Status.INVALID_ATTRIBUTE_VALUE, error.what) from None
    data.pop(_CHARACTER_SET, None)
    return data


def _need(data: Json, tags: Sequence[str]) -> None:
    """Refuse attributes of type 1 that are missing or empty."""
    missing = [int(tag, 16) for tag in tags if tag not in data]
    if missing:
        raise RefusedError(Status.MISSING_ATTRIBUTE, "an attribute is missing", attributes=missing)
    empty = [int(tag, 16) for tag in tags if not any(data[tag].get("Value") or ())]
    if empty:
        raise RefusedError(Status.MISSING_ATTRIBUTE_VALUE, "an attribute has no value", attributes=empty)


def _refused_value(what: str, tag: str) -> RefusedError:
    return RefusedError(Status.INVALID_ATTRIBUTE_VALUE, what, attributes=[int(tag, 16)])


@dataclass(frozen=True, slots=True)
class SeriesPerformed:
    """A series that a performed step tells of, and what of it is in the archive.

    Parameters
    ----------
    series_uid
        Series Instance UID.
    announced
        SOP Instance UIDs that the step refers to.
    stored
        How many instances of the series the archive has.
    missing
        Those announced that it has not.
    """

    series_uid: str
    announced: tuple[str, ...]
    stored: int
    missing: tuple[str, ...]


def series_of(archive: Archive, step: PerformedStep) -> list[SeriesPerformed]:
    """Compare the series that a step tells of with what is stored."""
    found = []
    for part in (step.data.get(_SERIES) or {}).get("Value") or ():
        uid = text_of(part, _SERIES_UID)
        announced = tuple(_referenced(part))
        stored = {row.sop_uid for row in archive.instances(series_uid=uid)}
        missing = tuple(each for each in announced if each not in stored)
        found.append(SeriesPerformed(uid, announced, len(stored), missing))
    return found


def _referenced(series: Mapping[str, Any]) -> Iterator[str]:
    for tag in _REFERENCES:
        for part in (series.get(tag) or {}).get("Value") or ():
            yield text_of(part, _REFERENCED_UID)

"""Procedures: the worklist and what modalities perform of it."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request

from medvox.archive.access import Action
from medvox.archive.archive import Archive
from medvox.archive.entry import is_uid
from medvox.archive.state import mpps, worklist
from medvox.core.errors import MissingError
from medvox.dicom import tags
from medvox.server.access.rights import requires, touches
from medvox.server.archive_viewer import listing
from medvox.server.archive_viewer import procedure_types as api
from medvox.server.routes.archive import ArchiveOf
from medvox.workflows.node.procedures.procedures import Procedures

router = APIRouter(prefix="/procedures", tags=["procedures"])
_MOST: Final = 500
_STATION, _DATE, _TIME, _DESCRIPTION = 0x00400001, 0x00400002, 0x00400003, 0x00400007
_PERFORMED_STATION, _BEGUN_DATE, _BEGUN_TIME, _PERFORMED = 0x00400241, 0x00400244, 0x00400245, 0x00400254


def _procedures(request: Request) -> Procedures:
    found: Procedures | None = getattr(request.app.state, "procedures", None)
    if found is None:
        raise MissingError("this node keeps no worklist")
    return found


ProceduresOf = Annotated[Procedures, Depends(_procedures)]


@router.get("", operation_id="procedures", dependencies=[requires(Action.QUERY)])
def procedures(
    kept: ProceduresOf, archive: ArchiveOf, ended: Annotated[bool, Query()] = False
) -> api.Procedures:
    """Scheduled steps, with `ended` also those that have ended, and the steps that were performed last."""
    items = list(islice(kept.worklist.find({}, is_history=ended), _MOST + 1))
    return api.Procedures(
        scheduled=_scheduled(items[:_MOST], archive),
        performed=[_performed(step) for step in kept.performed.newest(100)],
        is_cut=len(items) > _MOST,
    )


@router.post("/scheduled/{number}/status", operation_id="setStepStatus", dependencies=[requires(Action.WORK)])
def set_status(
    request: Request, kept: ProceduresOf, archive: ArchiveOf, number: int, change: api.StatusChange
) -> api.ScheduledStep:
    """Say how far a scheduled step is."""
    item = kept.worklist.set_status(number, worklist.StepStatus(change.status))
    touches(request, item.study_uid, detail=f"step {change.status}")
    return _scheduled([item], archive)[0]


def _scheduled(items: list[worklist.WorklistItem], archive: Archive) -> list[api.ScheduledStep]:
    held = listing.held(archive, [item.study_uid for item in items if is_uid(item.study_uid)])
    return [
        api.ScheduledStep(
            id=item.id,
            study_uid=item.study_uid,
            patient_name=listing.text(item.data, tags.PATIENT_NAME),
            patient_id=listing.text(item.data, tags.PATIENT_ID),
            date=listing.text(item.step, _DATE),
            time=listing.text(item.step, _TIME),
            modality=listing.text(item.step, tags.MODALITY),
            station=listing.text(item.step, _STATION),
            description=listing.text(item.step, _DESCRIPTION),
            accession=listing.text(item.data, tags.ACCESSION_NUMBER),
            status=item.status.value,
            images=held.get(item.study_uid, 0),
        )
        for item in items
    ]


def _performed(step: mpps.PerformedStep) -> api.PerformedStep:
    data: dict[str, Any] = step.data
    return api.PerformedStep(
        uid=step.uid,
        patient_name=listing.text(data, tags.PATIENT_NAME),
        patient_id=listing.text(data, tags.PATIENT_ID),
        date=listing.text(data, _BEGUN_DATE),
        time=listing.text(data, _BEGUN_TIME),
        modality=listing.text(data, tags.MODALITY),
        station=listing.text(data, _PERFORMED_STATION) or step.caller,
        description=listing.text(data, _PERFORMED),
        status=step.status.value,
    )

"""The archive: its studies, their series, opening one in the viewer, adding files."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool

from medvox.archive.access import Action
from medvox.archive.archive import Archive
from medvox.archive.importing import import_folder
from medvox.archive.model import Origin, Outcome
from medvox.server import types as viewer
from medvox.server.access.rights import requires
from medvox.server.archive_viewer import listing
from medvox.server.archive_viewer import types as api
from medvox.server.archive_viewer.sessions import OpenedStudies
from medvox.server.routes.session import UPLOAD_BODY
from medvox.server.session import UPLOAD_BYTES
from medvox.server.uploads import receive

router = APIRouter(prefix="/archive", tags=["archive"])


def _archive(request: Request) -> Archive:
    found: Archive = request.app.state.archive
    return found


def _opened(request: Request) -> OpenedStudies:
    found: OpenedStudies = request.app.state.opened_studies
    return found


ArchiveOf = Annotated[Archive, Depends(_archive)]
OpenedOf = Annotated[OpenedStudies, Depends(_opened)]


@router.get("/studies", operation_id="listStudies", dependencies=[requires(Action.QUERY)])
def studies(archive: ArchiveOf, page: Annotated[api.StudyPage, Query()]) -> api.ListedStudies:
    """Page of the studies that match, the newest first."""
    return listing.studies(archive, page)


@router.get("/studies/{study}", operation_id="listStudy", dependencies=[requires(Action.QUERY)])
def listed(archive: ArchiveOf, study: str) -> api.ListedStudy:
    """One study."""
    return listing.study(archive, study)


@router.get("/studies/{study}/series", operation_id="listSeries", dependencies=[requires(Action.QUERY)])
def series(archive: ArchiveOf, study: str) -> list[api.ListedSeries]:
    """Series of a study, by number."""
    return listing.series(archive, study)


@router.post("/studies/{study}/open", operation_id="openStudy", dependencies=[requires(Action.RETRIEVE)])
def open_study(opened: OpenedOf, study: str) -> viewer.Session:
    """Open a study, or look whether instances came since; its session is at ``/api/v1/opened/{study}``."""
    return opened.refreshed(study).snapshot()


@router.post(
    "/files",
    operation_id="addFiles",
    openapi_extra=UPLOAD_BODY,
    dependencies=[requires(Action.STORE)],
)
async def add_files(request: Request, archive: ArchiveOf) -> api.Added:
    """Add DICOM files to the archive."""
    folder = Path(tempfile.mkdtemp(prefix="medvox-add-"))
    try:
        await receive(request.stream(), request.headers.get("content-type", ""), folder, UPLOAD_BYTES)
        who = Origin(request.state.principal.name, request.client.host if request.client else "")
        counts, findings = await run_in_threadpool(import_folder, archive, folder, origin=who)
    finally:
        await run_in_threadpool(shutil.rmtree, folder, ignore_errors=True)
    return api.Added(
        stored=counts[Outcome.STORED],
        same=counts[Outcome.SAME],
        versions=counts[Outcome.VERSION],
        refused=[f"{found.where}: {found.text}" for found in findings],
    )

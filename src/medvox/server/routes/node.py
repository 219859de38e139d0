"""Node pages: list, opened studies, status page and remote nodes of an archive, for an application."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI
from starlette.requests import HTTPConnection

from medvox.archive.access import Action
from medvox.archive.archive import Archive
from medvox.server.access.rights import requires
from medvox.server.archive_viewer.sessions import OPENED, OpenedStudies
from medvox.server.archive_viewer.transfers import Transfers
from medvox.server.catalog import API
from medvox.server.dependencies import ERRORS
from medvox.server.routes import archive as archive_routes
from medvox.server.routes import procedures, remote, status
from medvox.server.routes.viewer import PARTS
from medvox.workflows.node.procedures.procedures import Procedures
from medvox.workflows.node.remote import RemoteNodes
from medvox.workflows.node.status import NodeStatus


@dataclass(frozen=True, slots=True)
class Shown:
    """What the archive's pages show.

    Parameters
    ----------
    archive
        Its studies.
    folder
        For files of opened studies: private, emptied at start and end.
    status
        Of the node.
    remote
        Nodes that can be asked.
    procedures
        Worklist and performed steps; None: there are none.
    """

    archive: Archive
    folder: Path
    status: NodeStatus
    remote: RemoteNodes
    procedures: Procedures | None = None


def routers() -> list[APIRouter]:
    """Return the routes, with their whole paths; for `create_app`."""
    own = APIRouter(prefix=API, responses=ERRORS)
    for module in (archive_routes, status, remote, procedures):
        own.include_router(module.router)
    opened = APIRouter(
        prefix=f"{OPENED}/{{study}}",
        responses=ERRORS,
        include_in_schema=False,
        dependencies=[requires(Action.RETRIEVE), Depends(_noted_once)],
    )
    for part in PARTS:
        opened.include_router(part)
    return [own, opened]


async def _noted_once(connection: HTTPConnection) -> None:
    """Keep in the audit that somebody looks at a study, but not each slice that is fetched for it."""
    opened: OpenedStudies = connection.app.state.opened_studies
    state = connection.scope["state"]
    if not opened.is_new(connection.path_params["study"], state["principal"].name):
        state["note"].action = None


@contextmanager
def shown(app: FastAPI, what: Shown) -> Iterator[OpenedStudies]:
    """Give the routes what they show, for the `with` block; opened studies are closed at its end."""
    opened, transfers = OpenedStudies(what.archive, what.folder), Transfers()
    app.state.archive, app.state.opened_studies = what.archive, opened
    app.state.node_status, app.state.remote_nodes = what.status, what.remote
    app.state.transfers, app.state.procedures = transfers, what.procedures
    try:
        yield opened
    finally:
        transfers.close()
        opened.close()

"""The HTTP application of a node: the archive's pages, the viewer, DICOMweb, health and metrics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware import Middleware

from medvox.core.study import Scan
from medvox.server import health, metrics
from medvox.server.access.door import Door
from medvox.server.access.guard import HttpAccess, NodeGuard
from medvox.server.access.sharing import Sharing
from medvox.server.app import guarded_app
from medvox.server.archive_viewer.sessions import OpenedStudies
from medvox.server.dicomweb.routers import guarded
from medvox.server.health import Readiness
from medvox.server.metrics import Measured
from medvox.server.page import STATIC
from medvox.server.routes.node import Shown, routers, shown
from medvox.server.session import ViewerSession
from medvox.workflows.node.monitoring.own_status import OwnStatus, TaskQueue
from medvox.workflows.node.monitoring.queues import CommitmentQueue, HookQueue
from medvox.workflows.node.node import Node
from medvox.workflows.node.remote import remote_nodes

OPENED_FILES = "opened"
"""Folder in the store for files of studies that are being looked at; emptied at start and end."""


@dataclass(frozen=True, slots=True)
class NodeApp:
    """The application of a node.

    Parameters
    ----------
    app
        To be served.
    viewer
        An empty session: each study is opened in one of its own.
    opened
        The studies that are being looked at.
    """

    app: FastAPI
    viewer: ViewerSession
    opened: OpenedStudies


@contextmanager
def node_app(node: Node, door: Door, static: Path = STATIC) -> Iterator[NodeApp]:
    """Make the application for the `with` block; at its end opened studies are closed.

    Parameters
    ----------
    node
        Whose archive is served.
    door
        Where it is asked.
    static
        Folder of the built client.
    """
    viewer = ViewerSession(lambda _paths, _progress: Scan((), ()), title=node.settings.aet)
    guards = [
        Middleware(Measured, metrics=node.measures.metrics),
        Middleware(Sharing, door=door),
        Middleware(NodeGuard, access=HttpAccess.to(node.access, door)),
    ]
    more = [health.router, metrics.router, guarded(), *routers()]
    app = guarded_app(viewer, guards, static, more=more, node=node.settings.aet)
    app.state.node, app.state.metrics = node, node.measures.metrics
    app.state.readiness = Readiness.of(node)
    try:
        with shown(app, shown_of(node)) as opened:
            yield NodeApp(app, viewer, opened)
    finally:
        viewer.close()


def shown_of(node: Node) -> Shown:
    """Return what the pages of a node show."""
    settings = node.settings

    def facts() -> tuple[str, int, float, int]:
        return settings.aet, node.dicom_port, node.started_s, node.associations

    queues: list[TaskQueue] = [CommitmentQueue(node.procedures), HookQueue(node.jobs.queue)]
    status = OwnStatus(node.archive, settings.store, facts, node.access, queues)
    return Shown(node.archive, settings.store / OPENED_FILES, status, remote_nodes(node), node.procedures)

"""Running a node: DICOM and HTTP until it is stopped, then a clean end."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from medvox.server.node_app import create_node_app
from medvox.server.page import STATIC
from medvox.server.routes.node import Shown, shown
from medvox.server.run import HOST, TOKEN_BYTES, ViewerServer, bind
from medvox.server.session import ViewerSession
from medvox.workflows.node.node import Node
from medvox.workflows.node.own_status import OwnStatus
from medvox.workflows.node.remote import remote_nodes
from medvox.workflows.node.settings import NodeSettings
from medvox.workflows.node.task_queues import CommitmentQueue
from medvox.workflows.open_folder import scan


@dataclass(frozen=True, slots=True)
class Running:
    """Where a node that has started is.

    Parameters
    ----------
    address
        Of the web page, with its token.
    dicom_port, http_port
        Ports listened on.
    aet
        AE title.
    store
        Folder of the archive.
    """

    address: str
    dicom_port: int
    http_port: int
    aet: str
    store: Path


def serve_node(settings: NodeSettings, announce: Callable[[Running], None], static: Path = STATIC) -> None:
    """Run a node until SIGINT or SIGTERM; then associations end, and everything received is in the index.

    Parameters
    ----------
    settings
        How it works.
    announce
        Told where it is, once it listens; the address has the token, which is never logged.
    static
        Folder of the built client.

    Raises
    ------
    UsageError
        If a port is taken.
    AccessError
        If another process has the archive open.
    """
    sock = bind(settings.http_port)
    with contextlib.closing(sock), Node(settings) as node:
        port = int(sock.getsockname()[1])
        viewer = ViewerSession(
            lambda paths, progress: scan(paths, progress=progress), title=f"medvox {settings.aet}"
        )
        token = secrets.token_urlsafe(TOKEN_BYTES)
        app = create_node_app(node, viewer, token, port, static)
        server = ViewerServer(app, viewer)
        running = Running(
            f"http://{HOST}:{port}/?token={token}", node.dicom_port, port, settings.aet, settings.store
        )
        server.on_started = lambda: announce(running)
        facts = lambda: (settings.aet, node.dicom_port, node.started_s, node.associations)  # noqa: E731
        status = OwnStatus(node.archive, settings.store, facts, queues=[CommitmentQueue(node.procedures)])
        folder, remote = settings.store / "viewer", remote_nodes(node)
        pages = Shown(node.archive, folder, status, remote, node.procedures)
        try:
            with shown(app, pages) as opened:
                server.on_stopping = opened.end_streams
                server.run(sockets=[sock])
        finally:
            viewer.close()

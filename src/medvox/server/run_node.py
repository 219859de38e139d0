"""Running a node: DICOM and HTTP until it is stopped, then a clean end."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from medvox.server.access.door import Door
from medvox.server.access.tls import server_context
from medvox.server.node_app import node_app
from medvox.server.page import STATIC
from medvox.server.run import ViewerServer, bind
from medvox.workflows.node.node import Node
from medvox.workflows.node.settings import NodeSettings

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Running:
    """Where a node that has started is.

    Parameters
    ----------
    address
        Of its pages.
    token
        Of an administrator at the very first start, never again; else None.
    dicom_port, http_port
        Ports listened on.
    """

    address: str
    token: str | None
    dicom_port: int
    http_port: int


def serve_node(settings: NodeSettings, announce: Callable[[Running], None], static: Path = STATIC) -> None:
    """Run a node until SIGINT or SIGTERM; then associations end, and everything received is in the index.

    Parameters
    ----------
    settings
        How it works.
    announce
        Told where it is, once it listens. The token is shown to nobody else and never logged.
    static
        Folder of the built client.

    Raises
    ------
    UsageError
        If a port is taken.
    AccessError
        If another process has the archive open.
    """
    context = _tls(settings)
    with contextlib.closing(bind(settings.http_port, settings.http_host)) as sock, Node(settings) as node:
        port = int(sock.getsockname()[1])
        door = Door(
            port,
            is_loopback=settings.http_host in _LOOPBACK,
            is_secure=context is not None,
            hosts=frozenset(settings.http_names.split()),
            viewers=frozenset(settings.http_origins.split()),
        )
        with node_app(node, door, static) as made:
            token = node.access.tokens.create_first()
            server = ViewerServer(made.app, made.viewer, context)
            running = Running(f"{door.scheme}://{settings.http_host}:{port}/", token, node.dicom_port, port)
            server.on_started = lambda: announce(running)
            server.on_stopping = made.opened.end_streams
            server.run(sockets=[sock])


def _tls(settings: NodeSettings) -> ssl.SSLContext | None:
    if settings.http_certificate is None:
        return None
    return server_context(settings.http_certificate, settings.http_key)

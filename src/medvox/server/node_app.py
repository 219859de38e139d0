"""The HTTP application of a node: the viewer's, with the archive behind it."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI

from medvox.server.app import create_app
from medvox.server.page import STATIC
from medvox.server.session import ViewerSession
from medvox.workflows.node.node import Node


def create_node_app(
    node: Node, viewer: ViewerSession, token: str, port: int, static: Path = STATIC
) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    node
        Whose archive is served.
    viewer
        What the viewer shows.
    token, port, static
        As for `medvox.server.app.create_app`.
    """
    app = create_app(viewer, token, port, static)
    app.state.node = node
    app.state.archive = node.archive
    return app

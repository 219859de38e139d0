"""What routes take from the application of a node."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from medvox.archive.archive import Archive
from medvox.workflows.node.node import Node


def _node(request: Request) -> Node:
    found: Node = request.app.state.node
    return found


def _archive(request: Request) -> Archive:
    found: Archive = request.app.state.archive
    return found


NodeOf = Annotated[Node, Depends(_node)]
ArchiveOf = Annotated[Archive, Depends(_archive)]

"""Remote nodes: echo, search, retrieve, send."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from medvox.archive.access import Action
from medvox.archive.entry import is_uid
from medvox.core.errors import MissingError, UsageError
from medvox.server.access.rights import requires, touches
from medvox.server.archive_viewer import listing
from medvox.server.archive_viewer import status_types as api
from medvox.server.archive_viewer.transfers import Transfers
from medvox.server.routes.archive import ArchiveOf
from medvox.workflows.node.remote import RemoteNodes

router = APIRouter(prefix="/remote", tags=["remote nodes"])


def _nodes(request: Request) -> RemoteNodes:
    found: RemoteNodes = request.app.state.remote_nodes
    return found


def _transfers(request: Request) -> Transfers:
    found: Transfers = request.app.state.transfers
    return found


NodesOf = Annotated[RemoteNodes, Depends(_nodes)]
TransfersOf = Annotated[Transfers, Depends(_transfers)]


@router.get("/nodes", operation_id="remoteNodes", dependencies=[requires(Action.MONITOR)])
def nodes(remote: NodesOf) -> list[api.RemoteNode]:
    """Return the configured nodes."""
    return [api.RemoteNode.model_validate(one) for one in remote.nodes()]


@router.post("/nodes/{name}/echo", operation_id="echoNode", dependencies=[requires(Action.MONITOR)])
def echo(remote: NodesOf, name: str) -> api.Echo:
    """Call a node (C-ECHO)."""
    return api.Echo(seconds=remote.echo(name))


@router.get("/nodes/{name}/studies", operation_id="remoteStudies", dependencies=[requires(Action.QUERY)])
def studies(
    remote: NodesOf, archive: ArchiveOf, name: str, search: Annotated[api.RemoteSearch, Query()]
) -> api.RemoteStudies:
    """Find studies on a node (C-FIND)."""
    found = remote.find(name, listing.keys(search), search.limit)
    uids = [one.study_uid for one in found if is_uid(one.study_uid)]
    held = listing.held(archive, uids)
    made = [api.RemoteStudy.model_validate(one) for one in found]
    return api.RemoteStudies(
        studies=[one.model_copy(update={"held": held.get(one.study_uid, 0)}) for one in made],
        is_cut=len(found) >= search.limit,
    )


@router.get("/transfers", operation_id="transfers", dependencies=[requires(Action.QUERY)])
def transfers(running: TransfersOf) -> list[api.Transfer]:
    """Return the transfers, the newest first."""
    return [api.Transfer.model_validate(one) for one in running.list()]


@router.post(
    "/transfers", operation_id="startTransfer", status_code=201, dependencies=[requires(Action.SEND)]
)
def start(
    request: Request, remote: NodesOf, running: TransfersOf, asked: api.TransferRequest
) -> api.Transfer:
    """Retrieve a study (C-GET or C-MOVE), or send one (C-STORE), in the background."""
    if not is_uid(asked.study_uid):
        raise UsageError("this is no Study Instance UID", where="study_uid")
    if all(node.name != asked.node for node in remote.nodes()):
        raise MissingError("there is no such node", got=asked.node)
    touches(request, asked.study_uid, detail=f"{asked.kind} {asked.node}")
    work = remote.retrieve if asked.kind == "retrieve" else remote.send
    begun = running.start(
        asked.kind,
        asked.node,
        asked.study_uid,
        lambda progress: work(asked.node, asked.study_uid, progress),
    )
    return api.Transfer.model_validate(begun)


@router.delete(
    "/transfers/{id}",
    operation_id="removeTransfer",
    status_code=204,
    response_class=Response,
    dependencies=[requires(Action.SEND)],
)
def remove(running: TransfersOf, id: str) -> None:  # noqa: A002 - the name in the address
    """Cancel a transfer, or take one that has ended off the list."""
    running.remove(id)

"""Status of the node: storage, queues, failures, refused callers."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from medvox.archive.access import Action
from medvox.server.access.rights import requires
from medvox.server.archive_viewer import status_types as api
from medvox.workflows.node.status import NodeStatus

router = APIRouter(prefix="/status", tags=["status"])
MOST_LISTED = 200


def _status(request: Request) -> NodeStatus:
    found: NodeStatus = request.app.state.node_status
    return found


StatusOf = Annotated[NodeStatus, Depends(_status)]
_DONE: dict[str, Any] = {
    "status_code": 204,
    "response_class": Response,
    "dependencies": [requires(Action.MANAGE)],
}


@router.get("", operation_id="status", dependencies=[requires(Action.MONITOR)])
def status(node: StatusOf) -> api.Status:
    """Everything that the status page shows."""
    return api.Status(
        node=api.NodeFacts.model_validate(node.facts()),
        storage=api.StorageFacts.model_validate(node.storage()),
        queues=[api.QueueFacts.model_validate(one) for one in node.queues()],
        failures=[api.FailedTask.model_validate(one) for one in node.failures(MOST_LISTED)],
        refused=[api.RefusedCaller.model_validate(one) for one in node.refused(MOST_LISTED)],
    )


@router.post("/failures/{id}/retry", operation_id="retryTask", **_DONE)
def retry(node: StatusOf, id: str) -> None:  # noqa: A002 - the name in the address
    """Put a failed task into its queue again."""
    node.retry(id)


@router.post("/refused/{id}/accept", operation_id="acceptCaller", **_DONE)
def accept(node: StatusOf, id: str) -> None:  # noqa: A002
    """Admit a caller that was refused."""
    node.accept(id)

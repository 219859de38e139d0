"""Rights of routes: each says by `requires` what it does, and is asked for only by who may do that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import Depends
from starlette.exceptions import HTTPException, WebSocketException
from starlette.requests import HTTPConnection

from medvox.archive.access import Action, Principal, allowed
from medvox.archive.entry import is_uid

STUDY_PARAMETERS: Final = ("study", "uid", "study_uid", "study_instance_uid")
"""Names of the parameter of a route that is a Study Instance UID."""
MOST_STUDIES: Final = 100
"""Studies of one request that are named in the audit."""


@dataclass(slots=True)
class Note:
    """What the audit will say of a request.

    Parameters
    ----------
    action
        What it does; None where it touches no patient data.
    studies
        UIDs of the studies it touches.
    detail
        More, without patient data, e.g. the reason of a deletion.
    """

    action: Action | None = None
    studies: list[str] = field(default_factory=list)
    detail: str = ""


class Requires:
    """Lets a request through to its route only if who asks may do an action; made by `requires`."""

    def __init__(self, action: Action) -> None:
        self.action = action

    async def __call__(self, connection: HTTPConnection) -> Principal:
        """Return who asks.

        Raises
        ------
        HTTPException
            401 for strangers, 403 for who may not.
        WebSocketException
            For both, where the route is a web socket.
        """
        state = connection.scope.setdefault("state", {})
        note = state.setdefault("note", Note())
        note.action = self.action
        named = (connection.path_params.get(name) for name in STUDY_PARAMETERS)
        study = next((uid for uid in named if isinstance(uid, str) and is_uid(uid)), "")
        note.studies = [study] if study else []
        principal: Principal | None = state.get("principal")
        if principal is None:
            raise _refusal(connection, 401, "The token is missing or wrong")
        if not allowed(principal, self.action, study):
            raise _refusal(connection, 403, f"{principal.name} may not {self.action}")
        return principal


def requires(action: Action) -> Any:
    """Return the dependency of a route that does `action`; its value is the `Principal` that asks.

    For one route (``dependencies=[requires(Action.QUERY)]``, or ``who: Annotated[Principal, requires(…)]``)
    or all routes of a router. What it does is audited with the study in the route's path, see
    `STUDY_PARAMETERS`; a route that learns the studies later says so by `touches`.
    """
    return Depends(Requires(action))


def touches(connection: HTTPConnection, *study_uids: str, detail: str = "") -> None:
    """Say in the audit which studies a request touches, and more about it, without patient data."""
    note: Note = connection.scope.setdefault("state", {}).setdefault("note", Note())
    known = set(note.studies)
    note.studies += [uid for uid in dict.fromkeys(study_uids) if is_uid(uid) and uid not in known]
    note.detail = detail or note.detail


def _refusal(connection: HTTPConnection, status: int, what: str) -> Exception:
    if connection.scope["type"] == "websocket":
        return WebSocketException(1008, what)
    return HTTPException(status, what)

"""Rights of routes: each says by `requires` what it does, and is asked for only by who may do that."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import Depends
from starlette.exceptions import HTTPException, WebSocketException
from starlette.requests import HTTPConnection

from medvox.archive.access import Action, Principal, allowed
from medvox.archive.entry import is_uid

_IN_PATH: Final = re.compile(r"/(?:studies|opened)/([0-9]+(?:\.[0-9]+){1,63})(?=/|$)")
"""A Study Instance UID as the paths of all routes name it."""
_PARAMETERS: Final = ("studyUID", "StudyInstanceUID")
"""The same in the parameters of WADO-URI and QIDO-RS."""
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


def permitted(connection: HTTPConnection, action: Action) -> bool:
    """Tell whether who asks may do an action; note for the audit that it was asked for."""
    state = connection.scope["state"]
    note: Note = state["note"]
    note.action = action
    study = _study_of(connection)
    if study and study not in note.studies:
        note.studies.append(study)
    principal: Principal | None = state["principal"]
    return principal is not None and allowed(principal, action, study)


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
        state.setdefault("note", Note())
        principal: Principal | None = state.setdefault("principal", None)
        if not permitted(connection, self.action):
            status = 401 if principal is None else 403
            what = "The token is missing or wrong" if principal is None else forbidden(principal, self.action)
            if connection.scope["type"] == "websocket":
                raise WebSocketException(1008, what)
            raise HTTPException(status, what)
        assert principal is not None
        return principal


def forbidden(principal: Principal, action: Action) -> str:
    """Return the words for who may not."""
    return f"{principal.name} may not {action}"


def requires(action: Action) -> Any:
    """Return the dependency of a route that does `action`; its value is the `Principal` that asks.

    For one route (``dependencies=[requires(Action.QUERY)]``, or ``who: Annotated[Principal, requires(…)]``)
    or all routes of a router. What it does is audited with the study that the address names; a route that
    learns the studies later says so by `touches`.
    """
    return Depends(Requires(action))


def touches(connection: HTTPConnection, *study_uids: str, detail: str = "") -> None:
    """Say in the audit which studies a request touches, and more about it, without patient data."""
    note: Note = connection.scope.setdefault("state", {}).setdefault("note", Note())
    known = set(note.studies)
    note.studies += [uid for uid in dict.fromkeys(study_uids) if is_uid(uid) and uid not in known]
    note.detail = detail or note.detail


def _study_of(connection: HTTPConnection) -> str:
    """Return the study that an address names, empty where it names none."""
    scope = connection.scope
    named = _IN_PATH.search(scope["path"])
    if named is not None:
        return str(named[1])
    if b"UID" not in scope.get("query_string", b""):
        return ""
    given = (connection.query_params.get(name, "") for name in _PARAMETERS)
    return next((uid for uid in given if is_uid(uid)), "")

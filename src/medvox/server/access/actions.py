"""Actions of requests: one table that says what each request to a node does.

A request that no line fits is left to administrators, so that a route that was forgotten is not open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Depends
from starlette.requests import HTTPConnection

from medvox.archive.access import Action, Principal
from medvox.server.access.guard import PUBLIC
from medvox.server.access.rights import Requires

_ONE: Final = "/[^/]+"
_API: Final = "/api/v1"
_WEB: Final = "/dicomweb"
_ANY: Final = "[A-Z]+"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table.

    Parameters
    ----------
    method, path
        Regular expressions that fit the whole of each; a web socket is a GET, as is a HEAD.
    action
        What such requests do; None: they touch no data, and everybody who is known may ask.
    """

    method: str
    path: str
    action: Action | None

    def fits(self, method: str, path: str) -> bool:
        """Tell whether a request is meant."""
        return re.fullmatch(self.method, method) is not None and re.fullmatch(self.path, path) is not None


TABLE: Final = (
    # DICOMweb: QIDO-RS, STOW-RS, UPS-RS, WADO
    Line("GET", f"{_WEB}/(studies|series|instances)", Action.QUERY),
    Line("GET", f"{_WEB}/studies{_ONE}/(series|instances)", Action.QUERY),
    Line("GET", f"{_WEB}/studies{_ONE}/series{_ONE}/instances", Action.QUERY),
    Line("GET", f"{_WEB}/(studies/.+|wado)", Action.RETRIEVE),
    Line("POST", f"{_WEB}/studies({_ONE})?", Action.STORE),
    Line(_ANY, f"{_WEB}/(workitems|subscribers|ws)(/.*)?", Action.WORK),
    Line("GET|OPTIONS", f"{_WEB}(/capabilities)?/?", Action.MONITOR),
    Line("OPTIONS", f"{_WEB}/.*", Action.MONITOR),
    # the archive in the viewer
    Line("GET", f"{_API}/archive/studies({_ONE}(/series)?)?", Action.QUERY),
    Line("POST", f"{_API}/archive/studies{_ONE}/open", Action.RETRIEVE),
    Line("POST", f"{_API}/archive/files", Action.STORE),
    Line("GET", f"{_API}/opened{_ONE}/.+", Action.RETRIEVE),
    Line("GET", f"{_API}/(session|studies|events|presets|(series|images)/.+)", Action.RETRIEVE),
    # other nodes, and the node itself
    Line("GET", f"{_API}/remote/(transfers|nodes({_ONE}/studies)?)", Action.QUERY),
    Line("POST", f"{_API}/remote/nodes{_ONE}/echo", Action.QUERY),
    Line("POST|DELETE", f"{_API}/remote/transfers({_ONE})?", Action.SEND),
    Line("GET", f"{_API}/status", Action.MONITOR),
    Line("POST", f"{_API}/status/.+", Action.MANAGE),
    Line("GET", "/metrics", Action.MONITOR),
    # pages, their files, descriptions
    Line("GET", f"{_API}/(docs|openapi\\.json)", None),
    Line("GET", "/(?!(api|dicomweb)(/|$)).*", None),
)
"""The first line that fits counts."""


def line_of(method: str, path: str) -> Line | None:
    """Return the line for a request."""
    asked = "GET" if method in ("HEAD", "") else method
    return next((line for line in TABLE if line.fits(asked, path)), None)


class RequiresListed(Requires):
    """Lets a request through only if who asks may do what `TABLE` says that it does."""

    def __init__(self) -> None:
        super().__init__(Action.MANAGE)

    async def __call__(self, connection: HTTPConnection) -> Principal | None:
        """Return who asks, None for what everybody may ask; see `Requires`."""
        path, method = connection.scope["path"], connection.scope.get("method", "")
        if path in PUBLIC:
            return None
        line = line_of(method, path)
        if line is not None and line.action is None:
            return self.known(connection)
        return self.permitted(connection, self.action if line is None else line.action or self.action)


def requires_listed() -> Any:
    """Return the dependency of a whole application: ``FastAPI(dependencies=[requires_listed()])``."""
    return Depends(RequiresListed())

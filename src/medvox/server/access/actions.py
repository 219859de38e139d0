"""Actions of requests: one table that says what each request to a node does.

A request that no line fits is left to administrators, so that a route that was forgotten is not open. The
guard asks the table; what depends on more than method and path says so by
`medvox.server.access.rights.requires`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from medvox.archive.access import Action

PUBLIC: Final = frozenset({"/healthz", "/readyz"})
"""What everybody may ask: whether the node is there, and whether it is ready."""
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


def action_of(method: str, path: str, lines: Sequence[Line] = TABLE) -> Action | None:
    """Return what a request does; None if it touches no data."""
    line = line_of(method, path, lines)
    return Action.MANAGE if line is None else line.action


def line_of(method: str, path: str, lines: Sequence[Line] = TABLE) -> Line | None:
    """Return the line for a request."""
    asked = "GET" if method in ("HEAD", "") else method
    return next((line for line in lines if line.fits(asked, path)), None)

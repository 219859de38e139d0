"""Which routes of an application nobody guards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from medvox.server.access.rights import Requires


def unguarded(app: FastAPI) -> set[str]:
    """Paths of the routes without `requires`, also of those included and mounted."""
    return {str(route.path) for route in iter_route_contexts(app.routes) if not _is_guarded(route)}


def _is_guarded(route: Any) -> bool:
    """A route of FastAPI depends on a right; a plain one of Starlette asks for it itself, see `getting`."""
    dependant = getattr(route, "dependant", None)
    asked = [] if dependant is None else list(_calls(dependant))
    cells = getattr(getattr(route, "endpoint", None), "__closure__", None) or ()
    return any(isinstance(one, Requires) for one in (*asked, *(cell.cell_contents for cell in cells)))


def _calls(dependant: Any) -> Iterator[Any]:
    yield dependant.call
    for one in dependant.dependencies:
        yield from _calls(one)

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
    dependant = getattr(route, "dependant", None)
    return dependant is not None and any(isinstance(call, Requires) for call in _calls(dependant))


def _calls(dependant: Any) -> Iterator[Any]:
    yield dependant.call
    for one in dependant.dependencies:
        yield from _calls(one)

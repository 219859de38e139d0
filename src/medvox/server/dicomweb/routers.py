"""Routers: all that is served of DICOMweb, to be included into an application with `app.state.archive`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.routing import Route

from medvox.archive.access import Action
from medvox.server.access.rights import requires
from medvox.server.dependencies import ERRORS
from medvox.server.dicomweb import capabilities
from medvox.server.dicomweb.resources import PREFIX
from medvox.server.dicomweb.served import ACTIONS, SERVED


def _service() -> APIRouter:
    service = APIRouter(prefix=PREFIX, responses=ERRORS)
    for router in (*SERVED, capabilities.router):
        service.include_router(router)
    paths = {route.path for router in SERVED for route in router.routes if isinstance(route, Route)}
    asked: dict[str, Any] = {"dependencies": capabilities.RIGHT, "include_in_schema": False}
    for path in sorted(paths):
        service.add_api_route(path, capabilities.capabilities, methods=["OPTIONS"], **asked)
    return service


def guarded() -> APIRouter:
    """Return all of it, each route behind the right to do what it does."""
    service = APIRouter(prefix=PREFIX, responses=ERRORS)
    for router, action in (*ACTIONS, (capabilities.router, Action.QUERY)):
        service.include_router(router, dependencies=[requires(action)])
    return service


ROUTERS = (_service(),)
"""What an application without accounts includes."""

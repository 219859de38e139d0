"""Routers: all that is served of DICOMweb, to be included into an application with `app.state.archive`.

Each route asks by itself for the right to do what it does (`medvox.server.access.rights`): most are plain
routes of Starlette, which know nothing of the dependencies of a router that they are included by.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.routing import Route

from medvox.server.dependencies import ERRORS
from medvox.server.dicomweb import capabilities, ups
from medvox.server.dicomweb.resources import PREFIX
from medvox.server.dicomweb.served import SERVED


def guarded() -> APIRouter:
    """Return all of it, each route behind the right to do what it does; UPS-RS needs `app.state.node`."""
    service = APIRouter(prefix=PREFIX, responses=ERRORS)
    for router in (*SERVED, capabilities.router):
        service.include_router(router)
    paths = {route.path for router in SERVED for route in router.routes if isinstance(route, Route)}
    asked: dict[str, Any] = {"dependencies": capabilities.RIGHT, "include_in_schema": False}
    for path in sorted(paths):
        service.add_api_route(path, capabilities.capabilities, methods=["OPTIONS"], **asked)
    service.include_router(ups.router)
    return service


ROUTERS = (guarded(),)
"""What an application includes."""

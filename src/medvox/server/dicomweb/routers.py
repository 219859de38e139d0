"""Routers: all that is served of DICOMweb, to be included into an application with `app.state.archive`."""

from __future__ import annotations

from fastapi import APIRouter

from medvox.server.dependencies import ERRORS
from medvox.server.dicomweb import capabilities, frames, instances, qido, rendered, stow, uri
from medvox.server.dicomweb.resources import PREFIX

SERVED = tuple(part.router for part in (qido, instances, frames, rendered, stow, uri))
"""Routers of the services, without the prefix."""


def _service() -> APIRouter:
    service = APIRouter(prefix=PREFIX, responses=ERRORS)
    for router in (*SERVED, capabilities.router):
        service.include_router(router)
    return service


ROUTERS = (_service(),)
"""What an application includes."""

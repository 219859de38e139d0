"""Routers: all that is served of DICOMweb, to be included into an application with `app.state.archive`."""

from __future__ import annotations

from fastapi import APIRouter

from medvox.server.dependencies import ERRORS
from medvox.server.dicomweb import frames, instances, qido, stow
from medvox.server.dicomweb.resources import PREFIX


def _service() -> APIRouter:
    service = APIRouter(prefix=PREFIX, responses=ERRORS)
    for part in (qido, instances, frames, stow):
        service.include_router(part.router)
    return service


ROUTERS = (_service(),)

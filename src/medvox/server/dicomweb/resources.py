"""Resources: what a path names, and what every route of DICOMweb takes from the application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from medvox.archive.access import Action
from medvox.archive.archive import Archive
from medvox.archive.entry import is_uid
from medvox.archive.frames import one_instance
from medvox.archive.model import InstanceRow
from medvox.core.errors import MissingError, UsageError
from medvox.server.access.rights import Requires

PREFIX: Final = "/dicomweb"
"""Path of the service."""
MOST_INSTANCES: Final = 200_000
"""Instances that one retrieval serves at most."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What a path names; None where it names all.

    Parameters
    ----------
    study, series, instance
        UIDs.
    """

    study: str | None = None
    series: str | None = None
    instance: str | None = None

    def path(self) -> str:
        """Path below the service."""
        named = (("studies", self.study), ("series", self.series), ("instances", self.instance))
        return "".join(f"/{word}/{uid}" for word, uid in named if uid is not None)


def archive_of(request: Request) -> Archive:
    """Return the archive that an application serves."""
    found: Archive = request.app.state.archive
    return found


async def _archive(request: Request) -> Archive:
    return archive_of(request)


def checked_uid(uid: str) -> str:
    """Return a UID of a request.

    Raises
    ------
    UsageError
        If it is none: whatever else a path tries is refused here.
    """
    if not is_uid(uid):
        raise UsageError("this is no UID", got=uid[:80], expected="digits and dots, at most 64")
    return uid


def resource_of(request: Request) -> Resource:
    """Return what the path of a request names.

    Raises
    ------
    UsageError
        If a UID of the path is none.
    """
    named = request.path_params
    parts = (named.get(name) for name in ("study", "series", "instance"))
    return Resource(*(None if uid is None else checked_uid(uid) for uid in parts))


async def _resource(request: Request) -> Resource:
    return resource_of(request)


ArchiveOf = Annotated[Archive, Depends(_archive)]
ResourceOf = Annotated[Resource, Depends(_resource)]


Endpoint = Callable[[Request, Archive, Resource], Response]


def getting(router: APIRouter, action: Action, *paths: str) -> Callable[[Endpoint], Endpoint]:
    """Serve GET of paths by a function, which runs in a thread, to those who may do an action.

    These routes are plain ones of Starlette: what FastAPI does for each request takes longer than answering.
    """
    required = Requires(action)

    def served(work: Endpoint) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            await required(request)
            return await run_in_threadpool(work, request, archive_of(request), resource_of(request))

        for path in paths:
            router.add_route(path, endpoint, methods=["GET"], include_in_schema=False)
        return work

    return served


def service_url(request: Request) -> str:
    """Address of the service, as the client knows it."""
    host = request.headers.get("host", "")
    return f"{request.url.scheme}://{host}{request.scope.get('root_path', '')}{PREFIX}"


def rows_of(archive: Archive, resource: Resource) -> list[InstanceRow]:
    """Return the instances that a resource has.

    Raises
    ------
    MissingError
        If there are none.
    UsageError
        If there are more than `MOST_INSTANCES`.
    """
    rows: list[InstanceRow] = []
    for row in archive.instances(resource.study, resource.series, resource.instance):
        rows.append(row)
        if len(rows) > MOST_INSTANCES:
            raise UsageError("the study is too large for one answer", advice="Retrieve its series")
    if not rows:
        raise MissingError("there is no such resource", where=resource.path())
    return rows


def row_of(archive: Archive, resource: Resource) -> InstanceRow:
    """Return the instance that a resource is.

    Raises
    ------
    MissingError
        If it is not there.
    """
    row = one_instance(archive, resource.study or "", resource.series or "", resource.instance or "")
    if row is None:
        raise MissingError("there is no such resource", where=resource.path())
    return row

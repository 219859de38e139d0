"""What routes take from the application and the address."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Query, Request

from medvox.server.catalog import ImageEntry
from medvox.server.session import ViewerSession
from medvox.server.types import ErrorAnswer, GridName

ERRORS: dict[int | str, dict[str, object]] = {
    "4XX": {"model": ErrorAnswer, "description": "The request cannot be answered."},
    "5XX": {"model": ErrorAnswer, "description": "The server failed."},
}
"""Answers that every route may give."""


def _session(request: Request) -> ViewerSession:
    """Session of the study that the address names, else the only one."""
    study = request.path_params.get("study")
    state = request.app.state
    found: ViewerSession = state.session if study is None else state.opened_studies.session(study)
    return found


SessionOf = Annotated[ViewerSession, Depends(_session)]


def _entry(image_id: Annotated[str, Path(alias="id")], session: SessionOf) -> ImageEntry:
    return session.catalog.image(image_id)


EntryOf = Annotated[ImageEntry, Depends(_entry)]
Whole = Annotated[int, Query(ge=-(2**31), lt=2**31)]
GridOf = Annotated[GridName, Query()]

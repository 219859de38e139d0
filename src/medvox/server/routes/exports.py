"""Volumes and movies to take along."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from starlette.background import BackgroundTask
from starlette.responses import FileResponse

from medvox.server.dependencies import EntryOf, SessionOf
from medvox.server.image import exports

router = APIRouter(tags=["exports"])
_ANY: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "A file"}
}
_TYPES = {"gif": "image/gif", "mp4": "video/mp4"}


@router.get("/export-formats", operation_id="exportFormats")
def export_formats() -> list[str]:
    """Suffixes that a volume can be saved under."""
    return exports.written_formats()


@router.get("/images/{id}/export", operation_id="export", response_class=FileResponse, responses=_ANY)
def export(entry: EntryOf, session: SessionOf, suffix: Annotated[str, Query(max_length=20)]) -> FileResponse:
    """Return the volume as a file of another format; a zip where that makes several files."""
    with ExitStack() as stack:
        path = stack.enter_context(exports.written(session.store, entry, suffix))
        kept = stack.pop_all()
    return FileResponse(path, filename=path.name, background=BackgroundTask(kept.close))


@router.get("/images/{id}/movie", operation_id="movie", response_class=Response, responses=_ANY)
def movie(entry: EntryOf, session: SessionOf, asked: Annotated[exports.MovieQuery, Query()]) -> Response:
    """Return the cine, or all slices, as a movie."""
    return Response(exports.movie(session.store, entry, asked), media_type=_TYPES[asked.format])

"""State of the session, studies, opening more."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse

from medvox.server import types as api
from medvox.server.dependencies import SessionOf
from medvox.server.uploads import receive

router = APIRouter(tags=["session"])
adding = APIRouter(tags=["session"])
"""Requests that add files of the server's machine or of the user's; a node has none of them."""


@router.get("/session", operation_id="session")
def session_state(session: SessionOf) -> api.Session:
    """State of the server."""
    return session.snapshot()


@router.get("/studies", operation_id="studies")
def studies(session: SessionOf) -> api.Studies:
    """Everything that was found so far."""
    return session.studies()


@router.get(
    "/events",
    operation_id="events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def events(session: SessionOf) -> StreamingResponse:
    """Server-sent events: ``event: session`` with a Session, at once and at every change."""

    async def stream() -> AsyncIterator[str]:
        async for changed in session.feed.changes():
            told = f"event: session\ndata: {session.snapshot().model_dump_json()}\n\n"
            yield told if changed else ": still here\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream")


@adding.post("/open", operation_id="open")
def open_paths(request: api.OpenRequest, session: SessionOf) -> api.Session:
    """Add folders or files of the server's machine; they are scanned in the background."""
    session.open(request.paths)
    return session.snapshot()


UPLOAD_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {"type": "array", "items": {"type": "string", "format": "binary"}}
                    },
                }
            }
        },
    }
}


@adding.post("/upload", operation_id="upload", openapi_extra=UPLOAD_BODY)
async def upload(request: Request, session: SessionOf) -> api.Session:
    """Add files; their names are relative paths. They are scanned in the background."""
    room = session.upload_room()
    session.check_upload(request.headers.get("content-length"), room)
    folder = session.upload_folder()
    await receive(request.stream(), request.headers.get("content-type", ""), folder, room)
    session.open([folder])
    return session.snapshot()

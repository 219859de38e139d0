"""Values of an image: chunks of slices, single slices."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from medvox.core.errors import MissingError
from medvox.server.catalog import ImageEntry
from medvox.server.dependencies import EntryOf, SessionOf
from medvox.server.image import describe, wire
from medvox.server.session import ViewerSession
from medvox.server.types import GridName

router = APIRouter(tags=["values"])

BYTES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "Shuffled, compressed values"},
    304: {"description": "The values are those of If-None-Match"},
}
IMMUTABLE = "private, max-age=31536000, immutable"
Whole = Annotated[int, Path(ge=0, lt=2**31)]


@router.get(
    "/images/{id}/{grid}/{etag}/chunks/{t}/{c}",
    operation_id="chunk",
    response_class=Response,
    responses=BYTES,
)
def chunk(
    entry: EntryOf, session: SessionOf, request: Request, grid: GridName, etag: str, t: Whole, c: Whole
) -> Response:
    """Slices ``c·chunk_slices …`` of a time point."""
    opened = session.store.opened(entry.image)
    shape = session.store.grid(opened, grid).shape
    count = describe.chunk_slices(opened, session.store.grid(opened, grid))
    if c * count >= shape[0]:
        raise MissingError("no such chunk", got=c, expected=f"0..{-(-shape[0] // count) - 1}")
    span = (c * count, min(shape[0], (c + 1) * count))
    return _values(session, entry, request, (grid, etag, t), span)


@router.get(
    "/images/{id}/{grid}/{etag}/slices/{t}/{k}",
    operation_id="slice",
    response_class=Response,
    responses=BYTES,
)
def one_slice(
    entry: EntryOf, session: SessionOf, request: Request, grid: GridName, etag: str, t: Whole, k: Whole
) -> Response:
    """One slice of a time point."""
    return _values(session, entry, request, (grid, etag, t), (k, k + 1))


def _values(
    session: ViewerSession,
    entry: ImageEntry,
    request: Request,
    where: tuple[GridName, str, int],
    span: tuple[int, int],
) -> Response:
    """Answer with slices, or with 304 where the client has them."""
    grid, etag, t = where
    opened = session.store.opened(entry.image)
    if etag != opened.etag:
        raise MissingError("the image has changed since it was described", advice="Reload the image")
    opened.lead(t)
    tag = f'W/"{etag}-{grid}-{t}-{span[0]}-{span[1]}"'
    headers = {"ETag": tag, "Cache-Control": IMMUTABLE, "Vary": "Accept-Encoding"}
    if tag in (part.strip() for part in request.headers.get("if-none-match", "").split(",")):
        session.store.check_span(opened, grid, span)
        return Response(status_code=304, headers=headers)
    values = session.store.slices(entry.image, (grid, t), span)
    coded = wire.encode(values, request.headers.get("accept-encoding", ""))
    return Response(coded.body, media_type="application/octet-stream", headers=headers | coded.headers)

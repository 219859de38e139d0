"""One image: what it is, its pictures, its header, one voxel, where slices came from."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from medvox.server import types as api
from medvox.server.dependencies import EntryOf, GridOf, SessionOf, Whole
from medvox.server.image import describe, headers, pictures, probe

router = APIRouter(tags=["images"])

PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}, "description": "PNG"}}


@router.get("/images/{id}", operation_id="image")
def image(entry: EntryOf, session: SessionOf) -> api.ImageInfo:
    """Say what the client needs to know of an image."""
    return describe.image_info(session.store, entry, session.roots)


@router.get("/images/{id}/probe", operation_id="probe")
def probe_voxel(
    entry: EntryOf,
    session: SessionOf,
    k: Whole,
    j: Whole,
    i: Whole,
    t: Whole = 0,
    grid: GridOf = "stored",
) -> api.Probe:
    """Value of one voxel and where it came from."""
    return probe.probe(session.store, entry, grid, t, (k, j, i), session.roots)


@router.get("/images/{id}/sources", operation_id="sources")
def sources(entry: EntryOf, session: SessionOf, t: Whole = 0) -> list[api.SliceSource]:
    """Slice-to-source table of one time point."""
    return probe.sources(session.store.opened(entry.image), t, session.roots)


@router.get("/images/{id}/header", operation_id="header")
def header(entry: EntryOf, session: SessionOf, t: Whole = 0, k: Whole = 0) -> api.Header:
    """Header of the object that a slice came from."""
    return headers.of_slice(entry, session.store.opened(entry.image), t, k, session.roots)


@router.get("/images/{id}/thumbnail", operation_id="thumbnail", response_class=Response, responses=PNG)
def thumbnail(entry: EntryOf, session: SessionOf) -> Response:
    """Middle slice, at most 160 px."""
    return _png(pictures.thumbnail_png(session.store, entry))


@router.get("/images/{id}/preview", operation_id="preview", response_class=Response, responses=PNG)
def preview(entry: EntryOf, session: SessionOf) -> Response:
    """Middle slice in the default window, at most 768 px."""
    return _png(pictures.preview_png(session.store, entry))


@router.get("/images/{id}/render", operation_id="render", response_class=Response, responses=PNG)
def render(
    entry: EntryOf,
    session: SessionOf,
    view: Annotated[pictures.View, Query()],
) -> Response:
    """Volume rendering made by the server, for browsers without WebGL2."""
    return _png(pictures.render_png(session.store, entry, view))


def _png(data: bytes) -> Response:
    return Response(data, media_type="image/png")

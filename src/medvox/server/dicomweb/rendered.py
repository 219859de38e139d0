"""WADO-RS: rendered pictures and thumbnails (PS3.18 10.4.1.1.3, 10.4.1.1.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from fastapi import APIRouter, Request, Response

from medvox.archive.access import Action
from medvox.archive.archive import Archive
from medvox.archive.frames import stored_pixels
from medvox.archive.model import InstanceRow
from medvox.core.errors import MissingError, UsageError
from medvox.server.dicomweb import multipart
from medvox.server.dicomweb.frames import INSTANCE, frame_numbers
from medvox.server.dicomweb.negotiation import Wish, accepted, not_acceptable
from medvox.server.dicomweb.pictures import (
    THUMBNAIL_SIDE,
    View,
    Viewport,
    encoded,
    picture,
    viewport_of,
    window_of,
)
from medvox.server.dicomweb.resources import Resource, getting, rows_of
from medvox.server.dicomweb.sending import Streamed

router = APIRouter(tags=["WADO-RS rendered"])
MEDIA: Final = ("image/jpeg", "image/png")
_MOST_TRIED: Final = 16
Shown = tuple[InstanceRow, int]
"""An instance and one of its frames, counted from 0."""


@getting(
    router,
    Action.RETRIEVE,
    "/studies/{study}/rendered",
    "/studies/{study}/series/{series}/rendered",
    INSTANCE + "/rendered",
    INSTANCE + "/frames/{frames}/rendered",
)
def rendered(request: Request, archive: Archive, resource: Resource) -> Response:
    """Pictures of frames; of a study or a series one of each instance."""
    rows, view = rows_of(archive, resource), view_of(request.query_params)
    frames = request.path_params.get("frames", "")
    if resource.instance is None:
        shown = [(row, row.frames // 2) for row in rows]
    elif frames:
        shown = [(rows[0], number) for number in frame_numbers(frames)]
    else:
        shown = [(rows[0], number) for number in range(stored_pixels(archive, rows[0]).frames)]
    wish, media = _choice(accepted(request), is_single=len(shown) == 1)
    if len(shown) == 1 and not wish.is_multipart:
        made = picture(archive, *shown[0], view)
        return Response(encoded(made, media, view.quality), headers={"Content-Type": media})
    return Streamed(_parts(archive, shown, view, media), multipart.content_type(media))


@getting(
    router,
    Action.RETRIEVE,
    "/studies/{study}/thumbnail",
    "/studies/{study}/series/{series}/thumbnail",
    INSTANCE + "/thumbnail",
    INSTANCE + "/frames/{frames}/thumbnail",
)
def thumbnail(request: Request, archive: Archive, resource: Resource) -> Response:
    """One small picture: of a study or a series that of an instance in its middle."""
    view = view_of(request.query_params, Viewport(THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    _, media = _choice(accepted(request), is_single=True)
    rows, frames = rows_of(archive, resource), request.path_params.get("frames", "")
    middle = len(rows) // 2
    for row in (*rows[middle:], *reversed(rows[:middle]))[:_MOST_TRIED]:
        try:
            frame = frame_numbers(frames)[0] if frames else stored_pixels(archive, row).frames // 2
        except MissingError:
            continue
        made = picture(archive, row, frame, view)
        return Response(encoded(made, media, view.quality), headers={"Content-Type": media})
    raise MissingError("there is no picture to show", where=resource.path())


def view_of(parameters: Mapping[str, str], viewport: Viewport | None = None) -> View:
    """Read how pictures are to look from the parameters of an address.

    Raises
    ------
    UsageError
        If one of them is malformed.
    """
    window, function = window_of(parameters["window"]) if "window" in parameters else (None, "linear")
    if "viewport" in parameters:
        viewport = viewport_of(parameters["viewport"])
    quality = parameters.get("quality", "90")
    if not (quality.isascii() and quality.isdigit() and len(quality) < 4 and 1 <= int(quality) <= 100):
        raise UsageError("the quality is no whole number from 1 to 100", got=quality[:20])
    return View(window, function, viewport, int(quality))  # type: ignore[arg-type]


def _choice(wishes: Sequence[Wish], *, is_single: bool) -> tuple[Wish, str]:
    for wish in wishes:
        if not (wish.is_multipart or wish.media == "*/*" or is_single):
            continue
        media = next((one for one in MEDIA if wish.covers(one)), None)
        if media is not None:
            return wish, media
    raise not_acceptable(MEDIA if is_single else tuple(f'multipart/related; type="{one}"' for one in MEDIA))


def _parts(archive: Archive, shown: Sequence[Shown], view: View, media: str) -> Iterator[bytes]:
    """Yield the parts of a multipart answer; instances without pixels have none."""
    skipped = 2
    for row, number in shown:
        try:
            data = encoded(picture(archive, row, number, view), media, view.quality)
        except MissingError:
            if len(shown) == 1:
                raise
            continue
        yield multipart.part_head(media, len(data))[skipped:]
        yield data
        skipped = 0
    if skipped:
        raise MissingError("there is no picture to show")
    yield multipart.END

"""WADO-URI: one instance by the parameters of an address (PS3.18 9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter, HTTPException, Request, Response

from medvox.archive.access import Action
from medvox.archive.archive import Archive
from medvox.core.errors import UsageError
from medvox.server.access.rights import touches
from medvox.server.dicomweb.frames import frame_numbers
from medvox.server.dicomweb.instances import content_of, sent_syntax
from medvox.server.dicomweb.negotiation import DEFAULT, DICOM, not_acceptable, wishes
from medvox.server.dicomweb.pictures import LARGEST_SIDE, View, Viewport, encoded, picture, window_of
from medvox.server.dicomweb.rendered import MEDIA
from medvox.server.dicomweb.resources import Resource, checked_uid, getting, row_of
from medvox.server.dicomweb.sending import Streamed

router = APIRouter(tags=["WADO-URI"])
_NAMED: Final = ("studyUID", "seriesUID", "objectUID")


@getting(
    router,
    Action.RETRIEVE,
    "/wado",
)
def wado(request: Request, archive: Archive, _: Resource) -> Response:
    """One instance, as a DICOM file or as a picture; a picture is what is sent by default."""
    given = request.query_params
    if given.get("requestType") != "WADO":
        raise UsageError("requestType is not WADO", got=given.get("requestType", "")[:20])
    touches(request, given.get("studyUID", ""))
    row = row_of(archive, Resource(*(checked_uid(given.get(name, "")) for name in _NAMED)))
    for wish in wishes(given.get("contentType", "image/jpeg")):
        if wish.media == DICOM:
            syntax = sent_syntax(row, (given.get("transferSyntax", DEFAULT), DEFAULT))
            length = row.size if syntax == row.transfer_syntax else None
            return Streamed(content_of(archive, row, syntax or row.transfer_syntax), DICOM, length)
        media = next((one for one in MEDIA if wish.covers(one)), None)
        if media is not None:
            view, frame = view_of(given), frame_numbers(given.get("frameNumber", "1"))[0]
            made = picture(archive, row, frame, view)
            return Response(encoded(made, media, view.quality), headers={"Content-Type": media})
    raise not_acceptable((DICOM, *MEDIA))


def view_of(given: Mapping[str, str]) -> View:
    """Read how the picture is to look (PS3.18 9.1.2.2).

    Raises
    ------
    UsageError
        If a parameter is malformed.
    """
    window = None
    if "windowCenter" in given or "windowWidth" in given:
        window, _ = window_of(f"{given.get('windowCenter', '')},{given.get('windowWidth', '')}")
    if "region" in given:
        raise HTTPException(400, "The parameter region is not supported; use viewport of WADO-RS")
    sides = [given.get(name) for name in ("columns", "rows")]
    viewport = None
    if any(sides):
        viewport = Viewport(*(_whole(side, LARGEST_SIDE) if side else LARGEST_SIDE for side in sides))
    quality = _whole(given.get("imageQuality", "90"), 100)
    return View(window, "linear", viewport, quality)


def _whole(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= most):
        raise UsageError("this is no whole number in its range", got=text[:20], expected=f"1 to {most}")
    return int(text)

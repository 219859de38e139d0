"""Segments that lie on an image: their list, their outlines in one plane."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from medvox.server import types as api
from medvox.server.dependencies import EntryOf, SessionOf
from medvox.server.looking import segments

router = APIRouter(tags=["segments"])


@router.get("/images/{id}/segments", operation_id="segments")
def listed(entry: EntryOf, session: SessionOf) -> list[api.SegmentObject]:
    """Objects whose segments lie on an image, with what is in them."""
    return segments.listed(session, entry)


@router.get("/images/{id}/segments/{object}/outlines", operation_id="segmentOutlines")
def outlines(
    entry: EntryOf,
    session: SessionOf,
    object_id: Annotated[str, Path(alias="object")],
    plane: Annotated[segments.PlaneQuery, Query()],
) -> api.PlaneOutlines:
    """Outlines of an object's segments on one stored slice, or in the plane through a point."""
    return segments.outlines(session, entry, object_id, plane)

"""One series: the headers of its objects, also where they hold no image."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from medvox.server import types as api
from medvox.server.dependencies import SessionOf
from medvox.server.image import headers

router = APIRouter(tags=["series"])


@router.get("/series/{id}/header", operation_id="seriesHeader")
def header(
    series_id: Annotated[str, Path(alias="id")],
    session: SessionOf,
    n: Annotated[int, Query(ge=0, lt=2**31)] = 0,
) -> api.Header:
    """Header of the series' object number `n`, from 0."""
    return headers.of_instance(session.catalog.find_series(series_id), n, session.roots)

"""Errors on the way out: one JSON shape, the right status, no patient data, nothing of the inside."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from medvox.core import errors as e
from medvox.server.types import ErrorAnswer, ErrorBody

log = logging.getLogger("medvox.server")

STATUS: tuple[tuple[type[Exception], int], ...] = (
    (e.MissingError, 404),
    (e.AccessError, 403),
    (e.AmbiguityError, 409),
    (e.DependencyError, 501),
    (e.WriteError, 507),
    (e.NetworkError, 502),
    (e.UsageError, 400),
    (e.FormatError, 422),
    (e.GeometryError, 422),
)
"""HTTP status of each error; other errors of the tree are 500."""

ADVICE = {
    401: "Open the address that was printed when the server started.",
    404: "Reload the page; what was opened may have changed.",
    405: "See /api/v1/docs for the requests that are understood.",
    413: "Open the folder with `medvox open FOLDER` instead of uploading it.",
}


class TooLargeError(e.UsageError):
    """A request holds more bytes than are accepted."""


def status_of(error: Exception) -> int:
    """HTTP status that fits an error."""
    if isinstance(error, TooLargeError):
        return 413
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def body_of(error: Exception, roots: Sequence[str] = (), where: str = "") -> ErrorBody:
    """Make the public form of an error.

    Parameters
    ----------
    roots
        Opened folders; their paths are cut off, so that only relative paths leave the server.
    where
        Said where the error does not say it.

    Notes
    -----
    Errors that are not ours say only their type: their text may hold values of the file.
    """
    if not isinstance(error, e.MedvoxError):
        return ErrorBody(
            what=f"Something unforeseen went wrong ({type(error).__name__})",
            where=where,
            advice="Report it with what you did; the server's output names the place.",
        )
    what = error.what
    if error.got is not None or error.expected is not None:
        parts = [f"{n} {v}" for n, v in (("got", error.got), ("expected", error.expected)) if v is not None]
        what = f"{what} ({', '.join(parts)})"
    return ErrorBody(
        what=relative_text(what, roots),
        where=relative_text(error.where or where, roots),
        advice=relative_text(error.advice or ADVICE.get(status_of(error), ""), roots),
    )


def relative_text(text: str, roots: Sequence[str]) -> str:
    """Cut the opened folders out of a text; longest first, so that the innermost one is cut."""
    for root in sorted(roots, key=len, reverse=True):
        parent = str(Path(root).parent).rstrip("/\\")
        if parent:
            text = re.sub(re.escape(parent) + r"[/\\]", "", text)
    return text


def answer(status: int, body: ErrorBody) -> JSONResponse:
    """Make the HTTP answer of an error."""
    return JSONResponse(ErrorAnswer(error=body).model_dump(), status)


def install(app: FastAPI) -> None:
    """Make every error of an application leave in one shape."""
    app.add_exception_handler(e.MedvoxError, _on_known)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)


async def _on_known(request: Request, error: Exception) -> JSONResponse:
    session = getattr(request.app.state, "session", None)
    roots = session.roots if session is not None else ()
    return answer(status_of(error), body_of(error, roots, request.url.path))


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = "; ".join(f"{'.'.join(str(p) for p in f['loc'][1:])}: {f['msg']}" for f in error.errors()[:5])
    body = ErrorBody(
        what=f"The request is not understood: {faults}", where=request.url.path, advice=ADVICE[405]
    )
    kinds = {fault["loc"][0] for fault in error.errors()}
    return answer(404 if "path" in kinds else 400 if "query" in kinds else 422, body)


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    body = ErrorBody(what=error.detail, where=request.url.path, advice=ADVICE.get(error.status_code, ""))
    return answer(error.status_code, body)


class Shield:
    """Turns exceptions that nobody foresaw into a 500 answer, and logs where they arose, not what they say.

    The text of such an exception may quote the file; so neither the log nor the answer repeats it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            log.error("request failed: %s at %s", type(error).__name__, place_of(error))  # noqa: TRY400
            if scope["type"] == "http" and not started:
                await answer(500, body_of(error, where=scope["path"]))(scope, receive, send)


def place_of(error: BaseException) -> str:
    """File and line that raised an exception."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "?"
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"

"""Metrics over HTTP: ``/metrics``, and what counts the requests."""

from __future__ import annotations

import time
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from medvox.archive.access import Action
from medvox.server.access.rights import Note, requires
from medvox.workflows.node.monitoring.metrics import CONTENT_TYPE, Metrics

router = APIRouter(include_in_schema=False)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


@router.get("/metrics", dependencies=[requires(Action.MONITOR)])
def metrics(request: Request) -> Response:
    """Return the metrics of ``app.state.metrics`` as Prometheus reads them."""
    found: Metrics = request.app.state.metrics
    return Response(found.text(), media_type=CONTENT_TYPE)


class Measured:
    """Counts requests and times their answers, by what they do, their method and status.

    It stands before `medvox.server.access.guard.NodeGuard`, so that refusals are counted too.

    Parameters
    ----------
    app
        The application.
    metrics
        Where they are kept.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self._requests = metrics.counter(
            "medvox_http_requests_total", "Requests over HTTP.", "action", "method", "status"
        )
        self._seconds = metrics.histogram("medvox_http_seconds", "Time to the end of an answer.", "action")
        self._sent = metrics.counter("medvox_http_sent_bytes_total", "Bytes of answers.", "action")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, sent, begun = 500, 0, time.perf_counter()
        state = scope.setdefault("state", {})

        async def counted(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, counted)
        finally:
            note: Note | None = state.get("note")
            action = note.action.value if note is not None and note.action is not None else "other"
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._requests.add(action, method, str(status))
            self._seconds.add(time.perf_counter() - begun, action)
            self._sent.add(action, by=sent)

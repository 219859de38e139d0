"""Sharing: pages of other sites that may ask the DICOMweb (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol).

A browser asks first, by a preflight without any proof of who asks, whether a page of another site may send
a request. It is answered here, before anybody needs to be known: by the origin and the beginning of the path
alone, so that it tells nothing of what there is behind. The request itself must then show a token; sessions
of browsers count for pages of the node alone, see `medvox.server.access.guard`.
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from medvox.server.access.door import Door

_METHODS: Final = "GET, HEAD, POST, PUT, DELETE"
_HEADERS: Final = "Authorization, Accept, Content-Type, Content-Location, Range, If-None-Match"
_EXPOSED: Final = "Content-Type, Content-Length, Content-Location, Location, ETag, Warning, Link"
_MAX_AGE_S: Final = "600"


class Sharing:
    """Answers preflights, and says in answers which page may read them.

    Parameters
    ----------
    app
        The application behind its guard.
    door
        Knows which pages.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self.app, self.door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not self.door.shares_path(scope["path"]):
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        origin = connection.headers["origin"] if self.door.shares(connection) else None
        asks = scope["method"] == "OPTIONS" and "access-control-request-method" in connection.headers
        if origin is not None and asks:
            await _preflight(origin)(scope, receive, send)
            return

        async def shared(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": list(message.get("headers", ()))}
                headers = MutableHeaders(scope=message)
                headers.add_vary_header("Origin")
                if origin is not None:
                    headers["Access-Control-Allow-Origin"] = origin
                    headers["Access-Control-Expose-Headers"] = _EXPOSED
            await send(message)

        await self.app(scope, receive, shared)


def _preflight(origin: str) -> Response:
    """Return the same answer for every path and method."""
    headers = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": _HEADERS,
        "Access-Control-Max-Age": _MAX_AGE_S,
        "Vary": "Origin",
    }
    return Response(status_code=204, headers=headers)

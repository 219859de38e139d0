"""Guard of a node: tells who asks, and keeps in the audit what was done and what was refused.

In this order: Host and Origin must be the server's own, or a page of another site asks what it may (`Door`);
somebody must be known by an
`Authenticator`; what changes something on the strength of a cookie alone must say that it comes from a page
of the server, since a browser sends cookies with requests of other pages too. Then the route decides by
`medvox.server.access.rights`.

Paths are taken from the request line: an address made of the Host header too could name another path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from medvox.archive.access import CHANGES, UNAUDITED, Principal
from medvox.archive.audit import Event
from medvox.archive.recording import Recorder
from medvox.core.errors import AccessError, WriteError
from medvox.server.access.authenticators import Authenticator, BearerTokens, BrowserSessions
from medvox.server.access.door import Door
from medvox.server.access.entrance import STRANGER, Entrance
from medvox.server.access.rights import MOST_STUDIES, Note
from medvox.server.errors import answer
from medvox.server.types import ErrorBody
from medvox.workflows.node.access import NodeAccess

PUBLIC: Final = frozenset({"/healthz", "/readyz"})
"""What everybody may ask: whether the node is there, and whether it is ready."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_ADVICE: Final = "Show a token: Authorization: Bearer …, or open /?token=… in the browser."


@dataclass(frozen=True, slots=True)
class HttpAccess:
    """What the guard goes by.

    Parameters
    ----------
    door
        Where the node is asked.
    sessions
        Sessions of browsers.
    authenticators
        Other ways to tell who asks.
    recorder
        Way into the audit.
    """

    door: Door
    sessions: BrowserSessions
    authenticators: Sequence[Authenticator]
    recorder: Recorder

    @classmethod
    def to(cls, node: NodeAccess, door: Door) -> Self:
        """Return the access to a node by its tokens."""
        sessions = BrowserSessions(node.tokens, door.port, is_secure=door.is_secure)
        return cls(door, sessions, [BearerTokens(node.tokens)], node.recorder)


class NodeGuard:
    """Lets only known and audited requests through to an application.

    Parameters
    ----------
    app
        The application.
    access
        What it goes by.
    """

    def __init__(self, app: ASGIApp, access: HttpAccess) -> None:
        self.app, self.access = app, access
        self._entrance = Entrance(access.sessions)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        state = scope.setdefault("state", {})
        state["principal"], state["note"] = None, Note()
        reply = await self._reply(connection, receive)
        watched = _Watched(self.access.recorder, connection, send)
        if reply is None:
            await self.app(scope, receive, watched)
        elif scope["type"] == "http":
            await reply(scope, receive, watched)
        else:
            await watched({"type": "websocket.close", "code": 1008})

    async def _reply(self, connection: HTTPConnection, receive: Receive) -> Response | None:
        """Return the answer to what is not for the application, None for what is."""
        is_shared = self.access.door.shares(connection)
        if not is_shared and not self.access.door.is_own(connection):
            return _refusal(connection, 403, "The request comes from, or is meant for, another site")
        method = connection.scope.get("method", "")
        if connection.scope["path"] in PUBLIC and method in _SAFE:
            return None
        try:
            welcome = await self._entrance.answer(connection, receive)
            return welcome or self._admit(connection, is_safe=method in _SAFE, is_shared=is_shared)
        except AccessError:
            return _refusal(connection, 503, "It cannot be told now who asks")

    def _admit(self, connection: HTTPConnection, *, is_safe: bool, is_shared: bool) -> Response | None:
        principal, is_ambient = self._known(connection)
        if is_ambient and is_shared:
            principal = (
                None  # a browser sends the session of the node's pages with requests of other pages too
            )
        if principal is None:
            if connection.scope["path"] == "/":
                return HTMLResponse(STRANGER, 401, {"Cache-Control": "no-store"})
            return _refusal(connection, 401, "The token is missing or wrong")
        if is_ambient and not is_safe and "origin" not in connection.headers:
            return _refusal(connection, 403, "The request does not say which page it comes from")
        connection.scope["state"]["principal"] = principal
        return None

    def _known(self, connection: HTTPConnection) -> tuple[Principal | None, bool]:
        for one in (*self.access.authenticators, self.access.sessions):
            principal = one.principal(connection)
            if principal is not None:
                return principal, one.is_ambient
        return None, False


class _Watched:
    """Sends an answer on when the audit has what it says."""

    def __init__(self, recorder: Recorder, connection: HTTPConnection, send: Send) -> None:
        self._recorder, self._connection, self._send = recorder, connection, send
        self._is_replaced = False

    async def __call__(self, message: Message) -> None:
        """Send one message of the answer."""
        if self._is_replaced:
            return
        status = _status(message)
        if status is not None:
            try:
                await self._record(status)
            except WriteError:
                await self._replace()
                return
        await self._send(message)

    async def _record(self, status: int) -> None:
        connection = self._connection
        state = connection.scope["state"]
        note: Note = state["note"]
        principal: Principal | None = state["principal"]
        address = connection.client.host if connection.client else "?"
        action = note.action or "request"
        if status in (401, 403):
            who = address if principal is None else principal.name
            study = note.studies[0] if note.studies else ""
            event = Event(who, action, study, "refused", f"HTTP {status}, from {address}")
            await run_in_threadpool(self._recorder.refuse, event)
            return
        if principal is None or note.action is None or note.action in UNAUDITED:
            return
        outcome = "success" if status < 400 else "failure"
        detail = f"{note.detail}; from {address}" if note.detail else f"from {address}"
        events = [Event(principal.name, action, uid, outcome, detail) for uid in _named(note)]
        if note.action in CHANGES:
            await run_in_threadpool(self._recorder.now, *events)
        else:
            for event in events:
                self._recorder.soon(event)

    async def _replace(self) -> None:
        """Answer that the audit cannot be written, in place of what was done."""
        self._is_replaced = True
        if self._connection.scope["type"] == "websocket":
            await self._send({"type": "websocket.close", "code": 1011})
            return
        what = "The request was carried out, but the audit cannot be written"
        body = ErrorBody(
            what=what, where=self._connection.scope["path"], advice="See to the disk of the archive."
        )
        reply = answer(507, body)
        await self._send({"type": "http.response.start", "status": 507, "headers": reply.raw_headers})
        await self._send({"type": "http.response.body", "body": bytes(reply.body)})


def _status(message: Message) -> int | None:
    """Return the status that a message tells first, None for other messages."""
    kind = message["type"]
    if kind == "http.response.start":
        return int(message["status"])
    if kind == "websocket.accept":
        return 101
    return 403 if kind == "websocket.close" and message.get("code") == 1008 else None


def _named(note: Note) -> list[str]:
    """Return the targets of the events of a note; of very many studies only how many more."""
    named, more = note.studies[:MOST_STUDIES], len(note.studies) - MOST_STUDIES
    return [*(named or [""]), *([f"{more} more studies"] if more > 0 else [])]


def _refusal(connection: HTTPConnection, status: int, what: str) -> Response:
    reply = answer(status, ErrorBody(what=what, where=connection.scope["path"], advice=_ADVICE))
    if status == 401:
        reply.headers["WWW-Authenticate"] = "Bearer"
    return reply

"""Who may ask for what: one guard around the whole application.

Three checks, in this order:

- Host must be a loopback name with the server's port: a page of another site whose name was rebound to
  127.0.0.1 is turned away.
- Origin, where sent, must be the server itself: forms and scripts of other sites are turned away.
- The token, as cookie or as ``Authorization: Bearer``.

`Access.principal` is the one place that says who asks. A node has many tokens and a guard of its own,
see `medvox.server.access`.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import parse_qsl, urlencode

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from medvox.archive.access import Principal, Role
from medvox.server.errors import ADVICE, answer
from medvox.server.types import ErrorBody

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


OWNER = Principal("owner", Role.ADMIN)
"""Who started the server, and so knows the token."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a request must show.

    Parameters
    ----------
    token
        Secret of this run.
    port
        Port the server listens on.
    """

    token: str
    port: int

    @property
    def cookie(self) -> str:
        """Name of the cookie. Cookies do not tell ports apart, so two servers need two names."""
        return f"medvox_token_{self.port}"

    @property
    def hosts(self) -> frozenset[str]:
        """Hosts that the server answers to."""
        bare = LOOPBACK if self.port == 80 else ()
        return frozenset((*(f"{name}:{self.port}" for name in LOOPBACK), *bare))

    def knows(self, token: str | None) -> bool:
        """Whether a token is the right one; takes the same time for any wrong one."""
        return token is not None and secrets.compare_digest(token.encode(), self.token.encode())

    def is_local(self, connection: HTTPConnection) -> bool:
        """Whether Host and Origin are the server's own; each may be sent once."""
        hosts = connection.headers.getlist("host")
        origins = connection.headers.getlist("origin")
        own = {f"http://{host}" for host in self.hosts}
        right_host = len(hosts) == 1 and hosts[0].lower() in self.hosts
        return right_host and len(origins) <= 1 and all(o.lower() in own for o in origins)

    def principal(self, connection: HTTPConnection) -> Principal | None:
        """Say who asks, or None for a stranger."""
        scheme, _, bearer = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.knows(bearer.strip()):
            return OWNER
        return OWNER if self.knows(connection.cookies.get(self.cookie)) else None


class Guard:
    """Lets only authorized requests through to an application."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app, self.access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # no WebSockets here: closing before accepting is a refusal
            await send({"type": "websocket.close", "code": 1008})
            return
        connection = HTTPConnection(scope)
        refusal = self._answer(connection)
        if refusal is None:
            scope.setdefault("state", {})["principal"] = self.access.principal(connection)
        await (refusal or self.app)(scope, receive, send)

    def _answer(self, connection: HTTPConnection) -> Response | None:
        path = connection.url.path
        if not self.access.is_local(connection):
            body = ErrorBody(
                what="The request comes from, or is meant for, another site",
                where=path,
                advice="Open the address that was printed when the server started.",
            )
            return answer(403, body)
        if path == "/" and "token" in connection.query_params:
            if self.access.knows(connection.query_params["token"]):
                return self._welcome(connection)
        elif self.access.principal(connection) is not None:
            return None
        if path == "/":
            return HTMLResponse(STRANGER, 401, {"Cache-Control": "no-store"})
        return answer(401, ErrorBody(what="The token is missing or wrong", where=path, advice=ADVICE[401]))

    def _welcome(self, connection: HTTPConnection) -> Response:
        """Take the token out of the address and into a cookie; the rest of the address stays."""
        rest = [(n, v) for n, v in parse_qsl(connection.url.query, True) if n != "token"]
        response = RedirectResponse("/" + (f"?{urlencode(rest)}" if rest else ""), 303)
        response.set_cookie(self.access.cookie, self.access.token, path="/", httponly=True, samesite="strict")
        response.headers["Cache-Control"] = "no-store"
        return response


STRANGER = """<!doctype html><html lang="en"><meta charset="utf-8"><title>medvox</title>
<body style="font:16px/1.5 system-ui;max-width:40em;margin:4em auto;background:#111;color:#ddd">
<h1>The address lacks its token</h1>
<p>Open the whole address that was printed when the server started: it ends in <code>/?token=…</code></p>
<p>If you followed such a link from another page, <a style="color:#8cf" href="/">continue here</a>.</p>
"""
"""Page for a browser without the cookie; the link works where SameSite held the cookie back."""


def content_security_policy(scripts: Sequence[str] = ()) -> str:
    """Return the policy for pages.

    Parameters
    ----------
    scripts
        Inline scripts that may run, by their digest; no others may.
    """
    digests = [b64encode(sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(["'self'", "'wasm-unsafe-eval'", *(f"'sha256-{digest}'" for digest in digests)])
    return (
        f"default-src 'self'; script-src {allowed}; worker-src 'self' blob:; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )


HEADERS = (
    (b"content-security-policy", content_security_policy().encode()),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""Headers of every answer that does not set them itself; no-store keeps patients out of the disk cache."""


class SecurityHeaders:
    """Adds `HEADERS` to every answer, refusals too."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                names = {name.lower() for name, _ in given}
                message["headers"] = [*given, *(h for h in HEADERS if h[0] not in names)]
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)

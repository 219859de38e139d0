"""Entrance: where a browser shows its token once and gets a session for it."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs, urlencode

from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive

from medvox.server.access.authenticators import BrowserSessions

SESSION: Final = "/session"
"""Where the form is sent to."""
SESSION_END: Final = "/session/end"
_LONGEST: Final = 4096


class Entrance:
    """Answers ``/?token=…``, the form of `STRANGER`, and the end of a session.

    Parameters
    ----------
    sessions
        Sessions of browsers.
    """

    def __init__(self, sessions: BrowserSessions) -> None:
        self._sessions = sessions

    async def answer(self, connection: HTTPConnection, receive: Receive) -> Response | None:
        """Return the answer to a request that is for the entrance, None for others.

        Raises
        ------
        AccessError
            If tokens cannot be read now.
        """
        if connection.scope["type"] != "http":
            return None
        path, method = connection.scope["path"], connection.scope["method"]
        if path == "/" and method in ("GET", "HEAD") and "token" in connection.query_params:
            rest = [(n, v) for n, v in connection.query_params.multi_items() if n != "token"]
            return self._welcome(connection.query_params["token"], f"?{urlencode(rest)}" if rest else "")
        if path == SESSION and method == "POST":
            return self._welcome(await _token_of(Request(connection.scope, receive)), "")
        if path == SESSION_END and method == "POST":
            self._sessions.close(connection)
            response = RedirectResponse("/", 303)
            response.delete_cookie(self._sessions.cookie, path="/")
            return response
        return None

    def _welcome(self, secret: str, rest: str) -> Response:
        """Take the token out of the address and give a cookie for it; the rest of the address stays."""
        value = self._sessions.open(secret)
        if value is None:
            return HTMLResponse(STRANGER, 401, {"Cache-Control": "no-store"})
        response = RedirectResponse("/" + rest, 303)
        response.set_cookie(
            self._sessions.cookie,
            value,
            path="/",
            httponly=True,
            secure=self._sessions.is_secure,
            samesite="strict",
        )
        response.headers["Cache-Control"] = "no-store"
        return response


async def _token_of(request: Request) -> str:
    """Return the token of a form, empty where there is none."""
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > _LONGEST:
                return ""
    except ClientDisconnect:
        return ""
    return parse_qs(body.decode("latin-1")).get("token", [""])[0].strip()


STRANGER: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>medvox</title>
<body style="font:16px/1.5 system-ui;max-width:40em;margin:4em auto;background:#111;color:#ddd">
<h1>This node asks for a token</h1>
<form method="post" action="/session"><label>Token
<input name="token" type="password" autocomplete="current-password" autofocus required></label>
<button>Open</button></form>
<p>The token of the administrator was printed when the node was started for the first time.
<code>medvox serve token create NAME</code> makes another one.</p>
<p>If you followed a link from another page, <a style="color:#8cf" href="/">continue here</a>.</p>
"""
"""Page for a browser without a session; the link works where SameSite held the cookie back."""

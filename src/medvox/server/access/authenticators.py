"""Authenticators: ways to tell who asks.

There are tokens and sessions of browsers that were opened with a token. Accounts and OpenID Connect come as
further classes: each is an `Authenticator`, and `medvox.server.access.guard.NodeGuard` asks all of them.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from hashlib import sha256
from typing import Final, Protocol

from starlette.requests import HTTPConnection

from medvox.archive.access import Principal
from medvox.archive.state.tokens import Token, Tokens

SESSION_S: Final = 12 * 3600
"""A session ends when it was not used for so long."""
MOST_SESSIONS: Final = 1000
"""Sessions that are open at once; the one that was used the longest time ago ends for a new one."""


class Authenticator(Protocol):
    """Tells who asks."""

    is_ambient: bool
    """Whether browsers send the proof by themselves, so that it does not show that the user wanted it."""

    def principal(self, connection: HTTPConnection) -> Principal | None:
        """Return who asks, or None where this tells nothing; must not wait.

        Raises
        ------
        AccessError
            If it cannot be told now.
        """


class BearerTokens:
    """Tells by ``Authorization: Bearer`` (RFC 6750 2.1).

    Parameters
    ----------
    tokens
        Those of the node.
    """

    is_ambient = False

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def principal(self, connection: HTTPConnection) -> Principal | None:
        """Return who has the token of a request."""
        scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        token = self._tokens.find(secret.strip())
        return None if token is None else token.principal


class BrowserSessions:
    """Tells by a cookie that was given for a token; safe to use from several threads.

    The cookie is not the token: it ends with the session, with the token, and with the server.

    Parameters
    ----------
    tokens
        Those of the node.
    port
        Port of the server. Cookies do not tell ports apart, so two servers need two names.
    is_secure
        Whether the cookie goes over TLS alone.
    """

    is_ambient = True

    def __init__(self, tokens: Tokens, port: int, *, is_secure: bool = False) -> None:
        self._tokens = tokens
        self.cookie = f"medvox_session_{port}"
        self.is_secure = is_secure
        self._lock = threading.Lock()
        self._open: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def open(self, secret: str) -> str | None:
        """Open a session with a token; return the value of its cookie, or None for a wrong token."""
        token = self._tokens.find(secret)
        if token is None:
            return None
        value = secrets.token_urlsafe(32)
        with self._lock:
            self._open[_digest(value)] = token.digest, time.monotonic() + SESSION_S
            while len(self._open) > MOST_SESSIONS:
                self._open.popitem(last=False)
        return value

    def close(self, connection: HTTPConnection) -> None:
        """End the session of a request."""
        with self._lock:
            self._open.pop(_digest(connection.cookies.get(self.cookie, "")), None)

    def principal(self, connection: HTTPConnection) -> Principal | None:
        """Return who opened the session of a request, while the token is good."""
        value = connection.cookies.get(self.cookie)
        token = None if value is None else self._token(_digest(value))
        return None if token is None else token.principal

    def _token(self, key: str) -> Token | None:
        now = time.monotonic()
        with self._lock:
            digest, end = self._open.pop(key, ("", 0.0))
            if now >= end:
                return None
            self._open[key] = digest, now + SESSION_S
        return self._tokens.find_digest(digest)


def _digest(value: str) -> str:
    return sha256(value.encode("utf-8", "surrogateescape")).hexdigest()

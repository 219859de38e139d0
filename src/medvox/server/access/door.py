"""Door: at which addresses a node answers, and to pages of which sites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.requests import HTTPConnection

from medvox.server.auth import LOOPBACK

SHARED: Final = "/dicomweb"
"""What pages of `Door.viewers` may ask."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where a node is asked.

    Parameters
    ----------
    port
        Port it listens on.
    is_loopback
        Whether it listens to this machine alone; then only names of loopback are answered, so that no page
        whose name was rebound to 127.0.0.1 gets through.
    is_secure
        Whether it is TLS.
    hosts
        Names it is asked by, as in the address without the port; where any is given, no others are answered
        beside those of loopback.
    origins
        Other sites whose pages may ask, e.g. ``https://viewer.example``; a proxy before it is one.
    viewers
        Other sites whose pages may ask the DICOMweb alone, and with a token that they must send: a session of
        the browser does not count for them.
    """

    port: int
    is_loopback: bool = True
    is_secure: bool = False
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    viewers: frozenset[str] = frozenset()

    @property
    def scheme(self) -> str:
        """Scheme of its address."""
        return "https" if self.is_secure else "http"

    @property
    def _is_usual(self) -> bool:
        """Whether an address may leave the port out."""
        return self.port == (443 if self.is_secure else 80)

    def is_own(self, connection: HTTPConnection) -> bool:
        """Whether a request is meant for this server and comes from its own pages, or from no page."""
        hosts = connection.headers.getlist("host")
        origins = connection.headers.getlist("origin")
        if len(hosts) != 1 or len(origins) > 1 or not self._answers(hosts[0].lower()):
            return False
        return all(self._trusts(origin.lower(), hosts[0].lower()) for origin in origins)

    def shares_path(self, path: str) -> bool:
        """Whether pages of other sites may ask for a path."""
        return bool(self.viewers) and (path == SHARED or path.startswith(f"{SHARED}/"))

    def shares(self, connection: HTTPConnection) -> bool:
        """Whether a request is one that pages of another site may send."""
        hosts, origins = connection.headers.getlist("host"), connection.headers.getlist("origin")
        if len(hosts) != 1 or len(origins) != 1 or not self._answers(hosts[0].lower()):
            return False
        return origins[0].lower() in self.viewers and self.shares_path(connection.scope["path"])

    def _answers(self, host: str) -> bool:
        if not self.is_loopback and not self.hosts:
            return True
        names = (*LOOPBACK, *(name.lower() for name in self.hosts))
        bare = names if self._is_usual else LOOPBACK  # browsers name the port, dicomweb-client leaves it out
        return host in {f"{name}:{self.port}" for name in names} or host in bare

    def _trusts(self, origin: str, host: str) -> bool:
        if self.is_loopback and origin in {f"{self.scheme}://{name}:{self.port}" for name in LOOPBACK}:
            return True
        is_named = self._is_usual or host.endswith(f":{self.port}")  # else an origin of another port
        return (is_named and origin == f"{self.scheme}://{host}") or origin in self.origins

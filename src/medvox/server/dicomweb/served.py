"""Served: the routers of the services; each route asks for the right to do what it does."""

from __future__ import annotations

from typing import Final

from medvox.server.dicomweb import frames, instances, qido, rendered, stow, uri

SERVED: Final = tuple(part.router for part in (qido, instances, frames, rendered, stow, uri))
"""Routers of the services, without the prefix."""

"""Served: the routers of the services, each with what its routes do."""

from __future__ import annotations

from typing import Final

from medvox.archive.access import Action
from medvox.server.dicomweb import frames, instances, qido, rendered, stow, uri

ACTIONS: Final = (
    (qido.router, Action.QUERY),
    (instances.router, Action.RETRIEVE),
    (frames.router, Action.RETRIEVE),
    (rendered.router, Action.RETRIEVE),
    (uri.router, Action.RETRIEVE),
    (stow.router, Action.STORE),
)
SERVED = tuple(router for router, _ in ACTIONS)
"""Routers of the services, without the prefix."""

"""Background: the jobs of a node, hooks and forwarding, from its settings."""

from __future__ import annotations

from medvox.archive.archive import Archive
from medvox.archive.state.database import StateDatabase
from medvox.jobs.feed import FeedSettings
from medvox.jobs.hooks import registered_hooks
from medvox.jobs.service import JobService
from medvox.network.dimse.user import Caller, Peer
from medvox.workflows.node.forwarding import sender
from medvox.workflows.node.settings import NodeSettings


def jobs_of(settings: NodeSettings, archive: Archive, state: StateDatabase, caller: Caller) -> JobService:
    """Return the jobs of a node, which are not begun yet.

    Parameters
    ----------
    settings
        Rules of forwarding name nodes by their name or their AE title.
    archive, state
        Of the node.
    caller
        Who it is when it calls others.
    """
    peers: dict[str, Peer] = {}
    for node in settings.nodes:
        peer = Peer(node.host, node.port, node.ae_title)
        peers |= {node.ae_title: peer, node.name: peer}
    feed = FeedSettings(settings.forward, settings.stable_s)
    return JobService(archive, state, registered_hooks(), sender(archive, peers, caller), feed)

"""Forwarding: sends instances of the archive to other nodes, for the jobs of forwarding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from medvox.archive.archive import Archive
from medvox.archive.model import InstanceRow
from medvox.core.errors import MissingError, NetworkError
from medvox.jobs.service import Send
from medvox.network.dimse.sending import send
from medvox.network.dimse.user import Caller, Peer
from medvox.workflows.node.retrieve import StoredObject


def sender(archive: Archive, nodes: Mapping[str, Peer], caller: Caller) -> Send:
    """Return what jobs of forwarding send with.

    Parameters
    ----------
    archive
        Where the instances are.
    nodes
        By the name that rules use.
    caller
        Who calls.
    """

    def to_node(name: str, rows: Sequence[InstanceRow]) -> None:
        peer = nodes.get(name)
        if peer is None:
            raise MissingError("there is no node of this name", got=name)
        objects = [StoredObject(archive, row) for row in rows]
        failed = [sent for sent in send(objects, peer, caller) if not sent.stored]
        if failed:
            status = failed[0].status
            got = f"{len(failed)} of {len(rows)}" + (f", status {status:04X}H" if status is not None else "")
            raise NetworkError("the node has not stored all instances", where=name, got=got)

    return to_node

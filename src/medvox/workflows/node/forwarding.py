"""Forwarding: sends instances of the archive to other nodes, for the jobs of forwarding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medvox.archive.archive import Archive
from medvox.archive.model import InstanceRow
from medvox.core.errors import MissingError, NetworkError
from medvox.jobs.service import Send
from medvox.network.dimse.datasets import decode_dataset, encode_dataset
from medvox.network.dimse.sending import send
from medvox.network.dimse.syntaxes import NATIVE
from medvox.network.dimse.user import Caller, Peer


@dataclass(frozen=True, slots=True)
class ArchivedObject:
    """An instance of the archive that can be sent; an `ObjectToSend`.

    Parameters
    ----------
    archive
        Where it is.
    row
        Which it is.
    """

    archive: Archive
    row: InstanceRow

    @property
    def sop_class_uid(self) -> str:
        """SOP Class UID."""
        return self.row.sop_class

    @property
    def sop_instance_uid(self) -> str:
        """SOP Instance UID."""
        return self.row.sop_uid

    @property
    def transfer_syntax(self) -> str:
        """UID of the encoding of what `open` returns."""
        return self.row.transfer_syntax

    def open(self) -> bytes:
        """Return the data set as it is kept."""
        return self.archive.read_data_set(self.row)

    def transcode(self, transfer_syntax: str) -> bytes | None:
        """Return the data set with or without explicit VR; None where pixels would have to change."""
        if not {self.transfer_syntax, transfer_syntax} <= set(NATIVE):
            return None
        return encode_dataset(decode_dataset(self.open(), self.transfer_syntax), transfer_syntax)


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
        objects = [ArchivedObject(archive, row) for row in rows]
        failed = [sent for sent in send(objects, peer, caller) if not sent.stored]
        if failed:
            status = failed[0].status
            got = f"{len(failed)} of {len(rows)}" + (f", status {status:04X}H" if status is not None else "")
            raise NetworkError("the node has not stored all instances", where=name, got=got)

    return to_node

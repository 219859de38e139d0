"""Remote nodes: what a node asks others for its users: echo, find, retrieve into the archive, send."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from medvox.core.errors import MissingError, NetworkError
from medvox.core.progress import Progress
from medvox.network.dimse.commands import Command, Status
from medvox.network.dimse.identifiers import identifier
from medvox.network.dimse.proposals import Proposal, storage_proposals
from medvox.network.dimse.sending import send
from medvox.network.dimse.syntaxes import FIND, GET, MOVE
from medvox.network.dimse.user import Caller, Peer, connect
from medvox.network.handlers import ObjectToSend, ReceivedObject, StorageHandler
from medvox.workflows.node.receive import ArchiveStorage
from medvox.workflows.node.retrieve import StoredObject
from medvox.workflows.node.services import NodeParts

if TYPE_CHECKING:
    from pydicom import Dataset

_ROOT = "study"


class NodeAddress(Protocol):
    """A remote node as it was configured."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def ae_title(self) -> str:
        """AE title."""

    @property
    def host(self) -> str:
        """Host name or address."""

    @property
    def port(self) -> int:
        """TCP port."""


@dataclass(frozen=True, slots=True)
class RemoteStudy:
    """A study that a remote node has; a number is None where the node does not tell."""

    study_uid: str
    patient_name: str
    patient_id: str
    birth_date: str
    date: str
    time: str
    description: str
    accession: str
    modalities: tuple[str, ...]
    instances: int | None


@dataclass(frozen=True, slots=True)
class Transferred:
    """How many instances were transferred, how many failed, and why the first did."""

    done: int
    failed: int
    reason: str = ""


class RemoteNodes(Protocol):
    """What the pages on remote nodes ask; nodes go by their names."""

    def nodes(self) -> Sequence[NodeAddress]:
        """Return the configured nodes."""

    def echo(self, name: str) -> float:
        """Call a node; return how long the answer took, in seconds."""

    def find(self, name: str, keys: Sequence[str], limit: int) -> list[RemoteStudy]:
        """Find studies; `keys` as for `medvox.network.dimse.identifiers.identifier`."""

    def retrieve(self, name: str, study_uid: str, progress: Progress) -> Transferred:
        """Retrieve a study into the archive."""

    def send(self, name: str, study_uid: str, progress: Progress) -> Transferred:
        """Send a study of the archive."""


class DimseNodes:
    """Remote nodes over DIMSE (a `RemoteNodes`).

    Parameters
    ----------
    caller
        Who calls.
    handler
        Keeps what C-GET brings.
    nodes
        Returns the configured nodes.
    objects
        Returns the instances of a study, to be sent.
    """

    def __init__(
        self,
        caller: Caller,
        handler: StorageHandler,
        nodes: Callable[[], Iterable[NodeAddress]],
        objects: Callable[[str], Sequence[ObjectToSend]],
    ) -> None:
        self._caller, self._handler = caller, handler
        self._nodes, self._objects = nodes, objects

    def nodes(self) -> Sequence[NodeAddress]:
        """Return the configured nodes."""
        return tuple(self._nodes())

    def echo(self, name: str) -> float:
        """Call a node; return how long association and answer took, in seconds.

        Raises
        ------
        MissingError
            If there is no such node.
        NetworkError
            If it cannot be reached or refuses.
        """
        began = time.perf_counter()
        with connect(self._peer(name), self._caller) as client:
            status = client.echo()
        if status != Status.SUCCESS:
            raise NetworkError("the node answers with a failure", where=name, got=f"status {status:04X}H")
        return time.perf_counter() - began

    def find(self, name: str, keys: Sequence[str], limit: int) -> list[RemoteStudy]:
        """Find studies, at most `limit`.

        Raises
        ------
        MissingError, NetworkError
            As `echo`.
        UsageError
            If a key is wrong.
        """
        asked, uid = identifier("study", keys), FIND[_ROOT]
        found: list[RemoteStudy] = []
        with connect(self._peer(name), self._caller, [Proposal(uid)]) as client:
            matches = client.find(uid, asked)
            for match in matches:
                found.append(_study(match))
                if len(found) >= limit:
                    break
            matches.close()
        return found

    def retrieve(self, name: str, study_uid: str, progress: Progress) -> Transferred:
        """Retrieve a study into the archive: by C-GET, or by C-MOVE to this node where the peer has no C-GET.

        Raises
        ------
        MissingError, NetworkError
            As `echo`; what has arrived before is kept.
        CancelledError
            If `progress` raises it.
        """
        peer = self._peer(name)
        asked = identifier("study", [f"StudyInstanceUID={study_uid}"], unique=True)
        get, move = GET[_ROOT], MOVE[_ROOT]
        progress(0, None, "Retrieving")
        with connect(peer, self._caller, [Proposal(get), Proposal(move), *storage_proposals(125)]) as client:
            if get in {context.abstract_syntax for context in client.contexts}:
                counted = _Counted(self._handler, progress)
                replies = client.get(get, asked, counted)
            else:
                counted = None
                replies = client.move(move, asked, self._caller.ae_title)
            return _followed(replies, counted, progress)

    def send(self, name: str, study_uid: str, progress: Progress) -> Transferred:
        """Send a study of the archive.

        Raises
        ------
        MissingError
            If there is no such node or study.
        NetworkError
            As `echo`.
        CancelledError
            If `progress` raises it.
        """
        peer, objects = self._peer(name), self._objects(study_uid)
        if not objects:
            raise MissingError("there is no such study", got=study_uid)
        done, failed = 0, []
        for sent in send(objects, peer, self._caller, progress):
            if sent.stored:
                done += 1
            else:
                failed.append(sent.reason or f"status {sent.status or 0:04X}H")
        return Transferred(done, len(failed), next(iter(failed), ""))

    def _peer(self, name: str) -> Peer:
        for node in self._nodes():
            if node.name == name:
                return Peer(node.host, node.port, node.ae_title)
        raise MissingError("there is no such node", got=name, advice="Name it in medvox.toml, [[nodes]]")


def remote_nodes(node: NodeParts) -> DimseNodes:
    """Return the nodes that the settings of a node name."""
    archive = node.archive
    return DimseNodes(
        node.caller,
        ArchiveStorage(archive, node.received),
        lambda: node.settings.nodes,
        lambda uid: [StoredObject(archive, row) for row in archive.instances(uid)],
    )


class _Counted:
    """Keeps instances by another handler, and tells how many have come."""

    def __init__(self, handler: StorageHandler, progress: Progress) -> None:
        self._handler, self._progress = handler, progress
        self.done = self.failed = 0
        self.total: int | None = None

    def store(self, received: ReceivedObject) -> int:
        """See `StorageHandler`."""
        status = self._handler.store(received)
        if status == Status.SUCCESS or status >> 12 == 0xB:
            self.done += 1
        else:
            self.failed += 1
        self._progress(self.done + self.failed, self.total, "Retrieving")
        return status


def _followed(replies: Iterable[Command], counted: _Counted | None, progress: Progress) -> Transferred:
    """Follow C-GET or C-MOVE to the end (PS3.4 C.4.2.1.6 and C.4.3.1.6 define the counts)."""
    done = failed = 0
    for reply in replies:
        done = (reply.completed or 0) + (reply.warnings or 0)
        failed = reply.failed or 0
        if reply.remaining is not None:
            total = done + failed + reply.remaining
            if counted is not None:
                counted.total = total
            progress(done + failed, total, "Retrieving")
    if counted is not None:  # what the archive took counts, whatever the peer believes
        done, failed = counted.done, max(counted.failed, failed)
    if not done and not failed:
        raise MissingError("the node has sent nothing", advice="Look whether it still has the study")
    return Transferred(done, failed, "the node could not send all instances" if failed else "")


def _study(match: Dataset) -> RemoteStudy:
    def text(keyword: str) -> str:
        value = match.get(keyword)
        return "" if value is None else str(value)

    modalities = match.get("ModalitiesInStudy") or ()
    count = text("NumberOfStudyRelatedInstances").strip()
    return RemoteStudy(
        study_uid=text("StudyInstanceUID"),
        patient_name=text("PatientName").partition("=")[0],
        patient_id=text("PatientID"),
        birth_date=text("PatientBirthDate"),
        date=text("StudyDate"),
        time=text("StudyTime"),
        description=text("StudyDescription"),
        accession=text("AccessionNumber"),
        modalities=(modalities,) if isinstance(modalities, str) else tuple(map(str, modalities)),
        instances=int(count) if count.isdecimal() else None,
    )

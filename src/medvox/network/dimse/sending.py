"""Sending many instances: associations as few as the number of presentation contexts allows (PS3.4 B)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from medvox.core.errors import MedvoxError, NetworkError
from medvox.core.progress import Progress, silent
from medvox.network.dimse.proposals import proposals_for
from medvox.network.dimse.user import Caller, Client, Peer, connect
from medvox.network.handlers import ObjectToSend
from medvox.network.upper_layer.items import MAX_CONTEXTS

_WARNING = 0xB000


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one instance.

    Parameters
    ----------
    instance
        What was to be sent.
    status
        Status of the peer, or None: it was not sent.
    reason
        Why not.
    """

    instance: ObjectToSend
    status: int | None
    reason: str = ""

    @property
    def stored(self) -> bool:
        """Whether the peer has it, perhaps with a warning (PS3.4 B.2.3)."""
        return self.status is not None and (self.status == 0 or self.status >> 12 == _WARNING >> 12)


def send(
    instances: Sequence[ObjectToSend],
    peer: Peer,
    caller: Caller,
    progress: Progress = silent,
    originator: tuple[str, int] | None = None,
) -> Iterator[Sent]:
    """Send instances, and yield what became of each, in groups by SOP class.

    Parameters
    ----------
    instances
        What to send.
    peer, caller
        Whom to call, and who calls.
    progress
        Is told of each instance.
    originator
        See `Client.store`.

    Raises
    ------
    NetworkError
        If an association cannot be opened or breaks.
    """
    done = 0
    progress(0, len(instances), "Sending")
    for group in _groups(instances):
        with connect(peer, caller, proposals_for(group)) as client:
            for instance in group:
                yield _one(client, instance, originator)
                done += 1
                progress(done, len(instances), "Sending")


def _one(client: Client, instance: ObjectToSend, originator: tuple[str, int] | None) -> Sent:
    try:
        return Sent(instance, client.store(instance, originator))
    except MedvoxError as error:
        if isinstance(error, NetworkError) and not client.messenger.association.established:
            raise
        return Sent(instance, None, str(error))


def _groups(instances: Iterable[ObjectToSend]) -> Iterator[list[ObjectToSend]]:
    """Cut instances to groups that need at most 128 presentation contexts."""
    by_class: dict[str, list[ObjectToSend]] = {}
    for instance in instances:
        by_class.setdefault(instance.sop_class_uid, []).append(instance)
    group: list[ObjectToSend] = []
    contexts = 0
    for members in by_class.values():
        needed = len({member.transfer_syntax for member in members}) + 1
        if group and contexts + needed > MAX_CONTEXTS:
            yield group
            group, contexts = [], 0
        group += members
        contexts += needed
    if group:
        yield group

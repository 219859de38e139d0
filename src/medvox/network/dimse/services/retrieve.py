"""Retrieve: C-GET and C-MOVE with C-CANCEL (PS3.4 C.4.2, C.4.3; PS3.7 9.1.3, 9.1.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from medvox.core.errors import MedvoxError, NetworkError
from medvox.network.dimse.commands import Operation, Status
from medvox.network.dimse.datasets import decode_dataset, encode_dataset
from medvox.network.dimse.messages import Message, Messenger
from medvox.network.dimse.sending import Sent, send
from medvox.network.dimse.services.query import canceled, required_level
from medvox.network.dimse.syntaxes import GET, MOVE, NATIVE, prefer
from medvox.network.dimse.user import Caller, Client, Peer
from medvox.network.handlers import ObjectToSend, RetrieveHandler

_MODELS = frozenset((*GET.values(), *MOVE.values()))


@dataclass(slots=True)
class _Tally:
    """Counts of sub-operations."""

    total: int
    completed: int = 0
    warnings: int = 0
    failed: list[str] = field(default_factory=list)

    @property
    def remaining(self) -> int:
        return max(self.total - self.completed - self.warnings - len(self.failed), 0)

    def add(self, sent: Sent) -> None:
        if not sent.stored:
            self.failed.append(sent.instance.sop_instance_uid)
        elif sent.status:
            self.warnings += 1
        else:
            self.completed += 1

    def status(self) -> Status:
        """Final status (PS3.4 table C.4-2, C.4-3)."""
        if not self.failed and not self.warnings:
            return Status.SUCCESS
        nothing = not self.completed and not self.warnings
        return Status.CANNOT_PERFORM_SUBOPERATIONS if nothing else Status.SUBOPERATIONS_WARNING


class RetrieveService:
    """Answers C-GET and C-MOVE by sending what a handler finds.

    Parameters
    ----------
    handler
        Finds instances and destinations.
    caller
        Who we are towards move destinations.
    """

    def __init__(self, handler: RetrieveHandler, caller: Caller) -> None:
        self._handler = handler
        self._caller = caller

    def choose(self, abstract_syntax: str, proposed: tuple[str, ...]) -> str | None:
        """Take GET and MOVE of both information models in native encodings."""
        return prefer(proposed, NATIVE) if abstract_syntax in _MODELS else None

    def serve(self, messenger: Messenger, message: Message) -> None:
        """Perform the sub-operations, with a pending response after each."""
        command, context = message.command, message.context
        wanted = Operation.C_GET if context.abstract_syntax in GET.values() else Operation.C_MOVE
        if command.command_field != wanted or message.data is None:
            messenger.send(context, command.reply(Status.UNRECOGNIZED_OPERATION))
            return
        identifier = decode_dataset(message.data, context.transfer_syntax)
        level = required_level(str(identifier.get("QueryRetrieveLevel", "")))
        calling = messenger.association.calling_ae
        peer: Peer | None = None
        if wanted is Operation.C_MOVE:
            place = self._handler.destination(command.move_destination or "", calling)
            if place is None:
                messenger.send(context, command.reply(Status.DESTINATION_UNKNOWN))
                return
            peer = Peer(place.host, place.port, place.ae_title, place.tls)
        found = self._handler.retrieve(context.abstract_syntax, level, identifier, calling)
        if peer is None:
            steps = _over_same(messenger, found, command.message_id)
        else:
            steps = _guarded(found, peer, self._caller, (calling, command.message_id or 0))
        _report(messenger, message, steps, _Tally(len(found)))


def _report(messenger: Messenger, message: Message, steps: Iterator[Sent | None], tally: _Tally) -> None:
    """Send the responses; a step that is None is a cancel that came with a sub-operation."""
    command, context = message.command, message.context
    pending = command.reply(Status.PENDING)
    stopped = False
    with closing(steps):  # type: ignore[type-var]
        for sent in steps:
            if sent is not None:
                tally.add(sent)
            if sent is None or canceled(messenger, command.message_id):
                stopped = True
                break
            if tally.remaining:
                counts = (tally.completed, len(tally.failed), tally.warnings)
                messenger.send(context, pending.counting(tally.remaining, *counts))
    final = command.reply(Status.CANCELED if stopped else tally.status(), has_data=bool(tally.failed))
    remaining = tally.remaining if stopped else None
    final = final.counting(remaining, tally.completed, len(tally.failed), tally.warnings)
    data = _failed_list(tally.failed, context.transfer_syntax) if tally.failed else None
    messenger.send(context, final, data)


def _failed_list(uids: list[str], transfer_syntax: str) -> bytes:
    """Identifier with the Failed SOP Instance UID List (0008,0058) (PS3.4 C.4.2.1.4.2)."""
    from pydicom import Dataset

    identifier = Dataset()
    identifier.FailedSOPInstanceUIDList = uids
    return encode_dataset(identifier, transfer_syntax)


def _guarded(
    found: Sequence[ObjectToSend], peer: Peer, caller: Caller, originator: tuple[str, int]
) -> Iterator[Sent | None]:
    """Send to a destination; what it does not take, because it cannot be reached too, has failed."""
    reason = ""
    done: set[int] = set()
    try:
        for sent in send(found, peer, caller, originator=originator):
            done.add(id(sent.instance))
            yield sent
    except NetworkError as error:
        reason = str(error)
    yield from (Sent(instance, None, reason) for instance in found if id(instance) not in done)


def _over_same(
    messenger: Messenger, found: Sequence[ObjectToSend], number: int | None
) -> Iterator[Sent | None]:
    """Send over the association that asked (C-GET); None when a cancel came before a response."""
    client = Client(messenger)
    for instance in found:
        try:
            sub = client.begin_store(instance)
        except NetworkError as error:
            if not messenger.association.established:
                raise
            yield Sent(instance, None, str(error))
            continue
        except MedvoxError as error:
            yield Sent(instance, None, str(error))
            continue
        stop = False
        while True:
            answer = messenger.receive(messenger.association.timeouts.response)
            if answer is None:
                raise NetworkError("the peer released the association before its request was answered")
            if answer.command.command_field == Operation.C_CANCEL:
                stop = stop or answer.command.responded_to == number
                continue
            if answer.command.responded_to != sub or not answer.command.is_response:
                messenger.association.abort()
                raise NetworkError("the peer answers something else")
            break
        yield Sent(instance, answer.command.status)
        if stop:
            yield None
            return

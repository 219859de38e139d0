"""User (SCU): `connect` to a peer, then echo, store, find, get and move (PS3.4 A, B, C; PS3.7 9.1)."""

from __future__ import annotations

import ssl
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from medvox.core.errors import NetworkError, UsageError
from medvox.network.dimse.commands import Command, Operation, Status
from medvox.network.dimse.datasets import decode_dataset, encode_dataset
from medvox.network.dimse.messages import Message, Messenger
from medvox.network.dimse.proposals import Proposal
from medvox.network.dimse.storage import StorageService
from medvox.network.dimse.syntaxes import VERIFICATION
from medvox.network.handlers import ObjectToSend, StorageHandler
from medvox.network.upper_layer.association import MAX_PDU, request
from medvox.network.upper_layer.channel import Buffer, Timeouts
from medvox.network.upper_layer.items import (
    MAX_CONTEXTS,
    ProposedContext,
    Role,
    UserIdentity,
    UserInformation,
)
from medvox.network.upper_layer.negotiation import IMPLEMENTATION_VERSION, Context
from medvox.network.upper_layer.pdu import AssociateRequest

if TYPE_CHECKING:
    from pydicom import Dataset

ANY = "ANY-SCP"
"""Title used for a peer whose title was not said."""
MEDIUM = 0
"""Priority (0000,0700) of requests (PS3.7 E.1)."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A remote application entity.

    Parameters
    ----------
    host, port
        Its address.
    ae_title
        Its title.
    tls
        TLS settings (`tls.requestor_context`), or None: plain.
    """

    host: str
    port: int
    ae_title: str = ANY
    tls: ssl.SSLContext | None = None

    @classmethod
    def parse(cls, text: str) -> Peer:
        """Read ``[AE@]host:port``.

        Raises
        ------
        UsageError
            If it is not written so.
        """
        title, _, address = text.rpartition("@")
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536 or len(title) > 16:
            raise UsageError(
                "a node is written [AE@]host:port", got=text, expected="e.g. ORTHANC@127.0.0.1:4242"
            )
        return cls(host.strip("[]"), int(port), title or ANY)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls.

    Parameters
    ----------
    implementation_uid
        Implementation class UID.
    ae_title
        Our title.
    identity
        User identity, or None.
    timeouts
        How long to wait.
    max_pdu
        Longest P-DATA-TF PDU taken, bytes.
    """

    implementation_uid: str
    ae_title: str = "MEDVOX"
    identity: UserIdentity | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    max_pdu: int = MAX_PDU


class Client:
    """An association as its requestor; made by `connect`."""

    def __init__(self, messenger: Messenger) -> None:
        self.messenger = messenger

    @property
    def contexts(self) -> tuple[Context, ...]:
        """Presentation contexts that the peer has accepted."""
        return tuple(self.messenger.association.contexts.values())

    def context(self, abstract_syntax: str, transfer_syntax: str | None = None) -> Context:
        """Return the accepted context of an abstract syntax, and of a transfer syntax if one is named.

        Raises
        ------
        NetworkError
            If the peer has accepted none.
        """
        for context in self.contexts:
            if context.abstract_syntax == abstract_syntax and transfer_syntax in (
                None,
                context.transfer_syntax,
            ):
                return context
        raise NetworkError("the peer does not accept the presentation context", where=abstract_syntax)

    def echo(self) -> int:
        """Perform C-ECHO; returns the status, 0 for success (PS3.7 9.1.5)."""
        context = self.context(VERIFICATION)
        return self.ask(context, Command(Operation.C_ECHO, sop_class_uid=VERIFICATION)).status or 0

    def store(self, instance: ObjectToSend, originator: tuple[str, int] | None = None) -> int:
        """Perform C-STORE in the encoding of the instance, or in another where the peer takes only that.

        Parameters
        ----------
        instance
            What to send.
        originator
            AE title and message ID of the C-MOVE that this is part of (PS3.7 9.1.1.1).

        Returns
        -------
        status
            0 success, BxxxH stored with a warning, else not stored (PS3.4 B.2.3).

        Raises
        ------
        NetworkError
            If the peer takes no encoding that can be made; the association stays open.
        """
        number = self.begin_store(instance, originator)
        status = self.response(number, Operation.C_STORE).command.status
        return 0 if status is None else status

    def begin_store(self, instance: ObjectToSend, originator: tuple[str, int] | None = None) -> int:
        """Send a C-STORE request and return its message ID; its response is still to come. See `store`."""
        context, data = self._encoding(instance)
        command = Command(
            Operation.C_STORE,
            sop_class_uid=instance.sop_class_uid,
            sop_instance_uid=instance.sop_instance_uid,
            priority=MEDIUM,
            originator_ae=originator[0] if originator else None,
            originator_id=originator[1] if originator else None,
        )
        return self.send(context, command, data)

    def _encoding(self, instance: ObjectToSend) -> tuple[Context, Buffer]:
        mine = [
            context
            for context in self.contexts
            if context.abstract_syntax == instance.sop_class_uid
            and (context.requestor_scu if self.messenger.association.requestor else context.requestor_scp)
        ]
        for context in mine:
            if context.transfer_syntax == instance.transfer_syntax:
                return context, instance.open()
        for context in mine:
            data = instance.transcode(context.transfer_syntax)
            if data is not None:
                return context, data
        advice = "Convert the files to Explicit VR Little Endian." if mine else None
        raise NetworkError(
            "the peer takes no encoding of this SOP class that can be made",
            where=instance.sop_class_uid,
            got=instance.transfer_syntax,
            advice=advice,
        )

    def find(self, model: str, identifier: Dataset) -> Generator[Dataset]:
        """Perform C-FIND and yield the matches (PS3.4 C.4.1); a consumer that stops early cancels.

        Parameters
        ----------
        model
            SOP Class UID of the information model; of `connect`'s proposals.
        identifier
            Keys with Query/Retrieve Level.

        Raises
        ------
        NetworkError
            If the peer answers with a failure.
        """
        context = self.context(model)
        data = encode_dataset(identifier, context.transfer_syntax)
        command = Command(Operation.C_FIND, sop_class_uid=model, priority=MEDIUM)
        number = self.send(context, command, data)
        answered = False
        try:
            while True:
                message = self.response(number, Operation.C_FIND)
                if not _pending(message):
                    answered = True
                    _require(message, "C-FIND")
                    return
                if message.data is not None:
                    yield decode_dataset(message.data, context.transfer_syntax)
        finally:
            if not answered and self.messenger.association.established:
                self.cancel(context, number)
                while _pending(self.response(number, Operation.C_FIND)):
                    pass

    def cancel(self, context: Context, number: int) -> None:
        """Send C-CANCEL for a request (PS3.7 9.3.2.3)."""
        self.messenger.send(context, Command(Operation.C_CANCEL, responded_to=number))

    def move(self, model: str, identifier: Dataset, destination: str) -> Iterator[Command]:
        """Perform C-MOVE and yield its responses, the last one final (PS3.4 C.4.2).

        Parameters
        ----------
        destination
            AE title that the peer is to send to.

        Raises
        ------
        NetworkError
            If the peer answers with a failure, or none of the instances could be sent.
        """
        command = Command(
            Operation.C_MOVE, sop_class_uid=model, priority=MEDIUM, move_destination=destination
        )
        yield from self._retrieve(command, identifier, None)

    def get(self, model: str, identifier: Dataset, handler: StorageHandler) -> Iterator[Command]:
        """Perform C-GET: instances go to `handler`; yields the responses, the last one final (PS3.4 C.4.3).

        The storage classes must have been proposed with `Proposal.as_scp`.
        """
        command = Command(Operation.C_GET, sop_class_uid=model, priority=MEDIUM)
        yield from self._retrieve(command, identifier, StorageService(handler))

    def _retrieve(
        self, command: Command, identifier: Dataset, storage: StorageService | None
    ) -> Iterator[Command]:
        context = self.context(command.sop_class_uid or "")
        number = self.send(context, command, encode_dataset(identifier, context.transfer_syntax))
        while True:
            message = self.messenger.receive()
            if message is None:
                raise NetworkError("the peer released the association instead of answering")
            reply = message.command
            if storage is not None and reply.command_field == Operation.C_STORE:
                storage.serve(self.messenger, message)
                continue
            if reply.command_field != command.command_field | 0x8000 or reply.responded_to != number:
                self.messenger.association.abort()
                raise NetworkError("the peer answers something else", got=f"{reply.command_field:04X}H")
            yield reply
            if not _pending(message):
                _require(message, Operation(command.command_field).name.replace("_", "-"))
                return

    def ask(self, context: Context, command: Command, data: Buffer | None = None) -> Command:
        """Send a request that has one response, and return that."""
        number = self.send(context, command, data)
        return self.response(number, command.command_field).command

    def send(self, context: Context, command: Command, data: Buffer | None = None) -> int:
        """Send a request under a new message ID, which is returned."""
        number = self.messenger.next_id()
        kind = Command(0).data_set_type if data is None else 1
        self.messenger.send(context, replace(command, message_id=number, data_set_type=kind), data)
        return number

    def response(self, number: int, operation: int) -> Message:
        """Wait for a response to message `number`.

        Raises
        ------
        NetworkError
            If something else comes.
        """
        message = self.messenger.receive(self.messenger.association.timeouts.response)
        if message is None:
            raise NetworkError("the peer released the association instead of answering")
        command = message.command
        if command.command_field != operation | 0x8000 or command.responded_to != number:
            self.messenger.association.abort()
            raise NetworkError("the peer answers something else", got=f"{command.command_field:04X}H")
        return message


def _pending(message: Message) -> bool:
    return message.command.status in (Status.PENDING, Status.PENDING_OPTIONAL_KEYS)


def _require(message: Message, what: str) -> None:
    """Raise for a final status that is a failure."""
    status = message.command.status or 0
    if status not in (Status.SUCCESS, Status.CANCELED, Status.SUBOPERATIONS_WARNING):
        raise NetworkError(f"the peer refuses {what}", got=f"status {status:04X}H")


@contextmanager
def connect(peer: Peer, caller: Caller, proposals: Iterable[Proposal] = ()) -> Iterator[Client]:
    """Open an association for the `with` block: released at its end, aborted when an error leaves it.

    Parameters
    ----------
    peer, caller
        Whom to call, and who calls.
    proposals
        Presentation contexts; Verification is added where there is room.

    Raises
    ------
    NetworkError
        If the peer cannot be reached, refuses, or breaks off.
    UsageError
        If there are more than 128 presentation contexts.
    """
    wanted = list(proposals)
    if len(wanted) < MAX_CONTEXTS and all(p.abstract_syntax != VERIFICATION for p in wanted):
        wanted.append(Proposal(VERIFICATION))
    if len(wanted) > MAX_CONTEXTS:
        raise UsageError("too many presentation contexts", got=len(wanted), expected=MAX_CONTEXTS)
    contexts = tuple(
        ProposedContext(2 * k + 1, proposal.abstract_syntax, proposal.transfer_syntaxes)
        for k, proposal in enumerate(wanted)
    )
    roles = dict.fromkeys(p.abstract_syntax for p in wanted if p.as_scp)
    user = UserInformation(
        caller.max_pdu,
        caller.implementation_uid,
        IMPLEMENTATION_VERSION,
        roles=tuple(Role(uid, scu=False, scp=True) for uid in roles),
        identity=caller.identity,
    )
    asked = AssociateRequest(peer.ae_title, caller.ae_title, contexts, user)
    association = request((peer.host, peer.port), asked, caller.timeouts, peer.tls)
    try:
        yield Client(Messenger(association))
    except BaseException:
        association.abort()
        raise
    association.release()

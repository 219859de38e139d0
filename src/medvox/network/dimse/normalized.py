"""Normalized services: N-CREATE, N-SET, N-GET, N-ACTION, N-EVENT-REPORT, N-DELETE, both roles (PS3.7 10)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from medvox.core.errors import NetworkError
from medvox.network.dimse.commands import Command, Operation, Status
from medvox.network.dimse.datasets import decode_dataset, encode_dataset
from medvox.network.dimse.messages import Message, Messenger
from medvox.network.dimse.provider import failed
from medvox.network.dimse.syntaxes import NATIVE, prefer
from medvox.network.dimse.user import Client
from medvox.network.handlers import RefusedError

if TYPE_CHECKING:
    from pydicom import Dataset

_ON_AFFECTED = (Operation.N_CREATE, Operation.N_EVENT_REPORT)
"""Requests that name an Affected SOP Instance; the others name a Requested one (PS3.7 10.3)."""
_WARNINGS = (
    Status.OPTIONAL_ATTRIBUTES_NOT_SUPPORTED,
    Status.ATTRIBUTE_LIST_ERROR,
    Status.ATTRIBUTE_OUT_OF_RANGE,
)


@dataclass(frozen=True, slots=True)
class SopInstance:
    """What a request is about.

    Parameters
    ----------
    sop_class_uid
        Its SOP class.
    sop_instance_uid
        Empty in N-CREATE where the provider names it.
    abstract_syntax
        That of the presentation context, where it is another than the SOP class: meta SOP classes of print
        management (PS3.4 H.3), UPS (PS3.4 CC.3).
    """

    sop_class_uid: str
    sop_instance_uid: str = ""
    abstract_syntax: str = ""


@dataclass(frozen=True, slots=True)
class NormalizedRequest:
    """A request of a normalized service.

    Parameters
    ----------
    operation
        Which.
    instance
        What it is about.
    data
        Attribute list, modification list, or action or event information; None where none came.
    type_id
        Action Type or Event Type ID; 0 for other operations.
    wanted
        Tags that N-GET asks for; none: all.
    calling_ae, called_ae, peer_address
        Who asks whom, and from where.
    """

    operation: Operation
    instance: SopInstance
    data: Dataset | None = None
    type_id: int = 0
    wanted: tuple[int, ...] = ()
    calling_ae: str = ""
    called_ae: str = ""
    peer_address: str = ""


@dataclass(frozen=True, slots=True)
class NormalizedAnswer:
    """The response to a request, of success or with a warning.

    Parameters
    ----------
    status
        Success or a warning; failures are `RefusedError`.
    data
        Attribute list, or action or event reply.
    sop_instance_uid
        Of what N-CREATE made, where the provider named it.
    attributes
        Attribute Identifier List of a warning.
    """

    status: int = Status.SUCCESS
    data: Dataset | None = None
    sop_instance_uid: str = ""
    attributes: tuple[int, ...] = ()


Perform = Callable[[NormalizedRequest], NormalizedAnswer]
"""Performs a request; raises `RefusedError` where it cannot."""


class NormalizedService:
    """Hands requests to functions, one for each operation, and sends what they answer.

    Parameters
    ----------
    abstract_syntaxes
        SOP classes and meta SOP classes of its presentation contexts.
    operations
        What is offered; other operations are answered with 0211H, unrecognized operation.
    """

    def __init__(self, abstract_syntaxes: Collection[str], operations: Mapping[Operation, Perform]) -> None:
        self._abstract_syntaxes = frozenset(abstract_syntaxes)
        self._operations = operations

    def choose(self, abstract_syntax: str, proposed: tuple[str, ...]) -> str | None:
        """Take the abstract syntaxes in native encodings."""
        return prefer(proposed, NATIVE) if abstract_syntax in self._abstract_syntaxes else None

    def serve(self, messenger: Messenger, message: Message) -> None:
        """Perform one request."""
        serve_normalized(messenger, message, self._operations)


def serve_normalized(messenger: Messenger, message: Message, operations: Mapping[Operation, Perform]) -> bool:
    """Perform a request and send its response; tell whether it was performed."""
    command, context = message.command, message.context
    perform = operations.get(Operation(command.command_field)) if command.is_normalized else None
    if perform is None:
        messenger.send(context, command.reply(Status.UNRECOGNIZED_OPERATION))
        return False
    try:
        answer = perform(read_request(messenger, message))
    except NetworkError:
        raise
    except Exception as error:
        messenger.send(context, failed(command, error))
        return False
    send_answer(messenger, message, answer)
    return True


def read_request(messenger: Messenger, message: Message) -> NormalizedRequest:
    """Return the request that a message holds.

    Raises
    ------
    RefusedError
        If a UID or a type that the operation needs is missing.
    FormatError
        If its data set cannot be parsed.
    """
    command, context, association = message.command, message.context, messenger.association
    operation = Operation(command.command_field)
    if operation in _ON_AFFECTED:
        sop_class, uid = command.sop_class_uid, command.sop_instance_uid
    else:
        sop_class, uid = command.requested_sop_class_uid, command.requested_sop_instance_uid
    if not sop_class:
        raise RefusedError(Status.NO_SUCH_SOP_CLASS, "the SOP Class UID is missing")
    if not uid and operation is not Operation.N_CREATE:
        raise RefusedError(Status.NO_SUCH_SOP_INSTANCE, "the SOP Instance UID is missing")
    number = {Operation.N_ACTION: command.action_type, Operation.N_EVENT_REPORT: command.event_type}
    return NormalizedRequest(
        operation,
        SopInstance(sop_class, uid or "", context.abstract_syntax),
        None if message.data is None else decode_dataset(message.data, context.transfer_syntax),
        number.get(operation) or 0,
        command.attributes or (),
        association.calling_ae,
        association.called_ae,
        association.peer_address,
    )


def send_answer(messenger: Messenger, message: Message, answer: NormalizedAnswer) -> None:
    """Send the response to the request of a message."""
    context = message.context
    data = None if answer.data is None else encode_dataset(answer.data, context.transfer_syntax)
    reply = message.command.reply(answer.status, has_data=data is not None)
    if answer.sop_instance_uid:
        reply = replace(reply, sop_instance_uid=answer.sop_instance_uid)
    messenger.send(context, replace(reply, attributes=answer.attributes or None), data)


def request_of(operation: Operation, instance: SopInstance, type_id: int | None = None) -> Command:
    """Return the command of a request, without its message ID and data set (PS3.7 10.3)."""
    sop_class, uid = instance.sop_class_uid, instance.sop_instance_uid or None
    is_affected = operation in _ON_AFFECTED
    return Command(
        operation,
        sop_class_uid=sop_class if is_affected else None,
        sop_instance_uid=uid if is_affected else None,
        requested_sop_class_uid=None if is_affected else sop_class,
        requested_sop_instance_uid=None if is_affected else uid,
        action_type=type_id if operation is Operation.N_ACTION else None,
        event_type=type_id if operation is Operation.N_EVENT_REPORT else None,
    )


class NormalizedUser:
    """Performs normalized services over an association; reports that come in between go to `on_event`.

    Each method raises `RefusedError` where the peer answers with a failure, and `NetworkError` where it took
    no presentation context or breaks off.

    Parameters
    ----------
    client
        An open association.
    on_event
        Performs N-EVENT-REPORT requests of the peer; None: each is answered with success.
    """

    def __init__(self, client: Client, on_event: Perform | None = None) -> None:
        self._client = client
        self._events: dict[Operation, Perform] = {Operation.N_EVENT_REPORT: on_event or _noted}

    def create(self, instance: SopInstance, attributes: Dataset | None) -> NormalizedAnswer:
        """Perform N-CREATE (PS3.7 10.1.5)."""
        return self._ask(request_of(Operation.N_CREATE, instance), instance, attributes)

    def set(self, instance: SopInstance, modifications: Dataset) -> NormalizedAnswer:
        """Perform N-SET (PS3.7 10.1.3)."""
        return self._ask(request_of(Operation.N_SET, instance), instance, modifications)

    def get(self, instance: SopInstance, wanted: Collection[int] = ()) -> NormalizedAnswer:
        """Perform N-GET of attributes by tags, of all where none is named (PS3.7 10.1.2)."""
        command = replace(request_of(Operation.N_GET, instance), attributes=tuple(wanted) or None)
        return self._ask(command, instance, None)

    def action(
        self, instance: SopInstance, action_type: int, information: Dataset | None = None
    ) -> NormalizedAnswer:
        """Perform N-ACTION (PS3.7 10.1.4)."""
        return self._ask(request_of(Operation.N_ACTION, instance, action_type), instance, information)

    def report(
        self, instance: SopInstance, event_type: int, information: Dataset | None = None
    ) -> NormalizedAnswer:
        """Perform N-EVENT-REPORT (PS3.7 10.1.1)."""
        return self._ask(request_of(Operation.N_EVENT_REPORT, instance, event_type), instance, information)

    def delete(self, instance: SopInstance) -> NormalizedAnswer:
        """Perform N-DELETE (PS3.7 10.1.6)."""
        return self._ask(request_of(Operation.N_DELETE, instance), instance, None)

    def wait_for_event(self, patience: float) -> bool:
        """Wait up to `patience` seconds for a report and hand it to `on_event`; tell whether one came.

        False when the peer has released the association.

        Raises
        ------
        NetworkTimeoutError
            If nothing comes; the association is over.
        """
        message = self._client.messenger.receive(patience)
        if message is None:
            return False
        return serve_normalized(self._client.messenger, message, self._events)

    def _ask(self, command: Command, instance: SopInstance, data: Dataset | None) -> NormalizedAnswer:
        context = self._client.context(instance.abstract_syntax or instance.sop_class_uid)
        encoded = None if data is None else encode_dataset(data, context.transfer_syntax)
        number = self._client.send(context, command, encoded)
        message = self._response(number, command.command_field)
        reply = message.command
        status = reply.status or 0
        if status not in (Status.SUCCESS, *_WARNINGS) and status >> 12 != 0xB:
            name = Operation(command.command_field).name.replace("_", "-")
            what = f"the peer refuses {name}" + (f": {reply.error_comment}" if reply.error_comment else "")
            raise RefusedError(status, what, error_id=reply.error_id, attributes=reply.attributes or ())
        data = None if message.data is None else decode_dataset(message.data, context.transfer_syntax)
        return NormalizedAnswer(status, data, reply.sop_instance_uid or "", reply.attributes or ())

    def _response(self, number: int, operation: int) -> Message:
        """Wait for the response to a request; reports that come before are performed."""
        messenger = self._client.messenger
        while True:
            message = messenger.receive(messenger.association.timeouts.response)
            if message is None:
                raise NetworkError("the peer released the association instead of answering")
            command = message.command
            if command.command_field == Operation.N_EVENT_REPORT:
                serve_normalized(messenger, message, self._events)
                continue
            if command.command_field != operation | 0x8000 or command.responded_to != number:
                messenger.association.abort()
                raise NetworkError("the peer answers something else", got=f"{command.command_field:04X}H")
            return message


def _noted(_: NormalizedRequest) -> NormalizedAnswer:
    return NormalizedAnswer()

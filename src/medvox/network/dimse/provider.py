"""Provider (SCP): dispatches messages to services by abstract syntax (PS3.7 9.2)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from medvox.core.errors import LimitError, MedvoxError, NetworkError, UsageError, WriteError
from medvox.network.dimse.commands import Command, Operation, Status
from medvox.network.dimse.messages import MAX_DATA, Message, Messenger
from medvox.network.handlers import RefusedError
from medvox.network.upper_layer.acceptor import Acceptor, Listening
from medvox.network.upper_layer.association import MAX_PDU, Association
from medvox.network.upper_layer.negotiation import CallerPolicy, Terms

_LOG = logging.getLogger(__name__)


Answered = Callable[[Messenger, Message], None]


class Service(Protocol):
    """One service of a provider.

    One that sends requests itself, over associations that it did not ask for (N-EVENT-REPORT), has besides a
    method ``answered``, an `Answered`, which takes the responses.
    """

    def choose(self, abstract_syntax: str, proposed: tuple[str, ...]) -> str | None:
        """Choose a transfer syntax: ``""`` if none suits, None if the abstract syntax is not known here."""

    def serve(self, messenger: Messenger, message: Message) -> None:
        """Perform the request of `message` and send its responses."""


@dataclass(frozen=True, slots=True)
class Services:
    """The services that a provider has; the first that knows an abstract syntax takes it."""

    services: Sequence[Service]
    sends: bool = False
    """Whether requestors may be SCP of Storage, for C-GET."""
    reporters: Collection[str] = ()
    """SOP classes whose requestors may be SCP, to report events to us (PS3.4 J.3.3, CC.2.4)."""

    def choose(self, abstract_syntax: str, proposed: tuple[str, ...]) -> str | None:
        """See `negotiation.Support`."""
        for service in self.services:
            chosen = service.choose(abstract_syntax, proposed)
            if chosen is not None:
                return chosen
        return None

    def may_be_scp(self, abstract_syntax: str) -> bool:
        """See `negotiation.Support`."""
        from medvox.network.dimse.syntaxes import is_storage

        return abstract_syntax in self.reporters or (self.sends and is_storage(abstract_syntax))

    def of(self, message: Message) -> Service | None:
        """Return the service of a message, by its context."""
        context = message.context
        for service in self.services:
            if service.choose(context.abstract_syntax, (context.transfer_syntax,)):
                return service
        return None


class Observer(Protocol):
    """Is told what a provider does, e.g. to count it; must not wait."""

    def message(self, message: Message, seconds: float) -> None:
        """Take note of a message that was dealt with."""

    def association(self, seconds: float) -> None:
        """Take note of an association that ended."""


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """How a provider works.

    Parameters
    ----------
    implementation_uid
        Implementation class UID that is sent to peers.
    ae_title
        The title it must be called by; None: any.
    max_pdu
        Longest P-DATA-TF PDU taken, bytes.
    max_data
        Longest data set taken, bytes.
    listening
        Where and how to listen.
    observer
        Told what is done, or None.
    """

    implementation_uid: str
    ae_title: str | None = None
    max_pdu: int = MAX_PDU
    max_data: int = MAX_DATA
    listening: Listening = field(default_factory=Listening)
    observer: Observer | None = None


def provider(services: Services, policy: CallerPolicy, settings: ProviderSettings) -> Acceptor:
    """Return an acceptor, not started, that offers `services` to whom `policy` admits."""
    terms = Terms(settings.max_pdu, settings.implementation_uid, services, policy, settings.ae_title)

    def serve(association: Association) -> None:
        messenger, observer = Messenger(association, settings.max_data), settings.observer
        opened = time.perf_counter()
        try:
            while (message := messenger.receive()) is not None:
                begun = time.perf_counter()
                perform(services, messenger, message)
                if observer is not None:
                    observer.message(message, time.perf_counter() - begun)
        finally:
            if observer is not None:
                observer.association(time.perf_counter() - opened)

    return Acceptor(settings.listening, terms, serve)


def perform(services: Services, messenger: Messenger, message: Message) -> None:
    """Perform one request; a fault of a service becomes a status, never the end of the association."""
    command = message.command
    if command.command_field == Operation.C_CANCEL:
        return
    service = services.of(message)
    try:
        if command.is_response:
            answered: Answered | None = getattr(service, "answered", None)
            if answered is not None:
                answered(messenger, message)
        elif service is None:
            messenger.send(message.context, command.reply(Status.SOP_CLASS_NOT_SUPPORTED))
        else:
            service.serve(messenger, message)
    except NetworkError:
        raise
    except Exception as error:
        _LOG.exception("service failed: %s", type(error).__name__, exc_info=False)
        if not command.is_response:
            messenger.send(message.context, failed(command, error))


def failed(command: Command, error: Exception) -> Command:
    """Return the response that tells of an error, in words only where they are ours."""
    if isinstance(error, RefusedError):
        reply = command.reply(error.status, comment=error.what)
        return replace(reply, error_id=error.error_id, attributes=error.attributes or None)
    if command.is_normalized and isinstance(error, MedvoxError):
        full = isinstance(error, LimitError | WriteError)
        status = Status.RESOURCE_LIMITATION if full else Status.PROCESSING_FAILURE
        return command.reply(status, comment=error.what)
    if isinstance(error, UsageError):
        return command.reply(Status.DATA_SET_MISMATCH, comment=error.what)
    if isinstance(error, LimitError):
        return command.reply(Status.OUT_OF_RESOURCES, comment=error.what)
    if isinstance(error, MedvoxError):
        return command.reply(Status.CANNOT_UNDERSTAND, comment=error.what)
    return command.reply(Status.PROCESSING_FAILURE)

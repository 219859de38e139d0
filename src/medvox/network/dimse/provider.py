"""Provider (SCP): dispatches messages to services by abstract syntax (PS3.7 9.2)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from medvox.core.errors import LimitError, MedvoxError, NetworkError, UsageError
from medvox.network.dimse.commands import Command, Operation, Status
from medvox.network.dimse.messages import MAX_DATA, Message, Messenger
from medvox.network.upper_layer.acceptor import Acceptor, Listening
from medvox.network.upper_layer.association import MAX_PDU, Association
from medvox.network.upper_layer.negotiation import CallerPolicy, Terms

_LOG = logging.getLogger(__name__)


class Service(Protocol):
    """One service of a provider."""

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

        return self.sends and is_storage(abstract_syntax)

    def of(self, message: Message) -> Service | None:
        """Return the service of a message, by its context."""
        context = message.context
        for service in self.services:
            if service.choose(context.abstract_syntax, (context.transfer_syntax,)):
                return service
        return None


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
    """

    implementation_uid: str
    ae_title: str | None = None
    max_pdu: int = MAX_PDU
    max_data: int = MAX_DATA
    listening: Listening = field(default_factory=Listening)


def provider(services: Services, policy: CallerPolicy, settings: ProviderSettings) -> Acceptor:
    """Return an acceptor, not started, that offers `services` to whom `policy` admits."""
    terms = Terms(settings.max_pdu, settings.implementation_uid, services, policy, settings.ae_title)

    def serve(association: Association) -> None:
        messenger = Messenger(association, settings.max_data)
        while (message := messenger.receive()) is not None:
            perform(services, messenger, message)

    return Acceptor(settings.listening, terms, serve)


def perform(services: Services, messenger: Messenger, message: Message) -> None:
    """Perform one request; a fault of a service becomes a status, never the end of the association."""
    command = message.command
    if command.is_response or command.command_field == Operation.C_CANCEL:
        return
    service = services.of(message)
    try:
        if service is None:
            messenger.send(message.context, command.reply(Status.SOP_CLASS_NOT_SUPPORTED))
        else:
            service.serve(messenger, message)
    except NetworkError:
        raise
    except Exception as error:
        _LOG.exception("service failed: %s", type(error).__name__, exc_info=False)
        messenger.send(message.context, failed(command, error))


def failed(command: Command, error: Exception) -> Command:
    """Return the response that tells of an error, in words only where they are ours."""
    if isinstance(error, UsageError):
        return command.reply(Status.DATA_SET_MISMATCH, comment=error.what)
    if isinstance(error, LimitError):
        return command.reply(Status.OUT_OF_RESOURCES, comment=error.what)
    if isinstance(error, MedvoxError):
        return command.reply(Status.CANNOT_UNDERSTAND, comment=error.what)
    return command.reply(Status.PROCESSING_FAILURE)

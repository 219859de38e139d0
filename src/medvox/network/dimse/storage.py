"""Storage: C-STORE of all SOP classes, private ones too (PS3.4 B, PS3.7 9.1.1)."""

from __future__ import annotations

from medvox.network.dimse.commands import Operation, Status
from medvox.network.dimse.messages import Message, Messenger
from medvox.network.dimse.syntaxes import is_storage, prefer
from medvox.network.handlers import ReceivedObject, StorageHandler


class StorageService:
    """Hands received instances to a handler, and answers with its status.

    Parameters
    ----------
    handler
        Keeps the instances.
    transfer_syntaxes
        Those that are taken; None: all of PS3.6.
    """

    def __init__(self, handler: StorageHandler, transfer_syntaxes: tuple[str, ...] | None = None) -> None:
        self._handler = handler
        self._known = transfer_syntaxes

    def choose(self, abstract_syntax: str, proposed: tuple[str, ...]) -> str | None:
        """Take any Storage SOP class."""
        return prefer(proposed, self._known) if is_storage(abstract_syntax) else None

    def serve(self, messenger: Messenger, message: Message) -> None:
        """Store one instance."""
        command, association = message.command, messenger.association
        if command.command_field != Operation.C_STORE:
            status: int = Status.UNRECOGNIZED_OPERATION
        elif message.data is None or not command.sop_class_uid or not command.sop_instance_uid:
            status = Status.CANNOT_UNDERSTAND
        else:
            status = self._handler.store(
                ReceivedObject(
                    command.sop_class_uid,
                    command.sop_instance_uid,
                    message.context.transfer_syntax,
                    message.data,
                    association.calling_ae,
                    association.called_ae,
                    association.peer_address,
                )
            )
        messenger.send(message.context, command.reply(status))

"""Verification: C-ECHO (PS3.4 A, PS3.7 9.1.5)."""

from __future__ import annotations

from medvox.network.dimse.commands import Operation, Status
from medvox.network.dimse.messages import Message, Messenger
from medvox.network.dimse.syntaxes import NATIVE, VERIFICATION, prefer


class VerificationService:
    """Answers C-ECHO."""

    def choose(self, abstract_syntax: str, proposed: tuple[str, ...]) -> str | None:
        """Take the Verification SOP class."""
        return prefer(proposed, NATIVE) if abstract_syntax == VERIFICATION else None

    def serve(self, messenger: Messenger, message: Message) -> None:
        """Answer with Success."""
        command = message.command
        known = command.command_field == Operation.C_ECHO
        status = Status.SUCCESS if known else Status.UNRECOGNIZED_OPERATION
        messenger.send(message.context, command.reply(status))

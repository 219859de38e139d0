"""Query: C-FIND with C-CANCEL (PS3.4 C.4.1, PS3.7 9.1.2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from time import monotonic

from pydicom import Dataset

from medvox.core.errors import NetworkError, UsageError
from medvox.network.answers import Answer
from medvox.network.dimse.commands import Operation, Status
from medvox.network.dimse.datasets import decode_dataset, encode_dataset
from medvox.network.dimse.messages import Message, Messenger
from medvox.network.dimse.syntaxes import FIND, NATIVE, prefer
from medvox.network.handlers import QueryHandler

_AT_ONCE = 64
"""Answers sent with one call of the system."""
_LONGEST_WAIT = 0.02
"""Seconds until an answer that is there is sent with the next one."""


class QueryService:
    """Answers C-FIND with what a handler finds.

    Parameters
    ----------
    handler
        Finds.
    models
        SOP Class UIDs of the information models.
    """

    def __init__(self, handler: QueryHandler, models: Collection[str] = tuple(FIND.values())) -> None:
        self._handler = handler
        self._models = frozenset(models)

    def choose(self, abstract_syntax: str, proposed: tuple[str, ...]) -> str | None:
        """Take the information models in native encodings."""
        return prefer(proposed, NATIVE) if abstract_syntax in self._models else None

    def serve(self, messenger: Messenger, message: Message) -> None:
        """Send one pending response for each match, then the final one."""
        command, context = message.command, message.context
        if command.command_field != Operation.C_FIND or message.data is None:
            messenger.send(context, command.reply(Status.UNRECOGNIZED_OPERATION))
            return
        identifier = decode_dataset(message.data, context.transfer_syntax)
        level = str(identifier.get("QueryRetrieveLevel", ""))
        caller = messenger.association.calling_ae
        pending = command.reply(Status.PENDING, has_data=True)
        matches = self._handler.find(context.abstract_syntax, level, identifier, caller)
        for answers in _together(matches, context.transfer_syntax):
            messenger.send_all(context, pending, answers)
            if canceled(messenger, command.message_id):
                messenger.send(context, command.reply(Status.CANCELED))
                return
        messenger.send(context, command.reply(Status.SUCCESS))


def _together(matches: Iterable[Dataset | Answer], syntax: str) -> Iterator[list[bytes]]:
    """Encode matches and yield them in groups that are sent at once: the first alone, none waiting long."""
    group: list[bytes] = []
    due = 0.0
    for match in matches:
        group.append(match.encode(syntax) if isinstance(match, Answer) else encode_dataset(match, syntax))
        now = monotonic()
        if len(group) >= _AT_ONCE or now >= due:
            yield group
            group, due = [], now + _LONGEST_WAIT
    if group:
        yield group


def canceled(messenger: Messenger, number: int | None) -> bool:
    """Tell whether a C-CANCEL of request `number` has come in; waits for nothing (PS3.7 9.3.2.3).

    Raises
    ------
    NetworkError
        If the peer has ended the association, or sends another request before this one is answered.
    """
    while messenger.ready():
        message = messenger.receive()
        if message is None:
            raise NetworkError("the peer released the association before its request was answered")
        if message.command.command_field != Operation.C_CANCEL:
            messenger.association.abort()
            raise NetworkError("the peer sends a request before the one before is answered")
        if message.command.responded_to == number:
            return True
    return False


def required_level(identifier_level: str) -> str:
    """Return the Query/Retrieve Level of a retrieve request, which must name one (PS3.4 C.4.2.1.4).

    Raises
    ------
    UsageError
        If it is none of the four.
    """
    if identifier_level not in ("PATIENT", "STUDY", "SERIES", "IMAGE"):
        raise UsageError("Query/Retrieve Level is missing or unknown")
    return identifier_level

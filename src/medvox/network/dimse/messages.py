"""Messages: a command set and perhaps a data set, assembled in place (PS3.7 6.3.1, PS3.8 E)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medvox.core.errors import FormatError, LimitError, NetworkError
from medvox.network.dimse.commands import MAX_COMMAND, Command, decode_command, encode_command
from medvox.network.upper_layer.association import Association, Fragment
from medvox.network.upper_layer.channel import Buffer
from medvox.network.upper_layer.negotiation import Context

MAX_DATA = 4 << 30
_IDLE = 1 << 14
"""Buffer of an association that has received no data set yet: idle ones cost little."""
_FIRST = 1 << 20
"""Least buffer of one that has received a larger data set."""
_KEPT = 64 << 20
"""A buffer above this size is given back after its message."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message.

    Parameters
    ----------
    context
        The presentation context it came over.
    command
        Its command set.
    data
        The encoded data set, or None. Valid until the next message is received.
    """

    context: Context
    command: Command
    data: memoryview | None = None


class Messenger:
    """Receives and sends messages over an association.

    The data set goes from the socket into one buffer that is used again for the next message; handlers get a
    view of it.

    Parameters
    ----------
    association
        An open association.
    max_data
        Longest data set taken, in bytes.
    """

    def __init__(self, association: Association, max_data: int = MAX_DATA) -> None:
        self.association = association
        self._max_data = max_data
        self._buffer = bytearray(_IDLE)
        self._last_id = 0

    def next_id(self) -> int:
        """A message ID that is not in use (PS3.7 9.1)."""
        self._last_id = self._last_id % 0xFFFF + 1
        return self._last_id

    def receive(self, patience: float | None = None) -> Message | None:
        """Wait for a message; None once the association is released.

        Raises
        ------
        NetworkError
            If the association breaks, or the message is malformed or too long; the association is over.
        """
        first = self.association.next_fragment(patience)
        if first is None:
            return None
        try:
            if len(self._buffer) > _KEPT:
                self._buffer = bytearray(_FIRST)
            command = decode_command(bytes(self._assemble(first, MAX_COMMAND, command=True)))
            if not command.has_data:
                return Message(first.context, command)
            fragment = self._following(first.context)
            return Message(first.context, command, self._assemble(fragment, self._max_data, command=False))
        except FormatError as error:
            self.association.abort(0)
            raise NetworkError(f"the peer sends a malformed message: {error}", where="PS3.7") from None

    def send(self, context: Context, command: Command, data: Buffer | None = None) -> None:
        """Send a message."""
        self.association.send(context, encode_command(command), data)

    def send_all(self, context: Context, command: Command, data: Sequence[Buffer]) -> None:
        """Send one command with each of several data sets, at once."""
        encoded = encode_command(command)
        self.association.send_all(context, [(encoded, one) for one in data])

    def ready(self) -> bool:
        """Whether something has come in."""
        return self.association.ready()

    def _following(self, context: Context) -> Fragment:
        fragment = self.association.next_fragment(None)
        if fragment is None:
            raise NetworkError("the peer released the association within a message")
        if fragment.context.id != context.id:
            raise FormatError("a message changes its presentation context")
        return fragment

    def _assemble(self, fragment: Fragment, limit: int, *, command: bool) -> memoryview:
        """Read fragments up to the last one into the buffer."""
        done = 0
        context = fragment.context
        while True:
            if fragment.command is not command:
                raise FormatError("command and data fragments are mixed")
            end = done + fragment.length
            if end > limit:
                raise LimitError("a message is too long", got=f"over {limit} bytes")
            if end > len(self._buffer):
                self._grow(end, done)
            self.association.read(memoryview(self._buffer)[done:end])
            done = end
            if fragment.last:
                return memoryview(self._buffer)[:done]
            fragment = self._following(context)

    def _grow(self, needed: int, used: int) -> None:
        """Take a buffer twice as long; what was read moves once for each doubling."""
        larger = bytearray(max(needed, 2 * len(self._buffer), _FIRST))
        larger[:used] = memoryview(self._buffer)[:used]
        self._buffer = larger

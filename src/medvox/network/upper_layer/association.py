"""Associations: the upper layer service over one connection, both sides (PS3.8 7, 9.2)."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from medvox.core.errors import FormatError, NetworkError, NetworkTimeoutError
from medvox.network.upper_layer.channel import Buffer, Channel, Timeouts
from medvox.network.upper_layer.negotiation import Context, PeerCertificate, Terms, answer
from medvox.network.upper_layer.pdu import (
    COMMAND,
    FRAGMENT,
    HEADER,
    LAST,
    Abort,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    Kind,
    Pdu,
    ReleaseReply,
    ReleaseRequest,
    decode,
    encode,
    fragment_header,
)
from medvox.network.upper_layer.state_machine import Event, State, StateMachine
from medvox.network.upper_layer.tls import channel_over, peer_certificate, secure_requestor

MAX_PDU = 1 << 18
"""P-DATA-TF length that is offered, bytes: DCMTK sends at most 128 KiB, others fill it."""
_MAX_ASSOCIATE = 1 << 18
"""A-ASSOCIATE PDUs are refused beyond this length: 128 contexts of 30 syntaxes need half of it."""
_UNLIMITED = 1 << 17
"""Length of PDUs sent to a peer that states no limit."""
_EVENTS = {
    Kind.ASSOCIATE_RQ: Event.ASSOCIATE_RQ,
    Kind.ASSOCIATE_AC: Event.ASSOCIATE_AC,
    Kind.ASSOCIATE_RJ: Event.ASSOCIATE_RJ,
    Kind.RELEASE_RQ: Event.RELEASE_RQ,
    Kind.RELEASE_RP: Event.RELEASE_RP,
    Kind.ABORT: Event.ABORT,
}
_PROVIDER = 2
_UNEXPECTED_PDU, _UNRECOGNIZED_PDU, _INVALID_PARAMETER = 2, 1, 6


@dataclass(frozen=True, slots=True)
class Fragment:
    """Header of a presentation data value (PS3.8 9.3.5.1); its bytes are still to be read.

    Parameters
    ----------
    context
        The presentation context.
    command, last
        Whether it is part of a command set; whether it ends the command set or data set.
    length
        Bytes that follow.
    """

    context: Context
    command: bool
    last: bool
    length: int


class Association:
    """An association; `request` and `respond` make them. One thread uses it, but for `interrupt`.

    Attributes
    ----------
    calling_ae, called_ae, peer_address
        Who asked for it, whom, and where the peer is.
    contexts
        Accepted presentation contexts by number.
    requestor
        Whether this side asked.
    is_secure
        Whether the connection that was accepted is TLS.
    certificate
        What the peer has proved by TLS, or None.
    """

    def __init__(self, channel: Channel, peer_address: str, max_length: int, requestor: bool) -> None:
        self._channel = channel
        self._machine = StateMachine(requestor)
        self._max_length = max_length
        self._left = 0
        self._payload = _UNLIMITED
        self.requestor = requestor
        self.peer_address = peer_address
        self.calling_ae = self.called_ae = ""
        self.is_secure = False
        self.certificate: PeerCertificate | None = None
        self.contexts: dict[int, Context] = {}

    @property
    def established(self) -> bool:
        """Whether data can be exchanged."""
        return self._machine.state is State.ESTABLISHED

    @property
    def timeouts(self) -> Timeouts:
        """How long this side waits."""
        return self._channel.timeouts

    def next_fragment(self, patience: float | None = None) -> Fragment | None:
        """Wait for the next fragment; its bytes must be read by `read` before the next call.

        Parameters
        ----------
        patience
            Seconds to wait for a PDU; None: the idle time.

        Returns
        -------
        fragment
            None once the association is released.

        Raises
        ------
        NetworkError
            If the peer aborts, closes, breaks the rules or does not answer in time; the association is over.
        """
        while self._left == 0:
            if not self._next_data(self._channel.timeouts.idle if patience is None else patience):
                return None
        try:
            length, number, control = FRAGMENT.unpack(self._channel.take(FRAGMENT.size))
        except NetworkError as error:
            raise self._fail(error) from None
        context = self.contexts.get(number)
        self._left -= 4 + length
        if context is None or length < 2 or 0 < self._left < FRAGMENT.size or self._left < 0:
            raise self._violation("a fragment has a wrong length or presentation context", _INVALID_PARAMETER)
        return Fragment(context, bool(control & COMMAND), bool(control & LAST), length - 2)

    def read(self, target: memoryview) -> None:
        """Read the bytes of the fragment straight into `target`, whose length is that of the fragment."""
        try:
            self._channel.read_into(target)
        except NetworkError as error:
            raise self._fail(error) from None

    def send(self, context: Context, command: bytes, data: Buffer | None = None) -> None:
        """Send a command set and the data set that goes with it, cut to PDUs that the peer can take.

        Raises
        ------
        NetworkError
            If the association is not open or breaks.
        """
        self.send_all(context, [(command, data)])

    def send_all(self, context: Context, messages: Sequence[tuple[bytes, Buffer | None]]) -> None:
        """Send several messages at once; see `send`."""
        self._machine.step(Event.DATA_REQUEST)
        parts: list[Buffer] = []
        for command, data in messages:
            self._cut(parts, context.id, COMMAND, command)
            if data is not None:
                self._cut(parts, context.id, 0, data)
        if len(messages) > 1:
            parts = [b"".join(parts)]
        try:
            self._channel.send(parts)
        except NetworkError as error:
            raise self._fail(error) from None

    def _cut(self, parts: list[Buffer], number: int, control: int, data: Buffer) -> None:
        size, step = len(data), self._payload
        if size <= step:
            parts += (fragment_header(number, control | LAST, size), data)
            return
        data = memoryview(data)
        for first in range(0, max(size, 1), step):
            piece = data[first : first + step]
            last = LAST if first + step >= size else 0
            parts += (fragment_header(number, control | last, len(piece)), piece)

    def ready(self) -> bool:
        """Whether the peer has sent something that is not read yet."""
        return self._left > 0 or self._channel.ready()

    def release(self) -> None:
        """Release the association in order (PS3.8 7.2); the end of the connection in any case.

        A collision of releases is solved as PS3.8 9.2.2 says; data that come in between are dropped (AR-6).
        """
        if not self.established:
            self.close()
            return
        try:
            self._drop(self._left)
            self._left = 0
            self._step(Event.RELEASE_REQUEST)
            self._channel.send([encode(ReleaseRequest())])
            while self._machine.state not in (State.IDLE, State.AWAIT_CLOSE):
                self._next_release()
        except NetworkError as error:
            raise self._fail(error) from None
        finally:
            self.close()

    def abort(self, reason: int | None = None) -> None:
        """Break the association off: as user, or as provider with a reason (PS3.8 7.3, 7.4)."""
        if State.AWAIT_ACCEPT <= self._machine.state < State.AWAIT_CLOSE:
            self._step(Event.ABORT_REQUEST)
            self._send_abort(Abort(0) if reason is None else Abort(_PROVIDER, reason))
        self.close()

    def interrupt(self) -> None:
        """Make the association end soon with an A-ABORT; callable from another thread."""
        self._channel.interrupt()

    def close(self) -> None:
        """Close the connection; where the state asks for it, after the peer has (Sta13)."""
        if self._machine.state is State.AWAIT_CLOSE:
            self._channel.drain()
            self._step(Event.CLOSED)
        self._channel.close()

    def _step(self, event: Event) -> str:
        return self._machine.step(event)

    def _next_data(self, patience: float) -> bool:
        """Read PDUs until one with data; False when the association was released."""
        if not self.established:
            return False
        try:
            kind, length = self._header(patience)
            if kind == Kind.P_DATA:
                self._step(Event.P_DATA)
                if not FRAGMENT.size <= length <= self._max_length:
                    raise self._violation(
                        "a P-DATA-TF PDU has a length that was not agreed", _INVALID_PARAMETER
                    )
                self._left = length
                return True
            self._receive(kind, length)
        except NetworkError as error:
            raise self._fail(error) from None
        if self._machine.state is State.AWAIT_LOCAL_RELEASE:
            self._step(Event.RELEASE_RESPONSE)
            with contextlib.suppress(NetworkError):
                self._channel.send([encode(ReleaseReply())])
            self.close()
        return False

    def _next_release(self) -> None:
        """Take one PDU after our release request (Sta7 to Sta12)."""
        kind, length = self._header(self._channel.timeouts.response)
        if kind == Kind.P_DATA:
            if self._step(Event.P_DATA) != "AR-6" or length > self._max_length:
                raise self._violation("unexpected P-DATA-TF PDU", _UNEXPECTED_PDU)
            self._drop(length)
            return
        self._receive(kind, length)
        if self._machine.state in (State.COLLISION_REQUESTOR, State.COLLISION_ACCEPTOR_LOCAL):
            self._step(Event.RELEASE_RESPONSE)
            self._channel.send([encode(ReleaseReply())])

    def _drop(self, length: int) -> None:
        self._channel.read_into(memoryview(bytearray(length)))

    def _header(self, patience: float) -> tuple[int, int]:
        if not self._channel.await_header(patience):
            if self._channel.interrupted:
                raise NetworkError("this side is stopping")
            self._step(Event.CLOSED)
            raise NetworkError("the peer closed the connection without releasing the association")
        return HEADER.unpack(self._channel.take(HEADER.size))

    def _receive(self, kind: int, length: int) -> Pdu:
        """Read and judge a PDU without data; returns it when it is in order."""
        known = kind in _EVENTS
        limit = _MAX_ASSOCIATE if kind in (Kind.ASSOCIATE_RQ, Kind.ASSOCIATE_AC) else 4
        if not known or length > limit:
            action = self._step(Event.INVALID)
            text = "a PDU is too long" if known else "unknown PDU type"
            raise self._judged(action, text, _INVALID_PARAMETER if known else _UNRECOGNIZED_PDU)
        body = bytearray(length)
        self._channel.read_into(memoryview(body))
        try:
            pdu = decode(kind, bytes(body))
        except FormatError as error:
            raise self._judged(self._step(Event.INVALID), str(error), _INVALID_PARAMETER) from None
        action = self._step(_EVENTS[Kind(kind)])
        if action in ("AA-2", "AA-3"):
            source = "its provider" if isinstance(pdu, Abort) and pdu.source == _PROVIDER else "its user"
            raise NetworkError(f"the peer aborted the association ({source})")
        if action in ("AA-1", "AA-6", "AA-7", "AA-8"):
            raise self._judged(action, f"unexpected {Kind(kind).name} PDU", _UNEXPECTED_PDU)
        return pdu

    def _judged(self, action: str, text: str, reason: int) -> NetworkError:
        """Perform AA-1, AA-7 or AA-8: send the abort; AA-6 ignores."""
        if action != "AA-6":
            self._send_abort(Abort(0) if action == "AA-1" else Abort(_PROVIDER, reason))
        return NetworkError(f"the peer breaks the protocol: {text}", where="PS3.8")

    def _violation(self, text: str, reason: int) -> NetworkError:
        """Abort because of a fault within a PDU (Evt19)."""
        error = self._judged(self._step(Event.INVALID), text, reason)
        self.close()
        return error

    def _send_abort(self, abort: Abort) -> None:
        with contextlib.suppress(NetworkError):
            self._channel.send([encode(abort)])

    def _fail(self, error: NetworkError) -> NetworkError:
        """End the association because of `error`; an abort tells the peer where the state allows one."""
        state = self._machine.state
        if State.AWAIT_ACCEPT <= state < State.AWAIT_CLOSE or state is State.AWAIT_LOCAL_RESPONSE:
            self._step(Event.ABORT_REQUEST)
            self._send_abort(Abort(0))
        elif state is State.AWAIT_REQUEST and isinstance(error, NetworkTimeoutError):
            self._step(Event.TIMER)
        self.close()
        return error

    def _agreed(self, peer_max_length: int) -> None:
        """Set the payload of a fragment by the peer's longest PDU: six bytes are its header (PS3.8 D.1)."""
        longest = peer_max_length or _UNLIMITED
        if longest < 16:
            raise self._violation("the maximum PDU length leaves no room for data", _INVALID_PARAMETER)
        self._payload = min(longest, _MAX_ASSOCIATE) - 6 & ~1

    def _open_requestor(self, request: AssociateRequest) -> None:
        self.calling_ae, self.called_ae = request.calling_ae, request.called_ae
        try:
            self._step(Event.TRANSPORT_CONFIRMED)
            self._channel.send([encode(request)])
            reply = self._receive(*self._header(self._channel.timeouts.response))
        except NetworkError as error:
            raise self._fail(error) from None
        if isinstance(reply, AssociateReject):
            self.close()
            raise NetworkError(f"the association is refused: {reply.words}", where=request.called_ae)
        assert isinstance(reply, AssociateAccept)
        proposed = {context.id: context for context in request.contexts}
        roles = {role.sop_class_uid: role for role in reply.user.roles}
        for result in reply.contexts:
            asked = proposed.get(result.id)
            if result.result == 0 and asked is not None:
                role = roles.get(asked.abstract_syntax)
                self.contexts[result.id] = Context(
                    result.id,
                    asked.abstract_syntax,
                    result.transfer_syntax,
                    role is None or role.scu,
                    role is not None and role.scp,
                )
        self._agreed(reply.user.max_length)

    def _open_acceptor(self, terms: Terms) -> bool:
        """Take and answer the request of a peer; False when it is refused."""
        self._step(Event.TRANSPORT_INDICATED)
        try:
            request = self._receive(*self._header(self._channel.timeouts.artim))
            assert isinstance(request, AssociateRequest)
            self.calling_ae, self.called_ae = request.calling_ae, request.called_ae
            reply, self.contexts = answer(
                request, self.peer_address, terms, is_secure=self.is_secure, certificate=self.certificate
            )
            accepted = isinstance(reply, AssociateAccept)
            self._step(Event.ACCEPT if accepted else Event.REJECT)
            self._channel.send([encode(reply)])
        except NetworkError as error:
            raise self._fail(error) from None
        if not accepted:
            self.close()
            return False
        self._agreed(request.user.max_length)
        return True


def request(
    address: tuple[str, int],
    wanted: AssociateRequest,
    timeouts: Timeouts | None = None,
    tls: ssl.SSLContext | None = None,
) -> Association:
    """Connect to a peer and ask for an association.

    Parameters
    ----------
    address
        Host and port.
    wanted
        The request; its maximum length is kept to what the peer then sends.
    timeouts
        How long to wait.
    tls
        TLS settings (`tls.requestor_context`), or None: plain.

    Raises
    ------
    NetworkError
        If the peer cannot be reached, is not trusted, or refuses.
    """
    timeouts = timeouts or Timeouts()
    where = f"{address[0]}:{address[1]}"
    try:
        sock = socket.create_connection(address, timeouts.connect)
    except OSError as error:
        advice = "Check host, port, and that the peer is running."
        raise NetworkError(
            "cannot connect", where=where, got=error.strerror or error, advice=advice
        ) from None
    if tls is not None:
        sock = secure_requestor(sock, tls, address[0], timeouts.connect)
    channel = channel_over(sock, timeouts)
    association = Association(channel, address[0], wanted.user.max_length, requestor=True)
    association.certificate = peer_certificate(sock)
    association._step(Event.ASSOCIATE_REQUEST)  # noqa: SLF001
    association._open_requestor(wanted)  # noqa: SLF001
    return association


def respond(
    sock: socket.socket,
    peer_address: str,
    terms: Terms,
    timeouts: Timeouts,
    opened: Callable[[Association], None] | None = None,
) -> Association | None:
    """Answer the request that comes over an accepted connection.

    Parameters
    ----------
    sock
        The connection; closed by the association.
    peer_address
        IP address of the peer.
    terms
        What is offered to whom.
    timeouts
        How long to wait.
    opened
        Is told of the association before its request is there, so that it can be interrupted.

    Returns
    -------
    association
        None when it was refused.
    """
    channel = channel_over(sock, timeouts)
    association = Association(channel, peer_address, terms.max_length, requestor=False)
    association.is_secure = isinstance(sock, ssl.SSLSocket)
    association.certificate = peer_certificate(sock)
    if opened is not None:
        opened(association)
    return association if association._open_acceptor(terms) else None  # noqa: SLF001

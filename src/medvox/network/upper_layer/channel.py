"""A TCP connection with deadlines, read in place and written without joining (PS3.8 9.1.4)."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

from medvox.core.errors import NetworkError, NetworkTimeoutError

Buffer = bytes | bytearray | memoryview
_AHEAD = 4096
"""Bytes that may be read with a header: commands and the answers of a query arrive several at once."""
_PARTS = 256
"""Parts of one `sendmsg`; systems allow 1024 (IOV_MAX)."""
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds.

    Parameters
    ----------
    connect
        For the TCP connection.
    artim
        ARTIM: for the request after the connection, and for the end of the connection (PS3.8 9.1.5).
    response
        For the peer's answer to a request.
    pdu
        For the rest of a PDU that has begun, and for each piece that is sent.
    idle
        For the next PDU of an association that is open.
    """

    connect: float = 10.0
    artim: float = 10.0
    response: float = 60.0
    pdu: float = 30.0
    idle: float = 300.0


class Channel:
    """One connection; used by one thread, but for `interrupt`.

    Parameters
    ----------
    sock
        A connected stream socket; the channel closes it.
    timeouts
        How long to wait.
    """

    def __init__(self, sock: socket.socket, timeouts: Timeouts) -> None:
        self._sock = sock
        self.timeouts = timeouts
        self.interrupted = False
        self._ahead = bytearray(_AHEAD)
        self._view = memoryview(self._ahead)
        self._start = self._end = 0
        self._deadline = 0.0
        sock.settimeout(timeouts.pdu)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ready(self) -> bool:
        """Whether something can be read at once; an end of the connection counts."""
        if self._end > self._start:
            return True
        readable, _, _ = select.select([self._sock], [], [], 0)
        return bool(readable)

    def await_header(self, patience: float) -> bool:
        """Wait up to `patience` seconds for the first bytes of a PDU, which must then be whole in time.

        Returns
        -------
        arrived
            False when the peer has closed the connection.
        """
        if self._end == self._start:
            if patience != self.timeouts.pdu:
                self._sock.settimeout(max(patience, 0.001))
            try:
                count = self._more(0, _AHEAD)
            finally:
                if patience != self.timeouts.pdu:
                    self._sock.settimeout(self.timeouts.pdu)
            if not count:
                return False
        self._deadline = time.monotonic() + self.timeouts.pdu
        return True

    def take(self, count: int) -> memoryview:
        """Read `count` bytes, at most 64; what is returned holds until the next call."""
        if self._end - self._start < count:
            rest = self._end - self._start
            self._view[:rest] = bytes(self._view[self._start : self._end])
            self._start, self._end = 0, rest
            while self._end < count:
                self._step(self._more(self._end, _AHEAD - self._end))
        start = self._start
        self._start += count
        return self._view[start : self._start]

    def read_into(self, target: memoryview) -> None:
        """Fill `target`: what was read ahead is copied, all else goes straight into it."""
        size = len(target)
        done = min(self._end - self._start, size)
        if done:
            target[:done] = self._view[self._start : self._start + done]
            self._start += done
        while done < size:
            try:
                count = self._sock.recv_into(target[done:])
            except OSError as error:
                raise _broken(error) from None
            self._step(count)
            done += count

    def _more(self, place: int, room: int) -> int:
        """Read ahead once, at `place` of the buffer; 0 at the end of the connection."""
        if place == 0:
            self._start = self._end = 0
        try:
            if _QUICKACK is not None and self._sock.family != socket.AF_UNIX:
                self._sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
            count = self._sock.recv_into(self._view[place : place + room])
        except OSError as error:
            raise _broken(error) from None
        self._end = place + count
        return count

    def _step(self, count: int) -> None:
        if count == 0:
            raise NetworkError("the peer closed the connection within a PDU")
        if time.monotonic() > self._deadline:
            raise NetworkTimeoutError("a PDU did not arrive in time", got=f"over {self.timeouts.pdu:g} s")

    def send(self, parts: Sequence[Buffer]) -> None:
        """Send all parts in order, many with one call of the system.

        Raises
        ------
        NetworkError
            If the connection is broken or the peer does not read.
        """
        try:
            for first in range(0, len(parts), _PARTS):
                self._send_some(parts[first : first + _PARTS])
        except OSError as error:
            raise _broken(error) from None

    def _send_some(self, parts: Sequence[Buffer]) -> None:
        sent = self._sock.sendmsg(parts)
        for part in parts:
            if sent >= len(part):
                sent -= len(part)
            else:
                self._sock.sendall(memoryview(part)[sent:])
                sent = 0

    def interrupt(self) -> None:
        """Make reads end as if the peer had closed; callable from another thread."""
        self.interrupted = True
        try:
            self._sock.shutdown(socket.SHUT_RD)
        except OSError:
            return

    def drain(self) -> None:
        """Close our direction, then read and drop until the peer closes or ARTIM runs out (Sta13)."""
        end = time.monotonic() + self.timeouts.artim
        try:
            self._sock.shutdown(socket.SHUT_WR)
            while not self.interrupted and (left := end - time.monotonic()) > 0:
                self._sock.settimeout(left)
                if not self._sock.recv_into(self._view):
                    return
        except OSError:
            return

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()


def _broken(error: OSError) -> NetworkError:
    """Our error for a failed read or write; our own pass unchanged."""
    if isinstance(error, NetworkError):
        return error
    if isinstance(error, TimeoutError):
        return NetworkTimeoutError("the peer does not answer in time")
    return NetworkError(f"the connection is broken: {error.strerror or error}")

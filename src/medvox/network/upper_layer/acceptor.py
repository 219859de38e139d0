"""Acceptor: a listener with one thread for each association, limits, and a graceful stop."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self

from medvox.core.errors import NetworkError, UsageError
from medvox.network.upper_layer.association import Association, respond
from medvox.network.upper_layer.channel import Timeouts
from medvox.network.upper_layer.negotiation import Admission, AssociationRequest, Refusal, Terms
from medvox.network.upper_layer.tls import secure_acceptor

_LOG = logging.getLogger(__name__)
_RECEIVE_BUFFER = 4 << 20
_BACKLOG = 128
_REFUSERS = 32
"""Connections above the limit that are still answered with A-ASSOCIATE-RJ; more are closed at once."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where and how to listen.

    Parameters
    ----------
    host, port
        Address; port 0 takes a free one.
    max_associations
        Open at once; more are refused for now.
    timeouts
        How long to wait.
    share_port
        Whether several processes listen on the port (SO_REUSEPORT, where the system has it).
    tls
        TLS settings (`tls.acceptor_context`), or None: plain.
    """

    host: str = "127.0.0.1"
    port: int = 0
    max_associations: int = 256
    timeouts: Timeouts = field(default_factory=Timeouts)
    share_port: bool = False
    tls: ssl.SSLContext | None = None


class Acceptor:
    """Accepts associations and hands each to `serve`, in a thread of its own.

    Parameters
    ----------
    listening
        Where and how to listen.
    terms
        What is offered to whom.
    serve
        Does the work of one association, from open to end.

    Raises
    ------
    UsageError
        By `start`, if the address cannot be used.
    """

    def __init__(self, listening: Listening, terms: Terms, serve: Callable[[Association], None]) -> None:
        self._listening = listening
        self._terms = terms
        self._full = replace(terms, policy=_Full())
        self._serve = serve
        self._lock = threading.Lock()
        self._open: dict[threading.Thread, Association | None] = {}
        self._stopping = False
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port listened on; 0 before `start`."""
        return 0 if self._socket is None else int(self._socket.getsockname()[1])

    @property
    def associations(self) -> int:
        """Connections open now."""
        with self._lock:
            return len(self._open)

    def start(self) -> None:
        """Listen, and accept in a thread of its own."""
        where = f"{self._listening.host}:{self._listening.port}"
        family = socket.AF_INET6 if ":" in self._listening.host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if self._listening.share_port and hasattr(socket, "SO_REUSEPORT"):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            sock.bind((self._listening.host, self._listening.port))
            sock.listen(_BACKLOG)
        except OSError as error:
            sock.close()
            raise UsageError(
                "cannot listen", where=where, got=error.strerror, advice="Take another port."
            ) from None
        self._socket = sock
        self._thread = threading.Thread(target=self._accept, name="dicom-acceptor", daemon=True)
        self._thread.start()

    def stop(self, grace: float = 10.0) -> None:
        """Take no more connections, let associations end for `grace` seconds, then abort what is left."""
        self._stopping = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
        if self._thread is not None:
            self._thread.join()
        end = time.monotonic() + grace
        with self._lock:
            threads = list(self._open)
        for thread in threads:
            thread.join(max(end - time.monotonic(), 0))
        with self._lock:
            for association in self._open.values():
                if association is not None:
                    association.interrupt()
        for thread in threads:
            thread.join(self._listening.timeouts.pdu)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop(grace=1.0)

    def _accept(self) -> None:
        listener = self._socket
        assert listener is not None
        while not self._stopping:
            try:
                sock, address = listener.accept()
            except OSError:
                time.sleep(0.05)
                continue
            self._admit(sock, str(address[0]))

    def _admit(self, sock: socket.socket, address: str) -> None:
        with self._lock:
            over = len(self._open) - self._listening.max_associations
            if over >= _REFUSERS:
                sock.close()
                return
            terms = self._full if over >= 0 else self._terms
            thread = threading.Thread(target=self._run, args=(sock, address, terms), daemon=True)
            self._open[thread] = None
        try:
            thread.start()
        except RuntimeError:
            sock.close()
            with self._lock:
                self._open.pop(thread, None)

    def _run(self, sock: socket.socket, address: str, terms: Terms) -> None:
        def opened(association: Association) -> None:
            with self._lock:
                self._open[threading.current_thread()] = association

        association: Association | None = None
        try:
            if self._listening.tls is not None:
                sock = secure_acceptor(sock, self._listening.tls, self._listening.timeouts.artim)
            association = respond(sock, address, terms, self._listening.timeouts, opened)
            if association is not None:
                self._serve(association)
        except NetworkError as error:
            _LOG.info("association with %s ended: %s", address, error)
        except Exception as error:
            _LOG.exception("association with %s failed: %s", address, type(error).__name__, exc_info=False)
        finally:
            if association is not None:
                with contextlib.suppress(NetworkError):
                    association.abort()
            sock.close()
            with self._lock:
                self._open.pop(threading.current_thread(), None)


class _Full:
    """Refuses, since the limit is reached."""

    def admit(self, request: AssociationRequest) -> Admission:
        """Refuse for now."""
        return Admission(Refusal.LOCAL_LIMIT)

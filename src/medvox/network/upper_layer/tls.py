"""TLS of the upper layer by BCP 195 (PS3.15 B.12, B.13; RFC 8996, RFC 9325)."""

from __future__ import annotations

import contextlib
import hashlib
import select
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from medvox.core.errors import AccessError, NetworkError, NetworkTimeoutError, UsageError
from medvox.network.upper_layer.channel import Buffer, Channel, Timeouts
from medvox.network.upper_layer.negotiation import PeerCertificate

PORT = 2762
"""Registered port of DICOM over TLS (PS3.8 9.1.1, ``dicom-tls``)."""
_BATCH = 1 << 17
"""Bytes joined before they are encrypted: headers do not become records of their own."""
_ECDHE = "ECDHE-{0}-AES128-GCM-SHA256:ECDHE-{0}-AES256-GCM-SHA384"
_RFC_9325 = f"{_ECDHE.format('ECDSA')}:{_ECDHE.format('RSA')}"
_MODIFIED = (
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-CCM:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305:DHE-RSA-AES256-GCM-SHA384:"
    f"{_RFC_9325}:DHE-RSA-AES128-GCM-SHA256"
)


class TlsProfile(StrEnum):
    """Secure transport connection profiles of PS3.15, by name; TLS 1.2 or 1.3 in both."""

    BCP195 = "BCP 195 RFC 8996, 9325 TLS Secure Transport Connection Profile"
    """B.12: of TLS 1.2 the four suites that RFC 9325 4.2 recommends."""
    MODIFIED = "Modified BCP 195 RFC 8996, 9325 TLS Secure Transport Connection Profile"
    """B.13: its suites as far as OpenSSL has them (no Camellia in GCM), the longer keys first."""

    @property
    def suites(self) -> str:
        """Cipher suites of TLS 1.2 as OpenSSL writes them: forward secrecy, AEAD, keys >= 2048 bits."""
        return (_RFC_9325 if self is TlsProfile.BCP195 else _MODIFIED) + ":@SECLEVEL=2"


class ClientCertificates(StrEnum):
    """Whether callers must show a certificate."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of one side.

    Parameters
    ----------
    certificate, key
        Its certificate with the chain, and the private key; a requestor may have none.
    authorities
        Certificates that it trusts; None: those of the system.
    profile
        The profile of PS3.15.
    """

    certificate: Path | None = None
    key: Path | None = None
    authorities: Path | None = None
    profile: TlsProfile = TlsProfile.BCP195


def acceptor_context(
    files: TlsFiles, clients: ClientCertificates = ClientCertificates.REQUIRED
) -> ssl.SSLContext:
    """Return the TLS settings of an acceptor, for `Listening.tls`.

    Raises
    ------
    UsageError
        If there is no certificate, or a file holds none that fits.
    AccessError
        If a file cannot be read.
    """
    if files.certificate is None:
        raise UsageError("an acceptor needs a certificate for TLS", advice="Name certificate and key.")
    context = _context(ssl.PROTOCOL_TLS_SERVER, files)
    context.num_tickets = 0
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    context.verify_mode = {
        ClientCertificates.REQUIRED: ssl.CERT_REQUIRED,
        ClientCertificates.OPTIONAL: ssl.CERT_OPTIONAL,
        ClientCertificates.NONE: ssl.CERT_NONE,
    }[clients]
    return context


def requestor_context(files: TlsFiles, *, check_host: bool = True) -> ssl.SSLContext:
    """Return the TLS settings of a requestor, for `Peer.tls`.

    Parameters
    ----------
    files
        Its certificate, where the peer asks for one, and whom it trusts.
    check_host
        Whether the peer's certificate must name the host called (RFC 9525), and not only be trusted.

    Raises
    ------
    UsageError, AccessError
        As for `acceptor_context`.
    """
    context = _context(ssl.PROTOCOL_TLS_CLIENT, files)
    context.check_hostname = check_host
    return context


def _context(side: int, files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(side)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(files.profile.suites)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    # An end without close_notify is one: A-RELEASE and lengths of PDUs tell whether anything is missing.
    context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    if files.certificate is not None:
        chain, key = files.certificate, files.key
        _load(chain, lambda: context.load_cert_chain(chain, key, _no_password))
    if files.authorities is not None:
        trusted = files.authorities
        _load(trusted, lambda: context.load_verify_locations(trusted))
    else:
        context.load_default_certs(
            ssl.Purpose.CLIENT_AUTH if side == ssl.PROTOCOL_TLS_SERVER else ssl.Purpose.SERVER_AUTH
        )
    return context


def _load(path: Path, read: Callable[[], None]) -> None:
    try:
        read()
    except ssl.SSLError as error:
        advice = "Name PEM files: a certificate, its key without a password, trusted certificates."
        raise UsageError(
            "a TLS file does not fit", where=path.name, got=error.reason, advice=advice
        ) from None
    except OSError as error:
        raise AccessError("a TLS file cannot be read", where=path.name, got=error.strerror) from None


def _no_password() -> str:
    """Keys with a password are refused instead of asking on a terminal."""
    return ""


def secure_acceptor(sock: socket.socket, context: ssl.SSLContext, patience: float) -> ssl.SSLSocket:
    """Perform the handshake as the side that was called, within `patience` seconds in all.

    Raises
    ------
    NetworkError
        If it fails or takes longer; the connection is closed.
    """
    return _handshake(sock, patience, lambda: context.wrap_socket(sock, True, False))


def secure_requestor(
    sock: socket.socket, context: ssl.SSLContext, host: str, patience: float
) -> ssl.SSLSocket:
    """Perform the handshake as the side that calls `host`; see `secure_acceptor`."""
    return _handshake(sock, patience, lambda: context.wrap_socket(sock, False, False, server_hostname=host))


def _handshake(sock: socket.socket, patience: float, wrap: Callable[[], ssl.SSLSocket]) -> ssl.SSLSocket:
    sock.settimeout(patience)
    wrapped: ssl.SSLSocket | None = None
    try:
        wrapped = wrap()
        wrapped.do_handshake()
    except (OSError, ValueError) as error:
        (wrapped or sock).close()
        raise _failed(error) from None
    return wrapped


def _failed(error: Exception) -> NetworkError:
    if isinstance(error, TimeoutError):
        return NetworkTimeoutError("the peer does not finish the TLS handshake in time")
    if isinstance(error, ssl.SSLCertVerificationError):
        return NetworkError(
            "the peer's certificate is not trusted",
            got=error.verify_message,
            advice="Trust the authority that signed it, or check the host's name.",
        )
    got = error.reason if isinstance(error, ssl.SSLError) else getattr(error, "strerror", None)
    return NetworkError("the TLS handshake fails", got=got or type(error).__name__)


def peer_certificate(sock: socket.socket) -> PeerCertificate | None:
    """Return what the peer's certificate says, or None: no TLS, or none was shown and verified."""
    if not isinstance(sock, ssl.SSLSocket):
        return None
    told, encoded = sock.getpeercert(), sock.getpeercert(binary_form=True)
    if not told or encoded is None:
        return None
    alternatives: Any = told.get("subjectAltName", ())
    return PeerCertificate(
        _name(told.get("subject", ())),
        _name(told.get("issuer", ())),
        tuple(str(value) for _, value in alternatives),
        hashlib.sha256(encoded).hexdigest(),
    )


_SHORT = {
    "commonName": "CN", "organizationName": "O", "organizationalUnitName": "OU", "countryName": "C",
    "localityName": "L", "stateOrProvinceName": "ST", "domainComponent": "DC", "userId": "UID",
}  # fmt: skip


def _name(name: Any) -> str:
    """Write a distinguished name, the last part first (RFC 4514)."""
    parts = [
        "+".join(f"{_SHORT.get(key, key)}={_escaped(value)}" for key, value in relative) for relative in name
    ]
    return ",".join(reversed(parts))


def _escaped(value: str) -> str:
    text = "".join(f"\\{c}" if c in ',+"\\<>;=' else c for c in value)
    return f"\\{text}" if text[:1] in ("#", " ") else text


class TlsChannel(Channel):
    """A `Channel` over TLS."""

    _sock: ssl.SSLSocket

    def ready(self) -> bool:
        """Whether something can be read at once: a whole record, not only its beginning."""
        if self._end > self._start or self._sock.pending():
            return True
        readable, _, _ = select.select([self._sock], [], [], 0)
        return bool(readable) and self._has_record()

    def _has_record(self) -> bool:
        self._sock.settimeout(0)
        try:
            self._start, self._end = 0, self._sock.recv_into(self._view)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError:
            return True
        finally:
            self._sock.settimeout(self.timeouts.pdu)
        return True

    def _send_some(self, parts: Sequence[Buffer]) -> None:
        batch: list[Buffer] = []
        size = 0
        for part in parts:
            batch.append(part)
            size += len(part)
            if size >= _BATCH:
                self._sock.sendall(b"".join(batch))
                batch, size = [], 0
        if batch:
            self._sock.sendall(b"".join(batch))

    def interrupt(self) -> None:
        """Make reads end; what is written stays encrypted. Callable from another thread."""
        self.interrupted = True
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._sock, socket.SHUT_RD)

    def drain(self) -> None:
        """Say that we send no more (close_notify) and wait for the same, then as without TLS."""
        with contextlib.suppress(OSError, ValueError):
            self._sock.settimeout(self.timeouts.artim)
            self._sock.unwrap()
        super().drain()

    def close(self) -> None:
        """Say that we send no more, wait for nothing, and close."""
        with contextlib.suppress(OSError, ValueError):
            self._sock.settimeout(0)
            self._sock.unwrap()
        super().close()


def channel_over(sock: socket.socket, timeouts: Timeouts) -> Channel:
    """Return the channel of a socket, with TLS or without."""
    return TlsChannel(sock, timeouts) if isinstance(sock, ssl.SSLSocket) else Channel(sock, timeouts)

"""TLS of HTTP: TLS 1.2 or later, with ciphers that keep past traffic secret (BCP 195, RFC 9325)."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Final

from medvox.core.errors import AccessError, MissingError, UsageError

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=2"
"""Suites of TLS 1.2: forward secrecy and authenticated encryption alone (RFC 9325 4.2)."""


def server_context(certificate: Path, key: Path | None = None) -> ssl.SSLContext:
    """Return the TLS settings of a server.

    Parameters
    ----------
    certificate
        PEM file of its certificate and those that sign it.
    key
        PEM file of its private key, without a password; None: it is in `certificate`.

    Raises
    ------
    MissingError, AccessError
        If a file is not there, or cannot be read.
    UsageError
        If they are no certificate and key, or do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    try:
        context.load_cert_chain(certificate, key, _no_password)
    except FileNotFoundError as error:
        where = certificate if key is None or not certificate.is_file() else key
        raise MissingError("there is no such file for TLS", where=where) from error
    except PermissionError as error:
        raise AccessError("a file for TLS cannot be read", where=key or certificate) from error
    except (ssl.SSLError, OSError, _PasswordError) as error:
        raise UsageError(
            "no certificate and key that belong together",
            where=certificate,
            got=getattr(error, "reason", None) or type(error).__name__.lstrip("_"),
            expected="PEM files, the key without a password",
        ) from error
    return context


def uvicorn_options(context: ssl.SSLContext | None) -> dict[str, Any]:
    """Return the arguments of ``uvicorn.Config`` for TLS, none for None."""
    return {} if context is None else {"ssl_context_factory": lambda *_: context}


class _PasswordError(Exception):
    """A key has a password."""


def _no_password() -> bytes:
    raise _PasswordError

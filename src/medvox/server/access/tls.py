"""TLS of HTTP: the same settings as those of DICOM (BCP 195)."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from medvox.network.upper_layer.tls import ClientCertificates, TlsFiles, acceptor_context


def server_context(certificate: Path, key: Path | None = None) -> ssl.SSLContext:
    """Return the TLS settings of a server; browsers show no certificates.

    Parameters
    ----------
    certificate
        PEM file of its certificate and those that sign it.
    key
        PEM file of its private key, without a password; None: it is in `certificate`.

    Raises
    ------
    UsageError, AccessError
        If a file is not there or cannot be read, or they are no certificate and key that belong together.
    """
    return acceptor_context(TlsFiles(certificate, key), ClientCertificates.NONE)


def uvicorn_options(context: ssl.SSLContext | None) -> dict[str, Any]:
    """Return the arguments of ``uvicorn.Config`` for TLS, none for None."""
    return {} if context is None else {"ssl_context_factory": lambda *_: context}

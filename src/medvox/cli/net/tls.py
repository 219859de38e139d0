"""TLS options of the `medvox net` commands."""

from __future__ import annotations

import functools
import inspect
import ssl
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from medvox.core.errors import UsageError

if TYPE_CHECKING:
    from medvox.network.dimse.user import Peer

_PANEL = "TLS"
_CHOSEN: ContextVar[ssl.SSLContext | None] = ContextVar("tls", default=None)


def settings(
    tls: Annotated[
        bool, typer.Option("--tls", help="Talk over TLS (1.2 or later).", rich_help_panel=_PANEL)
    ] = False,
    tls_cert: Annotated[
        Path | None, typer.Option(help="Our certificate, PEM.", rich_help_panel=_PANEL)
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(help="Its private key, PEM.", rich_help_panel=_PANEL)
    ] = None,
    tls_ca: Annotated[
        Path | None,
        typer.Option(help="Certificates to trust, PEM; else the system's.", rich_help_panel=_PANEL),
    ] = None,
    tls_any_host: Annotated[
        bool,
        typer.Option(
            "--tls-any-host", help="Take a trusted certificate of any host.", rich_help_panel=_PANEL
        ),
    ] = False,
) -> ssl.SSLContext | None:
    """Return the TLS settings that the options say; None: plain.

    Raises
    ------
    UsageError
        If a file is named without ``--tls``, or a key without its certificate.
    """
    from medvox.network.upper_layer.tls import TlsFiles, requestor_context

    if not tls:
        if tls_cert or tls_key or tls_ca or tls_any_host:
            raise UsageError("TLS files are named, but not --tls", advice="Add --tls.")
        return None
    if tls_key and not tls_cert:
        raise UsageError("a key is named without its certificate", advice="Add --tls-cert.")
    return requestor_context(TlsFiles(tls_cert, tls_key, tls_ca), check_host=not tls_any_host)


def peer(node: str) -> Peer:
    """Read ``[AE@]host:port`` of a command, with its TLS settings."""
    from dataclasses import replace

    from medvox.network.dimse.user import Peer

    return replace(Peer.parse(node), tls=_CHOSEN.get())


def add_options(app: typer.Typer) -> None:
    """Give the TLS options to all commands that `app` has by now."""
    for command in app.registered_commands:
        if command.callback is not None:
            command.callback = _with_options(command.callback)


def _with_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` with the parameters of `settings` after its own."""
    added = _parameters(settings)

    @functools.wraps(function)
    def command(**given: Any) -> Any:
        chosen = settings(**{each.name: given.pop(each.name) for each in added})
        token = _CHOSEN.set(chosen)
        try:
            return function(**given)
        finally:
            _CHOSEN.reset(token)

    parameters = [*_parameters(function), *added]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Parameters with their annotations resolved, to be given by name."""
    hints = get_type_hints(function, include_extras=True)
    return [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[each.name])
        for each in inspect.signature(function).parameters.values()
    ]

"""Running the viewer: a free port on loopback, a token, a browser, a clean end."""

from __future__ import annotations

import contextlib
import errno
import logging
import secrets
import signal
import socket
import ssl
import sys
import threading
import webbrowser
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import HANDLED_SIGNALS

from medvox.core.errors import UsageError
from medvox.server.access.tls import uvicorn_options
from medvox.server.app import create_app
from medvox.server.page import STATIC
from medvox.server.session import Scanner, ViewerSession

HOST = "127.0.0.1"
TOKEN_BYTES = 24


def serve_viewer(
    paths: Iterable[str | Path],
    port: int = 0,
    *,
    open_browser: bool = True,
    scanner: Scanner | None = None,
    static: Path = STATIC,
    announce: Callable[[str], None] | None = None,
    title: str = "medvox",
) -> None:
    """Scan paths in the background and serve the viewer until Ctrl-C.

    Parameters
    ----------
    paths
        Folders, files, archives; may be empty (files can be dropped on the page).
    port
        Port on 127.0.0.1; 0 takes a free one.
    open_browser
        Whether to open the address in the user's browser.
    scanner
        Scans paths; by default `medvox.workflows.open_folder.scan`.
    static
        Folder of the built client.
    announce
        Told the address with its token; by default it is printed. It is never logged.
    title
        Shown in the browser's tab.

    Raises
    ------
    MissingError
        If one of `paths` is not there.
    UsageError
        If the port is taken or may not be used.
    """
    sock = bind(port)
    bound = sock.getsockname()[1]
    with contextlib.closing(sock):
        session = ViewerSession(scanner or _default_scanner(), paths, title=title)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        address = f"http://{HOST}:{bound}/?token={token}"
        server = ViewerServer(create_app(session, token, bound, static), session)

        def ready() -> None:
            (announce or _print)(address)
            if open_browser:
                threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

        server.on_started = ready
        try:
            server.run(sockets=[sock])
        finally:
            session.close()


class ViewerServer(uvicorn.Server):
    """Uvicorn that ends event streams when asked to stop, and logs no address.

    Parameters
    ----------
    app
        The application.
    session
        Closed when the server is asked to stop.
    tls
        Settings of TLS, or None.
    """

    def __init__(self, app: ASGIApp, session: ViewerSession, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level=logging.WARNING,
                access_log=False,
                server_header=False,
                lifespan="off",
                timeout_graceful_shutdown=2,
                timeout_keep_alive=30,
                **uvicorn_options(tls),
            )
        )
        self.session = session
        self.on_started: Callable[[], None] = lambda: None
        self.on_stopping: Callable[[], None] = lambda: None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then call `on_started`."""
        await super().startup(sockets)
        if self.started:
            self.on_started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; a second signal stops at once."""
        self.session.feed.close()
        self.on_stopping()
        super().handle_exit(sig, frame)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Take Ctrl-C and SIGTERM as the normal end: the caller goes on to clean up."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def bind(port: int, host: str = HOST) -> socket.socket:
    """Take a port, on loopback where no other address is named; 0 takes a free one.

    Raises
    ------
    UsageError
        If it is taken or may not be used.
    """
    if not 0 <= port <= 65535:
        raise UsageError("no such port", got=port, expected="0..65535")
    # asyncio switches Nagle's algorithm off (40 ms an answer) only where the protocol is named
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform != "win32":  # there it would let two servers share a port
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        taken = error.errno == errno.EADDRINUSE
        what = "the port is taken" if taken else f"the port cannot be used ({error.strerror})"
        raise UsageError(what, got=port, advice="Choose another one, or 0 for a free one") from error
    return sock


def _default_scanner() -> Scanner:
    from medvox.workflows.open_folder import scan

    return lambda paths, progress: scan(paths, progress=progress)


def _print(address: str) -> None:
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()

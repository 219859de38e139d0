from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from medvox.server.app import create_app
from medvox.server.run import ViewerServer, bind
from medvox.server.session import ViewerSession
from server.synthetic_scan import everything, scanner_of

TOKEN = "token-of-the-tests"
SCRIPT = "document.title = 'y'"


@dataclass
class Live:
    """A viewer that runs on loopback, and a client that knows its token."""

    session: ViewerSession
    port: int
    client: httpx.Client

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def json(self, path: str, **changes: Any) -> Any:
        answer = self.client.get(f"/api/v1{path}", **changes)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def image_id(self, label: str) -> str:
        return next(i for i, e in self.session.catalog.images.items() if e.image.label == label)

    def info(self, label: str) -> Any:
        return self.json(f"/images/{self.image_id(label)}")


@contextlib.contextmanager
def running(session: ViewerSession, static: Path) -> Iterator[Live]:
    sock = bind(0)
    port = sock.getsockname()[1]
    server = ViewerServer(create_app(session, TOKEN, port, static), session)
    ready = threading.Event()
    server.on_started = ready.set
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        assert ready.wait(10)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
            yield Live(session, port, client)
    finally:
        server.handle_exit(signal.SIGINT, None)
        thread.join(10)
        session.close()
        sock.close()
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built client, as far as the server is concerned."""
    folder = tmp_path_factory.mktemp("built") / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(
        f"<!doctype html><html><head><title>x</title><script>{SCRIPT}</script></head><body></body></html>"
    )
    (folder / "assets" / "index-B1a2C3d4.js").write_text("export {};")
    (folder / "assets" / "codec-Zz_9-aBc.wasm").write_bytes(b"\0asm")
    (folder / "robots.txt").write_text("no")
    (folder.parent / "secret.txt").write_text("CONTENT OF ANOTHER FILE")
    return folder


@pytest.fixture(scope="session")
def live(static: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The viewer with one image of each kind; tests must not change its session."""
    session = ViewerSession(scanner_of(everything()), [tmp_path_factory.mktemp("opened")])
    assert session.wait(60)
    with running(session, static) as started:
        yield started


@pytest.fixture
def serve(static: Path) -> Iterator[Callable[[ViewerSession], Live]]:
    """Starts viewers that end with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda session: stack.enter_context(running(session, static))

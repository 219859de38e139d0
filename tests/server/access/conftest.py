"""A small application behind the guard of a node, over real HTTP."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
import uvicorn
from fastapi import APIRouter, FastAPI, Request, WebSocket
from starlette.middleware import Middleware

from medvox.archive.access import Action, Principal, Role
from medvox.archive.audit import Audit, Event
from medvox.archive.recording import Recorder
from medvox.archive.state.database import StateDatabase
from medvox.archive.state.tokens import Tokens
from medvox.server import errors
from medvox.server.access.door import Door
from medvox.server.access.guard import HttpAccess, NodeGuard
from medvox.server.access.rights import requires, touches
from medvox.server.auth import SecurityHeaders
from medvox.server.run import bind
from medvox.workflows.node.access import NodeAccess

ROUTES = APIRouter(prefix="/studies")


@ROUTES.get("")
def listed(who: Annotated[Principal, requires(Action.QUERY)]) -> str:
    return who.name


@ROUTES.get("/{study}", dependencies=[requires(Action.RETRIEVE)])
def one(study: str) -> str:
    return study


@ROUTES.post("", dependencies=[requires(Action.STORE)])
def stored(request: Request) -> str:
    touches(request, "1.2.7", "1.2.8", "not a UID")
    return "stored"


@ROUTES.delete("/{study}", dependencies=[requires(Action.DELETE)])
def deleted(study: str, request: Request) -> str:
    touches(request, detail="wrong patient")
    return study


@ROUTES.get("/{study}/broken", dependencies=[requires(Action.RETRIEVE)])
def broken(study: str) -> str:
    raise RuntimeError("DOE^JANE")


@ROUTES.websocket("/events")
async def events(websocket: WebSocket, who: Annotated[Principal, requires(Action.WORK)]) -> None:
    await websocket.accept()
    await websocket.send_text(who.name)
    await websocket.close()


def application(access: HttpAccess) -> FastAPI:
    guards = [
        Middleware(SecurityHeaders),
        Middleware(NodeGuard, access=access),
        Middleware(errors.Shield),
    ]
    app = FastAPI(middleware=guards, openapi_url=None, docs_url=None, redoc_url=None)
    errors.install(app)
    app.include_router(ROUTES)

    @app.get("/")
    def page() -> str:
        return "page"

    @app.get("/healthz")
    def healthz() -> str:
        return "alive"

    return app


@dataclass
class Guarded:
    """The application, and what is kept of it."""

    base: str
    port: int
    tokens: Tokens
    audit: Audit
    recorder: Recorder
    secrets: dict[Role, str]
    access: HttpAccess

    def rows(self, **search: Any) -> list[Event]:
        self.recorder.flush()
        return [row.event for row in reversed(self.audit.search(limit=1000, **search))]

    def as_(self, role: Role) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secrets[role]}"}


@contextlib.contextmanager
def running(app: Any, port_socket: Any, **options: Any) -> Iterator[None]:
    config = uvicorn.Config(app, log_level="error", access_log=False, lifespan="off", **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [port_socket]})
    thread.start()
    try:
        while not server.started and thread.is_alive():
            thread.join(0.01)
        assert server.started
        yield
    finally:
        server.should_exit = True
        thread.join(10)
        port_socket.close()
        assert not thread.is_alive()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    database, audit = StateDatabase(tmp_path / "state.sqlite"), Audit(tmp_path / "audit.sqlite")
    node = NodeAccess(audit, database)
    secrets = {role: node.tokens.create(f"the-{role}", role) for role in Role}
    sock = bind(0)
    port = sock.getsockname()[1]
    access = HttpAccess.to(node, Door(port))
    with running(application(access), sock):
        yield Guarded(f"http://127.0.0.1:{port}", port, node.tokens, audit, node.recorder, secrets, access)
    node.close()
    audit.close()
    database.close()


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=30) as client:
        yield client

"""A DICOMweb server of an archive, over real sockets."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI

from medvox.archive.access import Principal, Role
from medvox.archive.archive import Archive
from medvox.archive.model import ArchiveSettings
from medvox.server import errors
from medvox.server.app import HeadAsGet
from medvox.server.dicomweb.routers import ROUTERS


@dataclass
class Served:
    """A server and what it serves."""

    archive: Archive
    url: str

    @property
    def base(self) -> str:
        return f"{self.url}/dicomweb"


class Known:
    """Lets everybody in as who the header X-Role says, an administrator by default."""

    def __init__(self, app) -> None:
        self.app = app

    async def __call__(self, scope, receive, send) -> None:
        role = dict(scope.get("headers", ())).get(b"x-role", b"admin").decode()
        principal = Principal(f"a {role}", Role(role)) if role != "stranger" else None
        scope.setdefault("state", {})["principal"] = principal
        await self.app(scope, receive, send)


def application(archive: Archive) -> FastAPI:
    app = FastAPI()
    app.state.archive = archive
    errors.install(app)
    app.add_middleware(errors.Shield)
    app.add_middleware(HeadAsGet)
    app.add_middleware(Known)
    for router in ROUTERS:
        app.include_router(router)
    return app


@contextmanager
def running(archive: Archive) -> Iterator[Served]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(application(archive), log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield Served(archive, f"http://127.0.0.1:{port}")
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Archive.open(ArchiveSettings(tmp_path / "store")) as archive, running(archive) as one:
        yield one

"""Databases that the tests of the archive run on."""

from pathlib import Path

import pytest

from medvox.testing.postgresql import Server, programs
from object_server import ObjectServer


@pytest.fixture(scope="session")
def postgresql():
    if programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    server = Server()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def index(request: pytest.FixtureRequest) -> str | None:
    """Where `ArchiveSettings.index` is: the default, or a new PostgreSQL database."""
    return None if request.param == "sqlite" else request.getfixturevalue("postgresql").new_database()


@pytest.fixture
def database(index: str | None, tmp_path: Path) -> Path | str:
    """An empty database of each kind."""
    return index or tmp_path / "database.sqlite"


@pytest.fixture(scope="session")
def _object_server():
    pytest.importorskip("moto.server")
    pytest.importorskip("boto3")
    server = ObjectServer()
    yield server
    server.stop()


@pytest.fixture
def object_server(_object_server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> ObjectServer:
    """An S3 server, and the environment that lets stores find it."""
    for name, value in _object_server.environment().items():
        monkeypatch.setenv(name, value)
    return _object_server

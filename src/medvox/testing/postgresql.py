"""A PostgreSQL server of one's own: on a free loopback port, in a temporary folder, gone afterwards."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

FOLDERS: Final = (*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), Path("/usr/local/bin"))
"""Where Debian and others put the programs, the newest first."""
_START_S: Final = 30


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs; None where it is not installed."""
    wanted = ("initdb", "postgres")
    return next((folder for folder in FOLDERS if all((folder / name).exists() for name in wanted)), None)


class Server:
    """A server that is running; `stop` it in the end.

    Its files are not synced: it may be killed, but the machine may not. Where root runs this, the server
    runs as the user ``postgres``, since it refuses to be root.

    Parameters
    ----------
    settings
        More of its settings, by name.
    """

    def __init__(self, **settings: str) -> None:
        found = programs()
        if found is None:
            raise FileNotFoundError("PostgreSQL is not installed")
        self.bin = found
        self.folder = Path(tempfile.mkdtemp(prefix="medvox-postgresql-"))
        self._as_user: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
            self._as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._settings = settings
        self._numbers = itertools.count()
        self.run("initdb", "-D", self._data, "-U", "medvox", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()

    def run(self, program: str, *arguments: object, given: bytes = b"") -> bytes:
        """Run one of PostgreSQL's programs; return what it prints."""
        words = [*self._as_user, str(self.bin / program), *map(str, arguments)]
        return subprocess.run(words, check=True, capture_output=True, cwd=self.folder, input=given).stdout  # noqa: S603

    def start(self) -> None:
        """Start the server and wait until it answers."""
        import psycopg

        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": "60",
        } | self._settings
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(  # noqa: S603
            [*self._as_user, self.bin / "postgres", "-D", self._data, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
        )
        end = time.monotonic() + _START_S
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                if time.monotonic() > end or self._process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        """End it at once, with what its sessions were doing."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(_START_S)

    def stop(self) -> None:
        """End it and take its files away."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_START_S)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """URL of a database."""
        return f"postgresql://medvox@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Make an empty database; return its URL."""
        import psycopg

        name = f"test{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
        return self.url(name)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

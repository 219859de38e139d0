"""Database of a node's state: each transaction survives a loss of power."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, MetaData
from sqlalchemy.exc import SQLAlchemyError

from medvox.archive.index.engine import hold, open_engine
from medvox.archive.migrations.running import STATE, migrate
from medvox.core.errors import WriteError


class StateDatabase:
    """Tables of what a node keeps beside images; safe to use from several threads.

    Each kind of state has a module of its own with a `MetaData` and a class that takes this database and
    calls `prepare` first. Where everything is in memory later, the database stays the truth.

    Parameters
    ----------
    where
        File of an SQLite database, made if missing, or URL of a PostgreSQL database.

    Raises
    ------
    WriteError
        If it cannot be opened.
    """

    def __init__(self, where: Path | str) -> None:
        self._engine = open_engine(where, is_synced=True)
        self._where = where if isinstance(where, Path) else None
        try:
            migrate(self._engine, STATE)
        except BaseException as error:
            self._engine.dispose()
            if isinstance(error, SQLAlchemyError):
                raise self._refusal(error) from error
            raise

    def prepare(self, metadata: MetaData) -> None:
        """Make the tables that are missing; what changes them later is a revision, see `migrations`."""
        try:
            with self._engine.begin() as connection:
                hold(connection, alone=("migrations",))
                metadata.create_all(connection)
        except SQLAlchemyError as error:
            raise self._refusal(error) from error

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """Give a connection whose changes are durable when the block ends; none is where it fails.

        Raises
        ------
        WriteError
            If the database refuses.
        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise self._refusal(error) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection to look with."""
        with self._engine.connect() as connection:
            yield connection

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()

    def _refusal(self, error: SQLAlchemyError) -> WriteError:
        return WriteError("the node's state cannot be kept", where=self._where, got=type(error).__name__)

"""Engine: opens a database, SQLite in a file or PostgreSQL on a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool

from medvox.core.errors import DependencyError, UsageError

_WAIT_S: Final = 5
"""How long a server may take to answer a new connection."""
_LOCK_S: Final = 30
"""How long one waits for what another is writing, in both databases."""
_OPTIONS: Final = " ".join(
    f"-c {setting}"
    for setting in (
        f"lock_timeout={_LOCK_S}s",
        "random_page_cost=1.1",  # pages of 100 rows by indexes, on disks without moving heads
        "max_parallel_workers_per_gather=0",  # beginning another process takes longer than any question
        "jit=off",
    )
)


def open_engine(where: Path | str, *, is_synced: bool = False) -> Engine:
    """Open a database.

    Parameters
    ----------
    where
        File of an SQLite database, or a URL: ``postgresql://user@host/database``, ``sqlite:///file``.
    is_synced
        Whether each transaction survives a loss of power. PostgreSQL does what its own settings say.

    Raises
    ------
    UsageError
        If the URL is none, or of another database.
    DependencyError
        If the driver of PostgreSQL is missing.
    """
    if isinstance(where, Path):
        return sqlite_engine(where, is_synced=is_synced)
    try:
        url = make_url(where)
    except ArgumentError as error:
        raise UsageError("this is no URL of a database", expected="postgresql://… or sqlite:///…") from error
    name = url.get_backend_name()
    if name == "sqlite" and url.database:
        return sqlite_engine(Path(url.database), is_synced=is_synced)
    if name != "postgresql":
        raise UsageError("this database is not supported", got=name, expected="postgresql or sqlite")
    try:
        return create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=8,
            max_overflow=56,
            pool_pre_ping=True,  # a server that was restarted is met with a new connection
            connect_args={
                "connect_timeout": _WAIT_S,
                "prepare_threshold": None,  # a plan made for any value knows no beginning of a text
                "options": _OPTIONS,
                "application_name": "medvox",
            },
        )
    except ModuleNotFoundError as error:
        raise DependencyError(
            "PostgreSQL needs the package psycopg", advice="pip install 'medvox[postgres]'"
        ) from error


def sqlite_engine(path: Path, *, is_synced: bool = False) -> Engine:
    """Open an SQLite database with a write-ahead log.

    Parameters
    ----------
    path
        The file; made if missing.
    is_synced
        Whether each transaction survives a loss of power. The index of a journal needs it not: it is
        replayed.
    """
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=56,
        connect_args={"check_same_thread": False, "timeout": _LOCK_S},
    )
    synchronous = "FULL" if is_synced else "NORMAL"

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={synchronous}",
            "case_sensitive_like=ON",  # LIKE as in PostgreSQL, and by the indexes
            "cache_size=-65536",
            "mmap_size=268435456",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    return engine


def hold(connection: Connection, *, alone: tuple[str, ...] = (), shared: tuple[str, ...] = ()) -> None:
    """Keep other processes from what has these names until the transaction ends.

    PostgreSQL has locks of names; they are taken in one order, so that two never wait for each other.
    An SQLite database has one writer, and is used by one process.

    Parameters
    ----------
    connection
        In a transaction.
    alone
        What nobody else may hold.
    shared
        What others may hold in the same way.
    """
    if connection.dialect.name != "postgresql" or not (alone or shared):
        return
    names = dict.fromkeys(shared, True) | dict.fromkeys(alone, False)
    ordered = sorted(names)
    connection.execute(_HOLD, {"names": ordered, "shared": [names[name] for name in ordered]})


_HOLD: Final = text(
    "SELECT CASE WHEN is_shared THEN pg_advisory_xact_lock_shared(hashtextextended(name, 0))"
    " ELSE pg_advisory_xact_lock(hashtextextended(name, 0)) END"
    " FROM unnest(CAST(:names AS text[]), CAST(:shared AS boolean[])) AS held(name, is_shared)"
)

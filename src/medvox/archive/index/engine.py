"""Engine: opens the database of the index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, MetaData, create_engine, event, insert, inspect, select
from sqlalchemy.pool import QueuePool

from medvox.archive.index import tables


def sqlite_engine(path: Path, *, is_synced: bool = False) -> Engine:
    """Open an SQLite database with a write-ahead log.

    Parameters
    ----------
    path
        The file; made if missing.
    is_synced
        Whether each transaction survives a loss of power. The index needs it not: it is replayed from the
        journal.
    """
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=56,
        connect_args={"check_same_thread": False, "timeout": 30},
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


def make_tables(engine: Engine, metadata: MetaData = tables.METADATA) -> bool:
    """Make the tables of the index; tell whether there were none, or of another version."""
    if metadata is not tables.METADATA:
        metadata.create_all(engine)
        return False
    found = None
    if inspect(engine).has_table(tables.ABOUT.name):
        with engine.connect() as connection:
            found = connection.scalar(select(tables.ABOUT.c.value).where(tables.ABOUT.c.name == "version"))
    if found == tables.VERSION:
        return False
    metadata.drop_all(engine)
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(tables.ABOUT).values(name="version", value=tables.VERSION))
    return True

"""Audit: who did what, to what, when and with which outcome, in a chain that shows any change made later."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import SQLAlchemyError

from medvox.archive.index.engine import open_engine
from medvox.archive.index.tables import AUDIT
from medvox.archive.migrations.running import AUDIT as AUDIT_LINEAGE
from medvox.archive.migrations.running import migrate
from medvox.core.errors import FormatError, UsageError, WriteError

LONGEST_PAGE: Final = 1000
FIRST: Final = "0" * 64
"""What the first event is chained to."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done or refused.

    Parameters
    ----------
    who
        Account, AE title or command.
    action
        What was done, e.g. ``"delete"``.
    target
        UID of the study or instance, or another name without patient data.
    outcome
        ``"success"``, ``"refused"`` or ``"failure"``.
    detail
        More, e.g. the reason given.
    """

    who: str
    action: str
    target: str = ""
    outcome: str = "success"
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Audited:
    """An event in the audit.

    Parameters
    ----------
    number
        Its place in the chain, from 1.
    time
        UTC, ISO 8601.
    event
        What was done.
    """

    number: int
    time: str
    event: Event


class Audit:
    """Append-only chain of events; safe to use from several threads and processes at once.

    Each event has the SHA-256 of itself and of the digest before it, so that none can be changed or taken
    from the middle unseen. Whoever keeps `head` elsewhere can also see that none was taken from the end.

    Parameters
    ----------
    where
        File of an SQLite database, made if missing, or URL of a PostgreSQL database.
    """

    def __init__(self, where: Path | str) -> None:
        self._engine = open_engine(where, is_synced=True)
        self._lock = threading.Lock()
        try:
            migrate(self._engine, AUDIT_LINEAGE)
        except BaseException as error:
            self._engine.dispose()
            if isinstance(error, SQLAlchemyError):
                raise WriteError("the audit cannot be opened", got=type(error).__name__) from error
            raise

    @property
    def head(self) -> str:
        """Digest of the last event, which stands for all."""
        with self._engine.connect() as connection:
            return _last(connection)[1]

    def append(self, *events: Event) -> None:
        """Add events; they are durable when this returns.

        Raises
        ------
        WriteError
            If they cannot be kept; none of them is.
        """
        if not events:
            return
        try:
            with self._lock, self._engine.begin() as connection:
                _take_turn(connection)
                number, head = _last(connection)
                rows: list[dict[str, Any]] = []
                for event in events:
                    row = _row(event, dt.datetime.now(dt.UTC).isoformat(timespec="microseconds"))
                    number, head = number + 1, _link(head, row)
                    rows.append(row | {"id": number, "chain": head})
                connection.execute(insert(AUDIT), rows)
        except SQLAlchemyError as error:
            raise WriteError("the audit cannot be written", got=type(error).__name__) from error

    def search(
        self,
        *,
        who: str = "",
        action: str = "",
        target: str = "",
        since: str = "",
        before: int | None = None,
        limit: int = 100,
    ) -> list[Audited]:
        """Return events, the newest first.

        Parameters
        ----------
        who, action, target
            What they must equal; empty for any.
        since
            ISO 8601, UTC: the earliest time.
        before
            Number of the last event of the page before.
        limit
            At most how many, up to `LONGEST_PAGE`.

        Raises
        ------
        UsageError
            If `limit` is below 1.
        """
        if limit < 1:
            raise UsageError("a page has at least one row", got=limit)
        statement = select(AUDIT).order_by(AUDIT.c.id.desc()).limit(min(limit, LONGEST_PAGE))
        for column, value in ((AUDIT.c.who, who), (AUDIT.c.action, action), (AUDIT.c.target, target)):
            if value:
                statement = statement.where(column == value)
        if since:
            statement = statement.where(AUDIT.c.time >= since)
        if before is not None:
            statement = statement.where(AUDIT.c.id < before)
        with self._engine.connect() as connection:
            return [_audited(row) for row in connection.execute(statement)]

    def verify(self, head: str | None = None) -> int:
        """Check the whole chain; return the number of events.

        Parameters
        ----------
        head
            A digest that was kept elsewhere and must be among them; None to leave this out.

        Raises
        ------
        FormatError
            If an event was changed, added or taken away; the text says which is the first that does not fit.
        """
        count, last, is_met = 0, FIRST, head in (None, FIRST)
        with self._engine.connect() as connection:
            for row in connection.execution_options(yield_per=1000).execute(
                select(AUDIT).order_by(AUDIT.c.id)
            ):
                count += 1
                last = _link(last, _row(_audited(row).event, row.time))
                if row.id != count or row.chain != last:
                    raise FormatError("the audit was changed", where=f"event {count}")
                is_met = is_met or row.chain == head
        if not is_met:
            raise FormatError("events were taken from the end of the audit", where=f"after event {count}")
        return count

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()


_NAMES: Final = ("who", "action", "target", "outcome", "detail")


def _take_turn(connection: Connection) -> None:
    """Wait until no other process writes: what is read from now on is the end of the chain."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql("LOCK TABLE audit IN EXCLUSIVE MODE")


def _last(connection: Connection) -> tuple[int, str]:
    """Number and digest of the last event."""
    found = connection.execute(select(AUDIT.c.id, AUDIT.c.chain).order_by(AUDIT.c.id.desc()).limit(1)).first()
    return (found.id, found.chain) if found else (0, FIRST)


def _row(event: Event, time: str) -> dict[str, str]:
    return {"time": time} | {name: getattr(event, name) for name in _NAMES}


def _audited(row: Any) -> Audited:
    return Audited(row.id, row.time, Event(*(getattr(row, name) for name in _NAMES)))


def _link(before: str, row: dict[str, str]) -> str:
    values: Iterable[str] = (before, row["time"], *(row[name] for name in _NAMES))
    return hashlib.sha256(json.dumps(list(values), ensure_ascii=False).encode()).hexdigest()

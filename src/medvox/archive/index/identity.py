"""Identity: what an index says of itself: whose it is, and which order its last record has."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, func, insert, select, text, update

from medvox.archive.index.tables import ABOUT, ORDER
from medvox.core.errors import UsageError

_STORE: Final = "store"
_ORDER: Final = "record_order"


def claim(connection: Connection, identity: str) -> bool:
    """Make the index that of a store; tell whether it was nobody's before.

    Raises
    ------
    UsageError
        If it is that of another store.
    """
    found = _value(connection, _STORE)
    if found is None:
        connection.execute(insert(ABOUT).values(name=_STORE, value=identity))
    elif found != identity:
        raise UsageError(
            "this index belongs to another store", advice="Give each store a database of its own"
        )
    return found is None


def last_order(connection: Connection) -> int:
    """Return the last number that was given to a segment of an object store; 0 where none was."""
    if connection.dialect.name == "postgresql":
        found = connection.execute(text("SELECT last_value, is_called FROM record_order")).one()
        return int(found.last_value) if found.is_called else 0
    return int(_value(connection, _ORDER) or 0)


def next_order(connection: Connection) -> int:
    """Return the number for the next segment; other processes never get the same."""
    if connection.dialect.name == "postgresql":
        return int(connection.scalar(select(ORDER.next_value())) or 0)
    number = last_order(connection) + 1
    set_order(connection, number)
    return number


def set_order(connection: Connection, number: int) -> None:
    """Let the next number be above this one."""
    if connection.dialect.name == "postgresql":
        if number > last_order(connection):
            connection.execute(select(func.setval(ORDER.name, number)))
        return
    if _value(connection, _ORDER) is None:
        connection.execute(insert(ABOUT).values(name=_ORDER, value="0"))
    connection.execute(update(ABOUT).where(ABOUT.c.name == _ORDER).values(value=str(number)))


def _value(connection: Connection, name: str) -> str | None:
    return connection.scalar(select(ABOUT.c.value).where(ABOUT.c.name == name))

"""Recovery: puts into the index what the store has and the index has not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sqlalchemy import Engine

from medvox.archive.index.write import Written, apply, clear, positions, set_position
from medvox.archive.store.local import LocalStore
from medvox.archive.store.records import Damage, Record
from medvox.core.finding import Finding, Level
from medvox.core.progress import Progress, silent

_AT_ONCE: Final = 2000


def replay(
    store: LocalStore, engine: Engine, *, is_whole: bool = False, progress: Progress = silent
) -> tuple[Finding, ...]:
    """Bring the index up to what the journal holds, in one transaction.

    Parameters
    ----------
    store
        Nothing is changed in it: damage is skipped and told.
    engine
        Database of the index.
    is_whole
        Whether the index is emptied first.
    progress
        Receives segments done.

    Returns
    -------
    tuple of Finding
        ``damaged-record`` where whole records follow the damage, ``torn-record`` at an end.
    """
    findings: list[Finding] = []
    with engine.begin() as connection:
        if is_whole:
            clear(connection)
        done = positions(connection)
        segments = store.segments()
        progress(0, len(segments), "Reading the journal")
        for number, segment in enumerate(segments, start=1):
            start, size = done.get(segment, 0), store.size(segment)
            if start < size:
                waiting: list[Written] = []
                for written in records_of(segment, store.walk(segment, start), findings):
                    waiting.append(written)
                    if len(waiting) >= _AT_ONCE:
                        apply(connection, waiting)
                        waiting = []
                store.sync(segment)  # before the index says that it is there
                apply(connection, waiting)
                if not is_whole:
                    set_position(connection, segment, size)
            progress(number, len(segments), "Reading the journal")
    return tuple(findings)


def records_of(segment: str, walked: Iterable[Record | Damage], findings: list[Finding]) -> Iterator[Written]:
    """Yield the records of a segment as the index takes them; what is none goes to the findings."""
    for found in walked:
        if isinstance(found, Damage):
            findings.append(_finding(segment, found))
            continue
        end = found.offset + found.length
        place = segment, found.offset, end, found.data_offset, found.data_length
        yield Written(found.kind, found.entry, *place)


def _finding(segment: str, damage: Damage) -> Finding:
    code, level = ("torn-record", Level.INFO) if damage.is_tail else ("damaged-record", Level.ERROR)
    return Finding(code, level, f"{segment} at {damage.offset}", f"{damage.length} bytes are no whole record")

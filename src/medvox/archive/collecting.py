"""Collecting: takes bytes that no version needs out of a local store, so that a crash loses nothing else.

A segment with dead records is replaced by one that has the others, whose name sorts to the same place, so
that an index made from the bytes alone stays the same:

1. the new segment is written under a temporary name and synced, then gets its name;
2. one transaction of the index, synced, lets all rows point into it;
3. the old segment is taken away.

When both are found at the start, the index tells which of them counts; the other is taken away.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, bindparam, delete, insert, select, update

from medvox.archive.index.tables import INSTANCES, POSITIONS
from medvox.archive.store import records
from medvox.archive.store.journal import SUFFIX
from medvox.archive.store.local import FILES, SEGMENTS, LocalStore
from medvox.archive.store.records import Damage, Kind, Record
from medvox.core.errors import WriteError
from medvox.core.finding import Finding, Level
from medvox.core.progress import Progress, silent

_NAME: Final = re.compile(r"(?P<base>.+?)(\.c(?P<turn>\d+))?" + re.escape(SUFFIX))
_NEW: Final = ".new"
_TODO: Final = "collecting.json"


@dataclass(frozen=True, slots=True)
class Collected:
    """What was taken out of a store.

    Parameters
    ----------
    size
        Bytes.
    segments, files
        How many segments were replaced, and linked files taken away.
    findings
        ``damaged-record``: segments that are left as they are.
    """

    size: int = 0
    segments: int = 0
    files: int = 0
    findings: tuple[Finding, ...] = field(default=())


def note(store: LocalStore, places: Collection[str]) -> None:
    """Note durably which segments and files are to be looked at by the next `collect`."""
    path = store.folder / _TODO
    new = path.with_suffix(_NEW)
    try:
        with new.open("w") as out:
            json.dump(sorted({*_noted(store), *places}), out)
            out.flush()
            os.fsync(out.fileno())
        new.replace(path)
        store.disk.sync_folder(store.folder)
    except OSError as error:
        raise WriteError("the store cannot be written", where=path, got=error.strerror) from error


def collect(
    store: LocalStore, engine: Engine, segments: Sequence[str], progress: Progress = silent
) -> Collected:
    """Take bytes that no version needs out of the places that were noted.

    Parameters
    ----------
    store
        Nothing else collects in it, or makes its index anew, at the same time.
    engine
        Database of the index, in which is all that the segments have.
    segments
        To which nothing is written any more; others are left.
    progress
        Receives segments done.

    Raises
    ------
    WriteError
        If the system refuses. What was not taken out is at the next time.
    """
    noted = _noted(store)
    finish(store, engine)
    found = Collected()
    try:
        wanted = [name for name in segments if name in noted or _linked(store, engine, name, noted)]
        progress(0, len(wanted), "Emptying the bin")
        for done, name in enumerate(wanted, start=1):
            found = _sum(found, _compact(store, engine, name))
            progress(done, len(wanted), "Emptying the bin")
        (store.folder / _TODO).unlink(missing_ok=True)
    except OSError as error:
        if isinstance(error, WriteError):
            raise
        raise WriteError("the store cannot be written", where=store.folder, got=error.strerror) from error
    return found


def finish(store: LocalStore, engine: Engine) -> None:
    """End what a crash has interrupted: of two segments in one place, one goes."""
    folder = store.folder / SEGMENTS
    for path in folder.glob("*" + _NEW):
        store.disk.remove(path)
    turns: dict[str, list[str]] = {}
    for name in store.segments():
        if found := _NAME.fullmatch(name):
            turns.setdefault(found["base"], []).append(name)
    for names in turns.values():
        if len(names) == 1:
            continue
        names.sort(key=_turn)
        with engine.connect() as connection:
            indexed = set(connection.scalars(select(POSITIONS.c.segment)))
        counts = next((name for name in reversed(names) if name in indexed), names[0])
        for name in names:
            if name != counts:
                _remove(store, name)


def _compact(store: LocalStore, engine: Engine, name: str) -> Collected:
    """Replace a segment by one without the records that no version needs."""
    with engine.connect() as connection:
        rows = connection.scalars(select(INSTANCES.c.place_offset).where(INSTANCES.c.place == name))
        live = set(rows)
        kept: list[Record] = []
        dead: list[Record] = []
        for found in store.walk(name):
            if isinstance(found, Damage):
                if not found.is_tail:
                    text = "a damaged segment is left as it is, with what was to be taken out of it"
                    return Collected(findings=(Finding("damaged-record", Level.ERROR, name, text),))
                continue
            (kept if _is_live(connection, found, live) else dead).append(found)
    if not dead:
        return Collected()
    files, size = _remove_files(store, engine, dead)
    before = store.size(name)
    new, places = _copy(store, name, kept)
    _relocate(engine, name, new, (places, store.size(new)))
    after = store.size(new)
    _remove(store, name)
    return Collected(size + before - after, 1, files)


def _is_live(connection: Connection, record: Record, live: Collection[int]) -> bool:
    if record.kind is Kind.CHANGE:
        return True
    if record.kind is Kind.INSTANCE:
        return record.data_offset in live
    return _is_needed(connection, record.entry["place"])


def _is_needed(connection: Connection, place: str) -> bool:
    return connection.execute(select(1).where(INSTANCES.c.place == place).limit(1)).first() is not None


def _linked(store: LocalStore, engine: Engine, name: str, noted: Collection[str]) -> bool:
    """Tell whether a segment has the record of a linked file that was noted."""
    files = {place for place in noted if place.startswith(FILES + "/")}
    if not files:
        return False
    return any(
        isinstance(found, Record) and found.kind is Kind.LINKED and found.entry["place"] in files
        for found in store.walk(name)
    )


def _remove_files(store: LocalStore, engine: Engine, dead: Sequence[Record]) -> tuple[int, int]:
    """Take linked files away, while their records still tell of them; return how many, and their bytes."""
    count = size = 0
    for place in {record.entry["place"] for record in dead if record.kind is Kind.LINKED}:
        path = store.folder / place
        with engine.connect() as connection:
            if _is_needed(connection, place) or not path.exists():
                continue
        size += path.stat().st_size
        store.disk.remove(path)
        store.disk.sync_folder(path.parent)
        count += 1
    return count, size


def _copy(store: LocalStore, name: str, kept: Sequence[Record]) -> tuple[str, dict[int, int]]:
    """Write records into a new segment; return its name, and the new places of data by the old ones."""
    parts = _NAME.fullmatch(name)
    base, turn = (parts["base"], _turn(name) + 1) if parts else (name, 1)
    target = f"{base}.c{turn:04d}{SUFFIX}"
    folder, disk = store.folder / SEGMENTS, store.disk
    path = folder / (target + _NEW)
    header = records.segment_header(base[-40:] + f".c{turn}", turn)
    descriptor = disk.create(path)
    try:
        disk.write(descriptor, [header], 0)
        end, places = len(header), {}
        for record in kept:
            data = store.read(name, record.data_offset, record.data_length) if record.data_length else b""
            buffers = records.encode(record.kind, record.sequence, record.entry, [data], header)
            disk.write(descriptor, buffers, end)
            places[record.data_offset] = end + records.data_offset(buffers)
            end += sum(len(part) for part in buffers)
        disk.sync(descriptor)
    finally:
        disk.close(descriptor)
    disk.rename(path, folder / target)
    disk.sync_folder(folder)
    return target, places


def _relocate(engine: Engine, old: str, new: str, found: tuple[dict[int, int], int]) -> None:
    """Let the index point into the new segment; durable when this returns."""
    places, size = found
    change = (
        update(INSTANCES)
        .where(INSTANCES.c.place == old, INSTANCES.c.place_offset == bindparam("before"))
        .values(place=new, place_offset=bindparam("after"))
    )
    with engine.connect() as connection:
        is_sqlite = engine.dialect.name == "sqlite"
        if is_sqlite:
            connection.exec_driver_sql("PRAGMA synchronous=FULL")
            connection.commit()
        try:
            with connection.begin():
                if places:
                    rows = [{"before": before, "after": after} for before, after in places.items()]
                    connection.execute(change, rows)
                connection.execute(delete(POSITIONS).where(POSITIONS.c.segment.in_([old, new])))
                connection.execute(insert(POSITIONS).values(segment=new, position=size))
        finally:
            if is_sqlite:
                connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
                connection.commit()


def _remove(store: LocalStore, name: str) -> None:
    folder = store.folder / SEGMENTS
    store.disk.remove(folder / name)
    store.disk.sync_folder(folder)
    store.forget(name)


def _noted(store: LocalStore) -> set[str]:
    path: Path = store.folder / _TODO
    return set(json.loads(path.read_text())) if path.exists() else set()


def _turn(name: str) -> int:
    found = _NAME.fullmatch(name)
    return int(found["turn"] or 0) if found else 0


def _sum(one: Collected, other: Collected) -> Collected:
    return Collected(
        one.size + other.size,
        one.segments + other.segments,
        one.files + other.files,
        one.findings + other.findings,
    )

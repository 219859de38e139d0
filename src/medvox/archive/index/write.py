"""Write: puts records of the journal into the index, each once, in the order of the journal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, insert, select, update

from medvox.archive.index.changes import apply_change
from medvox.archive.index.tables import INSTANCES, POSITIONS, SERIES, STUDIES
from medvox.archive.model import Outcome
from medvox.archive.store.records import Kind

_AT_ONCE: Final = 500
"""UIDs in one statement."""
_LONGEST_TEXT: Final = 256
"""Letters of a text that can be matched: what an entry of an index holds in PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Written:
    """A record of the journal, as the index takes it.

    Parameters
    ----------
    kind, entry
        As in the record.
    segment, offset, end
        Its place.
    data_offset, data_length
        Place of its data in the segment.
    """

    kind: Kind
    entry: Mapping[str, Any]
    segment: str
    offset: int
    end: int
    data_offset: int
    data_length: int


def positions(connection: Connection) -> dict[str, int]:
    """Return up to which byte each segment is in the index."""
    found = connection.execute(select(POSITIONS.c.segment, POSITIONS.c.position))
    return {row.segment: row.position for row in found}


def set_position(connection: Connection, segment: str, position: int) -> None:
    """Note up to which byte a segment is in the index."""
    connection.execute(delete(POSITIONS).where(POSITIONS.c.segment == segment))
    connection.execute(insert(POSITIONS).values(segment=segment, position=position))


def clear(connection: Connection) -> None:
    """Take everything out of the index."""
    for table in (INSTANCES, SERIES, STUDIES, POSITIONS):
        connection.execute(delete(table))


def apply(connection: Connection, written: Sequence[Written]) -> None:
    """Put records into the index; those that it has already are left out.

    Parameters
    ----------
    connection
        In a transaction, which holds the rows and the positions together.
    written
        In the order of the journal.
    """
    done = positions(connection)
    new = [one for one in written if one.end > done.get(one.segment, 0)]
    add(connection, new)
    for segment, end in {one.segment: one.end for one in new}.items():
        set_position(connection, segment, end)


def add(connection: Connection, written: Sequence[Written]) -> None:
    """Put records into the index, in their order; instances that are there already are left out."""
    run: list[Written] = []
    for one in written:
        if one.kind is Kind.CHANGE:
            _Batch(connection, run).write()
            run = []
            apply_change(connection, one.entry)
        else:
            run.append(one)
    _Batch(connection, run).write()


def outcomes(connection: Connection, written: Sequence[Written]) -> list[Outcome]:
    """Tell what would become of instances, were they added now in this order."""
    versions = _Batch(connection, written).versions()
    found = []
    for one in written:
        live = versions.setdefault(one.entry["sop_uid"], [])
        digests = {digest for digest, is_live in live if is_live}
        if one.entry["digest"] in digests:
            found.append(Outcome.SAME)
            continue
        live.append((one.entry["digest"], True))
        found.append(Outcome.VERSION if digests else Outcome.STORED)
    return found


def outcome(connection: Connection, sop_uid: str, digest: str) -> Outcome:
    """Tell what would become of an instance, were it added now."""
    query = select(INSTANCES.c.digest).where(INSTANCES.c.sop_uid == sop_uid, INSTANCES.c.deleted == 0)
    digests = set(connection.scalars(query))
    if digest in digests:
        return Outcome.SAME
    return Outcome.VERSION if digests else Outcome.STORED


def _in_parts(values: Iterable[Any]) -> Iterable[list[Any]]:
    every = list(values)
    return (every[at : at + _AT_ONCE] for at in range(0, len(every), _AT_ONCE))


class _Batch:
    """Instances that are written together."""

    def __init__(self, connection: Connection, written: Sequence[Written]) -> None:
        self._connection, self._written = connection, written

    def write(self) -> None:
        """Write rows of studies, series and instances; newer versions replace what queries see."""
        if not self._written:
            return
        known = self.versions()
        fresh: list[tuple[Written, int]] = []
        for one in self._written:
            versions = known.setdefault(one.entry["sop_uid"], [])
            if all(digest != one.entry["digest"] for digest, is_live in versions if is_live):
                versions.append((one.entry["digest"], True))
                fresh.append((one, len(versions)))
        studies = self._studies(fresh)
        series = self._series(fresh, studies)
        newest = {one.entry["sop_uid"]: version for one, version in fresh}
        replaced = [uid for uid, version in newest.items() if version > 1]
        for uids in _in_parts(replaced):
            self._connection.execute(
                update(INSTANCES).where(INSTANCES.c.sop_uid.in_(uids)).values(is_current=False)
            )
        rows = [
            _instance(one, version)
            | {
                "series": series[one.entry["study_uid"], one.entry["series_uid"]],
                "is_current": version == newest[one.entry["sop_uid"]],
            }
            for one, version in fresh
        ]
        if rows:
            self._connection.execute(insert(INSTANCES), rows)

    def versions(self) -> dict[str, list[tuple[str, bool]]]:
        """Digests of all versions by SOP Instance UID, and whether they are not deleted."""
        known: dict[str, list[tuple[str, bool]]] = {}
        columns = INSTANCES.c.sop_uid, INSTANCES.c.digest, INSTANCES.c.deleted
        for uids in _in_parts({one.entry["sop_uid"] for one in self._written}):
            query = select(*columns).where(INSTANCES.c.sop_uid.in_(uids)).order_by(INSTANCES.c.version)
            for uid, digest, deleted in self._connection.execute(query):
                known.setdefault(uid, []).append((digest, not deleted))
        return known

    def _studies(self, fresh: Sequence[tuple[Written, int]]) -> dict[str, int]:
        wanted: dict[str, dict[str, Any]] = {}
        changed: dict[str, dict[str, Any]] = {}
        for one, version in fresh:
            uid = one.entry["study_uid"]
            if uid in wanted and version == 1:
                continue
            wanted[uid] = _values(one.entry["study"]) | {"study_uid": uid, "changed": one.entry["received"]}
            if version > 1:
                changed[uid] = wanted[uid]
        ids = self._ids(STUDIES, STUDIES.c.study_uid, wanted)
        self._write(STUDIES, wanted, changed, ids)
        return self._ids(STUDIES, STUDIES.c.study_uid, wanted) if len(ids) < len(wanted) else ids

    def _series(
        self, fresh: Sequence[tuple[Written, int]], studies: Mapping[str, int]
    ) -> dict[tuple[str, str], int]:
        wanted: dict[tuple[int, str], dict[str, Any]] = {}
        changed: dict[tuple[int, str], dict[str, Any]] = {}
        names: dict[tuple[str, str], tuple[int, str]] = {}
        for one, version in fresh:
            study, uid = studies[one.entry["study_uid"]], one.entry["series_uid"]
            names[one.entry["study_uid"], uid] = key = (study, uid)
            if key in wanted and version == 1:
                continue
            wanted[key] = _values(one.entry["series"]) | {
                "study": study,
                "series_uid": uid,
                "changed": one.entry["received"],
            }
            if version > 1:
                changed[key] = wanted[key]
        ids = self._series_ids(wanted)
        self._write(SERIES, wanted, changed, ids)
        if len(ids) < len(wanted):
            ids = self._series_ids(wanted)
        return {name: ids[key] for name, key in names.items()}

    def _write(
        self,
        table: Table,
        wanted: Mapping[Any, dict[str, Any]],
        changed: Mapping[Any, dict[str, Any]],
        ids: Mapping[Any, int],
    ) -> None:
        """Insert rows that are not there; what a new version says replaces what older ones said."""
        new = [row for key, row in wanted.items() if key not in ids]
        if new:
            self._connection.execute(insert(table), new)
        for key, row in changed.items():
            if key in ids:
                self._connection.execute(update(table).where(table.c.id == ids[key]).values(**row))

    def _ids(self, table: Table, column: Any, wanted: Iterable[str]) -> dict[str, int]:
        ids: dict[str, int] = {}
        for uids in _in_parts(wanted):
            query = select(column, table.c.id).where(column.in_(uids))
            ids.update((uid, number) for uid, number in self._connection.execute(query))
        return ids

    def _series_ids(self, wanted: Iterable[tuple[int, str]]) -> dict[tuple[int, str], int]:
        """Numbers of series; one with the same UID in another study is none of those wanted."""
        ids: dict[tuple[int, str], int] = {}
        columns = SERIES.c.study, SERIES.c.series_uid, SERIES.c.id
        for keys in _in_parts(wanted):
            query = select(*columns).where(SERIES.c.series_uid.in_([uid for _, uid in keys]))
            found = {(study, uid): number for study, uid, number in self._connection.execute(query)}
            ids.update({key: found[key] for key in keys if key in found})
        return ids


def _values(part: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of a study or series; of a text longer than PS3.5 allows, the beginning is matched."""
    attributes = json.dumps(part["attributes"], separators=(",", ":"), ensure_ascii=False)
    columns = {name: _text(value) if isinstance(value, str) else value for name, value in part.items()}
    return columns | {"attributes": attributes}


def _text(value: str) -> str:
    return value[:_LONGEST_TEXT].replace("\0", "")


def _instance(one: Written, version: int) -> dict[str, Any]:
    entry = one.entry
    place = entry.get("place")
    return {
        "sop_uid": entry["sop_uid"],
        "sop_class": entry["sop_class"],
        "version": version,
        "number": entry["number"],
        "transfer_syntax": entry["transfer_syntax"],
        "frames": entry["frames"],
        "size": entry["size"] if place else one.data_length,
        "digest": entry["digest"],
        "place": place or one.segment,
        "place_offset": 0 if place else one.data_offset,
        "data_set_offset": entry["data_set_offset"],
        "received": entry["received"],
        "origin": entry["origin"],
        "attributes": json.dumps(entry["attributes"], separators=(",", ":"), ensure_ascii=False),
    }

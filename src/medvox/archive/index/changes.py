"""Changes: what records of kind `CHANGE` do in the index, so that it can be rebuilt from the journal.

An instance is live where `deleted` is 0. Above 0 it is in the bin since that time, from which it can be
restored; below 0 the version was withdrawn, since another took its place or an edit was undone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection, Select, Table, delete, func, or_, select, update

from medvox.archive.index.tables import INSTANCES, SERIES, STUDIES

DELETE: Final = "delete"
RESTORE: Final = "restore"
WITHDRAW: Final = "withdraw"
PURGE: Final = "purge"
PROTECT: Final = "protect"
_AT_ONCE: Final = 500
_LONGEST_TEXT: Final = 256


def apply_change(connection: Connection, entry: Mapping[str, Any]) -> None:
    """Do what a record of kind `CHANGE` says.

    Parameters
    ----------
    connection
        In a transaction.
    entry
        ``change`` and ``time`` (ns since 1970), and what the change needs: ``study_uid``, of withdrawn
        ``versions`` the UIDs and digests, and what ``studies`` and ``series`` are now.
    """
    _CHANGES[entry["change"]](connection, entry)


def _delete(connection: Connection, entry: Mapping[str, Any]) -> None:
    """Put the instances that a study has now into the bin, with their older versions wherever they are."""
    uids = _uids_of(entry["study_uid"]).where(INSTANCES.c.is_current)
    connection.execute(
        update(INSTANCES)
        .where(INSTANCES.c.deleted == 0, INSTANCES.c.sop_uid.in_(uids))
        .values(deleted=entry["time"], is_current=False)
    )


def _restore(connection: Connection, entry: Mapping[str, Any]) -> None:
    """Take the instances of a study out of the bin."""
    uids = list(connection.scalars(_uids_of(entry["study_uid"]).where(INSTANCES.c.deleted > 0).distinct()))
    for some in _in_parts(uids):
        connection.execute(
            update(INSTANCES).where(INSTANCES.c.sop_uid.in_(some), INSTANCES.c.deleted > 0).values(deleted=0)
        )
    _settle(connection, uids)


def _withdraw(connection: Connection, entry: Mapping[str, Any]) -> None:
    """Take versions out of what is served; the newest of the others is served again."""
    for uid, digest in entry["versions"]:
        connection.execute(
            update(INSTANCES)
            .where(INSTANCES.c.sop_uid == uid, INSTANCES.c.digest == digest, INSTANCES.c.deleted == 0)
            .values(deleted=-entry["time"])
        )
    _settle(connection, [uid for uid, _ in entry["versions"]])
    for study in entry.get("studies", ()):
        of_study = STUDIES.c.study_uid == study["study_uid"]
        connection.execute(update(STUDIES).where(of_study).values(**_columns(STUDIES, study)))
    for series in entry.get("series", ()):
        study_id = select(STUDIES.c.id).where(STUDIES.c.study_uid == series["study_uid"]).scalar_subquery()
        is_one = (SERIES.c.study == study_id) & (SERIES.c.series_uid == series["series_uid"])
        connection.execute(update(SERIES).where(is_one).values(**_columns(SERIES, series)))


def _purge(connection: Connection, entry: Mapping[str, Any]) -> None:
    """Forget what came into the bin, or was withdrawn, up to a time; of one study or of all."""
    i, before = INSTANCES.c, entry["before"]
    is_dead = or_(i.deleted.between(1, before), i.deleted.between(-before, -1))
    if entry["study_uid"]:
        is_dead &= i.series.in_(_series_of(entry["study_uid"]))
    uids = list(connection.scalars(select(i.sop_uid).where(is_dead).distinct()))
    connection.execute(delete(INSTANCES).where(is_dead))
    _number(connection, uids)
    connection.execute(delete(SERIES).where(SERIES.c.id.not_in(select(i.series))))
    connection.execute(delete(STUDIES).where(STUDIES.c.id.not_in(select(SERIES.c.study))))


def _protect(connection: Connection, entry: Mapping[str, Any]) -> None:
    of_study = STUDIES.c.study_uid == entry["study_uid"]
    connection.execute(update(STUDIES).where(of_study).values(is_protected=entry["is_protected"]))


_CHANGES: Final = {
    DELETE: _delete,
    RESTORE: _restore,
    WITHDRAW: _withdraw,
    PURGE: _purge,
    PROTECT: _protect,
}


def _series_of(study_uid: str) -> Select[Any]:
    return (
        select(SERIES.c.id)
        .join(STUDIES, STUDIES.c.id == SERIES.c.study)
        .where(STUDIES.c.study_uid == study_uid)
    )


def _uids_of(study_uid: str) -> Select[Any]:
    return select(INSTANCES.c.sop_uid).where(INSTANCES.c.series.in_(_series_of(study_uid)))


def _in_parts(values: Iterable[str]) -> Iterable[list[str]]:
    every = list(dict.fromkeys(values))
    return (every[at : at + _AT_ONCE] for at in range(0, len(every), _AT_ONCE))


def _settle(connection: Connection, uids: Iterable[str]) -> None:
    """Let the newest live version of each instance be the one that is served."""
    other = INSTANCES.alias()
    newest = (
        select(func.max(other.c.version))
        .where(other.c.sop_uid == INSTANCES.c.sop_uid, other.c.deleted == 0)
        .scalar_subquery()
    )
    for some in _in_parts(uids):
        connection.execute(
            update(INSTANCES)
            .where(INSTANCES.c.sop_uid.in_(some))
            .values(is_current=func.coalesce(INSTANCES.c.version == newest, False))
        )


def _number(connection: Connection, uids: Iterable[str]) -> None:
    """Number the versions that are left from 1 on, as they would be if the others had never been there."""
    i = INSTANCES.c
    for some in _in_parts(uids):
        query = select(i.sop_uid, i.id, i.version).where(i.sop_uid.in_(some)).order_by(i.sop_uid, i.version)
        for _, versions in groupby(connection.execute(query).all(), lambda row: row.sop_uid):
            for number, row in enumerate(versions, start=1):
                if row.version != number:
                    connection.execute(update(INSTANCES).where(i.id == row.id).values(version=number))


def _columns(table: Table, part: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of a study or series, as an instance told them."""
    columns = {
        name: value[:_LONGEST_TEXT].replace("\0", "") if isinstance(value, str) else value
        for name, value in part.items()
        if name in table.c and name not in ("study_uid", "series_uid", "study", "id")
    }
    attributes = json.dumps(part["attributes"], separators=(",", ":"), ensure_ascii=False)
    return columns | {"attributes": attributes}

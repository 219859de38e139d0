"""Bin: what was deleted or withdrawn, and its end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, func, select

from medvox.archive.archive import Archive
from medvox.archive.audit import Event
from medvox.archive.collecting import Collected
from medvox.archive.index.changes import PURGE
from medvox.archive.index.tables import INSTANCES, SERIES, STUDIES
from medvox.core.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class Binned:
    """Versions of a study that are not served and can be removed for good.

    Parameters
    ----------
    study_uid
        Of the study.
    deleted
        Instances in the bin.
    withdrawn
        Versions that another took the place of, or whose edit was undone.
    size
        Bytes of both.
    since
        When the last of them came here, nanoseconds since 1970.
    """

    study_uid: str
    deleted: int
    withdrawn: int
    size: int
    since: int


@dataclass(frozen=True, slots=True)
class Emptied:
    """What was, or would be, removed.

    Parameters
    ----------
    studies
        Of which something is.
    collected
        What was taken out of the store; nothing after a trial.
    """

    studies: tuple[Binned, ...]
    collected: Collected = field(default_factory=Collected)

    @property
    def instances(self) -> int:
        """How many versions of instances."""
        return sum(study.deleted + study.withdrawn for study in self.studies)


def bin_contents(archive: Archive, study_uid: str = "", before: int | None = None) -> tuple[Binned, ...]:
    """Return what is in the bin.

    Parameters
    ----------
    archive
        Whose.
    study_uid
        Of one study; empty for all.
    before
        What came into it later is left out; nanoseconds since 1970.
    """
    before = time.time_ns() if before is None else before
    with archive.index() as connection:
        return _contents(connection, study_uid, before)


def empty_bin(
    archive: Archive,
    *,
    who: str,
    reason: str,
    study_uid: str = "",
    older_s: float = 0.0,
    is_trial: bool = False,
    progress: Progress = silent,
) -> Emptied:
    """Remove what is in the bin for good: rows of the index and bytes of the store.

    Parameters
    ----------
    archive
        Whose bin.
    who, reason
        For the audit.
    study_uid
        Of one study; empty for all.
    older_s
        What is shorter in the bin stays, seconds.
    is_trial
        Only tell what would be removed.
    progress
        Receives segments done.

    Raises
    ------
    StorageFullError
        If the change cannot be kept; nothing is removed then.
    WriteError
        If bytes cannot be taken out. They are not found any more; the next time takes them out.
    """
    before = time.time_ns() - int(older_s * 1e9)
    studies = bin_contents(archive, study_uid, before)
    found = Emptied(studies)
    if is_trial:
        return found
    if studies:
        with archive.index() as connection:
            places = _places(connection, study_uid, before)
        archive.collect_later(places)
        entry = {"change": PURGE, "study_uid": study_uid, "before": before}
        archive.change(entry, lambda connection: len(_contents(connection, study_uid, before)))
        events = [Event(who, "purge", study.study_uid, detail=reason) for study in studies]
        archive.audit.append(*events)
    return replace(found, collected=archive.collect(progress))


def _contents(connection: Connection, study_uid: str, before: int) -> tuple[Binned, ...]:
    i = INSTANCES.c
    statement = (
        select(
            STUDIES.c.study_uid,
            func.count().filter(i.deleted > 0),
            func.count().filter(i.deleted < 0),
            func.sum(i.size),
            func.max(func.abs(i.deleted)),
        )
        .select_from(INSTANCES.join(SERIES, SERIES.c.id == i.series).join(STUDIES))
        .where(i.deleted != 0, func.abs(i.deleted) <= before)
        .group_by(STUDIES.c.study_uid)
    )
    if study_uid:
        statement = statement.where(STUDIES.c.study_uid == study_uid)
    return tuple(Binned(uid, *map(int, counts)) for uid, *counts in connection.execute(statement))


def _places(connection: Connection, study_uid: str, before: int) -> set[str]:
    """Segments and linked files of what is removed."""
    i = INSTANCES.c
    statement = (
        select(i.place)
        .select_from(INSTANCES.join(SERIES, SERIES.c.id == i.series).join(STUDIES))
        .where(i.deleted != 0, func.abs(i.deleted) <= before)
        .distinct()
    )
    if study_uid:
        statement = statement.where(STUDIES.c.study_uid == study_uid)
    return set(connection.scalars(statement))

"""Feed: makes jobs of what an archive has received, without delaying who sends.

It follows the index, not the receiver: nothing is written when an instance comes, and after a loss of power
or a kill the feed goes on where its last transaction has left it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Connection, MetaData, String, Table, delete, insert, select, update

from medvox.archive.archive import Archive
from medvox.archive.arrivals import (
    Arrival,
    Place,
    arrivals_after,
    arrivals_of,
    last_place,
    settled_place,
)
from medvox.archive.state.database import StateDatabase
from medvox.jobs.hooks import Hooks
from medvox.jobs.queue import JobQueue
from medvox.jobs.routing import ForwardingRule, routed

METADATA: Final = MetaData()
PLACES: Final = Table(
    "feed_places",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
)
GROWING: Final = Table(
    "growing_studies",
    METADATA,
    Column("study_uid", String(64), primary_key=True),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
)
"""Studies of which something came, until nothing more does; times in ns since 1970."""
RECEIVE: Final = "on_receive"
STABLE: Final = "on_stable_study"
FORWARD: Final = "forward"
_NAME: Final = "jobs"
_MOST_FORWARDED: Final = 500
"""Instances in one job of forwarding."""


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """What becomes of what is received.

    Parameters
    ----------
    rules
        Of forwarding.
    stable_s
        Seconds after which a study of which nothing came is stable.
    """

    rules: Sequence[ForwardingRule] = ()
    stable_s: float = 60.0


class Feed:
    """Follows an archive; one process of those that share an archive does.

    Parameters
    ----------
    archive
        That receives.
    state
        Database of the queue.
    queue
        Where the jobs go.
    hooks
        For which jobs are made.
    settings
        Rules, and when a study is stable.
    clock
        Nanoseconds since 1970.
    """

    def __init__(
        self,
        archive: Archive,
        state: StateDatabase,
        queue: JobQueue,
        hooks: Hooks,
        settings: FeedSettings,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._archive, self._state, self._queue = archive, state, queue
        self._hooks, self._settings, self._clock = hooks, settings, clock
        state.prepare(METADATA)
        with state.reading() as connection:
            row = connection.execute(select(PLACES).where(PLACES.c.name == _NAME)).first()
        if row is None:  # what was there before is no news
            with archive.index() as index:
                place = last_place(index)
            with state.changing() as connection:
                values = {"name": _NAME, "number": place.number, "received": place.received}
                connection.execute(insert(PLACES).values(**values))
        else:
            place = Place(row.number, row.received)
        self._place = place

    def poll(self) -> int:
        """Make jobs of what came since the last time, and of studies that are stable; return how many."""
        made = 0
        while True:
            with self._archive.index() as index:
                place = settled_place(index, self._place)
                arrivals = arrivals_after(index, place)
            if not arrivals:
                break
            self._place, added = self._take(arrivals)
            made += added
        return made + self._end_stable()

    def _take(self, arrivals: Sequence[Arrival]) -> tuple[Place, int]:
        """Note arrivals, all or none."""
        last = arrivals[-1]
        news = [arrival for arrival in arrivals if not arrival.is_internal]
        made = 0
        with self._state.changing() as connection:
            for study_uid, span in _spans(news).items():
                _grow(connection, study_uid, span)
            for arrival in news:
                for hook in self._hooks.on_receive:
                    payload = {"hook": hook, "sop_uid": arrival.sop_uid, "digest": arrival.digest}
                    key = f"{RECEIVE} {hook} {arrival.sop_uid} {arrival.digest}"
                    made += self._queue.add_within(connection, RECEIVE, payload, key=key)
            values = {"number": last.number, "received": last.received}
            connection.execute(update(PLACES).where(PLACES.c.name == _NAME).values(**values))
        return Place(last.number, last.received), made

    def _end_stable(self) -> int:
        before = self._clock() - int(self._settings.stable_s * 1e9)
        with self._state.reading() as connection:
            stable = connection.execute(select(GROWING).where(GROWING.c.last <= before)).all()
        return sum(self._end(row.study_uid, (row.first, row.last)) for row in stable)

    def _end(self, study_uid: str, span: tuple[int, int]) -> int:
        """Make the jobs of a study that is stable."""
        jobs: list[tuple[str, dict[str, Any], str]] = [
            (STABLE, {"hook": hook, "study_uid": study_uid}, f"{STABLE} {hook} {study_uid} {span[1]}")
            for hook in self._hooks.on_stable_study
        ]
        with self._archive.index() as index:
            came = [one for one in arrivals_of(index, study_uid, span) if not one.is_internal]
        for rule, arrivals in routed(self._settings.rules, came).items():
            for at in range(0, len(arrivals), _MOST_FORWARDED):
                versions = [(one.sop_uid, one.digest) for one in arrivals[at : at + _MOST_FORWARDED]]
                payload = {"rule": rule.name, "to": rule.to, "study_uid": study_uid, "versions": versions}
                jobs.append((FORWARD, payload, f"{FORWARD} {rule.name} {study_uid} {span[1]} {at}"))
        with self._state.changing() as connection:
            for kind, payload, key in jobs:
                self._queue.add_within(connection, kind, payload, key=key)
            grew_not = (GROWING.c.study_uid == study_uid) & (GROWING.c.last == span[1])
            connection.execute(delete(GROWING).where(grew_not))
        return len(jobs)


def _spans(arrivals: Sequence[Arrival]) -> dict[str, tuple[int, int]]:
    """First and last time of what came, by study."""
    found: dict[str, tuple[int, int]] = {}
    for one in arrivals:
        first, last = found.get(one.study_uid, (one.received, one.received))
        found[one.study_uid] = min(first, one.received), max(last, one.received)
    return found


def _grow(connection: Connection, study_uid: str, span: tuple[int, int]) -> None:
    row = connection.execute(select(GROWING).where(GROWING.c.study_uid == study_uid)).first()
    if row is None:
        connection.execute(insert(GROWING).values(study_uid=study_uid, first=span[0], last=span[1]))
    else:
        values = {"first": min(row.first, span[0]), "last": max(row.last, span[1])}
        connection.execute(update(GROWING).where(GROWING.c.study_uid == study_uid).values(**values))

"""Kill -9 of a server under four senders: what it acknowledged is there, whole, and found."""

from __future__ import annotations

import itertools
import random
import re
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from faults.running import Maker, Running, Sendable, found, storing
from medvox.archive.archive import Archive
from medvox.archive.model import ArchiveSettings
from medvox.core.errors import NetworkError

SENDERS = 4
LONGEST_S = 0.6
"""Moments are chosen up to so long after the senders have begun."""
BLOCK = 10
"""Moments over one store."""
SEGMENT_BYTES = 400_000
"""Small, so that new segments are begun at many of the moments."""
KNOWN = re.compile(
    r"lock|segments/\d{8}[0-9a-f]+-\d+\.seg|(index|audit|state)\.sqlite(-wal|-shm)?|medvox\.toml"
)
"""All files that a store may show."""


@dataclass(slots=True)
class Tally:
    """What was tried and what was lost.

    Parameters
    ----------
    moments
        Times the server was killed.
    sent, acknowledged
        Instances that were sent; those that were answered with Success before the server died.
    faults
        What is wrong, in words; each is a loss.
    """

    moments: int = 0
    sent: int = 0
    acknowledged: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Moment:
    """What was sent to one run of the server."""

    study: str
    sent: dict[str, Sendable] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)


def campaign(moments: int, seed: int, until: float = float("inf")) -> Tally:
    """Kill a server many times.

    Parameters
    ----------
    moments
        How many times at most.
    seed
        Of the random moments.
    until
        `time.monotonic` at which no more block of moments is begun.
    """
    tally, rng, numbers = Tally(), random.Random(seed), itertools.count(1)
    while tally.moments < moments and time.monotonic() < until:
        store = Path(tempfile.mkdtemp(prefix="medvox-killed-"))
        try:
            _block(store, min(BLOCK, moments - tally.moments), rng, tally, numbers)
        finally:
            shutil.rmtree(store, ignore_errors=True)
    return tally


def _block(store: Path, count: int, rng: random.Random, tally: Tally, numbers: itertools.count[int]) -> None:
    """Kill the server over one store; every run finds what the one before acknowledged.

    Half of the blocks are `medvox serve` as it is, half have small segments.
    """
    done: list[_Moment] = []
    options = rng.choice(((), ("--segment-bytes", SEGMENT_BYTES)))
    for _ in range(count):
        node = Running(store, *options)
        try:
            if done:
                _compare(done[-1], found(node, done[-1].study), tally)
            moment = _Moment(f"1.2.826.0.1.3680043.10.54321.5.{next(numbers)}")
            _killed_under_load(node, moment, rng.uniform(0, LONGEST_S))
        finally:
            said = node.kill()
        if "Traceback" in said:
            tally.faults.append(f"the server failed: {said[-500:]}")
        done.append(moment)
        tally.moments += 1
        tally.sent += len(moment.sent)
        tally.acknowledged += len(moment.acknowledged)
    _examine(store, done, tally)


def _killed_under_load(node: Running, moment: _Moment, delay_s: float) -> None:
    begun = threading.Barrier(SENDERS + 1)

    def send(series: int) -> None:
        maker = Maker(moment.study)
        first = maker.make(series, 0)
        begun.wait()
        try:
            with storing(node) as client:
                for number in range(1, 100_000):
                    one = first if number == 1 else maker.make(series, number)
                    moment.sent[one.sop_instance_uid] = one
                    if client.store(one) == 0:
                        moment.acknowledged.add(one.sop_instance_uid)
        except NetworkError:
            return  # the server has died

    threads = [threading.Thread(target=send, args=(n,)) for n in range(1, SENDERS + 1)]
    for thread in threads:
        thread.start()
    begun.wait()
    time.sleep(delay_s)
    node.process.kill()
    for thread in threads:
        thread.join()


def _compare(moment: _Moment, uids: set[str], tally: Tally) -> None:
    """What a query finds: all that was acknowledged, nothing that was not sent."""
    if lost := moment.acknowledged - uids:
        tally.faults.append(f"{len(lost)} acknowledged instances are not found, e.g. {min(lost)}")
    if strange := uids - set(moment.sent):
        tally.faults.append(f"{len(strange)} instances are found that nobody sent, e.g. {min(strange)}")


def _examine(store: Path, done: list[_Moment], tally: Tally) -> None:
    """Read everything again, and look at every file of the store."""
    with Archive.open(ArchiveSettings(store)) as archive:
        wrong = [finding for finding in archive.findings if finding.code != "torn-record"]
        tally.faults += [f"{finding.code}: {finding.text}" for finding in (*wrong, *archive.verify())]
        for moment in done:
            rows = {row.sop_uid: row for row in archive.instances(moment.study)}
            _compare(moment, set(rows), tally)
            tally.faults += [
                f"{uid} has another content"
                for uid, row in rows.items()
                if uid in moment.sent and row.digest != moment.sent[uid].digest
            ]
        names = [path.relative_to(store).as_posix() for path in store.rglob("*") if path.is_file()]
    tally.faults += [
        f"a file is visible that is none of the store: {n}" for n in names if not KNOWN.fullmatch(n)
    ]

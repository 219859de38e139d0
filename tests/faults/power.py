"""Loss of power: every prefix of what the disk was asked for, with what was not synced dropped, torn or
reordered, and names that were not synced missing; recovery finds every acknowledged instance."""

from __future__ import annotations

import hashlib
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from archive_data import EXPLICIT
from faults.running import Maker, Sendable
from medvox.archive.archive import Archive
from medvox.archive.model import ArchiveSettings
from medvox.archive.store.local import SEGMENTS
from medvox.archive.store.records import Kind, Record, walk
from medvox.testing.disk import RecordingDisk

OPENED = 40
"""One replay in so many is opened as an archive; the others are read as segments."""
THREADS, EACH = 3, 8
FATES = 4
"""Replays of each prefix."""


@dataclass(slots=True)
class Tally:
    """What was tried and what was lost.

    Parameters
    ----------
    replays, opened
        States of the disk that were read; those among them that an archive was opened on.
    acknowledged
        Promises in all recordings.
    faults
        What is wrong, in words.
    """

    replays: int = 0
    opened: int = 0
    acknowledged: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Recording:
    """What a disk was asked for while several threads stored.

    Parameters
    ----------
    disk
        The operations.
    sent
        Instances by SOP Instance UID.
    promised
        Operations done at the moment of each promise, and the UID.
    """

    disk: RecordingDisk
    sent: Mapping[str, Sendable]
    promised: list[tuple[int, str]]


def campaign(recordings: int, seed: int, until: float = float("inf")) -> Tally:
    """Record and replay.

    Parameters
    ----------
    recordings
        How many at most; each prefix of each is replayed `FATES` times.
    seed
        Of the fates.
    until
        `time.monotonic` at which nothing more is recorded.
    """
    tally = Tally()
    for number in range(recordings):
        if tally.replays and time.monotonic() > until:
            break
        rng = random.Random(f"{seed}.{number}")
        recording = recorded(rng, number)
        tally.acknowledged += len(recording.promised)
        for count in range(len(recording.disk.operations) + 1):
            for _ in range(FATES):
                replay(recording, count, rng, tally)
    return tally


def recorded(rng: random.Random, number: int) -> Recording:
    """Store from several threads at once onto a disk that remembers."""
    disk = RecordingDisk(sync_s=rng.choice((0.0, 0.0005, 0.002)))
    folder = Path(tempfile.mkdtemp(prefix="medvox-power-"))
    maker = Maker(f"1.2.826.0.1.3680043.10.54321.4.{number}", side=rng.choice((8, 16, 48)))
    sent = [[maker.make(series, n) for n in range(EACH)] for series in range(1, THREADS + 1)]
    promised: list[tuple[int, str]] = []

    def store(archive: Archive, mine: list[Sendable]) -> None:
        for one in mine:
            archive.receive(one.data, transfer_syntax=EXPLICIT)
            promised.append((len(disk.operations), one.sop_instance_uid))

    try:
        settings = ArchiveSettings(folder, segment_bytes=rng.choice((4_000, 20_000, 1 << 30)))
        with Archive(settings, disk) as archive:
            threads = [threading.Thread(target=store, args=(archive, mine)) for mine in sent]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        shutil.rmtree(folder)
    return Recording(disk, {one.sop_instance_uid: one for mine in sent for one in mine}, promised)


def replay(recording: Recording, count: int, rng: random.Random, tally: Tally) -> None:
    """Let the power fail after `count` operations and see what is there."""
    left = recording.disk.left_after(count, rng)
    wanted = {uid for done, uid in recording.promised if done <= count}
    tally.replays += 1
    ways = [_in_segments(left)]
    if tally.replays % OPENED == 0:
        tally.opened += 1
        ways.append(_in_archive(left))
    for way in ways:
        if lost := wanted - set(way):
            tally.faults.append(f"after {count} operations {len(lost)} acknowledged instances are lost")
        for uid, digest in way.items():
            if uid not in recording.sent or digest != recording.sent[uid].digest:
                tally.faults.append(f"after {count} operations there is what nobody sent: {uid}")


def _in_segments(left: Mapping[Path, bytes]) -> dict[str, str]:
    """Digests of what is in the segments by SOP Instance UID, by reading the bytes."""
    found: dict[str, str] = {}
    for content in left.values():
        view = memoryview(content)
        for one in walk(view):
            if isinstance(one, Record) and one.kind is Kind.INSTANCE:
                start = one.data_offset + one.entry["data_set_offset"]
                data = view[start : one.data_offset + one.data_length]
                found[one.entry["sop_uid"]] = hashlib.sha256(data).hexdigest()
    return found


def _in_archive(left: Mapping[Path, bytes]) -> dict[str, str]:
    """The same by an archive that is opened on the segments."""
    folder = Path(tempfile.mkdtemp(prefix="medvox-power-"))
    try:
        (folder / SEGMENTS).mkdir()
        for path, content in left.items():
            (folder / SEGMENTS / path.name).write_bytes(content)
        with Archive.open(ArchiveSettings(folder, is_durable=False)) as archive:
            return {
                row.sop_uid: hashlib.sha256(archive.read_data_set(row)).hexdigest()
                for row in archive.instances()
            }
    finally:
        shutil.rmtree(folder)

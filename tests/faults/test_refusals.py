"""A full disk and a locked database: a clear refusal (A700H), nothing half written, recovery by itself."""

from __future__ import annotations

import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from archive_data import EXPLICIT
from faults.running import Maker, Running, as_root, found, sent
from medvox.archive.archive import Archive
from medvox.archive.model import ArchiveSettings, StorageFullError
from medvox.network.dimse.commands import Status

SIZE = 12 << 20
STUDY = "1.2.826.0.1.3680043.10.54321.3.1"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    if not as_root() or subprocess.run(words, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here: a full disk is tried on a recording disk alone")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.net
@pytest.mark.slow
def test_a_full_disk_refuses_and_takes_again_when_there_is_room(small: Path) -> None:
    maker = Maker(STUDY, side=256)
    many = [maker.make(1, number) for number in range(1, 101)]
    filler = small / "filler"
    filler.write_bytes(bytes(SIZE // 2))
    with Running(small / "store") as node:
        first = sent(node, many[:80])
        assert first[0] == 0
        assert first[-1] == Status.OUT_OF_RESOURCES
        assert set(first) == {0, Status.OUT_OF_RESOURCES}
        filler.unlink()
        second = sent(node, many[80:])
        assert set(second) == {0}
        kept = {
            one.sop_instance_uid for one, status in zip(many, (*first, *second), strict=True) if status == 0
        }
        assert found(node, STUDY) == kept
        node.kill()
    with Archive.open(ArchiveSettings(small / "store")) as archive:
        assert {row.sop_uid for row in archive.instances()} == kept
        assert archive.verify() == ()


def test_a_database_that_another_process_writes_delays_no_instance(tmp_path: Path) -> None:
    one, two = (Maker(STUDY).make(1, number) for number in (1, 2))
    with Archive.open(ArchiveSettings(tmp_path)) as archive:
        archive.receive(one.data, transfer_syntax=EXPLICIT)
        other = sqlite3.connect(tmp_path / "index.sqlite", isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        archive.receive(two.data, transfer_syntax=EXPLICIT)
        assert time.monotonic() - began < 2
        threading.Timer(0.5, other.rollback).start()
        assert {row.sop_uid for row in archive.instances()} == {one.sop_instance_uid, two.sop_instance_uid}
        other.close()


def test_a_database_that_does_not_answer_refuses_and_the_archive_recovers(tmp_path: Path) -> None:
    one, two, three = (Maker(STUDY).make(1, number) for number in (1, 2, 3))
    with Archive.open(ArchiveSettings(tmp_path)) as archive:
        archive.receive(one.data, transfer_syntax=EXPLICIT)
        archive.instances()
        other = sqlite3.connect(tmp_path / "index.sqlite", isolation_level=None)
        other.execute("ALTER TABLE instances RENAME TO away")
        with pytest.raises(StorageFullError, match="index"):
            archive.receive(two.data, transfer_syntax=EXPLICIT)
        other.execute("ALTER TABLE away RENAME TO instances")
        other.close()
        archive.receive(three.data, transfer_syntax=EXPLICIT)
        assert {row.sop_uid for row in archive.instances()} == {one.sop_instance_uid, three.sop_instance_uid}

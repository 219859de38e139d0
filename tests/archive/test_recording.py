"""Recorder: nothing is lost, nobody waits for reads, and knocking fills no disk."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from medvox.archive.audit import Audit, Event
from medvox.archive.recording import MOST_KINDS, Recorder


@pytest.fixture
def audit(tmp_path: Path):
    opened = Audit(tmp_path / "audit.sqlite")
    yield opened
    opened.close()


def test_reads_arrive_within_a_second_equal_ones_as_one(audit: Audit) -> None:
    with Recorder(audit) as recorder:
        for _ in range(300):
            recorder.soon(Event("ann", "retrieve", "1.2"))
        recorder.soon(Event("ann", "retrieve", "1.3"))
        assert audit.search() == []
        time.sleep(1.0)
        found = audit.search()
    assert sum(_count(one.event) for one in found if one.event.target == "1.2") == 300
    assert [one.event.detail for one in found if one.event.target == "1.3"] == [""]
    assert len(found) <= 3
    assert audit.verify() == len(found)


def test_changes_and_first_refusals_are_there_at_once(audit: Audit) -> None:
    with Recorder(audit) as recorder:
        recorder.now(Event("bob", "delete", "1.2"))
        recorder.refuse(Event("10.0.0.1", "query", outcome="refused"))
        assert [one.event.outcome for one in audit.search()] == ["refused", "success"]


def test_knocking_cannot_fill_the_audit(audit: Audit) -> None:
    with Recorder(audit) as recorder:
        for n in range(5000):
            recorder.refuse(Event(f"10.0.{n % 500}.1", "query", outcome="refused"))
        assert len(audit.search(limit=1000)) == MOST_KINDS
    rows = audit.search(limit=1000)
    assert len(rows) == 2 * MOST_KINDS + 1  # the first of each kind, how many more, and all others
    assert [one.event.detail for one in rows if one.event.who == "others"] == ["(4000 more)"]
    assert [one.event.detail for one in rows if one.event.who == "10.0.7.1"] == ["(9 more)", ""]


def test_what_the_disk_refuses_waits(audit: Audit, tmp_path: Path) -> None:
    with Recorder(audit) as recorder:
        with sqlite3.connect(tmp_path / "audit.sqlite") as other:
            other.execute("ALTER TABLE audit RENAME TO hidden")
            other.commit()
            recorder.soon(Event("ann", "retrieve", "1.2"))
            recorder.refuse(Event("10.0.0.1", "query", outcome="refused"))
            time.sleep(0.8)
            other.execute("ALTER TABLE hidden RENAME TO audit")
        other.close()
    assert {one.event.who for one in audit.search()} == {"ann", "10.0.0.1"}


def test_chores_are_done_now_and_then_and_at_the_end(audit: Audit) -> None:
    calls: list[float] = []
    with Recorder(audit, [lambda: calls.append(time.monotonic())]):
        time.sleep(0.8)
        before = len(calls)
    assert 1 <= before < len(calls)


def _count(event: Event) -> int:
    return int(event.detail.strip("()").split()[0]) if event.detail else 1

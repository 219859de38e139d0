"""The audit: events are found again, and whoever changes one is found out."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from medvox.archive.audit import Audit, Event
from medvox.core.errors import FormatError, UsageError


@pytest.fixture
def audit(tmp_path: Path):
    opened = Audit(tmp_path / "audit.sqlite")
    opened.append(*(Event(f"user{n % 2}", "read", f"1.2.{n}") for n in range(6)))
    opened.append(Event("admin", "delete", "1.2.3", "success", "wrong patient ✓"))
    yield opened
    opened.close()


def test_events_are_found_newest_first_and_by_page(audit: Audit) -> None:
    assert [one.event.target for one in audit.search(limit=3)] == ["1.2.3", "1.2.5", "1.2.4"]
    assert [one.number for one in audit.search(before=5, limit=2)] == [4, 3]
    assert [one.event.action for one in audit.search(target="1.2.3")] == ["delete", "read"]
    assert len(audit.search(who="user0")) == 3
    assert audit.search(since="9999") == []
    assert audit.verify(audit.head) == 7
    with pytest.raises(UsageError):
        audit.search(limit=0)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit SET who = 'nobody' WHERE id = 3",
        "UPDATE audit SET time = '2020' WHERE id = 7",
        "DELETE FROM audit WHERE id = 2",
        "UPDATE audit SET id = 8 WHERE id = 7",
        "INSERT INTO audit SELECT 8, time, who, action, target, outcome, detail, chain FROM audit LIMIT 1",
    ],
)
def test_a_change_is_found_out(audit: Audit, tmp_path: Path, change: str) -> None:
    with sqlite3.connect(tmp_path / "audit.sqlite") as connection:
        connection.execute(change)
    connection.close()
    with pytest.raises(FormatError, match="was changed"):
        audit.verify()


def test_a_cut_end_is_found_out_by_a_head_kept_elsewhere(audit: Audit, tmp_path: Path) -> None:
    head = audit.head
    with sqlite3.connect(tmp_path / "audit.sqlite") as connection:
        connection.execute("DELETE FROM audit WHERE id = 7")
    connection.close()
    assert audit.verify() == 6
    with pytest.raises(FormatError, match="taken from the end"):
        audit.verify(head)


def test_the_chain_goes_on_after_reopening_and_under_threads(audit: Audit, tmp_path: Path) -> None:
    threads = [
        threading.Thread(target=lambda: [audit.append(Event("t", "read")) for _ in range(10)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    again = Audit(tmp_path / "audit.sqlite")
    again.append(Event("later", "read"))
    assert again.verify(audit.head) == 48
    again.close()


APPEND = """
import sys
from pathlib import Path
from medvox.archive.audit import Audit, Event
audit = Audit(Path(sys.argv[1]))
for n in range(25):
    audit.append(Event(sys.argv[2], "read", f"1.{n}"))
audit.close()
"""


def test_several_processes_make_one_chain(audit: Audit, tmp_path: Path) -> None:
    path = str(tmp_path / "audit.sqlite")
    started = [subprocess.Popen([sys.executable, "-c", APPEND, path, f"p{n}"]) for n in range(3)]
    for n in range(25):
        audit.append(Event("here", "read", f"2.{n}"))
    assert [process.wait(60) for process in started] == [0, 0, 0]
    assert audit.verify(audit.head) == 7 + 4 * 25
    assert [len(audit.search(who=who)) for who in ("p0", "p1", "p2", "here")] == [25] * 4

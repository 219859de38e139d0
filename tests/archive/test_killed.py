"""A process that is killed while it receives loses nothing that it has acknowledged."""

import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from archive_data import bare, sent
from medvox.archive.archive import Archive
from medvox.archive.model import ArchiveSettings, Level, Query

SENDER = """
import sys, threading
from pathlib import Path
from archive_data import EXPLICIT, bare, sent
from medvox.archive.archive import Archive
from medvox.archive.model import ArchiveSettings

archive = Archive.open(ArchiveSettings(Path(sys.argv[1]), segment_bytes=60_000))
out = threading.Lock()

def send(thread):
    for number in range(100_000):
        data = sent(number, series=f"s{sys.argv[2]}.{thread}", size=16)
        archive.receive(bare(data), transfer_syntax=EXPLICIT)
        with out:
            print(thread, number, flush=True)

threads = [threading.Thread(target=send, args=(n,), daemon=True) for n in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def acknowledged(store: Path, turn: int, seconds: float) -> list[tuple[int, int, int]]:
    """Run a process that receives, kill it, and return what it has acknowledged."""
    process = subprocess.Popen(
        [sys.executable, "-c", SENDER, str(store), str(turn)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(process.stdout))
    reader.start()
    while not lines and process.poll() is None:
        time.sleep(0.005)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    reader.join()
    process.stdout.close()
    whole = [line.split() for line in lines if line.endswith("\n")]
    return [(turn, int(thread), int(number)) for thread, number in whole]


@pytest.mark.slow
def test_what_was_acknowledged_is_there_and_whole(tmp_path: Path) -> None:
    rng = random.Random(11)
    promised: set[tuple[int, int, int]] = set()
    for turn in range(10):
        promised |= set(acknowledged(tmp_path, turn, rng.uniform(0.0, 0.4)))
        with Archive.open(ArchiveSettings(tmp_path)) as archive:
            assert {f.code for f in archive.findings} <= {"torn-record"}
            rows = {row.sop_uid: row for row in archive.instances()}
            assert archive.verify() == ()
            (study,) = archive.find(Query(Level.STUDY)).rows
            assert study["00201208"]["Value"] == [len(rows)]
            for which, thread, number in promised:
                if which < turn and number % 10:
                    continue
                data = sent(number, series=f"s{which}.{thread}", size=16)
                assert archive.read_data_set(rows[str(data.SOPInstanceUID)]) == bare(data)
    assert len(promised) > 100

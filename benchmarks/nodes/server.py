"""Servers as processes: started, metered, ended by their own ids; how often they wait for the disk."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
NO_DELAY = {"TCP_NODELAY": "1"}
"""DCMTK and what is built on it read this name: segments go out at once."""
WAITS = "fsync,fdatasync,sync_file_range,msync,sync"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Parameters
    ----------
    name
        As it is printed, with a blank instead of the version.
    version
        What it says of itself.
    process
        Its process; those that it forks are counted too.
    port
        Of DICOM.
    ae_title
        To call it by.
    store
        Its folder.
    promise
        What survives a loss of power once an instance is acknowledged.
    kept
        Returns how many instances it has.
    web
        Where it answers HTTP, if that is needed.
    """

    name: str
    version: str
    process: subprocess.Popen[bytes]
    port: int
    ae_title: str
    store: Path
    promise: str
    kept: Callable[[], int]
    web: str = ""

    def cpu(self) -> float:
        """Seconds of CPU that the server has used, its children included."""
        return sum(_cpu(pid) for pid in family(self.process.pid))

    def peak_bytes(self) -> int:
        """Largest resident size of the process until now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        return int(found[1]) << 10 if found else 0

    def stop(self) -> None:
        """End it and remove its folder."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.store, ignore_errors=True)


def _cpu(pid: int) -> float:
    try:
        words = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()
        )
    except OSError:
        return 0.0
    return sum(map(int, words[11:15])) / TICKS  # utime stime cutime cstime


def family(pid: int) -> list[int]:
    """Return a process and those that it has forked."""
    found = [pid]
    for one in found:
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{one}/task/{one}/children").read_text(encoding="ascii")
            found += map(int, children.split())
    return found


def free_port() -> int:
    """Return a port of this machine that nobody uses."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def folder(name: str) -> Path:
    """Make a folder that goes when the benchmark ends."""
    made = Path(tempfile.mkdtemp(prefix=f"medvox-bench-{name}-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def started(words: Sequence[object], port: int, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a server and wait until it listens."""
    process = subprocess.Popen(
        list(map(str, words)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | (env or {}),
    )
    atexit.register(process.kill)
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return process
    process.kill()
    raise RuntimeError(f"{words[0]} does not listen on port {port}")


def waits_for_disk(server: Server, work: Callable[[], object]) -> dict[str, int] | None:
    """Count the waits for the disk that a server makes during some work; None where strace cannot.

    Returns
    -------
    waits
        By name of the system call.
    """
    if shutil.which("strace") is None:
        return None
    report = folder("strace") / "counts"
    pids = [word for pid in family(server.process.pid) for word in ("-p", str(pid))]
    words = ["strace", "-f", "-c", "-U", "calls,name", "-e", f"trace={WAITS}", "-o", str(report), *pids]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as tracing:
        assert tracing.stderr is not None
        if "attached" not in tracing.stderr.readline():
            return None
        work()
        time.sleep(0.2)
        tracing.send_signal(2)
        tracing.communicate(timeout=20)
    counts = re.findall(r"^\s*(\d+)\s+(\w+)$", report.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: int(count) for count, name in counts if name != "total"}

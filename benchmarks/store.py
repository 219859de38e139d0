"""C-STORE: 300 CT or MR instances from DCMTK's storescu to our node, Orthanc, dcmqrscp and pynetdicom.

All servers keep their files on the same disk; ours promises the most (instance, names and index entry
survive a loss of power), so a ratio is never at worse durability. Every run sends instances that no server
has seen: their UIDs carry a serial number that is written into the files before. CPU is that of the servers.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Case
from benchmarks.nodes.server import NO_DELAY, Server, waits_for_disk
from benchmarks.nodes.servers import available, dcmqrscp
from medvox.testing import dicom_builder

COUNT = 300
TRACED = 50
"""Instances that are sent while waits for the disk are counted."""
ROOT = "1.2.826.0.1.3680043.10.54321.9."
FIRST = 10_000_000
"""Serial numbers, in the place of each other, keep the length of the files."""
serials = count(FIRST + 1)


class Instances:
    """Files whose UIDs can be renewed in place; in memory where the system has such a folder.

    Parameters
    ----------
    modality
        ``"CT"`` or ``"MR"``.
    side
        Rows and columns.
    """

    def __init__(self, modality: str, side: int) -> None:
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        folder = Path(tempfile.mkdtemp(prefix="medvox-bench-store-", dir=memory))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        rng = np.random.default_rng(5)
        pixels = rng.integers(-1000, 2000, (COUNT, side, side)).astype(np.int16)
        made = dicom_builder.stack(pixels, modality=modality)
        for number, data in enumerate(made):
            data.StudyInstanceUID, data.SeriesInstanceUID = f"{ROOT}{FIRST}.1", f"{ROOT}{FIRST}.2"
            data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = f"{ROOT}{FIRST}.3.{number}"
            data.PatientID = f"BENCH{FIRST}"
        self.paths = dicom_builder.save(made, folder)
        self._places = [
            [found.start() for found in re.finditer(str(FIRST).encode(), path.read_bytes())]
            for path in self.paths
        ]

    def renew(self) -> None:
        """Make all of them instances that nobody has seen."""
        serial = str(next(serials)).encode()
        for path, places in zip(self.paths, self._places, strict=True):
            with path.open("r+b") as file:
                for place in places:
                    file.seek(place)
                    file.write(serial)


@cache
def instances(modality: str, side: int) -> Instances:
    return Instances(modality, side)


class Field:
    """The servers of one case; started with its first run, ended by the first of the next case.

    Parameters
    ----------
    files
        What is sent.
    associations
        How many senders share it.
    env
        Environment of the senders.
    """

    current: Field | None = None

    def __init__(self, files: Instances, associations: int, env: dict[str, str]) -> None:
        self._files, self._associations, self._env = files, associations, env
        self.servers: dict[str, Server] = {}
        self.starts = [start for start in available() if associations == 1 or start is not dcmqrscp]
        """dcmqrscp loses instances of several senders at once: 7 of 300 when it was tried."""

    def before(self) -> None:
        if Field.current is not self:
            stop()
            self.servers = {server.name: server for server in (start() for start in self.starts)}
            Field.current = self
        self._files.renew()
        os.sync()  # what others left unwritten is not for this one to write

    def work(self, name: str) -> Callable[[], int]:
        return lambda: self.send(self.servers[name], self._files.paths)

    def cpu(self, name: str) -> Callable[[], float]:
        return lambda: self.servers[name].cpu() if self.servers else 0.0

    def send(self, server: Server, paths: Sequence[Path]) -> int:
        """Send files; return how many were acknowledged."""
        words = ["storescu", "-aec", server.ae_title, "127.0.0.1", str(server.port)]
        senders = [
            subprocess.Popen(
                [*words, *map(str, paths[part :: self._associations])], env=os.environ | self._env
            )
            for part in range(self._associations)
        ]
        assert [sender.wait() for sender in senders] == [0] * self._associations, server.name
        return len(paths)

    def check(self, results: Any) -> None:
        """See that each server has what was sent, and say what it promises and waits for."""
        for name, server in self.servers.items():
            assert results[name] == COUNT, name
            assert server.kept() == COUNT, (name, server.kept())
            self._files.renew()
            counts = waits_for_disk(
                server, lambda server=server: self.send(server, self._files.paths[:TRACED])
            )
            waits = "strace cannot count here" if counts is None else f"{sum(counts.values()) / TRACED:.2f}"
            print(
                f"  {name} {server.version}: waits for the disk an instance {waits} {counts or ''}; "
                f"after a power loss an acknowledged instance has: {server.promise}"
            )


@atexit.register
def stop() -> None:
    """End the servers that run."""
    if Field.current is not None:
        for server in Field.current.servers.values():
            server.stop()
        Field.current = None


def case(name: str, files: Instances, associations: int, goal: float | None, env: dict[str, str]) -> Case:
    field = Field(files, associations, env)
    peers = [start.__name__.replace("orthanc", "Orthanc") for start in field.starts[1:]]
    wanted = {"Orthanc"} & set(peers) if goal else set()
    return Case(
        name=name,
        ours=field.work("ours"),
        peers={peer: field.work(peer) for peer in peers},
        goals=dict.fromkeys(wanted, goal or 0.0),
        check=field.check,
        before=field.before,
        cpu={name: field.cpu(name) for name in ("ours", *peers)},
        cpu_goals=dict.fromkeys(wanted, 3.0),
    )


def cases(only: int = 5) -> list[Case]:
    """300 CT 512² over 1 and 4 associations, small MR, and a client that waits for acknowledgements."""
    if shutil.which("storescu") is None:
        return []
    ct, mr = instances("CT", 512), instances("MR", 64)
    late = {"TCP_NODELAY": "0"}
    return [
        case(f"store {COUNT} CT 512², 1 association", ct, 1, 2.0, NO_DELAY),
        case(f"store {COUNT} CT 512², 4 associations", ct, 4, 1.5, NO_DELAY),
        case(f"store {COUNT} MR 64², 1 association", mr, 1, 2.0, NO_DELAY),
        case(f"store {COUNT} CT 512², 1 association, client with TCP_NODELAY=0", ct, 1, None, late),
        case(f"store {COUNT} CT 512², 4 associations, client with TCP_NODELAY=0", ct, 4, None, late),
    ][:only]

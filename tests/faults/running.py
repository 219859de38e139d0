"""A server as a process of its own, which can be killed; and clients that know what they sent."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from pydicom import Dataset

from archive_data import EXPLICIT, bare
from medvox.core.errors import NetworkError
from medvox.network.dimse.proposals import Proposal
from medvox.network.dimse.syntaxes import FIND
from medvox.network.dimse.user import Caller, Client, Peer, connect
from medvox.network.upper_layer.channel import Timeouts
from medvox.testing.dicom_builder import instance

UID = "1.2.826.0.1.3680043.10.54321.6"
PATIENCE = Timeouts(connect=10, artim=10, response=30, pdu=30, idle=60)
CALLER = Caller(UID, "FAULTS", timeouts=PATIENCE)


SERVE = "from medvox.cli.main import main; main()"


class Running:
    """A server over a store, in a process of its own.

    Parameters
    ----------
    store
        Its folder.
    options
        Words for `medvox.testing.node`; without any, the server is `medvox serve` itself.
    """

    def __init__(self, store: Path, *options: object) -> None:
        self.port = free_port()
        words = ["-m", "medvox.testing.node", store, "--port", self.port, *options]
        if not options:
            words = ["-c", SERVE, "serve", "--store", store, "--dicom-port", self.port, "--http-port", 0]
        self.process = subprocess.Popen(
            [sys.executable, *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        end = time.monotonic() + 60
        while True:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            if self.process.poll() is not None or time.monotonic() > end:
                said = self.kill()
                raise RuntimeError(f"the server does not start: {said[-2000:]}")
            time.sleep(0.02)

    @property
    def peer(self) -> Peer:
        """Whom to call."""
        return Peer("127.0.0.1", self.port, "MEDVOX")

    def resident_bytes(self) -> int:
        """Memory of the process now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) << 10

    def kill(self) -> str:
        """End it as a loss of power would, without a word; return what it said on stderr."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        return self._ended()

    def stop(self) -> str:
        """End it in order."""
        self.process.terminate()
        return self._ended()

    def _ended(self) -> str:
        try:
            return self.process.communicate(timeout=30)[1].decode(errors="replace")
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.communicate()[1].decode(errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.stop()


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Sendable:
    """An instance in memory; an `ObjectToSend`."""

    sop_class_uid: str
    sop_instance_uid: str
    data: bytes
    transfer_syntax: str = EXPLICIT

    @property
    def digest(self) -> str:
        """SHA-256 of the data set."""
        return hashlib.sha256(self.data).hexdigest()

    def open(self) -> bytes:
        """Return the data set."""
        return self.data

    def transcode(self, transfer_syntax: str) -> None:
        """Nothing else can be made."""


class Maker:
    """Makes instances of one study, each with UIDs and pixels of its own.

    Parameters
    ----------
    study
        Study Instance UID.
    side
        Rows and columns.
    """

    def __init__(self, study: str, side: int = 64) -> None:
        self.study = study
        self._side = side
        self._template = instance(np.zeros((side, side), np.int16), modality="CT")
        self._template.StudyInstanceUID = study

    def make(self, series: int, number: int) -> Sendable:
        """Return an instance."""
        data: Dataset = self._template
        data.SeriesInstanceUID = f"{self.study}.{series}"
        data.SOPInstanceUID = uid = f"{self.study}.{series}.{number}"
        data.InstanceNumber = number
        pixels = np.random.default_rng((series, number)).integers(0, 4000, (self._side, self._side))
        data.PixelData = pixels.astype(np.int16).tobytes()
        return Sendable(str(data.SOPClassUID), uid, bare(data))


def storing(node: Running) -> AbstractContextManager[Client]:
    """Open an association that can store CT."""
    return connect(node.peer, CALLER, [Proposal(CT, (EXPLICIT,))])


CT = "1.2.840.10008.5.1.4.1.1.2"


def sent(node: Running, instances: list[Sendable]) -> list[int]:
    """Send instances over one association; return their statuses."""
    with storing(node) as client:
        return [client.store(one) for one in instances]


def found(node: Running, study: str) -> set[str]:
    """Return the SOP Instance UIDs of a study, by C-FIND."""
    asked = Dataset()
    asked.QueryRetrieveLevel = "IMAGE"
    asked.StudyInstanceUID, asked.SOPInstanceUID = study, ""
    with connect(node.peer, CALLER, [Proposal(FIND["study"], (EXPLICIT,))]) as client:
        return {str(row.SOPInstanceUID) for row in client.find(FIND["study"], asked)}


def answers(node: Running) -> bool:
    """Tell whether the server answers C-ECHO."""
    try:
        with connect(node.peer, CALLER) as client:
            return client.echo() == 0
    except NetworkError:
        return False


def as_root() -> bool:
    """Tell whether file systems can be mounted."""
    return hasattr(os, "geteuid") and os.geteuid() == 0

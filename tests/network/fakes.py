"""Providers and peers for the tests of the network."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from medvox.network.dimse.provider import ProviderSettings, Services, provider
from medvox.network.dimse.services.verification import VerificationService
from medvox.network.dimse.storage import StorageService
from medvox.network.handlers import ReceivedObject
from medvox.network.upper_layer.acceptor import Acceptor, Listening
from medvox.network.upper_layer.channel import Timeouts
from medvox.network.upper_layer.negotiation import AdmitAll, CallerPolicy

UID = "1.2.826.0.1.3680043.10.54321.1"
QUICK = Timeouts(connect=5, artim=2, response=10, pdu=2, idle=10)


@dataclass
class Kept:
    """Keeps what is stored in memory."""

    status: int = 0
    objects: list[tuple[ReceivedObject, bytes]] = field(default_factory=list)

    def store(self, received: ReceivedObject) -> int:
        self.objects.append((received, bytes(received.data)))
        return self.status


@contextmanager
def storage_node(
    kept: Kept | None = None, policy: CallerPolicy | None = None, more: tuple = (), **settings: object
) -> Iterator[Acceptor]:
    listening = settings.pop("listening", Listening(timeouts=QUICK))
    services = Services((*more, VerificationService(), StorageService(kept or Kept())), sends=bool(more))
    with provider(
        services, policy or AdmitAll(), ProviderSettings(UID, listening=listening, **settings)
    ) as node:
        yield node


def run(*words: object, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    if shutil.which(str(words[0])) is None:
        pytest.skip(f"{words[0]} is not installed (apt install dcmtk)")
    return subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=timeout)


def instances(
    folder: Path, count: int = 3, side: int = 64, syntax: str = "1.2.840.10008.1.2.1"
) -> list[Path]:
    """Files of a small CT series, uncompressed, in one of the little endian encodings."""
    import numpy as np

    from medvox.testing import dicom_builder

    made = dicom_builder.stack(np.zeros((count, side, side), np.int16), modality="CT")
    for each in made:
        each.file_meta.TransferSyntaxUID = syntax
    return dicom_builder.save(made, folder)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@contextmanager
def process(port: int, *words: object) -> Iterator[subprocess.Popen[bytes]]:
    """A peer that listens on `port`, ended by its own id."""
    if shutil.which(str(words[0])) is None:
        pytest.skip(f"{words[0]} is not installed (apt install dcmtk)")
    with subprocess.Popen(
        list(map(str, words)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        try:
            for _ in range(200):
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield running
        finally:
            running.terminate()
            running.wait(10)


class Paced:
    """An association of pynetdicom whose requests do not follow each other at once.

    Its reactor thread would else now and then take the response to a request that comes before the thread has
    noticed the end of the one before, and the caller waits for ever.
    """

    def __init__(self, association: object) -> None:
        self._association = association

    def __getattr__(self, name: str) -> object:
        if name.startswith("send_"):
            time.sleep(0.02)
        return getattr(self._association, name)

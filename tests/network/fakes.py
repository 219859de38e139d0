"""Providers and peers for the tests of the network."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from medvox.network.dimse.provider import ProviderSettings, Services, provider
from medvox.network.dimse.services.storage import StorageService
from medvox.network.dimse.services.verification import VerificationService
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
    return subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=timeout)

"""C-GET and C-MOVE of a study of 300 CT slices of 512², from our node, Orthanc and dcmqrscp.

One client and one destination for all: our own, which keep a checksum of each data set and nothing else.
CPU is that of the servers.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from typing import Any

from isal import isal_zlib

from benchmarks.harness import Case
from benchmarks.nodes.server import NO_DELAY, Server
from benchmarks.nodes.servers import dcmqrscp, orthanc, ours
from benchmarks.store import COUNT, instances
from medvox.network.dimse.commands import Status
from medvox.network.dimse.files import file_to_send
from medvox.network.dimse.identifiers import identifier
from medvox.network.dimse.proposals import Proposal
from medvox.network.dimse.provider import ProviderSettings, Services, provider
from medvox.network.dimse.storage import StorageService
from medvox.network.dimse.syntaxes import GET, MOVE
from medvox.network.dimse.user import Caller, Peer, connect
from medvox.network.handlers import ReceivedObject
from medvox.network.upper_layer.acceptor import Acceptor
from medvox.network.upper_layer.negotiation import EXPLICIT, AdmitAll

UID = "1.2.826.0.1.3680043.10.54321.7"
CT = "1.2.840.10008.5.1.4.1.1.2"
CALLER = Caller(UID, "SINK")
STACK = ExitStack()
"""The sink and the servers, ended with the process."""
atexit.register(STACK.close)


class Sums:
    """Keeps the checksums of data sets by SOP Instance UID (a `StorageHandler`)."""

    def __init__(self) -> None:
        self.found: dict[str, int] = {}

    def store(self, received: ReceivedObject) -> int:
        self.found[received.sop_instance_uid] = isal_zlib.crc32(received.data)
        return Status.SUCCESS


SINK = Sums()


@cache
def sink() -> Acceptor:
    """Return the destination of C-MOVE."""
    return STACK.enter_context(provider(Services((StorageService(SINK),)), AdmitAll(), ProviderSettings(UID)))


@cache
def server(name: str) -> Server:
    """Return a server that has the study."""
    port = sink().port
    if name == "ours":
        node = f'[[nodes]]\nname = "sink"\nae_title = "SINK"\nhost = "127.0.0.1"\nport = {port}\n'
        made = ours(config=node)
    elif name == "Orthanc":
        made = orthanc(DicomModalities={"sink": ["SINK", "127.0.0.1", port]})
    else:
        made = dcmqrscp(sink=("SINK", port))
    STACK.callback(made.stop)
    words = ["storescu", "-aec", made.ae_title, "127.0.0.1", made.port, *instances("CT", 512).paths]
    subprocess.run(list(map(str, words)), check=True, env=os.environ | NO_DELAY)
    print(f"  {name} {made.version}", flush=True)
    return made


@cache
def wanted() -> dict[str, int]:
    """Return the checksums of what was sent."""
    found = map(file_to_send, instances("CT", 512).paths)
    return {one.sop_instance_uid: isal_zlib.crc32(one.open()) for one in found}


@cache
def study() -> str:
    return min(wanted()).rpartition(".3.")[0] + ".1"


def getting(name: str) -> Callable[[], dict[str, int]]:
    def work() -> dict[str, int]:
        peer, kept = server(name), Sums()
        proposals = [Proposal(GET["study"], (EXPLICIT,)), Proposal(CT, (EXPLICIT,), as_scp=True)]
        asked = identifier("study", [f"StudyInstanceUID={study()}"], unique=True)
        with connect(Peer("127.0.0.1", peer.port, peer.ae_title), CALLER, proposals) as client:
            last = list(client.get(GET["study"], asked, kept))[-1]
        assert last.status == Status.SUCCESS, (name, last)
        return kept.found

    return work


def moving(name: str) -> Callable[[], dict[str, int]]:
    def work() -> dict[str, int]:
        peer = server(name)
        SINK.found = {}
        asked = identifier("study", [f"StudyInstanceUID={study()}"], unique=True)
        proposals = [Proposal(MOVE["study"], (EXPLICIT,))]
        with connect(Peer("127.0.0.1", peer.port, peer.ae_title), CALLER, proposals) as client:
            last = list(client.move(MOVE["study"], asked, "SINK"))[-1]
        assert last.status == Status.SUCCESS, (name, last)
        return SINK.found

    return work


def check(results: Any) -> None:
    for name, found in results.items():
        assert found == wanted(), (name, len(found))


def cpu(name: str) -> Callable[[], float]:
    return lambda: server(name).cpu()


def cases() -> list[Case]:
    """A study of 300 slices, both ways of retrieval."""
    if shutil.which("storescu") is None:
        return []
    peers = [name for name in ("Orthanc", "dcmqrscp") if shutil.which(name)]
    return [
        Case(
            name=f"{operation} of {COUNT} CT 512²",
            ours=way("ours"),
            peers={name: way(name) for name in peers},
            goals=dict.fromkeys(peers, 1.0),
            check=check,
            cpu={name: cpu(name) for name in ("ours", *peers)},
        )
        for operation, way in (("C-GET", getting), ("C-MOVE", moving))
    ]

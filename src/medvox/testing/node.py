"""Node: the DICOM half of a node, with patience and segments of a chosen size; a server for tests of faults.

``python -m medvox.testing.node STORE [--port N]`` serves until it is ended.
"""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path

from medvox.archive.archive import Archive, warm_up
from medvox.archive.model import ArchiveSettings
from medvox.network.dimse.provider import ProviderSettings, Services, provider
from medvox.network.dimse.services.query import QueryService
from medvox.network.dimse.services.verification import VerificationService
from medvox.network.dimse.storage import StorageService
from medvox.network.upper_layer.acceptor import Listening
from medvox.network.upper_layer.channel import Timeouts
from medvox.network.upper_layer.negotiation import AdmitAll
from medvox.workflows.node.query import ArchiveQuery
from medvox.workflows.node.receive import ArchiveStorage

UID = "1.2.826.0.1.3680043.10.54321.7"


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("store", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--segment-bytes", type=int, default=1 << 30)
    parser.add_argument("--patience", type=float, default=10.0, help="seconds for a PDU and a request")
    parser.add_argument("--associations", type=int, default=256, help="open at once")
    chosen = parser.parse_args()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    warm_up()
    timeouts = Timeouts(artim=chosen.patience, pdu=chosen.patience)
    listening = Listening(port=chosen.port, max_associations=chosen.associations, timeouts=timeouts)
    with Archive.open(ArchiveSettings(chosen.store, segment_bytes=chosen.segment_bytes)) as archive:
        found, kept = QueryService(ArchiveQuery(archive, "MEDVOX")), StorageService(ArchiveStorage(archive))
        services = Services((VerificationService(), found, kept))
        with provider(services, AdmitAll(), ProviderSettings(UID, listening=listening)):
            ended.wait()


if __name__ == "__main__":
    main()

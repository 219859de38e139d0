"""Node: an archive that receives and finds, without settings or rights; a server for tests of faults.

``python -m medvox.testing.node STORE [--port N] [--no-sync]`` prints its port and serves until it is ended.
"""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from medvox.archive.archive import Archive, warm_up
from medvox.archive.model import (
    ArchiveSettings,
    InvalidObjectError,
    Level,
    Origin,
    Query,
    StorageFullError,
)
from medvox.network.dimse.commands import Status
from medvox.network.dimse.provider import ProviderSettings, Services, provider
from medvox.network.dimse.services.query import QueryService
from medvox.network.dimse.services.verification import VerificationService
from medvox.network.dimse.storage import StorageService
from medvox.network.handlers import ReceivedObject
from medvox.network.upper_layer.acceptor import Acceptor, Listening
from medvox.network.upper_layer.channel import Timeouts
from medvox.network.upper_layer.negotiation import AdmitAll

if TYPE_CHECKING:
    from pydicom import Dataset

UID = "1.2.826.0.1.3680043.10.54321.7"
LEVELS = {"STUDY": Level.STUDY, "SERIES": Level.SERIES, "IMAGE": Level.INSTANCE}


class Keeper:
    """Stores into an archive and finds in it.

    Parameters
    ----------
    archive
        Where.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def store(self, received: ReceivedObject) -> int:
        """Keep an instance; see `medvox.network.handlers.StorageHandler`."""
        try:
            self._archive.receive(
                received.data,
                transfer_syntax=received.transfer_syntax,
                sop_class_uid=received.sop_class_uid,
                sop_instance_uid=received.sop_instance_uid,
                origin=Origin(received.calling_ae, received.peer_address),
            )
        except StorageFullError:
            return Status.OUT_OF_RESOURCES
        except InvalidObjectError:
            return Status.CANNOT_UNDERSTAND
        return Status.SUCCESS

    def find(self, model: str, level: str, identifier: Dataset, calling_ae: str) -> Iterator[Dataset]:
        """Find; see `medvox.network.handlers.QueryHandler`."""
        from pydicom import Dataset

        del model, calling_ae
        keys = [element for element in identifier if element.tag not in (0x00080005, 0x00080052)]
        filters = {int(key.tag): str(key.value) for key in keys if key.value}
        wanted = frozenset(int(key.tag) for key in keys)
        after: str | None = None
        while True:
            page = self._archive.find(Query(LEVELS[level], filters, wanted, 1000, after))
            yield from (Dataset.from_json(row) for row in page.rows)
            after = page.next
            if after is None:
                return


def serve(archive: Archive, timeouts: Timeouts | None = None, **listening: int) -> Acceptor:
    """Return an acceptor, not started, over an archive."""
    keeper = Keeper(archive)
    services = Services((VerificationService(), StorageService(keeper), QueryService(keeper)))
    where = Listening(timeouts=timeouts or Timeouts(), **listening)  # type: ignore[arg-type]
    return provider(services, AdmitAll(), ProviderSettings(UID, listening=where))


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("store", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--no-sync", action="store_true")
    parser.add_argument("--segment-bytes", type=int, default=1 << 30)
    parser.add_argument("--patience", type=float, default=0.0, help="seconds for a PDU and a request")
    parser.add_argument("--associations", type=int, default=256, help="open at once")
    chosen = parser.parse_args()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    settings = ArchiveSettings(
        chosen.store, is_durable=not chosen.no_sync, segment_bytes=chosen.segment_bytes
    )
    warm_up()
    patience = chosen.patience
    where = {"port": chosen.port, "max_associations": chosen.associations}
    timeouts = Timeouts(artim=patience, pdu=patience) if patience else None
    with Archive.open(settings) as archive, serve(archive, timeouts, **where) as node:
        print(node.port, flush=True)  # noqa: T201
        ended.wait()


if __name__ == "__main__":
    main()

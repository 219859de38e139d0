"""Forwarding to an independent peer: what is in the archive arrives, and a refusal is an error."""

from pathlib import Path

import pytest
from pynetdicom import AE, AllStoragePresentationContexts, evt

from archive_data import EXPLICIT, bare, sent
from medvox.archive.archive import Archive
from medvox.archive.model import ArchiveSettings
from medvox.core.errors import MissingError, NetworkError
from medvox.network.dimse.user import Caller, Peer
from medvox.workflows.node.forwarding import sender

pytestmark = pytest.mark.net
UID = "1.2.826.0.1.3680043.10.1"


def test_instances_arrive_as_they_are_kept(tmp_path: Path) -> None:
    received, statuses = [], []

    def store(event) -> int:
        data = event.dataset
        received.append(data)
        return statuses.pop() if statuses else 0x0000

    entity = AE("PEER")
    entity.supported_contexts = AllStoragePresentationContexts
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    try:
        with Archive.open(ArchiveSettings(tmp_path)) as archive:
            data = [sent(n) for n in range(1, 4)]
            for one in data:
                archive.receive(bare(one), transfer_syntax=EXPLICIT)
            rows = list(archive.instances())
            send = sender(archive, {"PACS": Peer("127.0.0.1", server.server_address[1], "PEER")}, Caller(UID))
            send("PACS", rows)
            assert received == data
            statuses.append(0xA700)
            with pytest.raises(NetworkError, match="A700H"):
                send("PACS", rows)
            with pytest.raises(MissingError):
                send("OTHER", rows)
    finally:
        server.shutdown()

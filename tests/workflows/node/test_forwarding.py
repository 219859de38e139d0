"""Forwarding to an independent peer: what is in the archive arrives, and a refusal is an error."""

import time
from pathlib import Path

import pytest
from pynetdicom import AE, AllStoragePresentationContexts, StoragePresentationContexts, evt

from archive_data import EXPLICIT, bare, sent
from medvox.archive.archive import Archive
from medvox.archive.model import ArchiveSettings, Query
from medvox.core.errors import FormatError, MissingError, NetworkError
from medvox.network.dimse.user import Caller, Peer
from medvox.workflows.node.forwarding import sender
from medvox.workflows.node.node import Node
from medvox.workflows.node.settings import NodeSettings

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


def test_a_node_changes_and_forwards_what_it_receives(tmp_path: Path) -> None:
    received = []

    def store(event) -> int:
        received.append(event.dataset)
        return 0x0000

    entity = AE("PEER")
    entity.supported_contexts = AllStoragePresentationContexts
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    file = tmp_path / "medvox.toml"
    file.write_text(
        f"""
store = "store"
dicom_port = 0
stable_s = 0.1
[[nodes]]
name = "reading room"
ae_title = "PEER"
host = "127.0.0.1"
port = {server.server_address[1]}
[[forward]]
name = "magnets"
to = "reading room"
modality = "MR"
caller = "SENDER*"
[[coerce]]
caller = "SENDER1"
values = {{ PatientID = "SITE2-{{}}" }}
"""
    )
    try:
        with Node(NodeSettings.load(file)) as node:
            for title in ("SENDER1", "OTHER"):
                user = AE(title)
                user.requested_contexts = StoragePresentationContexts
                association = user.associate("127.0.0.1", node.dicom_port)
                data = sent(1, study=title)
                assert association.send_c_store(data).Status == 0
                association.release()
            end = time.monotonic() + 20
            while not received and time.monotonic() < end:
                time.sleep(0.02)
            assert node.jobs.queue.jobs(state="failed") == []
            ids = {row["00100020"]["Value"][0] for row in node.archive.find(Query()).rows}
    finally:
        server.shutdown()
    assert ids == {"SITE2-TEST-1", "TEST-1"}
    assert [(one.PatientID, one.StudyInstanceUID) for one in received] == [
        ("SITE2-TEST-1", sent(1, study="SENDER1").StudyInstanceUID)
    ]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('[[forward]]\nname = "a"\nto = "nobody"', "not known"),
        ('[[forward]]\nname = "a"', "line 1"),
        ('[[forward]]\nname = "a"\nto = 3', "line 3"),
        ('[[coerce]]\ncaller = "A"\nvalues = { PatientSize = 3 }', "texts"),
        ('[[coerce]]\ncaller = "A"\nvalues = { StudyInstanceUID = "1.2" }', "cannot be corrected"),
    ],
)
def test_wrong_rules_are_told(tmp_path: Path, text: str, match: str) -> None:
    file = tmp_path / "medvox.toml"
    file.write_text(text)
    with pytest.raises(FormatError, match=match):
        NodeSettings.load(file)

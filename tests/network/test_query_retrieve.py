"""Query/Retrieve with independent peers: DCMTK's findscu, getscu, movescu, dcmqrscp, and pynetdicom."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pynetdicom import AE, build_role, evt
from typer.testing import CliRunner

from medvox.cli.main import app
from medvox.core.errors import MissingError, NetworkError, UsageError
from medvox.network.dimse.commands import Status
from medvox.network.dimse.files import file_to_send
from medvox.network.dimse.proposals import Proposal, proposals_for
from medvox.network.dimse.sending import send
from medvox.network.dimse.services.query import QueryService
from medvox.network.dimse.services.retrieve import RetrieveService
from medvox.network.dimse.syntaxes import FIND, GET, MOVE
from medvox.network.dimse.user import Caller, Peer, connect
from medvox.network.handlers import Destination
from network.fakes import QUICK, UID, Kept, free_port, instances, process, run, storage_node

pytestmark = pytest.mark.net
CT, EXPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"
CALLER = Caller(UID, "TEST", timeouts=QUICK)


@dataclass
class Shelf:
    """Answers from a list of files."""

    files: list[Path]
    ports: dict[str, int] = field(default_factory=dict)
    repeats: int = 1
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    yielded: int = 0

    def find(self, model, level, identifier, calling_ae):
        self.asked.append((model, level, calling_ae))
        if level not in ("PATIENT", "STUDY", "SERIES", "IMAGE"):
            raise UsageError("unknown level")
        for _ in range(self.repeats):
            for file in self.files:
                found = dcmread(file)
                match = Dataset()
                match.QueryRetrieveLevel = level
                for element in identifier:
                    match[element.tag] = found.get(element.tag, element)
                self.yielded += 1
                yield match

    def retrieve(self, model, level, identifier, calling_ae):
        self.asked.append((model, level, calling_ae))
        uid = identifier.get("StudyInstanceUID")
        return [f for f in map(file_to_send, self.files * self.repeats) if uid == study(self.files)]

    def destination(self, ae_title, calling_ae):
        port = self.ports.get(ae_title)
        return None if port is None else Destination("127.0.0.1", port, ae_title)


def study(files):
    return dcmread(files[0], stop_before_pixels=True).StudyInstanceUID


def node_of(shelf, kept=None, **settings):
    return storage_node(kept, more=(QueryService(shelf), RetrieveService(shelf, CALLER)), **settings)


def keys(files, **more):
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.StudyInstanceUID = study(files)
    for keyword, value in more.items():
        setattr(identifier, keyword, value)
    return identifier


def test_findscu(tmp_path):
    shelf = Shelf(instances(tmp_path))
    with node_of(shelf) as node:
        words = ("-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientID", "-k", "StudyInstanceUID")
        told = run("findscu", "-v", *words, "127.0.0.1", node.port)
        wrong = run("findscu", "-v", "-P", "-k", "QueryRetrieveLevel=SHOE", "127.0.0.1", node.port)
    assert told.returncode == 0
    assert (told.stderr + told.stdout).count(study(shelf.files)) == 3
    assert shelf.asked[0] == (FIND["study"], "STUDY", "FINDSCU")
    assert "DataSetDoesNotMatchSOPClass" in wrong.stderr


def test_findscu_cancels_a_long_query(tmp_path):
    shelf = Shelf(instances(tmp_path), repeats=2000)
    with node_of(shelf) as node:
        words = ("-S", "--cancel", "3", "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientID")
        told = run("findscu", "-v", *words, "127.0.0.1", node.port)
    assert "Cancel" in told.stderr
    assert shelf.yielded < 6000


def test_getscu(tmp_path):
    shelf, out = Shelf(instances(tmp_path / "in")), tmp_path / "out"
    out.mkdir()
    with node_of(shelf) as node:
        told = run(
            "getscu", "-v", "-S", "-od", out, "-k", "QueryRetrieveLevel=STUDY",
            "-k", f"StudyInstanceUID={study(shelf.files)}", "127.0.0.1", node.port,
        )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert same(out, shelf.files)


def same(folder, files):
    got = {dcmread(file).SOPInstanceUID: dcmread(file) for file in folder.iterdir()}
    wanted = {dcmread(file).SOPInstanceUID: dcmread(file) for file in files}
    return got == wanted and len(got) == len(files)


def test_movescu_to_storescp_and_to_itself(tmp_path):
    port, out = free_port(), tmp_path / "out"
    out.mkdir()
    shelf = Shelf(instances(tmp_path / "in"), {"STORE": port})
    with node_of(shelf) as node, process(port, "storescp", "-aet", "STORE", "-od", out, port):
        words = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study(shelf.files)}")
        told = run("movescu", "-v", "-S", "-aem", "STORE", *words, "127.0.0.1", node.port)
        assert told.returncode == 0, told.stderr
        unknown = run("movescu", "-v", "-S", "-aem", "NOBODY", *words, "127.0.0.1", node.port)
        assert "MoveDestinationUnknown" in unknown.stderr
    assert same(out, shelf.files)


def test_our_user_finds_gets_and_moves_from_our_provider(tmp_path):
    shelf, kept = Shelf(instances(tmp_path)), Kept()
    with storage_node(kept) as other, node_of(shelf) as node:
        shelf.ports["OTHER"] = other.port
        shelf.ports["GONE"] = free_port()
        peer = Peer("127.0.0.1", node.port)
        wanted = [Proposal(uid) for uid in (FIND["study"], GET["study"], MOVE["study"])]
        with connect(peer, CALLER, [*wanted, Proposal(CT, as_scp=True)]) as client:
            assert len(list(client.find(FIND["study"], keys(shelf.files, PatientID="")))) == 3
            got = Kept()
            last = list(client.get(GET["study"], keys(shelf.files), got))[-1]
            assert (last.status, last.completed, last.failed) == (0, 3, 0)
            replies = list(client.move(MOVE["study"], keys(shelf.files), "OTHER"))
            assert [reply.remaining for reply in replies] == [2, 1, None]
            with pytest.raises(NetworkError, match="A702"):
                list(client.move(MOVE["study"], keys(shelf.files), "GONE"))
            with pytest.raises(NetworkError, match="A801"):
                list(client.move(MOVE["study"], keys(shelf.files), "NOBODY"))
            assert client.echo() == 0
    files = sorted(bytes(file_to_send(file).open()) for file in shelf.files)
    assert sorted(data for _, data in got.objects) == files
    assert sorted(data for _, data in kept.objects) == files


def test_stopping_a_find_cancels_it_and_the_association_goes_on(tmp_path):
    shelf = Shelf(instances(tmp_path), repeats=5000)
    proposal = Proposal(FIND["study"])
    with node_of(shelf) as node, connect(Peer("127.0.0.1", node.port), CALLER, [proposal]) as client:
        found = client.find(FIND["study"], keys(shelf.files))
        next(found)
        found.close()
        assert client.echo() == 0
    assert shelf.yielded < 15000


def test_pynetdicom_gets_and_what_it_does_not_store_is_listed(tmp_path):
    shelf, got = Shelf(instances(tmp_path)), []

    def store(event):
        got.append(event.request.AffectedSOPInstanceUID)
        return 0xA700 if len(got) == 1 else 0

    ae = AE("PYNET")
    ae.add_requested_context(GET["patient"])
    ae.add_requested_context(CT)
    with node_of(shelf) as node:
        association = ae.associate(
            "127.0.0.1", node.port, ext_neg=[build_role(CT, scp_role=True)],
            evt_handlers=[(evt.EVT_C_STORE, store)],
        )  # fmt: skip
        replies = list(association.send_c_get(keys(shelf.files), GET["patient"]))
        association.release()
    status, identifier = replies[-1]
    assert status.Status == Status.SUBOPERATIONS_WARNING
    assert (status.NumberOfCompletedSuboperations, status.NumberOfFailedSuboperations) == (2, 1)
    assert identifier.FailedSOPInstanceUIDList == got[0]


def test_a_requestor_without_the_scp_role_gets_nothing_sent(tmp_path):
    shelf = Shelf(instances(tmp_path))
    with (
        node_of(shelf) as node,
        connect(Peer("127.0.0.1", node.port), CALLER, [Proposal(GET["study"])]) as client,
    ):
        with pytest.raises(NetworkError, match="A702"):
            list(client.get(GET["study"], keys(shelf.files), Kept()))
        assert client.echo() == 0


def test_dcmqrscp_is_filled_found_got_and_moved(tmp_path):
    files, kept, port = instances(tmp_path / "in"), Kept(), free_port()
    (tmp_path / "db").mkdir()
    config = tmp_path / "dcmqrscp.cfg"
    with storage_node(kept) as node:
        config.write_text(
            f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
            f"HostTable BEGIN\nus = (TEST, 127.0.0.1, {node.port})\nHostTable END\n"
            "VendorTable BEGIN\nVendorTable END\n"
            f"AETable BEGIN\nQR {tmp_path / 'db'} RW (9, 1024mb) ANY\nAETable END\n"
        )
        peer = Peer("127.0.0.1", port, "QR")
        with process(port, "dcmqrscp", "-c", config):
            assert all(sent.stored for sent in send([file_to_send(f) for f in files], peer, CALLER))
            wanted = [Proposal(uid) for uid in (FIND["study"], GET["study"], MOVE["study"])]
            with connect(peer, CALLER, [*wanted, Proposal(CT, as_scp=True)]) as client:
                (match,) = client.find(FIND["study"], keys(files, PatientID=""))
                assert match.PatientID == "TEST-1"
                assert list(client.find(FIND["study"], keys(files, PatientID="NOBODY"))) == []
                got = Kept()
                last = list(client.get(GET["study"], keys(files), got))[-1]
                assert (last.status, last.completed) == (0, 3)
            with connect(peer, CALLER, wanted) as client:
                last = list(client.move(MOVE["study"], keys(files), "TEST"))[-1]
                assert (last.status, last.completed) == (0, 3)
    uids = {dcmread(file).SOPInstanceUID for file in files}
    assert {received.sop_instance_uid for received, _ in got.objects} == uids
    assert {received.sop_instance_uid for received, _ in kept.objects} == uids


def test_proposals_of_many_kinds(tmp_path):
    assert len(proposals_for(map(file_to_send, instances(tmp_path)))) == 2


def test_the_command_line_finds_gets_and_moves(tmp_path):
    shelf, kept, out = Shelf(instances(tmp_path / "in")), Kept(), tmp_path / "out"
    with storage_node(kept) as other, node_of(shelf) as node:
        shelf.ports["OTHER"] = other.port
        name, one = f"127.0.0.1:{node.port}", f"StudyInstanceUID={study(shelf.files)}"
        found = CliRunner().invoke(app, ["net", "find", name, "-k", "PatientID=TEST*"])
        listed = CliRunner().invoke(app, ["net", "find", name, "--level", "image", "--limit", "2", "--json"])
        got = CliRunner().invoke(app, ["net", "get", name, "-k", one, "--out", str(out)])
        moved = CliRunner().invoke(app, ["net", "move", name, "--to", "OTHER", "-k", one])
        wrong = CliRunner().invoke(app, ["net", "get", name, "-k", "Shoe=42", "--out", str(out)])
        empty = CliRunner().invoke(app, ["net", "get", name, "-k", "StudyInstanceUID=1.2", "--out", str(out)])
    assert "TEST-1" in found.stdout
    assert "3 found" in found.stdout
    assert len(json.loads(listed.stdout)) == 2
    assert got.exit_code == 0, got.output
    assert same(out, shelf.files)
    assert "3 instances moved" in moved.stdout
    assert len(kept.objects) == 3
    assert isinstance(wrong.exception, UsageError)
    assert isinstance(empty.exception, MissingError)


def test_no_peer_chooses_a_path(tmp_path):
    from medvox.network.dimse.folder import FolderHandler
    from medvox.network.handlers import ReceivedObject

    handler = FolderHandler(tmp_path / "in")
    for uid in ("../../x", "1.2/3", "", "1" * 65, "1..2", "1.2\n"):
        received = ReceivedObject(CT, uid, EXPLICIT, memoryview(b""), "A", "B", "127.0.0.1")
        assert handler.store(received) == Status.CANNOT_UNDERSTAND
    assert list(tmp_path.iterdir()) == []

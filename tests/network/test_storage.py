"""Verification and Storage with independent peers: DCMTK and pynetdicom, both ways."""

from __future__ import annotations

import pytest
from pydicom import dcmread
from pynetdicom import AE, evt
from typer.testing import CliRunner

from medvox.cli.main import app
from medvox.core.errors import FormatError, NetworkError, UsageError
from medvox.network.dimse.files import file_to_send
from medvox.network.dimse.proposals import Proposal, proposals_for
from medvox.network.dimse.provider import ProviderSettings
from medvox.network.dimse.sending import send
from medvox.network.dimse.user import Caller, Peer, connect
from network.fakes import QUICK, UID, Kept, free_port, instances, process, run, storage_node

pytestmark = pytest.mark.net
CT, EXPLICIT, IMPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
CALLER = Caller(UID, "TEST", timeouts=QUICK)


def data_sets(files):
    """Data sets of files by SOP Instance UID, without file meta information."""
    return {found.sop_instance_uid: bytes(found.open()) for found in map(file_to_send, files)}


def test_echoscu():
    with storage_node() as node:
        assert run("echoscu", "127.0.0.1", node.port).returncode == 0


@pytest.mark.parametrize(
    ("syntax", "option", "chosen"),
    [(EXPLICIT, "-xe", EXPLICIT), (IMPLICIT, "-xi", IMPLICIT), (EXPLICIT, "-pdu", EXPLICIT)],
)
def test_storescu_stores_the_same_bytes(tmp_path, syntax, option, chosen):
    files, kept = instances(tmp_path, syntax=syntax), Kept()
    options = ("-pdu", 4096) if option == "-pdu" else (option,)
    with storage_node(kept) as node:
        done = run("storescu", *options, "-aet", "SCANNER", "-aec", "NODE", "127.0.0.1", node.port, *files)
    assert done.returncode == 0, done.stderr
    assert {r.sop_instance_uid: data for r, data in kept.objects} == data_sets(files)
    first = kept.objects[0][0]
    assert (first.calling_ae, first.called_ae, first.transfer_syntax) == ("SCANNER", "NODE", chosen)
    assert first.sop_class_uid == CT


def test_dcmsend_of_large_instances_in_small_and_large_pdus(tmp_path):
    files = instances(tmp_path, count=2, side=1024)
    for max_pdu in (4096, 1 << 18):
        kept = Kept()
        with storage_node(kept, max_pdu=max_pdu) as node:
            assert run("dcmsend", "127.0.0.1", node.port, *files).returncode == 0
        assert {r.sop_instance_uid: data for r, data in kept.objects} == data_sets(files)


def test_a_status_of_the_handler_reaches_the_sender(tmp_path):
    files = instances(tmp_path, count=1)
    with storage_node(Kept(status=0xA700)) as node:
        told = run("storescu", "-v", "127.0.0.1", node.port, *files)
        assert "OutOfResources" in told.stderr
        sent = list(send([file_to_send(files[0])], Peer("127.0.0.1", node.port), CALLER))
    assert [(each.status, each.stored) for each in sent] == [(0xA700, False)]


def test_a_handler_that_fails_is_a_status_and_the_association_goes_on(tmp_path):
    class Broken(Kept):
        def store(self, received):
            super().store(received)
            if len(self.objects) == 1:
                raise KeyError("secret")
            return 0

    found = [file_to_send(file) for file in instances(tmp_path, count=2)]
    with storage_node(Broken()) as node:
        sent = list(send(found, Peer("127.0.0.1", node.port), CALLER))
    assert [each.status for each in sent] == [0x0110, 0]


@pytest.mark.parametrize("options", [(), ("+xi",), ("-pdu", "4096")])
def test_storescp_gets_what_we_send(tmp_path, options):
    files, port = instances(tmp_path / "in"), free_port()
    out = tmp_path / "out"
    out.mkdir()
    with process(port, "storescp", *options, "-od", out, port):
        with connect(Peer("127.0.0.1", port), CALLER) as client:
            assert client.echo() == 0
        sent = list(send([file_to_send(file) for file in files], Peer("127.0.0.1", port), CALLER))
    assert all(each.stored for each in sent)
    got = {dcmread(file).SOPInstanceUID: dcmread(file) for file in out.iterdir()}
    for file in files:
        ours = dcmread(file)
        assert got[ours.SOPInstanceUID] == ours
        theirs = got[ours.SOPInstanceUID].file_meta.TransferSyntaxUID
        assert theirs == (IMPLICIT if options == ("+xi",) else EXPLICIT)


def test_storescp_that_takes_no_codec_gets_the_same_values_uncompressed(tmp_path):
    (file,), port, out = instances(tmp_path / "in", count=1), free_port(), tmp_path / "out"
    out.mkdir()
    packed = tmp_path / "packed.dcm"
    assert run("dcmcjpls", file, packed).returncode == 0
    assert dcmread(packed).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.80"
    with process(port, "storescp", "-od", out, port):
        sent = list(send([file_to_send(packed)], Peer("127.0.0.1", port), CALLER))
    assert [each.status for each in sent] == [0]
    (got,) = map(dcmread, out.iterdir())
    assert got.file_meta.TransferSyntaxUID == EXPLICIT
    assert got.PixelData == dcmread(file).PixelData


def test_pynetdicom_receives_and_sends(tmp_path):
    files, got = instances(tmp_path), []

    def store(event):
        got.append(event.request.DataSet.getvalue())
        return 0

    peer = AE("PYNET")
    peer.add_supported_context(CT, [EXPLICIT])
    peer.add_supported_context("1.2.840.10008.1.1")
    server = peer.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    try:
        address = Peer("127.0.0.1", server.socket.getsockname()[1], "PYNET")
        assert all(sent.stored for sent in send([file_to_send(f) for f in files], address, CALLER))
    finally:
        server.shutdown()
    assert sorted(got) == sorted(data_sets(files).values())

    kept = Kept()
    with storage_node(kept) as node:
        ae = AE("PYNET")
        ae.add_requested_context(CT, [EXPLICIT])
        association = ae.associate("127.0.0.1", node.port)
        assert association.is_established
        assert [association.send_c_store(dcmread(file)).Status for file in files] == [0, 0, 0]
        association.release()
    assert len(kept.objects) == 3


def test_what_the_peer_does_not_take_is_told_and_the_rest_goes_on(tmp_path):
    found = [file_to_send(file) for file in instances(tmp_path, count=1)]
    with storage_node() as node:
        peer = Peer("127.0.0.1", node.port)
        with connect(peer, CALLER, [Proposal(CT, ("1.2.840.10008.1.2.4.70",))]) as client:
            with pytest.raises(NetworkError, match="no encoding"):
                client.store(found[0])
            assert client.echo() == 0
        with pytest.raises(UsageError, match="too many"), connect(peer, CALLER, [Proposal(CT)] * 129):
            pass


def test_each_encoding_is_proposed_in_a_context_of_its_own(tmp_path):
    proposals = proposals_for(map(file_to_send, instances(tmp_path, syntax=EXPLICIT)))
    assert [(p.abstract_syntax, p.transfer_syntaxes) for p in proposals] == [
        (CT, (EXPLICIT,)),
        (CT, (IMPLICIT,)),
    ]


def test_files_that_are_no_instances_are_refused(tmp_path):
    for content in (b"", b"x" * 200, bytes(128) + b"DICM", bytes(128) + b"DICM\x02\0\x02\0UI\xff\xff1.2"):
        path = tmp_path / "no"
        path.write_bytes(content)
        with pytest.raises(FormatError):
            file_to_send(path)


def test_a_node_is_read_from_its_words():
    assert Peer.parse("A@h:1") == Peer("h", 1, "A")
    assert Peer.parse("[::1]:104").host == "::1"
    for wrong in ("h", "h:0", "h:x", ":1", "A" * 17 + "@h:1"):
        with pytest.raises(UsageError):
            Peer.parse(wrong)


def test_the_command_line_sends_a_folder(tmp_path):
    files, kept = instances(tmp_path), Kept()
    (tmp_path / "notes.txt").write_text("no image")
    with storage_node(kept, ae_title="NODE") as node:
        name = f"NODE@127.0.0.1:{node.port}"
        told = CliRunner().invoke(app, ["net", "echo", name])
        assert told.exit_code == 0
        assert "0000H" in told.stdout
        told = CliRunner().invoke(app, ["net", "send", str(tmp_path), "--to", name, "--json"])
    assert told.exit_code == 0
    assert '"stored": 3' in told.stdout
    assert '"passed_over": 1' in told.stdout
    assert len(kept.objects) == len(files)
    assert ProviderSettings(UID).ae_title is None

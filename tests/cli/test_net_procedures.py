"""`medvox net worklist`, `mpps` and `commit` with DCMTK's wlmscpfs, pynetdicom, Orthanc and our own node."""

from __future__ import annotations

import json
import urllib.request
from contextlib import contextmanager

import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, evt
from typer.testing import CliRunner

from medvox.archive.archive import Archive
from medvox.archive.importing import import_folder
from medvox.archive.model import ArchiveSettings
from medvox.archive.state.commitments import CommitmentState
from medvox.archive.state.database import StateDatabase
from medvox.archive.state.mpps import PerformedStatus
from medvox.archive.state.scheduling import scheduled
from medvox.archive.state.worklist import StepStatus
from medvox.cli.main import app
from medvox.core.errors import AmbiguityError, NetworkError, NetworkTimeoutError, UsageError
from medvox.network.dimse.syntaxes import MPPS
from medvox.network.dimse.user import Caller
from medvox.network.handlers import RefusedError
from medvox.network.upper_layer.acceptor import Listening
from medvox.network.upper_layer.tls import ClientCertificates, TlsFiles, acceptor_context
from medvox.workflows.node.node import Node
from medvox.workflows.node.procedures.mpps import series_of
from medvox.workflows.node.procedures.procedures import Procedures
from medvox.workflows.node.settings import NodeSettings, RemoteNode
from network.certificates import Authority
from network.fakes import QUICK, UID, free_port, instances, process, storage_node

pytestmark = pytest.mark.net
STEP = {
    "PatientName": "Müller^Eva", "PatientID": "7", "Modality": "CT", "ScheduledStationAETitle": "CT1",
    "ScheduledProcedureStepStartDate": "20261122", "ScheduledProcedureStepStartTime": "1015",
    "ScheduledProcedureStepDescription": "Head", "AccessionNumber": "A7",
}  # fmt: skip


def invoke(*words, fails=None, code=0):
    told = CliRunner().invoke(app, ["net", *map(str, words)])
    if fails:
        assert isinstance(told.exception, fails), told.output
        return told
    assert told.exit_code == code, (told.output, told.exception)
    return told


@contextmanager
def node_of(folder, *remote):
    settings = NodeSettings(store=folder / "store", aet="NODE", dicom_port=0, stop_s=2, nodes=remote)
    with Node(settings) as node:
        yield node, f"NODE@127.0.0.1:{node.dicom_port}"


def test_wlmscpfs_is_asked(tmp_path):
    """DCMTK's worklist provider serves files below a folder that is named as it is called."""
    folder, port = tmp_path / "OFFIS", free_port()
    folder.mkdir()
    (folder / "lockfile").touch()
    for number, modality in enumerate(("CT", "MR")):
        item = Dataset.from_json(
            scheduled(STEP | {"Modality": modality, "ScheduledProcedureStepID": str(number)})
        )
        item.SpecificCharacterSet = "ISO_IR 100"
        item.file_meta = FileMetaDataset()
        item.file_meta.MediaStorageSOPClassUID = "1.2.276.0.7230010.3.1.0.1"
        item.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
        item.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dcmwrite(folder / f"{number}.wl", item, enforce_file_format=True)
    with process(port, "wlmscpfs", "-dfp", tmp_path, port):
        node = f"OFFIS@127.0.0.1:{port}"
        (found,) = json.loads(invoke("worklist", node, "-k", "Modality=MR", "--json").stdout)
        assert found["00100010"]["Value"] == [{"Alphabetic": "Müller^Eva"}]
        assert found["00400100"]["Value"][0]["00400009"]["Value"] == ["1"]
        words = ("-k", "ScheduledProcedureStepStartDate=20261122", "-k", "ScheduledStationAETitle=CT1")
        shown = invoke("worklist", node, *words).stdout
        assert "2 scheduled" in shown
        assert "Müller^Eva" in shown
        assert json.loads(invoke("worklist", node, "-k", "PatientID=8", "--json").stdout) == []


def test_a_procedure_from_worklist_to_commitment_on_our_node(tmp_path):
    files = instances(tmp_path / "in")
    first = dcmread(files[0])
    with node_of(tmp_path) as (running, node):
        item = running.procedures.worklist.add(scheduled(STEP))
        told = invoke("worklist", node, "-k", "PatientName=mul*", "--json", "--aet", "CT1")
        (tmp_path / "item.json").write_text(told.stdout, encoding="utf-8")
        uid = invoke("mpps", "create", node, "--item", tmp_path / "item.json", "--aet", "CT1").stdout.strip()
        step = running.procedures.performed.get(uid)
        assert (step.status, step.caller) == (PerformedStatus.IN_PROGRESS, "CT1")
        assert step.data["00100010"]["Value"] == [{"Alphabetic": "Müller^Eva"}]
        assert running.procedures.worklist.get(item.id).status is StepStatus.STARTED
        invoke("send", tmp_path / "in", "--to", node)
        invoke("mpps", "complete", node, uid, tmp_path / "in", "--aet", "CT1")
        assert running.procedures.worklist.get(item.id).status is StepStatus.COMPLETED
        (series,) = series_of(running.archive, running.procedures.performed.get(uid))
        assert (series.series_uid, series.stored, series.missing) == (first.SeriesInstanceUID, 3, ())
        again = invoke("mpps", "discontinue", node, uid, fails=RefusedError).exception
        assert (again.status, again.error_id) == (0x0110, 0xA710)
        told = invoke("commit", node, tmp_path / "in", "--json", "--wait", 10)
        assert json.loads(told.stdout) == {"stored": 3, "failed": {}, "passed_over": 0}


def test_a_report_comes_to_the_port_that_we_listen_at(tmp_path):
    files, port = instances(tmp_path / "in"), free_port()
    with node_of(tmp_path, RemoteNode("us", "CT1", "127.0.0.1", port)) as (running, node):
        import_folder(running.archive, tmp_path / "in")
        files[0].with_name("extra.dcm").write_bytes(changed_uid(files[0]))
        told = invoke("commit", node, tmp_path / "in", "--listen", port, "--aet", "CT1", "--json", code=1)
        (failed,) = json.loads(told.stdout)["failed"].values()
        assert (json.loads(told.stdout)["stored"], failed) == (3, 0x0112)
        (request,) = running.procedures.commitments.newest()
        assert (request.state, request.failures) == (CommitmentState.DELIVERED, 1)
        late = invoke("commit", node, files[0], "--aet", "CT1", "--wait", 0.3, fails=NetworkTimeoutError)
        assert "--listen" in str(late.exception)


def changed_uid(path):
    data = path.read_bytes()
    uid = dcmread(path).SOPInstanceUID.encode()
    return data.replace(uid, uid[:-1] + (b"1" if uid[-1:] != b"1" else b"2"))


def test_pynetdicom_is_told_of_a_procedure(tmp_path):
    files, told = instances(tmp_path / "in"), []

    def note(event):
        data = event.attribute_list if hasattr(event.request, "AttributeList") else event.modification_list
        told.append(data)
        return 0, None

    ae = AE("RIS")
    ae.add_supported_context(MPPS)
    handlers = [(evt.EVT_N_CREATE, note), (evt.EVT_N_SET, note)]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    node = f"RIS@127.0.0.1:{server.socket.getsockname()[1]}"
    try:
        uid = invoke("mpps", "create", node, "-k", "Modality=CT", "-k", "PatientID=7").stdout.strip()
        invoke("mpps", "complete", node, uid, tmp_path / "in")
        invoke("mpps", "discontinue", node, uid, "--reason", "110501")
        invoke("mpps", "discontinue", node, uid, "--reason", "7", fails=UsageError)
        invoke("mpps", "create", node, fails=UsageError)
        invoke("mpps", "complete", node, uid, fails=UsageError)
    finally:
        server.shutdown()
    begun, done, broken_off = told
    assert (begun.PerformedProcedureStepStatus, begun.PatientID, begun.Modality) == ("IN PROGRESS", "7", "CT")
    assert begun.ScheduledStepAttributesSequence[0].StudyInstanceUID
    series = done.PerformedSeriesSequence[0]
    uids = {dcmread(file).SOPInstanceUID for file in files}
    assert {each.ReferencedSOPInstanceUID for each in series.ReferencedImageSequence} == uids
    assert series.ProtocolName
    reason = broken_off.PerformedProcedureStepDiscontinuationReasonCodeSequence[0]
    assert (reason.CodeValue, reason.CodingSchemeDesignator, reason.CodeMeaning) == (
        "110501",
        "DCM",
        "Equipment failure",
    )


def test_a_step_of_several_must_be_chosen(tmp_path):
    both = [scheduled(STEP | {"ScheduledProcedureStepID": name}) for name in "12"]
    (tmp_path / "items.json").write_text(json.dumps(both), encoding="utf-8")
    told = invoke("mpps", "create", "A@127.0.0.1:1", "--item", tmp_path / "items.json", fails=AmbiguityError)
    assert told.exception.choices == ("--step 1", "--step 2")


@contextmanager
def orthanc(folder, aet, port_of_peer):
    """Debian's Orthanc, which knows one peer; its DICOM node and its HTTP address."""
    dicom, http = free_port(), free_port()
    settings = {
        "StorageDirectory": str(folder / "db"), "IndexDirectory": str(folder / "db"), "DicomPort": dicom,
        "HttpPort": http, "HttpServerEnabled": True, "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False, "DicomAet": "ORTHANC", "DicomAlwaysAllowStore": True, "Plugins": [],
        "DicomModalities": {"peer": [aet, "127.0.0.1", port_of_peer]},
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with process(dicom, "Orthanc", folder / "orthanc.json"):
        yield f"ORTHANC@127.0.0.1:{dicom}", f"http://127.0.0.1:{http}", dicom


def test_orthanc_commits_itself_to_us(tmp_path):
    files, port = instances(tmp_path / "in"), free_port()
    with orthanc(tmp_path, "CT1", port) as (node, _, _):
        invoke("send", *files[:2], "--to", node, "--aet", "CT1")
        words = ("--listen", port, "--aet", "CT1", "--wait", 30, "--json")
        assert json.loads(invoke("commit", node, *files[:2], *words).stdout)["stored"] == 2
        told = json.loads(invoke("commit", node, *files, *words, code=1).stdout)
        assert (told["stored"], list(told["failed"].values())) == (2, [0x0112])


def test_orthanc_asks_us_for_commitment(tmp_path):
    files, place = instances(tmp_path / "in"), free_port()
    settings = NodeSettings(store=tmp_path / "store", aet="NODE", dicom_port=place, stop_s=2)
    with orthanc(tmp_path, "NODE", place) as (_, http, dicom):
        known = settings.changed(nodes=(RemoteNode("orthanc", "ORTHANC", "127.0.0.1", dicom),))
        with Node(known) as running:
            import_folder(running.archive, tmp_path / "in")
            wanted = [[each.SOPClassUID, each.SOPInstanceUID] for each in map(dcmread, files)]
            wanted.append([wanted[0][0], "1.2.99"])
            body = json.dumps({"DicomInstances": wanted, "Timeout": 10}).encode()
            made = ask(f"{http}/modalities/peer/storage-commitment", body)
            report = wait_for_report(http, made["ID"])
            (request,) = running.procedures.commitments.newest()
    assert report["Status"] == "Failure"
    assert {each["SOPInstanceUID"] for each in report["Success"]} == {uid for _, uid in wanted[:-1]}
    assert [each["SOPInstanceUID"] for each in report["Failures"]] == ["1.2.99"]
    assert (request.caller, request.failures) == ("ORTHANC", 1)


def ask(address, body=None):
    with urllib.request.urlopen(urllib.request.Request(address, data=body), timeout=20) as answer:
        return json.load(answer)


def wait_for_report(http, number):
    import time

    for _ in range(200):
        report = ask(f"{http}/storage-commitment/{number}")
        if report["Status"] != "Pending":
            return report
        time.sleep(0.1)
    raise AssertionError(report)


def test_all_words_talk_over_tls_when_told(tmp_path):
    authority = Authority(tmp_path)
    ca = authority.certificate
    node, mine = TlsFiles(*authority.sign("node"), ca), TlsFiles(*authority.sign("ct1"), ca)
    words = ("--tls", "--tls-cert", mine.certificate, "--tls-key", mine.key, "--tls-ca", ca)
    files = instances(tmp_path / "in")
    database = StateDatabase(tmp_path / "state.sqlite")
    context = acceptor_context(node, ClientCertificates.REQUIRED)
    with Archive.open(ArchiveSettings(tmp_path / "store")) as archive:
        import_folder(archive, tmp_path / "in")
        made = Procedures(archive, database, lambda _title, _asking: None, Caller(UID, "NODE"))
        made.worklist.add(scheduled(STEP))
        listening = Listening(timeouts=QUICK, tls=context)
        with storage_node(more=tuple(made.services()), listening=listening) as secure:
            address = f"127.0.0.1:{secure.port}"
            assert len(json.loads(invoke("worklist", address, "--json", *words).stdout)) == 1
            uid = invoke("mpps", "create", address, "-k", "Modality=CT", *words).stdout.strip()
            invoke("mpps", "complete", address, uid, tmp_path / "in", *words)
            assert made.performed.get(uid).status is PerformedStatus.COMPLETED
            told = invoke("commit", address, files[0], "--json", "--wait", 10, *words)
            assert json.loads(told.stdout)["stored"] == 1
            for command in (("worklist", address), ("mpps", "discontinue", address, uid)):
                invoke(*command, fails=NetworkError)
            invoke("commit", address, files[0], "--listen", free_port(), *words, fails=UsageError)
    database.close()

"""A node with DCMTK's programs and our own client: send, find, get, move."""

from __future__ import annotations

import stat
import sys

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from medvox.archive.importing import import_folder
from medvox.dicom.writing.files.encode import IMPLEMENTATION_UID
from medvox.network.dimse.proposals import Proposal
from medvox.network.dimse.syntaxes import FIND
from medvox.network.dimse.user import Caller, Peer, connect
from medvox.testing import dicom_builder
from medvox.workflows.node.node import Node
from medvox.workflows.node.settings import NodeSettings, RemoteNode
from network.fakes import Kept, instances, run, storage_node

pytestmark = pytest.mark.net


@pytest.fixture
def sink():
    kept = Kept()
    with storage_node(kept, ae_title="SINK") as listening:
        yield kept, listening.port


@pytest.fixture
def node(tmp_path, sink):
    remote = RemoteNode("sink", "SINK", "127.0.0.1", sink[1])
    settings = NodeSettings(store=tmp_path / "store", aet="ARCHIVE", dicom_port=0, stop_s=2, nodes=(remote,))
    with Node(settings) as running:
        yield running


@pytest.fixture
def study(tmp_path):
    return instances(tmp_path / "in", count=4)


def send(node, files):
    told = run("storescu", "-aec", "ARCHIVE", "127.0.0.1", node.dicom_port, *files)
    assert told.returncode == 0, told.stderr


def test_dcmtk_sends_finds_gets_and_moves(node, study, sink, tmp_path):
    send(node, study)
    first = dcmread(study[0])
    keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={first.StudyInstanceUID}")
    told = run("findscu", "-S", "-aec", "ARCHIVE", *keys, "-k", "PatientID",
               "-k", "NumberOfStudyRelatedInstances", "127.0.0.1", node.dicom_port)  # fmt: skip
    answer = told.stdout + told.stderr
    assert f"[{first.PatientID}" in answer
    assert "[4 ]" in answer
    (tmp_path / "out").mkdir()
    told = run("getscu", "-S", "-aec", "ARCHIVE", *keys, "-od", tmp_path / "out",
               "127.0.0.1", node.dicom_port)  # fmt: skip
    assert told.returncode == 0, told.stderr
    got = {dcmread(file).SOPInstanceUID: dcmread(file) for file in (tmp_path / "out").iterdir()}
    sent = {dcmread(file).SOPInstanceUID: dcmread(file) for file in study}
    assert got == sent
    told = run("movescu", "-S", "-aec", "ARCHIVE", "-aem", "SINK", *keys, "127.0.0.1", node.dicom_port)
    assert told.returncode == 0, told.stderr
    assert {one.sop_instance_uid for one, _ in sink[0].objects} == set(sent)


def test_an_unknown_destination_is_refused(node, study):
    send(node, study)
    keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={dcmread(study[0]).StudyInstanceUID}")
    told = run("movescu", "-S", "-v", "-aec", "ARCHIVE", "-aem", "NOWHERE", *keys,
               "127.0.0.1", node.dicom_port)  # fmt: skip
    assert "MoveDestinationUnknown" in told.stdout + told.stderr


def test_what_was_stored_is_there_after_a_restart(node, study):
    send(node, study)
    node.stop()
    with Node(node.settings) as again:
        assert {row.sop_uid for row in again.archive.instances()} == {
            dcmread(file).SOPInstanceUID for file in study
        }


@pytest.mark.parametrize(
    ("level", "keys", "count"),
    [
        ("PATIENT", {"PatientID": ""}, 2),
        ("PATIENT", {"PatientName": "yam*"}, 1),
        ("STUDY", {"PatientName": "Yamada^Tarou=山田^太郎"}, 1),
        ("STUDY", {"PatientName": "=山田*"}, 1),
        ("STUDY", {"StudyDate": "20240101-20240131"}, 2),
        ("STUDY", {"StudyDate": "-20240102"}, 1),
        ("SERIES", {"Modality": "CT"}, 3),
        ("SERIES", {"Modality": "MR"}, 0),
        ("IMAGE", {"InstanceNumber": "1"}, 3),
    ],
)
def test_queries_by_our_own_client(node, tmp_path, level, keys, count):
    people = (("1", "Yamada^Tarou=山田^太郎", "20240102"), ("2", "Müller^Änne", "20240131"))
    for number, (patient, name, date) in enumerate((*people, ("2", "Müller^Änne", "20240601"))):
        made = dicom_builder.stack(
            np.zeros((2, 4, 4), np.int16), modality="CT", study=f"study {number}", series=f"series {number}",
            SpecificCharacterSet="ISO_IR 192", PatientID=patient, PatientName=name, StudyDate=date,
        )  # fmt: skip
        dicom_builder.save(made, tmp_path / "people" / str(number))
    import_folder(node.archive, tmp_path / "people")
    identifier = Dataset()
    identifier.SpecificCharacterSet = "ISO_IR 192"
    identifier.QueryRetrieveLevel = level
    for key, value in keys.items():
        setattr(identifier, key, value)
    peer, model = Peer("127.0.0.1", node.dicom_port, "ARCHIVE"), FIND["patient"]
    with connect(peer, Caller(IMPLEMENTATION_UID), [Proposal(model)]) as client:
        found = list(client.find(model, identifier))
    assert len(found) == count
    assert all((one.QueryRetrieveLevel, one.RetrieveAETitle) == (level, "ARCHIVE") for one in found)
    if "StudyDate" in keys:
        assert all(one.StudyDate.startswith("2024") for one in found)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_nobody_else_can_look_into_the_store(node):
    assert stat.S_IMODE(node.settings.store.stat().st_mode) == 0o700

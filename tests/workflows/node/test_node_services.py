"""What a whole node offers besides storage and queries: transcoding, printing, unified procedure steps."""

from __future__ import annotations

import pytest
from pydicom import Dataset, dcmread
from pynetdicom import AE, evt
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from typer.testing import CliRunner

from medvox.cli.main import app
from medvox.network.dimse.files import file_to_send
from medvox.network.dimse.sending import send
from medvox.network.dimse.syntaxes import GET
from medvox.network.dimse.user import Caller, Peer
from medvox.workflows.node.node import Node
from medvox.workflows.node.settings import NodeSettings
from network.fakes import QUICK, UID, instances, run

pytestmark = pytest.mark.net
CT, EXPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"


@pytest.fixture
def node(tmp_path):
    with Node(NodeSettings(tmp_path / "store", dicom_port=0)) as made:
        yield made


def test_who_takes_no_codec_gets_compressed_instances_uncompressed(node, tmp_path):
    (file,), packed, got = instances(tmp_path / "in", count=1), tmp_path / "packed.dcm", []
    assert run("dcmcjpls", file, packed).returncode == 0
    (sent,) = send([file_to_send(packed)], Peer("127.0.0.1", node.dicom_port), Caller(UID, timeouts=QUICK))
    assert sent.status == 0
    assert [row.transfer_syntax for row in node.archive.instances()] == ["1.2.840.10008.1.2.4.80"]
    ae = AE("PYNET")
    ae.add_requested_context(GET["study"])
    ae.add_requested_context(CT, [EXPLICIT])
    role = SCP_SCU_RoleSelectionNegotiation()
    role.sop_class_uid, role.scu_role, role.scp_role = CT, False, True
    handlers = [(evt.EVT_C_STORE, lambda event: got.append(event.request.DataSet.getvalue()) or 0)]
    association = ae.associate("127.0.0.1", node.dicom_port, ext_neg=[role], evt_handlers=handlers)
    asked = dcmread(file)
    keys = Dataset()
    keys.QueryRetrieveLevel, keys.StudyInstanceUID = "STUDY", asked.StudyInstanceUID
    statuses = [status.Status for status, _ in association.send_c_get(keys, GET["study"])]
    association.release()
    assert statuses[-1] == 0
    assert len(got) == 1
    assert got[0].endswith(bytes(asked.PixelData))


def test_a_node_prints_and_keeps_unified_procedure_steps(node, tmp_path):
    address = f"127.0.0.1:{node.dicom_port}"
    instances(tmp_path / "in", count=2)
    told = CliRunner().invoke(app, ["net", "print", str(tmp_path / "in"), "--to", address])
    assert told.exit_code == 0, told.output
    assert (tmp_path / "store" / "print" / "job-1" / "films.pdf").read_bytes().startswith(b"%PDF")
    assert node.prints.recent()[0].status == "DONE"
    told = CliRunner().invoke(app, ["net", "ups", "create", address, "--label", "Read"])
    assert told.exit_code == 0, told.output
    assert node.unified.steps.get(told.stdout.strip()).state == "SCHEDULED"

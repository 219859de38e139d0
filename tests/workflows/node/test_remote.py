"""Remote nodes: found, retrieved from and sent to over DIMSE, against a second node of our own and DCMTK."""

from __future__ import annotations

import pytest
from pydicom import dcmread

from medvox.archive.importing import import_folder
from medvox.core.errors import CancelledError, MissingError, NetworkError
from medvox.core.progress import silent
from medvox.workflows.node.monitoring.own_status import OwnStatus
from medvox.workflows.node.node import Node
from medvox.workflows.node.remote import remote_nodes
from medvox.workflows.node.settings import NodeSettings, RemoteNode
from network.fakes import instances

pytestmark = pytest.mark.net


@pytest.fixture
def pacs(tmp_path):
    settings = NodeSettings(store=tmp_path / "pacs", aet="PACS", dicom_port=0, stop_s=2)
    with Node(settings) as running:
        yield running


@pytest.fixture
def node(tmp_path, pacs):
    known = (
        RemoteNode("pacs", "PACS", "127.0.0.1", pacs.dicom_port),
        RemoteNode("gone", "X", "127.0.0.1", 1),
    )
    settings = NodeSettings(store=tmp_path / "own", aet="OWN", dicom_port=0, stop_s=2, nodes=known)
    with Node(settings) as running:
        yield running


@pytest.fixture
def study(tmp_path):
    files = instances(tmp_path / "in", count=4)
    return str(dcmread(files[0]).StudyInstanceUID)


def test_a_study_is_found_retrieved_and_the_same(node, pacs, study, tmp_path):
    import_folder(pacs.archive, tmp_path / "in")
    remote = remote_nodes(node)
    assert 0 < remote.echo("pacs") < 10
    (found,) = remote.find("pacs", [f"StudyInstanceUID={study}"], 10)
    first = dcmread(next((tmp_path / "in").iterdir()))
    assert (found.study_uid, found.patient_name) == (study, str(first.PatientName))
    assert found.instances == 4
    assert found.modalities == (first.Modality,)
    steps = []
    done = remote.retrieve("pacs", study, lambda *step: steps.append(step[:2]))
    assert (done.done, done.failed) == (4, 0)
    assert steps[-1] == (4, 4)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    mine = {row.sop_uid: row.digest for row in node.archive.instances(study)}
    assert mine == {row.sop_uid: row.digest for row in pacs.archive.instances(study)}
    assert len(mine) == 4


def test_a_search_is_bounded(node, pacs, tmp_path):
    for part in ("a", "b", "c"):
        instances(tmp_path / "many" / part, count=1)
    import_folder(pacs.archive, tmp_path / "many")
    remote = remote_nodes(node)
    everything = remote.find("pacs", [], 100)
    assert len(remote.find("pacs", [], 1)) == 1
    assert len(everything) >= 1


def test_a_study_is_sent(node, pacs, study, tmp_path):
    import_folder(node.archive, tmp_path / "in")
    steps = []
    sent = remote_nodes(node).send("pacs", study, lambda *step: steps.append(step[:2]))
    assert (sent.done, sent.failed) == (4, 0)
    assert steps[-1] == (4, 4)
    assert len(list(pacs.archive.instances(study))) == 4


def test_what_is_not_there_is_said(node, pacs, study):
    remote = remote_nodes(node)
    with pytest.raises(MissingError):
        remote.retrieve("pacs", study, silent)
    with pytest.raises(MissingError):
        remote.send("pacs", study, silent)
    with pytest.raises(MissingError):
        remote.echo("nobody")
    with pytest.raises(NetworkError):
        remote.echo("gone")


def test_a_retrieval_that_is_cancelled_ends(node, pacs, study, tmp_path):
    import_folder(pacs.archive, tmp_path / "in")

    def cancel(done, total, text):
        if done == 2:
            raise CancelledError("enough")

    with pytest.raises(CancelledError):
        remote_nodes(node).retrieve("pacs", study, cancel)
    assert len(list(node.archive.instances(study))) in (1, 2)


def test_status_counts_what_is_stored(node, study, tmp_path):
    import_folder(node.archive, tmp_path / "in")
    status = OwnStatus(node.archive, node.settings.store, lambda: ("OWN", 11112, 5.0, 1))
    held = status.storage()
    assert (held.studies, held.series, held.instances) == (1, 1, 4)
    assert held.used_bytes == sum(row.size for row in node.archive.instances(study))
    assert held.free_bytes
    assert (status.facts().aet, status.facts().associations) == ("OWN", 1)
    node.archive.delete(study, reason="test", who="test")
    later = OwnStatus(node.archive, node.settings.store, lambda: ("OWN", 11112, 5.0, 1)).storage()
    assert (later.studies, later.series, later.instances) == (0, 0, 0)
    with pytest.raises(MissingError):
        status.retry("nothing:1")

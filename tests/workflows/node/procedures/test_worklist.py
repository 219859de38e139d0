"""Worklist queries by DCMTK's findscu and pynetdicom."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from pydicom import Dataset, dcmread
from pynetdicom import AE

from medvox.archive.state.database import StateDatabase
from medvox.archive.state.scheduling import scheduled
from medvox.archive.state.worklist import Worklist
from medvox.core.errors import UsageError
from medvox.network.dimse.services.worklist import WorklistService
from medvox.network.dimse.syntaxes import MODALITY_WORKLIST
from medvox.workflows.node.procedures.worklist import WorklistQueries
from network.fakes import run, storage_node

pytestmark = pytest.mark.net
PLAIN = {
    "PatientID": "1", "Modality": "CT", "ScheduledStationAETitle": "CT1",
    "ScheduledProcedureStepStartDate": "20261122", "ScheduledProcedureStepStartTime": "1015",
    "ScheduledProcedureStepDescription": "Head",
}  # fmt: skip
NAMES = ("Doe^Jane", "Müller^Eva", "Yamada^Tarou=山田^太郎=やまだ^たろう")


@pytest.fixture
def worklist(tmp_path):
    database = StateDatabase(tmp_path / "state.sqlite")
    worklist = Worklist(database)
    for k, name in enumerate(NAMES):
        more = {"PatientName": name, "PatientID": str(k), "Modality": ("CT", "MR", "CT")[k]}
        worklist.add(scheduled(PLAIN | more | {"AccessionNumber": f"A{k}"}))
    yield worklist
    database.close()


@contextmanager
def node_of(worklist):
    with storage_node(more=(WorklistService(WorklistQueries(worklist)),)) as node:
        yield node


def ask(node, **values):
    """Names found, as pynetdicom reads them."""
    keys = Dataset()
    keys.ScheduledProcedureStepSequence = [Dataset()]
    keys.PatientName = ""
    for keyword, value in values.items():
        own = keyword.startswith(("Patient", "Specific", "Accession"))
        setattr(keys if own else keys.ScheduledProcedureStepSequence[0], keyword, value)
    ae = AE("CT1")
    ae.add_requested_context(MODALITY_WORKLIST)
    association = ae.associate("127.0.0.1", node.port)
    found = list(association.send_c_find(keys, MODALITY_WORKLIST))
    association.release()
    assert found[-1][0].Status == 0
    assert all(status.Status == 0xFF00 for status, _ in found[:-1])
    return [match for _, match in found[:-1]]


def names(matches):
    return {str(match.PatientName) for match in matches}


def test_pynetdicom_matches_inside_the_step(worklist):
    with node_of(worklist) as node:
        assert names(ask(node, Modality="")) == set(NAMES)
        assert names(ask(node, Modality="MR")) == {NAMES[1]}
        assert names(ask(node, Modality="CT", PatientID="2")) == {NAMES[2]}
        assert names(ask(node, ScheduledProcedureStepStartDate="20261123-")) == set()
        joined = {"ScheduledProcedureStepStartDate": "20261121-20261122"}
        assert len(ask(node, **joined, ScheduledProcedureStepStartTime="1030-1020")) == 3
        assert len(ask(node, **joined, ScheduledProcedureStepStartTime="0900-1000")) == 0


def test_names_match_in_the_character_set_of_who_asks(worklist):
    with node_of(worklist) as node:
        latin = ask(node, PatientName="MÜLL*", SpecificCharacterSet="ISO_IR 100")
        assert names(latin) == {NAMES[1]}
        assert latin[0].SpecificCharacterSet == "ISO_IR 100"
        japanese = ask(node, PatientName="*=山田*", SpecificCharacterSet=["", "ISO 2022 IR 87"])
        assert names(japanese) == {NAMES[2]}
        assert list(japanese[0].SpecificCharacterSet) == ["", "ISO 2022 IR 87"]
        plain = ask(node, PatientName="yamada*")
        assert names(plain) == {NAMES[2]}
        assert plain[0].SpecificCharacterSet == "ISO_IR 192"
        assert "SpecificCharacterSet" not in ask(node, PatientName="Doe*")[0]


def test_a_peer_may_have_a_character_set_of_its_own(worklist):
    handler = WorklistQueries(worklist, character_set={"CT1": "ISO_IR 100"}.get)
    with storage_node(more=(WorklistService(handler),)) as node:
        found = ask(node, Modality="MR", SpecificCharacterSet="ISO_IR 192")
    assert (names(found), found[0].SpecificCharacterSet) == ({NAMES[1]}, "ISO_IR 100")


def test_keys_that_are_no_values_are_refused(worklist):
    keys = Dataset()
    keys.PatientName = ""
    keys.add_new(0x00200013, "IS", "1")
    keys["InstanceNumber"]._value = "x"
    queries = WorklistQueries(worklist)
    with pytest.raises(UsageError, match="cannot be read"):
        list(queries.find(MODALITY_WORKLIST, "", keys, "CT1"))


def test_findscu_asks(worklist, tmp_path):
    with node_of(worklist) as node:
        words = ("-k", "PatientName", "-k", "StudyInstanceUID", "-k", "(0040,0100)[0].Modality=CT",
                 "-k", "(0040,0100)[0].ScheduledProcedureStepID",
                 "-k", "(0040,0100)[0].ScheduledStationAETitle=CT1",
                 "-k", "(0040,0100)[0].ScheduledProcedureStepStartDate=20261101-20261130")  # fmt: skip
        told = run("findscu", "-W", "-X", "-od", tmp_path, *words, "127.0.0.1", node.port)
        assert told.returncode == 0, told.stderr
        wrong = run(
            "findscu",
            "-W",
            "-v",
            "-k",
            "(0040,0100)[0].Modality=CT",
            "-k",
            "PatientID=9",
            "127.0.0.1",
            node.port,
        )
        assert "Success" in wrong.stderr + wrong.stdout
    found = [dcmread(file) for file in sorted(tmp_path.glob("*.dcm"))]
    assert names(found) == {NAMES[0], NAMES[2]}
    assert {match.ScheduledProcedureStepSequence[0].ScheduledProcedureStepID for match in found} == {"1"}

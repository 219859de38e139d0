"""Services of procedures pass the gate: refusals are answered with 0124H and audited, work is noted."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from pynetdicom import AE, evt

from medvox.archive.archive import Archive
from medvox.archive.model import ArchiveSettings
from medvox.archive.state.ae_rules import AeRule, AeService
from medvox.archive.state.commitments import CommitmentState
from medvox.archive.state.database import StateDatabase
from medvox.archive.state.scheduling import scheduled
from medvox.network.dimse.syntaxes import MODALITY_WORKLIST, MPPS, STORAGE_COMMITMENT
from medvox.network.dimse.user import Caller
from medvox.workflows.node.access import NodeAccess
from medvox.workflows.node.procedures.procedures import Procedures
from network.fakes import QUICK, UID, storage_node
from workflows.node.procedures.test_commitment import STORAGE_COMMITMENT_INSTANCE, Listener, settled, wanted
from workflows.node.procedures.test_mpps import ITEM, begun

pytestmark = pytest.mark.net
SERVICES = (AeService.WORKLIST, AeService.MPPS, AeService.COMMITMENT)


@pytest.fixture
def parts(tmp_path):
    database = StateDatabase(tmp_path / "state.sqlite")
    with Archive.open(ArchiveSettings(tmp_path / "store")) as archive:
        access = NodeAccess(archive.audit, database)
        caller = Caller(UID, "NODE", timeouts=QUICK)
        made = Procedures(archive, database, lambda _title, _asking: None, caller, access.gate)
        yield access, made, archive.audit
        access.close()
    database.close()


def statuses(procedures):
    """What CT1 is answered by each service."""
    with storage_node(more=tuple(procedures.services())) as node:
        ae = AE("CT1")
        for uid in (MODALITY_WORKLIST, MPPS, STORAGE_COMMITMENT):
            ae.add_requested_context(uid)
        listener = Listener()
        handlers = [(evt.EVT_N_EVENT_REPORT, listener.take)]
        user = ae.associate("127.0.0.1", node.port, evt_handlers=handlers)
        keys = Dataset()
        keys.PatientName = ""
        found = [status.Status for status, _ in user.send_c_find(keys, MODALITY_WORKLIST)]
        created = user.send_n_create(begun(), MPPS, "1.2.9")[0].Status
        asked = user.send_n_action(wanted(["1.2.99"]), 1, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE)
        if asked[0].Status == 0:  # a release that crosses the answer to the report breaks pynetdicom
            settled(procedures.commitments, CommitmentState.DELIVERED)
        user.release()
    return found, created, asked[0].Status


def test_a_caller_that_may_not_is_refused_everywhere(parts):
    access, procedures, audit = parts
    procedures.worklist.add(scheduled(ITEM))
    access.rules.put(AeRule("CT1", "127.0.0.1", services=frozenset({AeService.STORE})))
    assert statuses(procedures) == ([0x0124], 0x0124, 0x0124)
    access.recorder.flush()
    assert {row.event.outcome for row in audit.search()} == {"refused"}
    assert procedures.performed.newest() == []
    assert procedures.commitments.newest() == []


def test_what_a_caller_does_is_in_the_audit(parts):
    access, procedures, audit = parts
    procedures.worklist.add(scheduled(ITEM))
    access.rules.put(AeRule("CT1", "127.0.0.1", services=frozenset(SERVICES)))
    assert statuses(procedures) == ([0xFF00, 0x0000], 0x0000, 0x0000)
    access.recorder.flush()
    noted = {(row.event.action, row.event.target, row.event.detail) for row in audit.search()}
    assert ("query", "", "1 items") in noted
    assert ("work", "1.2.3", "IN PROGRESS") in noted
    assert "Müller" not in str(noted)

"""Unified procedure steps and printing pass the gate: refusals are 0124H and audited, work is noted."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from pynetdicom import AE

from medvox.archive.archive import Archive
from medvox.archive.model import ArchiveSettings
from medvox.archive.state.ae_rules import AeRule, AeService
from medvox.archive.state.database import StateDatabase
from medvox.archive.state.print_jobs import PrintJobs
from medvox.network.dimse import ups_user
from medvox.network.dimse.services.print_management import (
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_PRINT,
    PrintService,
)
from medvox.network.dimse.syntaxes import UPS_PULL, UPS_PUSH
from medvox.network.dimse.user import Caller
from medvox.workflows.node.access import NodeAccess
from medvox.workflows.node.printing.spool import FilmSpool
from medvox.workflows.node.procedures.ups import UnifiedWork
from network.fakes import QUICK, UID, Paced, storage_node

pytestmark = pytest.mark.net


@pytest.fixture
def parts(tmp_path):
    database = StateDatabase(tmp_path / "state.sqlite")
    with Archive.open(ArchiveSettings(tmp_path / "store")) as archive:
        access = NodeAccess(archive.audit, database)
        caller = Caller(UID, "NODE", timeouts=QUICK)
        work = UnifiedWork(database, lambda _title, _asking: None, caller, access.gate)
        spool = FilmSpool(tmp_path / "print", PrintJobs(database), 30, access.gate)
        yield access, (*work.services(), PrintService(spool)), archive.audit
        access.close()
    database.close()


def statuses(services):
    """What CT1 is answered: making, finding and getting a step, and printing."""
    with storage_node(more=services) as node:
        ae = AE("CT1")
        for uid in (UPS_PUSH, UPS_PULL, GRAYSCALE_PRINT):
            ae.add_requested_context(uid)
        user = Paced(ae.associate("127.0.0.1", node.port))
        step = ups_user.new_step("Read")
        step.StudyInstanceUID = "1.2.77"
        keys, session, box = Dataset(), Dataset(), Dataset()
        keys.ProcedureStepState, session.NumberOfCopies = "SCHEDULED", 1
        found = [user.send_n_create(step, UPS_PUSH, "1.2.3")[0].Status]
        found.append([status.Status for status, _ in user.send_c_find(keys, UPS_PULL)][-1])
        found.append(user.send_n_get([], UPS_PUSH, "1.2.3")[0].Status)
        box.ImageDisplayFormat = "STANDARD\\1,1"
        box.ReferencedFilmSessionSequence = [Dataset()]
        box.ReferencedFilmSessionSequence[0].ReferencedSOPClassUID = FILM_SESSION
        box.ReferencedFilmSessionSequence[0].ReferencedSOPInstanceUID = "1.2"
        user.send_n_create(session, FILM_SESSION, "1.2", meta_uid=GRAYSCALE_PRINT)
        user.send_n_create(box, FILM_BOX, "1.3", meta_uid=GRAYSCALE_PRINT)
        found.append(user.send_n_action(None, 1, FILM_BOX, "1.3", meta_uid=GRAYSCALE_PRINT)[0].Status)
        user.release()
    return found


def test_a_caller_that_may_not_is_refused_everywhere(parts):
    access, services, audit = parts
    access.rules.put(AeRule("CT1", "127.0.0.1", services=frozenset({AeService.STORE})))
    assert statuses(services) == [0x0124] * 4
    access.recorder.flush()
    assert {row.event.outcome for row in audit.search()} == {"refused"}


def test_what_a_caller_does_is_noted_with_its_study(parts):
    access, services, audit = parts
    access.rules.put(AeRule("CT1", "127.0.0.1", services=frozenset({AeService.UPS, AeService.PRINT})))
    assert statuses(services) == [0, 0, 0, 0xB603]
    access.recorder.flush()
    details = {(row.event.target, row.event.detail) for row in audit.search()}
    assert {("1.2.77", "create"), ("", "find"), ("1.2.77", "read"), ("", "1 films")} <= details

"""Storage commitment with pynetdicom as requestor: both ways to report, retries, restarts, damage."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
from pydicom import Dataset
from pynetdicom import AE, evt

from medvox.archive.archive import Archive
from medvox.archive.model import ArchiveSettings
from medvox.archive.state.commitments import Commitments, CommitmentState
from medvox.archive.state.database import StateDatabase
from medvox.core.errors import MissingError
from medvox.network.dimse.datasets import encode_dataset
from medvox.network.dimse.services.commitment import CommitmentService
from medvox.network.dimse.syntaxes import STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE
from medvox.network.dimse.user import Caller
from medvox.network.handlers import Destination
from medvox.testing import dicom_builder
from medvox.workflows.node.procedures.commitment import Retrying, StorageCommitments, checked
from network.fakes import QUICK, UID, storage_node

pytestmark = pytest.mark.net
EXPLICIT, CT = "1.2.840.10008.1.2.1", "1.2.840.10008.5.1.4.1.1.2"
CALLER = Caller(UID, "MEDVOX", timeouts=QUICK)
SOON = Retrying(first=0.05, longest=0.1, until=30, over_same=0.3)


class Listener:
    """A requestor that takes reports over new associations and over its own."""

    def __init__(self):
        self.reports, self.status, self.came, self.port = [], 0, threading.Event(), 0

    def take(self, event):
        data = event.event_information
        stored = [each.ReferencedSOPInstanceUID for each in data.get("ReferencedSOPSequence", ())]
        failed = {
            each.ReferencedSOPInstanceUID: each.FailureReason for each in data.get("FailedSOPSequence", ())
        }
        self.reports.append((data.TransactionUID, event.request.EventTypeID, stored, failed))
        roles = [(each.as_scu, each.as_scp) for each in event.assoc.accepted_contexts
                 if each.abstract_syntax == STORAGE_COMMITMENT]  # fmt: skip
        self.reports[-1] += (roles[0],)
        self.came.set()
        return self.status, None

    @contextmanager
    def listening(self):
        ae = AE("CT1")
        ae.add_supported_context(STORAGE_COMMITMENT, scu_role=True, scp_role=True)
        server = ae.start_server(
            ("127.0.0.1", self.port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, self.take)]
        )
        self.port = server.socket.getsockname()[1]
        yield
        server.shutdown()

    def place(self, title):
        return Destination("127.0.0.1", self.port, title) if self.port and title == "CT1" else None


@contextmanager
def node_of(folder, listener, retrying=SOON):
    """A node, its archive and requests; what it keeps stays in the folder."""
    database = StateDatabase(folder / "state.sqlite")
    with Archive.open(ArchiveSettings(folder / "store")) as archive:
        requests = Commitments(database)
        made = StorageCommitments(archive, requests, listener.place, CALLER, retrying)
        with made as handler, storage_node(more=(CommitmentService(handler),)) as node:
            yield node, archive, requests, handler
    database.close()


def stored(archive, count=3):
    series = dicom_builder.stack(np.zeros((count, 8, 8), np.int16), modality="CT")
    for each in series:
        archive.receive(encode_dataset(each, EXPLICIT), transfer_syntax=EXPLICIT)
    return [str(each.SOPInstanceUID) for each in series]


def wanted(uids, transaction="1.2.3.4", sop_class=CT):
    data = Dataset()
    data.TransactionUID = transaction
    data.ReferencedSOPSequence = []
    for uid in uids:
        part = Dataset()
        part.ReferencedSOPClassUID, part.ReferencedSOPInstanceUID = sop_class, uid
        data.ReferencedSOPSequence.append(part)
    return data


@contextmanager
def requestor(node, listener, title="CT1"):
    ae = AE(title)
    ae.add_requested_context(STORAGE_COMMITMENT)
    handlers = [(evt.EVT_N_EVENT_REPORT, listener.take)]
    association = ae.associate("127.0.0.1", node.port, evt_handlers=handlers)
    assert association.is_established
    yield association
    association.release()


def asked(association, data, action=1, instance=STORAGE_COMMITMENT_INSTANCE):
    return association.send_n_action(data, action, STORAGE_COMMITMENT, instance)[0].Status


def settled(requests, state, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if all(each.state is state for each in requests.newest()):
            return requests.newest()
        time.sleep(0.02)
    raise AssertionError(requests.newest())


def test_a_report_comes_over_a_new_association_with_roles_changed(tmp_path):
    listener = Listener()
    with listener.listening(), node_of(tmp_path, listener) as (node, archive, requests, _):
        uids = stored(archive)
        with requestor(node, listener) as association:
            assert asked(association, wanted(uids)) == 0
        assert listener.came.wait(10)
        (request,) = settled(requests, CommitmentState.DELIVERED)
    assert listener.reports == [("1.2.3.4", 1, uids, {}, (True, False))]
    assert (request.caller, request.failures, request.attempts) == ("CT1", 0, 1)


def test_a_caller_of_unknown_address_is_told_over_its_own_association(tmp_path):
    listener = Listener()
    with node_of(tmp_path, listener) as (node, archive, requests, _):
        uids = stored(archive)
        with requestor(node, listener, "OTHER") as association:
            assert asked(association, wanted([*uids, "1.2.99"])) == 0
            assert listener.came.wait(10)
            settled(requests, CommitmentState.DELIVERED)
    assert listener.reports == [("1.2.3.4", 2, uids, {"1.2.99": 0x0112}, (True, False))]


def test_a_report_is_tried_until_the_requestor_is_back_also_after_a_restart(tmp_path):
    listener = Listener()
    with listener.listening():
        pass  # has a port, and is away
    with node_of(tmp_path, listener) as (node, archive, requests, _):
        uids = stored(archive)
        with requestor(node, listener) as association:
            assert asked(association, wanted(uids)) == 0
        while requests.newest()[0].attempts < 2:
            time.sleep(0.02)
        assert "connect" in requests.newest()[0].fault
    listener.status = 0x0110
    with listener.listening(), node_of(tmp_path, listener) as (node, archive, requests, _):
        assert listener.came.wait(10)
        while "refuses" not in requests.newest()[0].fault:
            time.sleep(0.02)
        assert requests.newest()[0].state is CommitmentState.WAITING
        listener.status = 0
        settled(requests, CommitmentState.DELIVERED)
    assert {report[:3] for report in ((r[0], r[1], tuple(r[2])) for r in listener.reports)} == {
        ("1.2.3.4", 1, tuple(uids))
    }


def test_a_report_that_is_never_taken_is_given_up_and_can_be_retried(tmp_path):
    listener = Listener()
    with listener.listening():
        pass
    retrying = Retrying(first=0.05, longest=0.1, until=0.3)
    with node_of(tmp_path, listener, retrying) as (node, _, requests, handler):
        with requestor(node, listener) as association:
            assert asked(association, wanted(["1.2.99"])) == 0
        (request,) = settled(requests, CommitmentState.GIVEN_UP)
        assert request.attempts >= 2
        with pytest.raises(MissingError):
            requests.retry(request.id + 1)
        with listener.listening():
            handler.retry(request.id)
            assert listener.came.wait(10)
        assert listener.reports[-1][3] == {"1.2.99": 0x0112}


def test_damaged_and_mislabeled_instances_are_not_committed(tmp_path):
    with Archive.open(ArchiveSettings(tmp_path / "store")) as archive:
        uids = stored(archive)
        row = next(iter(archive.instances(sop_uid=uids[1])))
        (place,) = [each for each in (tmp_path / "store").rglob("*") if str(each).endswith(row.place)]
        with place.open("r+b") as file:
            file.seek(row.offset + row.size - 1)
            last = file.read(1)
            file.seek(row.offset + row.size - 1)
            file.write(bytes([last[0] ^ 1]))
        report = checked(archive, "1.2.3", [(CT, uids[0]), (CT, uids[1]), ("1.2.3.4", uids[2])])
    assert [each.sop_instance_uid for each in report.stored] == [uids[0]]
    assert {each.sop_instance_uid: each.reason for each in report.failed} == {
        uids[1]: 0x0110,
        uids[2]: 0x0119,
    }


def test_requests_that_make_no_sense_are_refused(tmp_path):
    listener = Listener()
    with node_of(tmp_path, listener) as (node, _, requests, _), requestor(node, listener) as association:
        assert asked(association, wanted(["1.2"]), action=2) == 0x0123
        assert asked(association, wanted(["1.2"]), instance="1.2.3") == 0x0112
        assert asked(association, wanted([])) == 0x0115
        nameless = wanted(["1.2"])
        del nameless.TransactionUID
        assert asked(association, nameless) == 0x0115
        assert requests.newest() == []
        assert asked(association, wanted(["1.2.99"])) == 0
        settled(requests, CommitmentState.DELIVERED)
        assert asked(association, wanted(["1.2.98"])) == 0x0115
        status, _ = association.send_n_event_report(
            wanted(["1.2"]), 1, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE
        )
        assert status.Status == 0x0211

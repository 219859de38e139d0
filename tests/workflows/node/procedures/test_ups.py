"""Unified procedure steps with pynetdicom as user and as subscriber, and from the command line."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager

import pytest
from pydicom import Dataset
from pynetdicom import AE, evt
from typer.testing import CliRunner

from medvox.archive.state.database import StateDatabase
from medvox.archive.state.ups import UnifiedSteps
from medvox.archive.state.ups_events import GLOBAL
from medvox.cli.main import app
from medvox.network.dimse import ups_user
from medvox.network.dimse.services.ups import UpsService
from medvox.network.dimse.syntaxes import UPS_EVENT, UPS_PULL, UPS_PUSH, UPS_QUERY, UPS_WATCH
from medvox.network.dimse.user import Caller, Peer
from medvox.network.handlers import RefusedError
from medvox.workflows.node.procedures.ups import UnifiedStepRequests, UpsReporter
from network.fakes import QUICK, UID, Paced, free_port, storage_node

pytestmark = pytest.mark.net
OURS, THEIRS = "1.2.100", "1.2.200"


class Node:
    """Steps, their service, and where subscribers are."""

    def __init__(self, folder) -> None:
        self.database = StateDatabase(folder / "state.sqlite")
        self.steps = UnifiedSteps(self.database)
        self.peers: dict[str, Peer] = {}
        self.service = UpsService(UnifiedStepRequests(self.steps, self.peers.get))


@pytest.fixture
def node(tmp_path):
    made = Node(tmp_path)
    reporter = UpsReporter(made.steps, made.peers.get, Caller(UID, "NODE", timeouts=QUICK), interval=0.1)
    reporter.start()
    with storage_node(more=(made.service,)) as acceptor:
        made.port = acceptor.port
        yield made
    reporter.stop()
    made.database.close()


@contextmanager
def peer(node, *classes):
    ae = AE("PYNET")
    for each in classes:
        ae.add_requested_context(each)
    association = ae.associate("127.0.0.1", node.port)
    assert association.is_established
    yield Paced(association)
    association.release()


def new(label="Read", **more):
    made = ups_user.new_step(label)
    for keyword, value in more.items():
        setattr(made, keyword, value)
    return made


def changing(state, transaction=OURS):
    made = Dataset()
    made.TransactionUID, made.ProcedureStepState = transaction, state
    return made


def performed(transaction=OURS):
    done = Dataset()
    done.PerformedStationNameCodeSequence = [ups_user.HERE.item()]
    done.PerformedWorkitemCodeSequence = [ups_user.INTERPRETATION.item()]
    done.PerformedProcedureStepStartDateTime = done.PerformedProcedureStepEndDateTime = "20261122101500"
    done.OutputInformationSequence = []
    made = Dataset()
    made.TransactionUID = transaction
    made.UnifiedProcedureStepPerformedProcedureSequence = [done]
    return made


def act(association, uid, kind, data, abstract_syntax=UPS_PULL):
    return association.send_n_action(data, kind, UPS_PUSH, uid, meta_uid=abstract_syntax)[0].Status


def test_pynetdicom_makes_claims_and_finishes(node):
    with peer(node, UPS_PUSH, UPS_PULL, UPS_WATCH) as association:
        status, _ = association.send_n_create(new(PatientID="17"), UPS_PUSH, "1.2.3", meta_uid=UPS_PUSH)
        assert status.Status == 0
        assert association.send_n_create(new(), UPS_PUSH, "1.2.3", meta_uid=UPS_PUSH)[0].Status == 0x0111
        assert act(association, "1.2.3", 1, changing("COMPLETED")) == 0xC310
        assert act(association, "1.2.3", 1, changing("IN PROGRESS")) == 0
        assert act(association, "1.2.3", 1, changing("IN PROGRESS")) == 0xC302
        assert act(association, "1.2.3", 1, changing("COMPLETED", THEIRS)) == 0xC301
        assert act(association, "1.2.3", 1, changing("COMPLETED")) == 0xC304
        assert act(association, "1.2.3", 1, changing("ASLEEP")) == 0x0115
        wrong, _ = association.send_n_set(performed(THEIRS), UPS_PUSH, "1.2.3", meta_uid=UPS_PULL)
        assert wrong.Status == 0xC301
        right, _ = association.send_n_set(performed(), UPS_PUSH, "1.2.3", meta_uid=UPS_PULL)
        assert right.Status == 0
        assert act(association, "1.2.3", 1, changing("COMPLETED")) == 0
        assert act(association, "1.2.3", 1, changing("COMPLETED")) == 0xB306
        status, got = association.send_n_get([0x00741000, 0x00081195], UPS_PUSH, "1.2.3", meta_uid=UPS_WATCH)
        assert (status.Status, got.ProcedureStepState, len(got)) == (0x0001, "COMPLETED", 1)
        status, got = association.send_n_get([], UPS_PUSH, "1.2.3", meta_uid=UPS_PULL)
        assert got.PatientID == "17"
        assert association.send_n_get([], UPS_PUSH, "1.2.4", meta_uid=UPS_PULL)[0].Status == 0xC307


def test_each_sop_class_offers_its_own_operations(node):
    node.steps.create("1.2.3", {**json.loads(new().to_json())})
    with peer(node, UPS_PUSH, UPS_PULL, UPS_WATCH) as association:
        assert act(association, "1.2.3", 1, changing("IN PROGRESS"), UPS_PUSH) == 0x0123
        assert act(association, "1.2.3", 2, changing("IN PROGRESS"), UPS_PULL) == 0x0123
        assert association.send_n_create(new(), UPS_PUSH, "1.2.4", meta_uid=UPS_PULL)[0].Status == 0x0211
        assert (
            association.send_n_set(performed(""), UPS_PUSH, "1.2.3", meta_uid=UPS_WATCH)[0].Status == 0x0211
        )
        assert association.send_n_get([], UPS_PULL, "1.2.3")[0].Status == 0x0119


def test_pynetdicom_finds(node):
    for k, (label, state) in enumerate(
        (("Read", "SCHEDULED"), ("Report", "IN PROGRESS"), ("Read", "CANCELED"))
    ):
        node.steps.create(f"1.2.{k}", json.loads(new(label, PatientName="Müller^Eva").to_json()))
        if state == "CANCELED":
            node.steps.request_cancel(f"1.2.{k}", {}, "X")
        elif state == "IN PROGRESS":
            node.steps.change_state(f"1.2.{k}", "IN PROGRESS", OURS)
    keys = Dataset()
    keys.ProcedureStepLabel, keys.SOPInstanceUID, keys.PatientName = "Re*", "", ""
    keys.TransactionUID = ""
    for model in (UPS_PULL, UPS_WATCH, UPS_QUERY):
        with peer(node, model) as association:
            for state, wanted in (("", 3), ("SCHEDULED", 1), ("IN PROGRESS", 1), ("COMPLETED", 0)):
                keys.ProcedureStepState = state
                found = list(association.send_c_find(keys, model))
                assert found[-1][0].Status == 0
                assert len(found) - 1 == wanted
                for _, match in found[:-1]:
                    assert str(match.PatientName) == "Müller^Eva"
                    assert not match.TransactionUID


def subscribing(receiver="WATCHER"):
    made = Dataset()
    made.ReceivingAE, made.DeletionLock = receiver, "FALSE"
    return made


@contextmanager
def watcher(events):
    """A pynetdicom subscriber; yields its port."""

    def report(event):
        events.append((event.request.AffectedSOPInstanceUID, event.event_type, event.event_information))
        return 0, None

    ae = AE("WATCHER")
    ae.add_supported_context(UPS_EVENT, scu_role=True, scp_role=True)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, report)])
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()


def until(condition, seconds=8):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    assert condition()


def test_pynetdicom_is_told_in_order(node):
    events: list = []
    with watcher(events) as port:
        node.peers["WATCHER"] = Peer("127.0.0.1", port, "WATCHER")
        with peer(node, UPS_PUSH, UPS_PULL, UPS_WATCH) as association:
            assert act(association, GLOBAL, 3, subscribing("NOBODY"), UPS_WATCH) == 0xC308
            assert act(association, "1.2.9", 3, subscribing(), UPS_WATCH) == 0xC307
            assert act(association, GLOBAL, 3, subscribing(), UPS_WATCH) == 0
            assert act(association, "1.2.3", 5, subscribing(), UPS_WATCH) == 0xC314
            association.send_n_create(new(), UPS_PUSH, "1.2.3", meta_uid=UPS_PUSH)
            act(association, "1.2.3", 1, changing("IN PROGRESS"))
            reason = Dataset()
            reason.ReasonForCancellation = "moved"
            assert act(association, "1.2.3", 2, reason, UPS_PUSH) == 0
            association.send_n_set(performed(), UPS_PUSH, "1.2.3", meta_uid=UPS_PULL)
            assert act(association, "1.2.3", 1, changing("COMPLETED")) == 0
            assert act(association, "1.2.3", 2, reason, UPS_WATCH) == 0xC311
        until(lambda: len(events) >= 4)
    assert [(uid, kind) for uid, kind, _ in events] == [("1.2.3", kind) for kind in (1, 1, 2, 1)]
    states = [data.get("ProcedureStepState") for _, _, data in events]
    assert states == ["SCHEDULED", "IN PROGRESS", None, "COMPLETED"]
    assert events[2][2].ReasonForCancellation == "moved"
    assert events[2][2].RequestingAE == "PYNET"
    until(lambda: node.steps.subscriptions.waiting() == [])


def test_events_of_a_subscriber_that_is_away_are_kept(node):
    port = free_port()
    node.peers["WATCHER"] = Peer("127.0.0.1", port, "WATCHER")
    node.steps.create("1.2.3", json.loads(new().to_json()))
    node.steps.subscribe("1.2.3", "WATCHER")
    until(lambda: node.steps.subscriptions.waiting() == [])  # tried, and to be tried later
    with node.database.reading() as connection:
        kept = connection.exec_driver_sql("SELECT receiver, tries FROM ups_events").all()
    assert kept == [("WATCHER", 1)]


def invoke(*words):
    told = CliRunner().invoke(app, ["net", "ups", *map(str, words)])
    if told.exception is not None and not isinstance(told.exception, SystemExit):
        raise told.exception
    return told.stdout.strip()


def test_the_command_line_from_making_to_finishing(node):
    address = f"127.0.0.1:{node.port}"
    uid = invoke("create", address, "--label", "Read the head", "--patient-id", "17", "--priority", "high")
    assert "1 found" in invoke("find", address, "--state", "scheduled", "-k", "PatientID=17")
    transaction = invoke("claim", address, uid)
    with pytest.raises(RefusedError, match="Transaction UID is not correct"):
        invoke("claim", address, uid, "--aet", "OTHER")
    assert invoke("finish", address, uid, "--transaction", transaction) == "COMPLETED"
    (found,) = json.loads(invoke("find", address, "--json"))
    assert found["00741000"]["Value"] == ["COMPLETED"]
    second = invoke("create", address, "--label", "Second")
    assert invoke("cancel", address, second, "--reason", "moved") == "cancel requested"
    third = invoke("create", address, "--label", "Third")
    transaction = invoke("claim", address, third)
    assert invoke("cancel", address, third, "--transaction", transaction) == "CANCELED"
    assert "2 found" in invoke("find", address, "--state", "canceled")


def test_the_command_line_watches(node):
    port, told = free_port(), []
    node.peers["EYE"] = Peer("127.0.0.1", port, "EYE")
    words = ("watch", f"127.0.0.1:{node.port}", "--port", port, "--count", 2, "--aet", "EYE")
    thread = threading.Thread(target=lambda: told.append(invoke(*words)))
    thread.start()
    until(lambda: node.steps.subscriptions.receivers("") == [] and _follows(node))
    node.steps.create("1.2.3", json.loads(new().to_json()))
    node.steps.change_state("1.2.3", "IN PROGRESS", OURS)
    thread.join(15)
    assert not thread.is_alive()
    assert told[0].count('"uid": "1.2.3"') == 2
    assert not _follows(node)


def _follows(node):
    with node.database.reading() as connection:
        return bool(connection.exec_driver_sql("SELECT receiver FROM ups_global_subscriptions").all())

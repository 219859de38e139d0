"""Normalized services with pynetdicom as user and as provider."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import replace

import pytest
from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.dimse_messages import N_GET_RQ
from pynetdicom.dimse_primitives import N_GET
from pynetdicom.dsutils import encode
from pynetdicom.sop_class import Verification

from medvox.core.errors import NetworkError, WriteError
from medvox.network.dimse.commands import Command, Operation, Status, decode_command, encode_command
from medvox.network.dimse.datasets import quiet
from medvox.network.dimse.normalized import (
    NormalizedAnswer,
    NormalizedService,
    NormalizedUser,
    SopInstance,
    request_of,
)
from medvox.network.dimse.proposals import Proposal
from medvox.network.dimse.user import Caller, Peer, connect
from medvox.network.handlers import RefusedError
from network.fakes import QUICK, UID, storage_node

FILM, COMMITMENT = "1.2.840.10008.5.1.1.1", "1.2.840.10008.1.20.1"
MPPS = "1.2.840.10008.3.1.2.3.3"
CALLER = Caller(UID, "TEST", timeouts=QUICK)
OPERATIONS = (
    Operation.N_CREATE, Operation.N_SET, Operation.N_GET, Operation.N_ACTION, Operation.N_EVENT_REPORT,
    Operation.N_DELETE,
)  # fmt: skip


def named(name):
    data = Dataset()
    data.PatientName = name
    return data


def test_attribute_lists_survive_encoding_and_damage_is_told():
    command = Command(Operation.N_GET, message_id=1, attributes=(0x00100010, 0x00400252))
    assert decode_command(encode_command(command)) == command
    primitive = N_GET()
    primitive.MessageID, primitive.RequestedSOPClassUID = 1, MPPS
    primitive.RequestedSOPInstanceUID = "1.2.3"
    primitive.AttributeIdentifierList = [0x00100010, 0x00400252]
    message = N_GET_RQ()
    message.primitive_to_message(primitive)
    read = decode_command(encode(message.command_set, True, True))
    assert read.attributes == (0x00100010, 0x00400252)
    assert read.requested_sop_instance_uid == "1.2.3"


class Recorder:
    """Answers each request with its data, and keeps it."""

    def __init__(self):
        self.requests = []
        self.error = None

    def __call__(self, request):
        self.requests.append(request)
        if self.error:
            raise self.error
        uid = "1.2.3.4" if request.operation is Operation.N_CREATE else ""
        return NormalizedAnswer(0, request.data, uid)


@contextmanager
def pynetdicom_user(port):
    ae = AE("PEER")
    ae.add_requested_context(MPPS)
    association = ae.associate("127.0.0.1", port)
    assert association.is_established
    yield association
    association.release()


@pytest.mark.net
def test_pynetdicom_asks_each_operation():
    recorder = Recorder()
    service = NormalizedService([MPPS], dict.fromkeys(OPERATIONS, recorder))
    with storage_node(more=(service,)) as node, pynetdicom_user(node.port) as user:
        status, made = user.send_n_create(named("A"), MPPS)
        assert (status.Status, made.PatientName) == (0, "A")
        assert user.send_n_set(named("B"), MPPS, "1.2.3")[1].PatientName == "B"
        assert user.send_n_get([0x00100010], MPPS, "1.2.3")[0].Status == 0
        assert user.send_n_action(named("C"), 7, MPPS, "1.2.3")[1].PatientName == "C"
        assert user.send_n_event_report(named("D"), 3, MPPS, "1.2.3")[1].PatientName == "D"
        assert user.send_n_delete(MPPS, "1.2.3").Status == 0
    assert [request.operation for request in recorder.requests] == list(OPERATIONS)
    assert [request.type_id for request in recorder.requests] == [0, 0, 0, 7, 3, 0]
    assert {request.instance.sop_instance_uid for request in recorder.requests} == {"", "1.2.3"}
    assert recorder.requests[2].wanted == (0x00100010,)
    assert {request.calling_ae for request in recorder.requests} == {"PEER"}


@pytest.mark.net
def test_refusals_carry_error_id_and_tags_and_keep_the_association():
    recorder = Recorder()
    service = NormalizedService([MPPS], {Operation.N_SET: recorder})
    with storage_node(more=(service,)) as node, pynetdicom_user(node.port) as user:
        recorder.error = RefusedError(
            0x0110, "may no longer be updated", error_id=0xA710, attributes=[0x00400252]
        )
        status, _ = user.send_n_set(named("B"), MPPS, "1.2.3")
        assert (status.Status, status.ErrorID) == (0x0110, 0xA710)
        assert status.ErrorComment == "may no longer be updated"
        assert status.AttributeIdentifierList == 0x00400252
        recorder.error = WriteError("no room")
        assert user.send_n_set(named("B"), MPPS, "1.2.3")[0].Status == Status.RESOURCE_LIMITATION
        recorder.error = RuntimeError("patient name")
        status, _ = user.send_n_set(named("B"), MPPS, "1.2.3")
        assert (status.Status, "ErrorComment" in status) == (Status.PROCESSING_FAILURE, False)
        assert user.send_n_delete(MPPS, "1.2.3").Status == Status.UNRECOGNIZED_OPERATION
        recorder.error = None
        assert user.send_n_set(named("B"), MPPS, "1.2.3")[0].Status == 0


@contextmanager
def pynetdicom_provider(*handlers):
    ae = AE("PEER")
    for uid in (MPPS, FILM, COMMITMENT, Verification):
        ae.add_supported_context(uid)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=list(handlers))
    yield Peer("127.0.0.1", server.socket.getsockname()[1], "PEER")
    server.shutdown()


@pytest.mark.net
def test_we_ask_pynetdicom_each_operation():
    asked = []

    def create(event):
        asked.append(("create", event.attribute_list.PatientName, event.request.AffectedSOPInstanceUID))
        return 0, event.attribute_list

    def change(event):
        asked.append(("set", event.modification_list.PatientName, event.request.RequestedSOPInstanceUID))
        return 0x0107, event.modification_list

    def get(event):
        asked.append(("get", event.attribute_identifiers))
        return 0, named("G")

    def act(event):
        asked.append(("action", event.action_type, event.action_information.PatientName))
        return 0, None

    def told(event):
        asked.append(("event", event.event_type))
        return 0, None

    def delete(event):
        asked.append(("delete", event.request.RequestedSOPInstanceUID))
        return 0x0112

    handlers = (
        (evt.EVT_N_CREATE, create), (evt.EVT_N_SET, change), (evt.EVT_N_GET, get), (evt.EVT_N_ACTION, act),
        (evt.EVT_N_EVENT_REPORT, told), (evt.EVT_N_DELETE, delete),
    )  # fmt: skip
    uid = str(generate_uid())
    mpps, film = SopInstance(MPPS, uid), SopInstance(FILM, uid)
    proposals = [Proposal(MPPS), Proposal(FILM), Proposal(COMMITMENT)]
    with pynetdicom_provider(*handlers) as peer, connect(peer, CALLER, proposals) as client:
        user = NormalizedUser(client)
        assert user.create(mpps, named("A")).data.PatientName == "A"
        assert user.set(mpps, named("B")).status == 0x0107
        assert user.get(mpps, [0x00100010, 0x00400252]).data.PatientName == "G"
        user.action(film, 5, named("C"))
        user.report(SopInstance(COMMITMENT, uid), 6)
        with pytest.raises(RefusedError, match="N-DELETE") as refused:
            user.delete(film)
        assert refused.value.status == 0x0112
        with pytest.raises(NetworkError, match="presentation context"):
            user.delete(SopInstance("1.2.3", uid))
    assert asked == [
        ("create", "A", uid), ("set", "B", uid), ("get", [0x00100010, 0x00400252]), ("action", 5, "C"),
        ("event", 6), ("delete", uid),
    ]  # fmt: skip


@pytest.mark.net
def test_reports_that_come_before_the_response_are_performed():
    """A provider may report between request and response, e.g. a printer its status (PS3.4 H.4.3.3)."""
    recorder = Recorder()

    class Chatty:
        def __init__(self):
            self.answers = []

        def choose(self, abstract_syntax, proposed):
            return proposed[0] if abstract_syntax == MPPS else None

        def serve(self, messenger, message):
            report = request_of(Operation.N_EVENT_REPORT, SopInstance(MPPS, "1.2.3"), 2)
            messenger.send(message.context, replace(report, message_id=9))
            messenger.send(message.context, message.command.reply(0))

        def answered(self, messenger, message):
            self.answers.append((message.command.responded_to, message.command.status))

    chatty = Chatty()
    with storage_node(more=(chatty,)) as node:
        peer = Peer("127.0.0.1", node.port)
        with connect(peer, CALLER, [Proposal(MPPS)]) as client:
            user = NormalizedUser(client, recorder)
            assert user.delete(SopInstance(MPPS, "1.2.3")).status == 0
    assert [(r.operation, r.type_id) for r in recorder.requests] == [(Operation.N_EVENT_REPORT, 2)]
    assert chatty.answers == [(9, 0)]


@pytest.mark.net
def test_a_provider_may_name_what_it_makes():
    service = NormalizedService([MPPS], {Operation.N_CREATE: Recorder()})
    with storage_node(more=(service,)) as node:
        peer = Peer("127.0.0.1", node.port)
        with connect(peer, CALLER, [Proposal(MPPS)]) as client:
            assert NormalizedUser(client).create(SopInstance(MPPS), named("A")).sop_instance_uid == "1.2.3.4"


def test_warnings_are_silent_while_any_thread_is_inside():
    """`warnings.catch_warnings` alone would bring the warnings back when the first of two leaves."""
    before = list(warnings.filters)
    first, second = quiet(), quiet()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    warnings.warn("a value", stacklevel=1)
    second.__exit__(None, None, None)
    assert list(warnings.filters) == before
    with pytest.raises(UserWarning):
        warnings.warn("a value", stacklevel=1)

"""Storage Commitment Push Model: N-ACTION and N-EVENT-REPORT, both roles (PS3.4 J)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from medvox.core.errors import LimitError
from medvox.network.dimse.commands import Operation, Status
from medvox.network.dimse.datasets import encode_dataset
from medvox.network.dimse.messages import Message, Messenger
from medvox.network.dimse.normalized import (
    NormalizedAnswer,
    NormalizedRequest,
    NormalizedUser,
    Perform,
    SopInstance,
    request_of,
    serve_normalized,
)
from medvox.network.dimse.syntaxes import (
    NATIVE,
    STORAGE_COMMITMENT,
    STORAGE_COMMITMENT_INSTANCE,
    prefer,
)
from medvox.network.handlers import RefusedError
from medvox.network.procedure_handlers import (
    CommitmentHandler,
    CommitmentReceiver,
    CommitmentReport,
    CommitmentRequest,
    ReferencedInstance,
)

if TYPE_CHECKING:
    from pydicom import Dataset

COMMITMENT: Final = SopInstance(STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE)
REQUEST: Final = 1
"""Action Type ID of a request (PS3.4 table J.3-1)."""
ALL_STORED, SOME_FAILED = 1, 2
"""Event Type IDs of reports (PS3.4 table J.3-2)."""
MOST_INSTANCES: Final = 100_000
"""Instances of one request that are taken."""

_Sent = tuple[CommitmentRequest, CommitmentReport]
"""A request and its report, which is sent but not answered."""


class CommitmentService:
    """Takes requests for storage commitment, or reports of other nodes, or both.

    Parameters
    ----------
    handler
        Answers requests; None: they are refused.
    receiver
        Takes reports; None: they are refused. The SOP class must then be in `Services.reporters` too.
    """

    def __init__(self, handler: CommitmentHandler | None, receiver: CommitmentReceiver | None = None) -> None:
        self._handler = handler
        self._receive = None if receiver is None else receiving(receiver)
        self._waiting: WeakKeyDictionary[Messenger, dict[int, _Sent]] = WeakKeyDictionary()

    def choose(self, abstract_syntax: str, proposed: tuple[str, ...]) -> str | None:
        """Take the Storage Commitment Push Model in native encodings."""
        return prefer(proposed, NATIVE) if abstract_syntax == STORAGE_COMMITMENT else None

    def serve(self, messenger: Messenger, message: Message) -> None:
        """Answer a request; its report follows at once where the handler wants that."""
        operations: dict[Operation, Perform] = {}
        over_same: list[CommitmentRequest] = []
        handler = self._handler
        if handler is not None:

            def request(asked: NormalizedRequest) -> NormalizedAnswer:
                found = commitment_request(asked)
                if handler.request(found):
                    over_same.append(found)
                return NormalizedAnswer()

            operations[Operation.N_ACTION] = request
        if self._receive is not None:
            operations[Operation.N_EVENT_REPORT] = self._receive
        serve_normalized(messenger, message, operations)
        if handler is not None:
            for found in over_same:
                self._report(messenger, message, handler, found)

    def answered(self, messenger: Messenger, message: Message) -> None:
        """Take the response to a report that was sent over the association that asked."""
        number = message.command.responded_to
        sent = self._waiting.get(messenger, {}).pop(-1 if number is None else number, None)
        if sent is not None and self._handler is not None:
            status = message.command.status or 0
            fault = f"the peer answers with status {status:04X}H" if status else ""
            self._handler.reported(*sent, fault)

    def _report(
        self, messenger: Messenger, message: Message, handler: CommitmentHandler, request: CommitmentRequest
    ) -> None:
        report = handler.report(request)
        event_type, data = report_data(report)
        encoded = encode_dataset(data, message.context.transfer_syntax)
        number = messenger.next_id()
        self._waiting.setdefault(messenger, {})[number] = request, report
        command = replace(
            request_of(Operation.N_EVENT_REPORT, COMMITMENT, event_type), message_id=number, data_set_type=1
        )
        messenger.send(message.context, command, encoded)


def receiving(receiver: CommitmentReceiver) -> Perform:
    """Return what performs N-EVENT-REPORT by handing it to a receiver."""

    def receive(request: NormalizedRequest) -> NormalizedAnswer:
        _require_instance(request)
        if request.type_id not in (ALL_STORED, SOME_FAILED):
            raise RefusedError(Status.NO_SUCH_EVENT_TYPE, "there is no such event type")
        receiver.receive(_report_of(request), request.calling_ae)
        return NormalizedAnswer()

    return receive


def ask(user: NormalizedUser, transaction_uid: str, instances: Iterable[ReferencedInstance]) -> None:
    """Request storage commitment over an association; the report comes later (PS3.4 J.3.2).

    Raises
    ------
    RefusedError, NetworkError
        As for `NormalizedUser`.
    """
    from pydicom import Dataset

    data = Dataset()
    data.TransactionUID = transaction_uid
    data.ReferencedSOPSequence = [_reference(each) for each in instances]
    user.action(COMMITMENT, REQUEST, data)


def report_data(report: CommitmentReport) -> tuple[int, Dataset]:
    """Return Event Type ID and Event Information of a report (PS3.4 table J.3-2)."""
    from pydicom import Dataset

    data = Dataset()
    data.TransactionUID = report.transaction_uid
    if report.stored:
        data.ReferencedSOPSequence = [_reference(each) for each in report.stored]
    if not report.failed:
        return ALL_STORED, data
    data.FailedSOPSequence = [_reference(each) for each in report.failed]
    return SOME_FAILED, data


def commitment_request(request: NormalizedRequest) -> CommitmentRequest:
    """Return what an N-ACTION asks for.

    Raises
    ------
    RefusedError
        If it is not about the well-known instance (0112H), of another action (0123H), or lacks something
        (0115H).
    LimitError
        If it names too many instances.
    """
    _require_instance(request)
    if request.type_id != REQUEST:
        raise RefusedError(Status.NO_SUCH_ACTION_TYPE, "there is no such action type")
    data = request.data
    transaction = "" if data is None else str(data.get("TransactionUID", ""))
    instances = () if data is None else _instances(data, "ReferencedSOPSequence")
    if not _is_uid(transaction) or not instances:
        raise RefusedError(Status.INVALID_ARGUMENT_VALUE, "Transaction UID or instances are missing")
    return CommitmentRequest(transaction, instances, request.calling_ae, request.peer_address)


def _report_of(request: NormalizedRequest) -> CommitmentReport:
    data = request.data
    if data is None or not _is_uid(str(data.get("TransactionUID", ""))):
        raise RefusedError(Status.INVALID_ARGUMENT_VALUE, "the Transaction UID is missing")
    return CommitmentReport(
        str(data.TransactionUID),
        _instances(data, "ReferencedSOPSequence"),
        _instances(data, "FailedSOPSequence"),
    )


def _require_instance(request: NormalizedRequest) -> None:
    if request.instance.sop_class_uid != STORAGE_COMMITMENT:
        raise RefusedError(Status.NO_SUCH_SOP_CLASS, "the SOP class is not storage commitment")
    if request.instance.sop_instance_uid != STORAGE_COMMITMENT_INSTANCE:
        raise RefusedError(Status.NO_SUCH_SOP_INSTANCE, "storage commitment has one well-known instance")


def _instances(data: Dataset, keyword: str) -> tuple[ReferencedInstance, ...]:
    parts = data.get(keyword) or ()
    if len(parts) > MOST_INSTANCES:
        raise LimitError("too many instances in one request", got=len(parts), expected=MOST_INSTANCES)
    found = tuple(
        ReferencedInstance(
            str(part.get("ReferencedSOPClassUID", "")),
            str(part.get("ReferencedSOPInstanceUID", "")),
            int(part.get("FailureReason") or 0),
        )
        for part in parts
    )
    if not all(_is_uid(each.sop_class_uid) and _is_uid(each.sop_instance_uid) for each in found):
        raise RefusedError(Status.INVALID_ARGUMENT_VALUE, "a referenced instance lacks a UID")
    return found


def _is_uid(text: str) -> bool:
    return 0 < len(text) <= 64 and not text.strip("0123456789.")


def _reference(instance: ReferencedInstance) -> Dataset:
    from pydicom import Dataset

    part = Dataset()
    part.ReferencedSOPClassUID = instance.sop_class_uid
    part.ReferencedSOPInstanceUID = instance.sop_instance_uid
    if instance.reason:
        part.FailureReason = instance.reason
    return part

"""Modality Performed Procedure Step: N-CREATE, N-SET and N-GET (PS3.4 F.7, F.8)."""

from __future__ import annotations

from medvox.network.dimse.commands import Operation, Status
from medvox.network.dimse.normalized import NormalizedAnswer, NormalizedRequest, NormalizedService
from medvox.network.dimse.syntaxes import MPPS, MPPS_RETRIEVE
from medvox.network.handlers import RefusedError
from medvox.network.procedure_handlers import PerformedStepHandler


class PerformedStepService(NormalizedService):
    """Hands performed procedure steps to a handler."""

    def __init__(self, handler: PerformedStepHandler) -> None:
        self._handler = handler
        operations = {
            Operation.N_CREATE: self._create,
            Operation.N_SET: self._set,
            Operation.N_GET: self._get,
        }
        super().__init__((MPPS, MPPS_RETRIEVE), operations)

    def _create(self, request: NormalizedRequest) -> NormalizedAnswer:
        _require(request, MPPS)
        if request.data is None:
            raise RefusedError(Status.MISSING_ATTRIBUTE, "the attribute list is missing")
        uid = self._handler.create(request.instance.sop_instance_uid, request.data, request.calling_ae)
        return NormalizedAnswer(sop_instance_uid=uid)

    def _set(self, request: NormalizedRequest) -> NormalizedAnswer:
        _require(request, MPPS)
        if request.data is None:
            raise RefusedError(Status.MISSING_ATTRIBUTE, "the modification list is missing")
        self._handler.update(request.instance.sop_instance_uid, request.data, request.calling_ae)
        return NormalizedAnswer()

    def _get(self, request: NormalizedRequest) -> NormalizedAnswer:
        _require(request, MPPS_RETRIEVE)
        found = self._handler.get(request.instance.sop_instance_uid, request.wanted, request.calling_ae)
        lacking = tuple(tag for tag in request.wanted if tag not in found)
        status = Status.OPTIONAL_ATTRIBUTES_NOT_SUPPORTED if lacking else Status.SUCCESS
        return NormalizedAnswer(status, found, attributes=lacking)


def _require(request: NormalizedRequest, sop_class: str) -> None:
    """Refuse operations that the SOP class of the context does not have (PS3.4 tables F.7.1-1, F.8.1-1)."""
    instance = request.instance
    if instance.abstract_syntax != sop_class:
        raise RefusedError(Status.UNRECOGNIZED_OPERATION, "the SOP class has no such operation")
    if instance.sop_class_uid not in (MPPS, sop_class):
        raise RefusedError(Status.NO_SUCH_SOP_CLASS, "the SOP class is not that of the presentation context")

"""Unified Procedure Step: push, pull, watch, query and event, as provider (PS3.4 CC)."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol

from medvox.network.dimse.commands import Operation, Status
from medvox.network.dimse.messages import Message, Messenger
from medvox.network.dimse.normalized import (
    NormalizedAnswer,
    NormalizedRequest,
    NormalizedService,
    Perform,
    serve_normalized,
)
from medvox.network.dimse.services.query import QueryService
from medvox.network.dimse.syntaxes import NATIVE, UPS_EVENT, UPS_PULL, UPS_PUSH, UPS_QUERY, UPS_WATCH, prefer
from medvox.network.handlers import QueryHandler, RefusedError


class UpsAction(IntEnum):
    """Action Type ID (PS3.4 tables CC.2.1-1, CC.2.2-1, CC.2.3-1)."""

    CHANGE_STATE = 1
    REQUEST_CANCEL = 2
    SUBSCRIBE = 3
    UNSUBSCRIBE = 4
    SUSPEND = 5


_ACTIONS = {
    UPS_PUSH: (UpsAction.REQUEST_CANCEL,),
    UPS_PULL: (UpsAction.CHANGE_STATE,),
    UPS_WATCH: (
        UpsAction.REQUEST_CANCEL, UpsAction.SUBSCRIBE, UpsAction.UNSUBSCRIBE, UpsAction.SUSPEND,
    ),
}  # fmt: skip
_OPERATIONS = {
    UPS_PUSH: (Operation.N_CREATE, Operation.N_ACTION, Operation.N_GET),
    UPS_PULL: (Operation.N_SET, Operation.N_ACTION, Operation.N_GET),
    UPS_WATCH: (Operation.N_ACTION, Operation.N_GET),
}
_QUERIES = (UPS_PULL, UPS_WATCH, UPS_QUERY)
"""What each SOP class offers (PS3.4 table CC.2-1)."""


class UpsHandler(QueryHandler, Protocol):
    """Keeps unified procedure steps; all methods raise `RefusedError` with statuses of PS3.4 CC.2."""

    def create(self, request: NormalizedRequest) -> NormalizedAnswer:
        """Make a step (CC.2.5)."""

    def get(self, request: NormalizedRequest) -> NormalizedAnswer:
        """Return attributes of a step (CC.2.7)."""

    def set(self, request: NormalizedRequest) -> NormalizedAnswer:
        """Change attributes of a step (CC.2.6)."""

    def action(self, request: NormalizedRequest) -> NormalizedAnswer:
        """Perform a `UpsAction` (CC.2.1, CC.2.2, CC.2.3)."""


class UpsService:
    """Answers requests about unified procedure steps.

    Parameters
    ----------
    handler
        Keeps the steps.
    """

    def __init__(self, handler: UpsHandler) -> None:
        self._handler = handler
        self._query = QueryService(handler, _QUERIES)

    def choose(self, abstract_syntax: str, proposed: tuple[str, ...]) -> str | None:
        """Take push, pull, watch and query in native encodings; events go the other way."""
        known = abstract_syntax in (UPS_PUSH, UPS_PULL, UPS_WATCH, UPS_QUERY)
        return prefer(proposed, NATIVE) if known else None

    def serve(self, messenger: Messenger, message: Message) -> None:
        """Perform one request."""
        abstract_syntax = message.context.abstract_syntax
        if message.command.command_field == Operation.C_FIND and abstract_syntax in _QUERIES:
            self._query.serve(messenger, message)
            return
        performers: dict[Operation, Perform] = {
            Operation.N_CREATE: self._handler.create,
            Operation.N_GET: self._handler.get,
            Operation.N_SET: self._handler.set,
            Operation.N_ACTION: self._action,
        }
        offered = {each: _of_push(performers[each]) for each in _OPERATIONS.get(abstract_syntax, ())}
        serve_normalized(messenger, message, offered)

    def _action(self, request: NormalizedRequest) -> NormalizedAnswer:
        if request.type_id not in _ACTIONS.get(request.instance.abstract_syntax, ()):
            raise RefusedError(Status.NO_SUCH_ACTION_TYPE, "the SOP class has no such action")
        return self._handler.action(request)


def _of_push(perform: Perform) -> Perform:
    """Take instances of UPS Push alone, whatever the presentation context is of (PS3.4 CC.3.1)."""

    def checked(request: NormalizedRequest) -> NormalizedAnswer:
        if request.instance.sop_class_uid != UPS_PUSH:
            raise RefusedError(Status.CLASS_INSTANCE_CONFLICT, "steps are of the SOP class UPS Push")
        return perform(request)

    return checked


def event_service(on_event: Perform) -> NormalizedService:
    """Return the service of a subscriber: it is told of events (PS3.4 CC.2.4).

    `Services.reporters` must name `UPS_EVENT`, so that who reports may be its SCP.
    """
    return NormalizedService((UPS_EVENT,), {Operation.N_EVENT_REPORT: on_event})

"""Unified procedure steps of a node: requests to the state, events to subscribers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

from medvox.archive.state.ae_rules import AeService
from medvox.archive.state.attribute_matching import Json, returned, text_of
from medvox.archive.state.database import StateDatabase
from medvox.archive.state.ups import Step, UnifiedSteps
from medvox.archive.state.ups_content import STATE
from medvox.archive.state.ups_events import FILTERED, Delivery
from medvox.archive.state.ups_states import NOT_APPROPRIATE, UNKNOWN_AE, State, StepRefusedError
from medvox.core.errors import NetworkError
from medvox.network.dimse.commands import Status
from medvox.network.dimse.datasets import with_character_set
from medvox.network.dimse.normalized import (
    NormalizedAnswer,
    NormalizedRequest,
    NormalizedUser,
    SopInstance,
)
from medvox.network.dimse.proposals import Proposal
from medvox.network.dimse.provider import Service
from medvox.network.dimse.services.ups import UpsAction, UpsService
from medvox.network.dimse.syntaxes import UPS_EVENT, UPS_PUSH
from medvox.network.dimse.user import Caller, Peer, connect
from medvox.network.handlers import Destination, RefusedError
from medvox.workflows.node.policy import Gate
from medvox.workflows.node.procedures.worklist import dataset_of, enter, json_of

if TYPE_CHECKING:
    from pydicom import Dataset

_LOG = logging.getLogger(__name__)
T = TypeVar("T")
_TRANSACTION, _RECEIVER, _LOCK = "00081195", "00741234", "00741230"
PeerOf = Callable[[str], Peer | None]
"""Tells where an AE title is; None: not known here."""


class UnifiedStepRequests:
    """Performs requests about steps (a `medvox.network.dimse.services.ups.UpsHandler`).

    Parameters
    ----------
    steps
        The steps.
    peer_of
        Where subscribers are.
    gate
        What a request passes; None: nothing.
    """

    def __init__(self, steps: UnifiedSteps, peer_of: PeerOf, gate: Gate | None = None) -> None:
        self._steps = steps
        self._peer_of = peer_of
        self._gate = gate

    def find(self, model: str, level: str, identifier: Dataset, calling_ae: str) -> Iterator[Dataset]:
        """Yield what matches; see `medvox.network.handlers.QueryHandler`."""
        enter(self._gate, calling_ae, AeService.UPS)
        self._note(calling_ae, None, "find")
        keys = json_of(identifier)
        character_set = identifier.get("SpecificCharacterSet")
        for step in self._steps.find(keys):
            yield with_character_set(dataset_of(returned(step.data, keys)), character_set)

    def create(self, request: NormalizedRequest) -> NormalizedAnswer:
        """Make a step; who leaves its UID to us is told it."""
        from pydicom.uid import generate_uid

        enter(self._gate, request.calling_ae, AeService.UPS)
        uid = request.instance.sop_instance_uid or str(generate_uid(prefix=None))
        step = _refusing(lambda: self._steps.create(uid, _given(request)))
        self._note(request.calling_ae, step, "create")
        return NormalizedAnswer(sop_instance_uid=uid)

    def get(self, request: NormalizedRequest) -> NormalizedAnswer:
        """Return the attributes asked for, never the Transaction UID."""
        enter(self._gate, request.calling_ae, AeService.UPS)
        step = _refusing(lambda: self._steps.get(request.instance.sop_instance_uid))
        self._note(request.calling_ae, step, "read")
        wanted = [f"{tag:08X}" for tag in request.wanted]
        data = {tag: step.data[tag] for tag in wanted or step.data if tag in step.data}
        lacking = tuple(tag for tag in request.wanted if f"{tag:08X}" not in step.data)
        status = Status.OPTIONAL_ATTRIBUTES_NOT_SUPPORTED if lacking else Status.SUCCESS
        return NormalizedAnswer(status, with_character_set(dataset_of(data), None))

    def set(self, request: NormalizedRequest) -> NormalizedAnswer:
        """Change attributes of a step."""
        enter(self._gate, request.calling_ae, AeService.UPS)
        data = _given(request)
        changes = {tag: value for tag, value in data.items() if tag != _TRANSACTION}
        uid = request.instance.sop_instance_uid
        step = _refusing(lambda: self._steps.update(uid, changes, text_of(data, _TRANSACTION)))
        self._note(request.calling_ae, step, "change")
        return NormalizedAnswer()

    def action(self, request: NormalizedRequest) -> NormalizedAnswer:
        """Change a state, ask for a cancel, or change a subscription."""
        enter(self._gate, request.calling_ae, AeService.UPS)
        data, uid = _given(request), request.instance.sop_instance_uid
        if request.type_id == UpsAction.CHANGE_STATE:
            state = text_of(data, STATE)
            if state not in list(State):
                raise RefusedError(Status.INVALID_ARGUMENT_VALUE, "unknown state", attributes=(0x00741000,))
            status = _refusing(
                lambda: self._steps.change_state(uid, State(state), text_of(data, _TRANSACTION))
            )
        elif request.type_id == UpsAction.REQUEST_CANCEL:
            status = _refusing(lambda: self._steps.request_cancel(uid, data, request.calling_ae))
        else:
            status = 0
            _refusing(lambda: self._subscription(request, data))
        step = None if self._steps.subscriptions.is_global(uid) else self._steps.get(uid)
        self._note(request.calling_ae, step, UpsAction(request.type_id).name.lower())
        return NormalizedAnswer(status)

    def _note(self, calling_ae: str, step: Step | None, detail: str) -> None:
        if self._gate is not None:
            study = "" if step is None else text_of(step.data, "0020000D")
            self._gate.note(calling_ae, AeService.UPS, study, detail=detail)

    def _subscription(self, request: NormalizedRequest, data: Json) -> None:
        uid = request.instance.sop_instance_uid
        receiver = text_of(data, _RECEIVER)
        if not receiver or self._peer_of(receiver) is None:
            raise StepRefusedError(UNKNOWN_AE)
        if request.type_id == UpsAction.SUBSCRIBE:
            keys = {tag: value for tag, value in data.items() if tag not in (_RECEIVER, _LOCK)}
            is_locking = text_of(data, _LOCK) == "TRUE"
            self._steps.subscribe(uid, receiver, lock=is_locking, keys=keys if uid == FILTERED else None)
        elif request.type_id == UpsAction.UNSUBSCRIBE:
            self._steps.unsubscribe(uid, receiver)
        elif self._steps.subscriptions.is_global(uid):
            self._steps.suspend(receiver)
        else:
            raise StepRefusedError(NOT_APPROPRIATE)


class UnifiedWork:
    """Unified procedure steps of a node, as its service and what tells subscribers.

    Parameters
    ----------
    state
        Of the node.
    destination
        Returns where an AE title is, of that and of who asks.
    caller
        Who the node is when it reports.
    gate
        What requests pass; None: nothing.
    """

    def __init__(
        self,
        state: StateDatabase,
        destination: Callable[[str, str], Destination | None],
        caller: Caller,
        gate: Gate | None = None,
    ) -> None:
        def peer_of(title: str) -> Peer | None:
            place = destination(title, title)
            return None if place is None else Peer(place.host, place.port, place.ae_title, place.tls)

        self.steps = UnifiedSteps(state)
        self.requests = UnifiedStepRequests(self.steps, peer_of, gate)
        self.reporter = UpsReporter(self.steps, peer_of, caller)

    def services(self) -> list[Service]:
        """Return the services."""
        return [UpsService(self.requests)]

    def start(self) -> None:
        """Tell subscribers."""
        self.reporter.start()

    def stop(self) -> None:
        """Stop after the reports that are under way."""
        self.reporter.stop()


class UpsReporter:
    """Tells subscribers of events, in a thread of its own, over associations that it opens; retries.

    Parameters
    ----------
    steps
        The steps.
    peer_of
        Where subscribers are.
    caller
        Who we are.
    interval
        Seconds between looks for events of before, or to be tried again.
    """

    def __init__(self, steps: UnifiedSteps, peer_of: PeerOf, caller: Caller, interval: float = 2.0) -> None:
        self._steps = steps
        self._peer_of = peer_of
        self._caller = caller
        self._interval = interval
        self._wake = threading.Event()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="ups-events", daemon=True)
        steps.listeners.append(lambda _: self._wake.set())

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, patience: float = 10.0) -> None:
        """End; events that are not delivered stay in the queue."""
        self._is_stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(patience)

    def _run(self) -> None:
        while not self._is_stopping:
            self._wake.clear()
            try:
                found = self._steps.subscriptions.waiting()
                for receiver, events in groupby(
                    sorted(found, key=lambda each: (each.receiver, each.id)), lambda each: each.receiver
                ):
                    self._deliver(receiver, list(events))
            except Exception as error:
                _LOG.exception("events are not delivered: %s", type(error).__name__, exc_info=False)
                found = []
            if not found:
                self._wake.wait(self._interval)

    def _deliver(self, receiver: str, events: list[Delivery]) -> None:
        """Send the events of one receiver in their order over one association."""
        peer = self._peer_of(receiver)
        try:
            if peer is None:
                raise NetworkError("the receiver is not known")  # noqa: TRY301
            with connect(peer, self._caller, [Proposal(UPS_EVENT, as_scp=True)]) as client:
                user = NormalizedUser(client)
                for event in events:
                    self._report(user, event)
                    self._steps.subscriptions.delivered(event.id)
        except NetworkError as error:
            _LOG.info("events for %s wait: %s", receiver, error.what)
            self._steps.subscriptions.postponed(receiver)

    def _report(self, user: NormalizedUser, event: Delivery) -> None:
        """Send one event; what a receiver refuses, it will not take later."""
        data = with_character_set(dataset_of(event.data), None)
        try:
            user.report(SopInstance(UPS_PUSH, event.uid, UPS_EVENT), event.kind, data)
        except RefusedError as error:
            _LOG.info("%s refuses an event: %s", event.receiver, error)


def _given(request: NormalizedRequest) -> dict[str, Any]:
    return {} if request.data is None else json_of(request.data)


def _refusing(perform: Callable[[], T]) -> T:
    """Perform; refusals of the state become statuses."""
    try:
        return perform()
    except StepRefusedError as error:
        raise RefusedError(error.status, error.what, attributes=error.tags) from error

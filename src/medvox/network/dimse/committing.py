"""Storage commitment as user: ask, and wait for the report on either association (PS3.4 J.3)."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import ExitStack

from medvox.core.errors import NetworkTimeoutError
from medvox.network.dimse.commands import Status
from medvox.network.dimse.normalized import NormalizedUser
from medvox.network.dimse.proposals import Proposal
from medvox.network.dimse.provider import ProviderSettings, Services, provider
from medvox.network.dimse.services.commitment import CommitmentService, ask, receiving
from medvox.network.dimse.services.verification import VerificationService
from medvox.network.dimse.syntaxes import STORAGE_COMMITMENT
from medvox.network.dimse.user import Caller, Client, Peer, connect
from medvox.network.handlers import RefusedError
from medvox.network.procedure_handlers import CommitmentReport, ReferencedInstance
from medvox.network.upper_layer.acceptor import Listening
from medvox.network.upper_layer.negotiation import AdmitAll

_HELD = 5.0
"""Seconds that our association stays open for a report, where a new one may come too."""
_LOOK = 0.05


class _Awaited:
    """Takes the report of one transaction (a `CommitmentReceiver`)."""

    def __init__(self, transaction_uid: str) -> None:
        self._transaction_uid = transaction_uid
        self._came = threading.Event()
        self.report: CommitmentReport | None = None

    def receive(self, report: CommitmentReport, calling_ae: str) -> None:
        if report.transaction_uid != self._transaction_uid:
            raise RefusedError(Status.INVALID_ARGUMENT_VALUE, "the transaction is not known")
        self.report = report
        self._came.set()

    def wait(self, seconds: float) -> bool:
        return self._came.wait(max(seconds, 0.0))


def commit(
    peer: Peer,
    caller: Caller,
    instances: Sequence[ReferencedInstance],
    *,
    listening: Listening | None = None,
    patience: float = 60.0,
) -> CommitmentReport:
    """Ask a node to commit itself to keep instances, and return what it reports.

    Parameters
    ----------
    peer, caller
        Whom to ask, and who asks.
    instances
        What it is to keep.
    listening
        Where to listen for the report; None: it can only come over the association that asks.
    patience
        Seconds to wait for the report.

    Raises
    ------
    RefusedError, NetworkError
        If the node cannot be reached or refuses.
    NetworkTimeoutError
        If no report comes.
    UsageError
        If the address to listen at cannot be used.
    """
    transaction = f"2.25.{uuid.uuid4().int}"
    awaited = _Awaited(transaction)
    with ExitStack() as stack:
        if listening is not None:
            services = Services(
                [VerificationService(), CommitmentService(None, awaited)], reporters=(STORAGE_COMMITMENT,)
            )
            offered = ProviderSettings(caller.implementation_uid, listening=listening)
            stack.enter_context(provider(services, AdmitAll(), offered))
        end = time.monotonic() + patience
        with connect(peer, caller, [Proposal(STORAGE_COMMITMENT)]) as client:
            user = NormalizedUser(client, receiving(awaited))
            ask(user, transaction, instances)
            held = patience if listening is None else min(patience, _HELD)
            _hold(client, user, awaited, time.monotonic() + held)
        awaited.wait(0 if listening is None else end - time.monotonic())
    if awaited.report is None:
        advice = "The node must know our AE title with the address that --listen names."
        raise NetworkTimeoutError("the node does not report", got=f"nothing in {patience:g} s", advice=advice)
    return awaited.report


def _hold(client: Client, user: NormalizedUser, awaited: _Awaited, end: float) -> None:
    """Keep the association open until the report is there, the peer releases, or time is over."""
    while awaited.report is None and time.monotonic() < end:
        if not client.messenger.ready():
            awaited.wait(_LOOK)
        elif not user.wait_for_event(client.messenger.association.timeouts.response):
            return

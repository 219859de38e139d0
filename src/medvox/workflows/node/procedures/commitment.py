"""Storage commitment: digests are verified again, and reports delivered until they are taken (PS3.4 J)."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Self

from medvox.archive.archive import Archive
from medvox.archive.state.ae_rules import AeService
from medvox.archive.state.commitments import Commitment, Commitments, CommitmentState
from medvox.core.errors import MedvoxError, NetworkError, UsageError
from medvox.network.dimse.commands import Status
from medvox.network.dimse.normalized import NormalizedUser
from medvox.network.dimse.proposals import Proposal
from medvox.network.dimse.services.commitment import COMMITMENT, report_data
from medvox.network.dimse.syntaxes import STORAGE_COMMITMENT
from medvox.network.dimse.user import Caller, Peer, connect
from medvox.network.handlers import Destination, RefusedError
from medvox.network.procedure_handlers import CommitmentReport, CommitmentRequest, ReferencedInstance
from medvox.workflows.node.policy import Gate
from medvox.workflows.node.procedures.worklist import enter

_LOG = logging.getLogger(__name__)
_LEASE: Final = 600.0
"""Seconds that one attempt may take before another process may take the request."""


_LONGEST_WAIT: Final = 60.0
"""Seconds after which another process's requests are looked at."""


@dataclass(frozen=True, slots=True)
class Retrying:
    """When a report is tried again, in seconds.

    Parameters
    ----------
    first, longest
        The wait after the first failure, which doubles with each, up to the longest.
    until
        Time after the request at which it is given up.
    over_same
        Time that a report over the association that asked has, before a new association is tried.
    """

    first: float = 10.0
    longest: float = 3600.0
    until: float = 3 * 86400.0
    over_same: float = 120.0


class StorageCommitments:
    """Keeps requests, and delivers their reports in a thread of its own.

    A `medvox.network.procedure_handlers.CommitmentHandler`. Callers whose address is known get their report
    over a new association; others over the one that asked.

    Parameters
    ----------
    archive
        Where the instances are.
    commitments
        Requests of the node.
    destination
        Returns where an AE title listens, None if that is not known.
    caller
        Who we are towards those that asked.
    retrying
        When a report is tried again.
    gate
        What a request passes; None: nothing.
    """

    def __init__(
        self,
        archive: Archive,
        commitments: Commitments,
        destination: Callable[[str], Destination | None],
        caller: Caller,
        retrying: Retrying | None = None,
        gate: Gate | None = None,
    ) -> None:
        self._gate = gate
        self._archive = archive
        self._commitments = commitments
        self._destination = destination
        self._caller = caller
        self._retrying = retrying or Retrying()
        self._look = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to deliver, what was left by an earlier run of the node too."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="commitment-reports", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the report that is under way; the others stay for the next run."""
        self._stopping.set()
        self._look.set()
        if self._thread is not None:
            self._thread.join()

    def retry(self, number: int) -> None:
        """Try a report again at once; see `Commitments.retry`."""
        self._commitments.retry(number)
        self._look.set()

    def request(self, request: CommitmentRequest) -> bool:
        """Keep a request; tell whether its report goes over the association that asked."""
        enter(self._gate, request.calling_ae, AeService.COMMITMENT)
        over_same = self._destination(request.calling_ae) is None
        pairs = [(each.sop_class_uid, each.sop_instance_uid) for each in request.instances]
        try:
            self._commitments.add(
                request.calling_ae,
                request.transaction_uid,
                pairs,
                address=request.peer_address,
                delay=self._retrying.over_same if over_same else 0.0,
            )
        except UsageError as error:
            raise RefusedError(Status.INVALID_ARGUMENT_VALUE, error.what) from None
        if not over_same:
            self._look.set()
        return over_same

    def report(self, request: CommitmentRequest) -> CommitmentReport:
        """Check the instances of a request."""
        pairs = [(each.sop_class_uid, each.sop_instance_uid) for each in request.instances]
        return checked(self._archive, request.transaction_uid, pairs)

    def reported(self, request: CommitmentRequest, report: CommitmentReport, fault: str) -> None:
        """Take what became of a report over the association that asked."""
        known = self._commitments.of(request.calling_ae, request.transaction_uid)
        if known is None or known.state is not CommitmentState.WAITING:
            return
        if fault:
            self._commitments.postpone(known.id, fault, time.time())
            self._look.set()
        else:
            self._delivered(known, report)

    def deliver_due(self) -> int:
        """Try each report that is due once; return how many were delivered."""
        delivered = 0
        while not self._stopping.is_set() and (commitment := self._commitments.claim(_LEASE)) is not None:
            delivered += self._deliver(commitment)
        return delivered

    def _deliver(self, commitment: Commitment) -> bool:
        place = self._destination(commitment.caller)
        try:
            if place is None:
                raise NetworkError("the address of the caller is not known")
            report = checked(self._archive, commitment.transaction_uid, commitment.instances)
            event_type, data = report_data(report)
            proposal = Proposal(STORAGE_COMMITMENT, as_scp=True)
            peer = Peer(place.host, place.port, place.ae_title, place.tls)
            with connect(peer, self._caller, [proposal]) as client:
                NormalizedUser(client).report(COMMITMENT, event_type, data)
        except MedvoxError as error:
            self._failed(commitment, error.what if isinstance(error, RefusedError) else error.reason)
            return False
        self._delivered(commitment, report)
        return True

    def _delivered(self, commitment: Commitment, report: CommitmentReport) -> None:
        self._commitments.delivered(commitment.id, len(report.failed))
        if self._gate is not None:
            detail = f"{len(report.stored)} kept, {len(report.failed)} not"
            self._gate.note(commitment.caller, AeService.COMMITMENT, detail=detail)

    def _failed(self, commitment: Commitment, fault: str) -> None:
        retrying = self._retrying
        wait = min(retrying.first * 2.0 ** min(commitment.attempts - 1, 30), retrying.longest)
        due = time.time() + wait
        if due > commitment.received + retrying.until:
            self._commitments.give_up(commitment.id, fault)
        else:
            self._commitments.postpone(commitment.id, fault, due)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._look.clear()  # what comes from here on is looked at in the next turn
            try:
                self.deliver_due()
                due = self._commitments.next_due()
            except Exception as error:
                _LOG.exception("storage commitment waits: %s", type(error).__name__, exc_info=False)
                due = time.time() + self._retrying.first
            self._look.wait(_LONGEST_WAIT if due is None else min(max(due - time.time(), 0), _LONGEST_WAIT))


def checked(archive: Archive, transaction_uid: str, pairs: Iterable[tuple[str, str]]) -> CommitmentReport:
    """Read instances again and compare their digests with those of what was received.

    Parameters
    ----------
    pairs
        SOP Class UID and SOP Instance UID of each.
    """
    stored: list[ReferencedInstance] = []
    failed: list[ReferencedInstance] = []
    for sop_class, uid in pairs:
        reason = _failure(archive, sop_class, uid)
        (failed if reason else stored).append(ReferencedInstance(sop_class, uid, reason))
    return CommitmentReport(transaction_uid, tuple(stored), tuple(failed))


def _failure(archive: Archive, sop_class: str, uid: str) -> int:
    """Failure Reason (0008,1197) (PS3.3 C.14.1.1); 0 if the instance is kept and whole."""
    row = next(iter(archive.instances(sop_uid=uid)), None)
    if row is None:
        return Status.NO_SUCH_SOP_INSTANCE
    if row.sop_class != sop_class:
        return Status.CLASS_INSTANCE_CONFLICT
    try:
        whole = hashlib.sha256(archive.read_data_set(row)).hexdigest() == row.digest
    except MedvoxError:
        whole = False
    return Status.SUCCESS if whole else Status.PROCESSING_FAILURE

"""What an application injects into the services of procedures: performed steps and storage commitment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pydicom import Dataset


class PerformedStepHandler(Protocol):
    """Keeps modality performed procedure steps (PS3.4 F.7).

    Each method raises `medvox.network.handlers.RefusedError` with the status that the standard gives.
    """

    def create(self, uid: str, attributes: Dataset, calling_ae: str) -> str:
        """Begin a step; return its UID, which is made where `uid` is empty."""

    def update(self, uid: str, modifications: Dataset, calling_ae: str) -> None:
        """Change a step that is in progress, or end it."""

    def get(self, uid: str, wanted: Sequence[int], calling_ae: str) -> Dataset:
        """Return attributes of a step by their tags, all if none is named; what it lacks is left out."""


@dataclass(frozen=True, slots=True)
class ReferencedInstance:
    """An instance whose storage is asked for or told of.

    Parameters
    ----------
    sop_class_uid, sop_instance_uid
        Which.
    reason
        Failure Reason (0008,1197); 0 where it is stored.
    """

    sop_class_uid: str
    sop_instance_uid: str
    reason: int = 0


@dataclass(frozen=True, slots=True)
class CommitmentRequest:
    """A request for storage commitment (PS3.4 table J.3-1).

    Parameters
    ----------
    transaction_uid
        Its Transaction UID.
    instances
        What is to be kept.
    calling_ae, peer_address
        Who asks, and from where.
    """

    transaction_uid: str
    instances: tuple[ReferencedInstance, ...]
    calling_ae: str
    peer_address: str = ""


@dataclass(frozen=True, slots=True)
class CommitmentReport:
    """The answer to a request for storage commitment (PS3.4 table J.3-2).

    Parameters
    ----------
    transaction_uid
        Of the request.
    stored, failed
        What is kept, and what is not and why.
    """

    transaction_uid: str
    stored: tuple[ReferencedInstance, ...]
    failed: tuple[ReferencedInstance, ...] = ()


class CommitmentHandler(Protocol):
    """Answers requests for storage commitment."""

    def request(self, request: CommitmentRequest) -> bool:
        """Keep a request durably; tell whether its report goes over the association that asked.

        Raises
        ------
        medvox.network.handlers.RefusedError
            If it cannot be taken.
        """

    def report(self, request: CommitmentRequest) -> CommitmentReport:
        """Check the instances of a request whose report goes over the association that asked."""

    def reported(self, request: CommitmentRequest, report: CommitmentReport, fault: str) -> None:
        """Take what became of that report: an empty fault, or why it was not taken."""


class CommitmentReceiver(Protocol):
    """Takes the reports of other nodes."""

    def receive(self, report: CommitmentReport, calling_ae: str) -> None:
        """Take a report.

        Raises
        ------
        medvox.network.handlers.RefusedError
            If the transaction is not known.
        """

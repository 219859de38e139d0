"""Procedures: what a node keeps of them, as its services."""

from __future__ import annotations

from collections.abc import Callable

from medvox.archive.archive import Archive
from medvox.archive.state.commitments import Commitments
from medvox.archive.state.database import StateDatabase
from medvox.archive.state.mpps import PerformedSteps
from medvox.archive.state.worklist import Worklist
from medvox.network.dimse.provider import Service
from medvox.network.dimse.services.commitment import CommitmentService
from medvox.network.dimse.services.mpps import PerformedStepService
from medvox.network.dimse.services.worklist import WorklistService
from medvox.network.dimse.user import Caller
from medvox.network.handlers import Destination
from medvox.workflows.node.policy import Gate
from medvox.workflows.node.procedures.commitment import StorageCommitments
from medvox.workflows.node.procedures.mpps import PerformedStepRules
from medvox.workflows.node.procedures.worklist import WorklistQueries


class Procedures:
    """Worklist, performed steps and storage commitment of a node.

    Parameters
    ----------
    archive, state
        Of the node.
    destination
        Returns where an AE title is, of that and of who asks: reports of storage commitment go there.
    caller
        Who the node is when it delivers them.
    gate
        What requests pass; None: nothing.
    character_set
        Returns the character set that an AE title is always answered in.
    worklist, performed, commitments
        What is kept.
    reporter
        Delivers the reports.
    """

    def __init__(
        self,
        archive: Archive,
        state: StateDatabase,
        destination: Callable[[str, str], Destination | None],
        caller: Caller,
        gate: Gate | None = None,
        character_set: Callable[[str], str | None] = lambda _title: None,
    ) -> None:
        self._gate, self._character_set = gate, character_set
        self.worklist = Worklist(state)
        self.performed = PerformedSteps(state, self.worklist)
        self.commitments = Commitments(state)
        self.reporter = StorageCommitments(
            archive, self.commitments, lambda title: destination(title, title), caller, gate=gate
        )

    def services(self) -> list[Service]:
        """Return the services."""
        return [
            WorklistService(WorklistQueries(self.worklist, self._gate, self._character_set)),
            PerformedStepService(PerformedStepRules(self.performed, self._gate)),
            CommitmentService(self.reporter),
        ]

    def start(self) -> None:
        """Deliver reports."""
        self.reporter.start()

    def stop(self) -> None:
        """Stop after the report that is under way."""
        self.reporter.stop()

"""States of unified procedure steps and what requests do to them (PS3.4 CC.1.1, table CC.1.1-2)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from medvox.core.errors import MedvoxError


class State(StrEnum):
    """Procedure Step State (0074,1000)."""

    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"


FINAL: Final = (State.COMPLETED, State.CANCELED)

DUPLICATE, NO_STEP = 0x0111, 0xC307
MAY_NOT_CHANGE, WRONG_TRANSACTION, IN_PROGRESS_ALREADY, NOT_TO_SCHEDULED = 0xC300, 0xC301, 0xC302, 0xC303
NOT_FINISHED, NOT_SCHEDULED, NOT_IN_PROGRESS, COMPLETED_ALREADY = 0xC304, 0xC309, 0xC310, 0xC311
UNKNOWN_AE, NOT_APPROPRIATE = 0xC308, 0xC314
CANCELED_BEFORE, COMPLETED_BEFORE = 0xB304, 0xB306
"""Statuses of PS3.4 CC.2."""
_WORDS: Final = {
    DUPLICATE: "there is a step of this UID",
    NO_STEP: "there is no such step",
    MAY_NOT_CHANGE: "the step may no longer be changed",
    WRONG_TRANSACTION: "the Transaction UID is not correct",
    IN_PROGRESS_ALREADY: "the step is in progress already",
    NOT_TO_SCHEDULED: "a step becomes SCHEDULED only when it is made",
    NOT_FINISHED: "the step does not meet the requirements of its final state",
    NOT_SCHEDULED: "a step is made in the state SCHEDULED",
    NOT_IN_PROGRESS: "the step is not yet in progress",
    COMPLETED_ALREADY: "the step is completed already",
    UNKNOWN_AE: "the receiving AE is not known",
    NOT_APPROPRIATE: "the action does not fit the instance",
}
_REFUSED: Final = dict.fromkeys(State, WRONG_TRANSACTION)
Cell = State | int
"""The state after, or the status that tells why nothing happens."""

CHANGES: Final[dict[tuple[State, bool], dict[State, Cell]]] = {
    (State.SCHEDULED, True): dict.fromkeys(State, NOT_TO_SCHEDULED),
    (State.SCHEDULED, False): dict.fromkeys(State, NOT_TO_SCHEDULED),
    (State.IN_PROGRESS, True): {
        State.SCHEDULED: State.IN_PROGRESS,
        State.IN_PROGRESS: IN_PROGRESS_ALREADY,
        State.COMPLETED: MAY_NOT_CHANGE,
        State.CANCELED: MAY_NOT_CHANGE,
    },
    (State.IN_PROGRESS, False): {**_REFUSED},
    (State.COMPLETED, True): {
        State.SCHEDULED: NOT_IN_PROGRESS,
        State.IN_PROGRESS: State.COMPLETED,
        State.COMPLETED: COMPLETED_BEFORE,
        State.CANCELED: MAY_NOT_CHANGE,
    },
    (State.COMPLETED, False): {**_REFUSED},
    (State.CANCELED, True): {
        State.SCHEDULED: NOT_IN_PROGRESS,
        State.IN_PROGRESS: State.CANCELED,
        State.COMPLETED: MAY_NOT_CHANGE,
        State.CANCELED: CANCELED_BEFORE,
    },
    (State.CANCELED, False): {**_REFUSED},
}
"""Change UPS State by the state asked for, whether the Transaction UID is correct, and the state before."""

CANCEL_REQUESTS: Final[dict[State, Cell]] = {
    State.SCHEDULED: State.CANCELED,
    State.IN_PROGRESS: State.IN_PROGRESS,
    State.COMPLETED: COMPLETED_ALREADY,
    State.CANCELED: CANCELED_BEFORE,
}
"""Request UPS Cancel by the state before; one in progress stays, and its performer is told."""


class StepRefusedError(MedvoxError):
    """A request about a step is refused.

    Parameters
    ----------
    status
        Status of PS3.4 CC.2.
    tags
        Attributes at fault.
    """

    def __init__(self, status: int, what: str = "", tags: tuple[int, ...] = ()) -> None:
        self.status = status
        self.tags = tags
        names = ", ".join(f"({tag >> 16:04X},{tag & 0xFFFF:04X})" for tag in tags)
        super().__init__(what or _WORDS.get(status, "the request is refused"), got=names or f"{status:04X}H")


def after(cell: Cell) -> State | None:
    """Return the state that a cell leads to; None where a warning says that it was so before.

    Raises
    ------
    StepRefusedError
        If the cell is a failure.
    """
    if isinstance(cell, State):
        return cell
    if cell >> 12 == 0xB:
        return None
    raise StepRefusedError(cell)

"""The state machine of the upper layer as a table (PS3.8 9.2, table 9-10)."""

from __future__ import annotations

from enum import IntEnum

from medvox.core.errors import NetworkError


class Event(IntEnum):
    """Events, numbered as the rows of PS3.8 table 9-10."""

    ASSOCIATE_REQUEST = 1
    TRANSPORT_CONFIRMED = 2
    ASSOCIATE_AC = 3
    ASSOCIATE_RJ = 4
    TRANSPORT_INDICATED = 5
    ASSOCIATE_RQ = 6
    ACCEPT = 7
    REJECT = 8
    DATA_REQUEST = 9
    P_DATA = 10
    RELEASE_REQUEST = 11
    RELEASE_RQ = 12
    RELEASE_RP = 13
    RELEASE_RESPONSE = 14
    ABORT_REQUEST = 15
    ABORT = 16
    CLOSED = 17
    TIMER = 18
    INVALID = 19


class State(IntEnum):
    """States (PS3.8 tables 9-1 to 9-5)."""

    IDLE = 1
    AWAIT_REQUEST = 2
    AWAIT_LOCAL_RESPONSE = 3
    AWAIT_TRANSPORT = 4
    AWAIT_ACCEPT = 5
    ESTABLISHED = 6
    AWAIT_RELEASE_RP = 7
    AWAIT_LOCAL_RELEASE = 8
    COLLISION_REQUESTOR = 9
    COLLISION_ACCEPTOR = 10
    COLLISION_REQUESTOR_RP = 11
    COLLISION_ACCEPTOR_LOCAL = 12
    AWAIT_CLOSE = 13


_AFTER = {
    "AE-1": 4, "AE-2": 5, "AE-3": 6, "AE-4": 1, "AE-5": 2, "AE-6": 3, "AE-7": 6, "AE-8": 13,
    "DT-1": 6, "DT-2": 6,
    "AR-1": 7, "AR-2": 8, "AR-3": 1, "AR-4": 13, "AR-5": 1, "AR-6": 7, "AR-7": 8, "AR-8": 9, "AR-9": 11,
    "AR-10": 12,
    "AA-1": 13, "AA-2": 1, "AA-3": 1, "AA-4": 1, "AA-5": 1, "AA-6": 13, "AA-7": 13, "AA-8": 13,
}  # fmt: skip
"""State after each action (PS3.8 tables 9-6 to 9-9); AR-8 of an acceptor leads to 10 instead."""

_OPEN = dict.fromkeys(range(6, 13), "AA-8")
_TABLE: dict[Event, dict[int, str]] = {
    Event.ASSOCIATE_REQUEST: {1: "AE-1"},
    Event.TRANSPORT_CONFIRMED: {4: "AE-2"},
    Event.ASSOCIATE_AC: {2: "AA-1", 3: "AA-8", 5: "AE-3", **_OPEN, 13: "AA-6"},
    Event.ASSOCIATE_RJ: {2: "AA-1", 3: "AA-8", 5: "AE-4", **_OPEN, 13: "AA-6"},
    Event.TRANSPORT_INDICATED: {1: "AE-5"},
    Event.ASSOCIATE_RQ: {2: "AE-6", 3: "AA-8", 5: "AA-8", **_OPEN, 13: "AA-7"},
    Event.ACCEPT: {3: "AE-7"},
    Event.REJECT: {3: "AE-8"},
    Event.DATA_REQUEST: {6: "DT-1", 8: "AR-7"},
    Event.P_DATA: {2: "AA-1", 3: "AA-8", 5: "AA-8", **_OPEN, 6: "DT-2", 7: "AR-6",
                   13: "AA-6"},
    Event.RELEASE_REQUEST: {6: "AR-1"},
    Event.RELEASE_RQ: {2: "AA-1", 3: "AA-8", 5: "AA-8", **_OPEN, 6: "AR-2", 7: "AR-8",
                       13: "AA-6"},
    Event.RELEASE_RP: {2: "AA-1", 3: "AA-8", 5: "AA-8", **_OPEN, 7: "AR-3", 10: "AR-10",
                       11: "AR-3", 13: "AA-6"},
    Event.RELEASE_RESPONSE: {8: "AR-4", 9: "AR-9", 12: "AR-4"},
    Event.ABORT_REQUEST: {3: "AA-1", 4: "AA-2", 5: "AA-1", **dict.fromkeys(_OPEN, "AA-1")},
    Event.ABORT: {2: "AA-2", 3: "AA-3", 5: "AA-3", **dict.fromkeys(_OPEN, "AA-3"), 13: "AA-2"},
    Event.CLOSED: {2: "AA-5", 3: "AA-4", 4: "AA-4", 5: "AA-4", **dict.fromkeys(_OPEN, "AA-4"), 13: "AR-5"},
    Event.TIMER: {2: "AA-2", 13: "AA-2"},
    Event.INVALID: {2: "AA-1", 3: "AA-8", 5: "AA-8", **_OPEN, 13: "AA-7"},
}  # fmt: skip
"""Action by event and state (PS3.8 table 9-10)."""

TRANSITIONS: dict[tuple[Event, State], tuple[str, State]] = {
    (event, State(state)): (action, State(_AFTER[action]))
    for event, row in _TABLE.items()
    for state, action in row.items()
}
"""Action and next state by event and state; a requestor's view of AR-8."""


class StateMachine:
    """Where one association is.

    Parameters
    ----------
    requestor
        Whether this side asked for the association (decides AR-8).
    """

    def __init__(self, requestor: bool) -> None:
        self.state = State.IDLE
        self._requestor = requestor

    def step(self, event: Event) -> str:
        """Take an event, go to the next state and return the action to perform.

        Raises
        ------
        NetworkError
            If the table has no entry: the caller asks for what its state does not allow.
        """
        try:
            action, after = TRANSITIONS[event, self.state]
        except KeyError:
            text = f"{event.name} is not possible in state {self.state.value} ({self.state.name})"
            raise NetworkError(text, where="PS3.8 table 9-10") from None
        if action == "AR-8" and not self._requestor:
            after = State.COLLISION_ACCEPTOR
        self.state = after
        return action

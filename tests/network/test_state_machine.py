"""The table of states is that of PS3.8, as pynetdicom has it."""

from __future__ import annotations

import pytest
from pynetdicom.fsm import ACTIONS, TRANSITION_TABLE

from medvox.core.errors import NetworkError
from medvox.network.upper_layer.state_machine import TRANSITIONS, Event, State, StateMachine


def test_actions_are_those_of_the_table():
    ours = {
        (f"Evt{event.value}", f"Sta{state.value}"): action
        for (event, state), (action, _) in TRANSITIONS.items()
    }
    assert ours == {key: action.replace("_", "-") for key, (action) in flat().items()}
    assert len(ours) == 123


def flat():
    return {key: value[0] if isinstance(value, tuple) else value for key, value in TRANSITION_TABLE.items()}


def test_next_states_are_those_of_the_table():
    for action, after in TRANSITIONS.values():
        stated = ACTIONS[action.replace("-", "_") if action not in ACTIONS else action][2]
        allowed = {stated} if isinstance(stated, str) else set(stated)
        assert f"Sta{after.value}" in {name for entry in allowed for name in str(entry).split()}


def test_a_collision_leads_each_side_its_own_way():
    for requestor, wanted in ((True, State.COLLISION_REQUESTOR), (False, State.COLLISION_ACCEPTOR)):
        machine = StateMachine(requestor)
        machine.state = State.AWAIT_RELEASE_RP
        assert machine.step(Event.RELEASE_RQ) == "AR-8"
        assert machine.state is wanted


def test_what_the_table_does_not_hold_is_refused():
    with pytest.raises(NetworkError, match="DATA_REQUEST is not possible in state 1"):
        StateMachine(requestor=True).step(Event.DATA_REQUEST)

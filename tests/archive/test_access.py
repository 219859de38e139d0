"""Rights: every role may do what the table says, and scopes only take away."""

from __future__ import annotations

import pytest

from medvox.archive.access import CHANGES, RIGHTS, Action, Principal, Role, allowed

MAY = {
    Role.VIEWER: {"query", "retrieve", "monitor"},
    Role.UPLOADER: {"store", "monitor"},
    Role.CURATOR: {"query", "retrieve", "monitor", "store", "work", "send", "edit"},
    Role.ADMIN: {str(action) for action in Action},
}


@pytest.mark.parametrize("role", Role)
def test_roles(role: Role) -> None:
    assert {str(a) for a in Action if allowed(Principal("x", role), a)} == MAY[role]


def test_every_action_has_roles_and_deletion_is_for_administrators_alone() -> None:
    assert set(RIGHTS) == set(Action)
    assert RIGHTS[Action.DELETE] == RIGHTS[Action.AUDIT] == {Role.ADMIN}
    assert CHANGES.isdisjoint({Action.QUERY, Action.RETRIEVE})


@pytest.mark.parametrize("role", Role)
def test_scopes_only_take_away(role: Role) -> None:
    narrow = Principal("x", role, frozenset({Action.QUERY, Action.DELETE}))
    for action in Action:
        expected = action in (Action.QUERY, Action.DELETE) and str(action) in MAY[role]
        assert allowed(narrow, action, "1.2") == expected
    assert not any(allowed(Principal("x", role, frozenset()), action) for action in Action)

"""The short form of `./dev faults`: whatever a loss of power leaves holds what was acknowledged."""

import pytest

from faults import power
from medvox.archive.store.journal import Journal


def test_every_state_that_a_loss_of_power_leaves_holds_what_was_acknowledged() -> None:
    tally = power.campaign(recordings=2, seed=3)
    assert tally.faults == []
    assert tally.replays > 300
    assert tally.opened > 5
    assert tally.acknowledged == 2 * power.THREADS * power.EACH


def test_a_journal_that_does_not_wait_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Journal, "_wait", lambda *_: None)
    assert power.campaign(recordings=1, seed=3).faults

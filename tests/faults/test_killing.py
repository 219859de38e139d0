"""The short form of `./dev faults`: a server that is killed under four senders loses nothing."""

import pytest

from faults.killing import campaign

pytestmark = [pytest.mark.net, pytest.mark.slow]


def test_a_server_killed_under_four_senders_loses_nothing_it_acknowledged() -> None:
    tally = campaign(moments=6, seed=7)
    assert tally.faults == []
    assert tally.moments == 6
    assert tally.acknowledged > 10

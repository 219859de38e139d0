"""Unified procedure steps: every cell of PS3.4 table CC.1.1-2, walks through it, and who is told."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from medvox.archive.state.database import StateDatabase
from medvox.archive.state.ups import UnifiedSteps
from medvox.archive.state.ups_events import FILTERED, GLOBAL, EventKind
from medvox.archive.state.ups_states import State, StepRefusedError
from medvox.core.errors import WriteError

OURS, THEIRS = "1.2.100", "1.2.200"


def element(vr, *values):
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def code(value):
    return element("SQ", {"00080100": element("SH", value), "00080102": element("SH", "DCM"),
                          "00080104": element("LO", "meaning")})  # fmt: skip


def step(**more):
    return {
        "00741000": element("CS", "SCHEDULED"), "00741200": element("CS", "HIGH"),
        "00741204": element("LO", "Read the head"), "00404041": element("CS", "READY"),
        "00404005": element("DT", "20261122101500"), "00100020": element("LO", "17"), **more,
    }  # fmt: skip


PERFORMED = {
    "00741216": element(
        "SQ",
        {
            "00404028": code("CT1"), "00404019": code("110005"), "00404033": element("SQ"),
            "00404050": element("DT", "20261122101500"), "00404051": element("DT", "20261122102000"),
        },
    )
}  # fmt: skip
GIVEN_UP = {
    "00741002": element("SQ", {"00404052": element("DT", "20261122102000"), "0074100E": code("110513")})
}


@pytest.fixture
def steps(tmp_path):
    database = StateDatabase(tmp_path / "state.sqlite")
    yield UnifiedSteps(database)
    database.close()


def outcome(perform):
    """Status of a request: 0, a warning, or a failure."""
    try:
        status = perform()
    except StepRefusedError as error:
        return error.status
    return status if isinstance(status, int) else 0


def in_state(steps, uid, state):
    """Bring a new step into a state; ours is the Transaction UID."""
    steps.create(uid, step())
    if state == "SCHEDULED":
        return
    steps.change_state(uid, State.IN_PROGRESS, OURS)
    if state != "IN PROGRESS":
        steps.update(uid, PERFORMED | GIVEN_UP, OURS)
        steps.change_state(uid, State(state), OURS)


# Table CC.1.1-2 as printed: rows are events, columns the states null, SCHEDULED, IN PROGRESS, COMPLETED,
# CANCELED; a number is the status of the error or warning, a word the state after.
STATES = (None, "SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED")
TABLE = {
    "create": ("SCHEDULED", 0x0111, 0x0111, 0x0111, 0x0111),
    "to IN PROGRESS, right": (0xC307, "IN PROGRESS", 0xC302, 0xC300, 0xC300),
    "to IN PROGRESS, wrong": (0xC307, 0xC301, 0xC301, 0xC301, 0xC301),
    "to SCHEDULED, right": (0xC307, 0xC303, 0xC303, 0xC303, 0xC303),
    "to COMPLETED, right": (0xC307, 0xC310, "COMPLETED", 0xB306, 0xC300),
    "to COMPLETED, wrong": (0xC307, 0xC301, 0xC301, 0xC301, 0xC301),
    "cancel": (0xC307, "CANCELED", "IN PROGRESS", 0xC311, 0xB304),
    "to CANCELED, right": (0xC307, 0xC310, "CANCELED", 0xC300, 0xB304),
    "to CANCELED, wrong": (0xC307, 0xC301, 0xC301, 0xC301, 0xC301),
}


def perform(steps, uid, event, before):
    """Do what a row of the table says."""
    if event == "create":
        return outcome(lambda: steps.create(uid, step()) and 0)
    if event == "cancel":
        return outcome(lambda: steps.request_cancel(uid, {}, "ASKER"))
    words, _, right = event.partition(", ")
    wrong = "" if before == "SCHEDULED" else THEIRS
    transaction = OURS if right == "right" else wrong
    return outcome(lambda: steps.change_state(uid, State(words.removeprefix("to ")), transaction))


@pytest.mark.parametrize("event", TABLE)
@pytest.mark.parametrize("before", STATES)
def test_each_cell_of_the_table(steps, event, before):
    wanted = TABLE[event][STATES.index(before)]
    if before is not None:
        in_state(steps, "1.2.3", before)
    if before == "IN PROGRESS":
        steps.update("1.2.3", PERFORMED | GIVEN_UP, OURS)
    status = perform(steps, "1.2.3", event, before)
    if isinstance(wanted, int):
        assert status == wanted, f"{status:04X}"
        if before is not None:
            assert steps.get("1.2.3").state == before
    else:
        assert status == 0, f"{status:04X}"
        assert steps.get("1.2.3").state == wanted
        assert steps.get("1.2.3").data["00741000"]["Value"] == [wanted]


class Walk(RuleBasedStateMachine):
    """Random requests over three steps against the table; what is known is also what a new process reads."""

    uids = st.sampled_from(["1.2.1", "1.2.2", "1.2.3"])

    @initialize()
    def begin(self):
        self.folder = tempfile.TemporaryDirectory()
        self.open()
        self.known = dict.fromkeys(["1.2.1", "1.2.2", "1.2.3"])
        self.finished, self.claimed = set(), set()

    def open(self):
        self.database = StateDatabase(Path(self.folder.name) / "state.sqlite")
        self.steps = UnifiedSteps(self.database)

    @rule(uid=uids, event=st.sampled_from(sorted(TABLE)))
    def request(self, uid, event):
        before = self.known[uid]
        row = event
        if event.endswith("right") and before == "CANCELED" and uid not in self.claimed:
            row = event.replace("right", "wrong")  # canceled before anybody had claimed it: none is right
        wanted = TABLE.get(row, TABLE[event])[STATES.index(before)]
        if wanted in ("COMPLETED", "CANCELED") and before == "IN PROGRESS" and uid not in self.finished:
            wanted = 0xC304
        status = perform(self.steps, uid, event, before)
        assert status == (wanted if isinstance(wanted, int) else 0), f"{event}: {status:04X}"
        if not isinstance(wanted, int):
            self.known[uid] = wanted
            if event.startswith("to IN"):
                self.claimed.add(uid)

    @rule(uid=uids, right=st.booleans())
    def change(self, uid, right):
        before = self.known[uid]
        transaction = {True: OURS if before == "IN PROGRESS" else "", False: THEIRS}[right]
        status = outcome(lambda: self.steps.update(uid, PERFORMED | GIVEN_UP, transaction) and 0)
        wanted = {
            None: 0xC307, "COMPLETED": 0xC300, "CANCELED": 0xC300,
            "SCHEDULED": 0 if right else 0xC310, "IN PROGRESS": 0 if right else 0xC301,
        }[before]  # fmt: skip
        assert status == wanted, f"{status:04X}"
        if not status:
            self.finished.add(uid)

    @precondition(lambda self: any(self.known.values()))
    @rule()
    def restart(self):
        self.database.close()
        self.open()

    @invariant()
    def found_as_known(self):
        if not hasattr(self, "known"):
            return
        found = {each.uid: str(each.state) for each in self.steps.find({})}
        assert found == {uid: state for uid, state in self.known.items() if state}

    def teardown(self):
        if hasattr(self, "database"):
            self.database.close()
            self.folder.cleanup()


Walk.TestCase.settings = settings(max_examples=8, stateful_step_count=25, deadline=None)
TestWalk = Walk.TestCase


def test_one_of_many_claims_wins(steps):
    steps.create("1.2.3", step())
    statuses, begin = [], threading.Barrier(8)

    def claim(number):
        begin.wait()
        statuses.append(
            outcome(lambda: steps.change_state("1.2.3", State.IN_PROGRESS, f"1.2.{number}")),
        )

    threads = [threading.Thread(target=claim, args=(100 + k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [0] + [0xC301] * 7


def test_two_processes_cannot_claim_the_same(steps, tmp_path):
    database = StateDatabase(tmp_path / "state.sqlite")
    other = UnifiedSteps(database)
    for k in range(20):
        uid, statuses, begin = f"1.2.{k}", [], threading.Barrier(2)
        steps.create(uid, step())

        def claim(which, transaction, uid=uid, statuses=statuses, begin=begin):
            begin.wait()
            try:
                statuses.append(outcome(lambda: which.change_state(uid, State.IN_PROGRESS, transaction)))
            except WriteError:
                statuses.append(-1)

        threads = [threading.Thread(target=claim, args=pair) for pair in ((steps, OURS), (other, THEIRS))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses.count(0) == 1, statuses
        assert steps.get(uid).state is State.IN_PROGRESS
    database.close()


def test_what_a_new_step_must_have(steps):
    for tag in ("00741200", "00741204", "00404041", "00404005", "00741000"):
        lacking = {key: value for key, value in step().items() if key != tag}
        with pytest.raises(StepRefusedError) as caught:
            steps.create("1.2.3", lacking)
        assert (caught.value.status, caught.value.tags) == (0x0120, (int(tag, 16),))
        assert (
            outcome(lambda lacking=lacking, tag=tag: steps.create("1.2.3", {**lacking, tag: {"vr": "CS"}}))
            == 0x0121
        )
    assert outcome(lambda: steps.create("1.2.3", step(**{"00741000": element("CS", "COMPLETED")}))) == 0xC309
    assert outcome(lambda: steps.create("../x", step())) == 0x0117
    assert list(steps.find({})) == []


def test_the_transaction_uid_is_never_told(steps):
    made = steps.create("1.2.3", step(**{"00081195": element("UI", THEIRS)}))
    steps.change_state("1.2.3", State.IN_PROGRESS, OURS)
    steps.update("1.2.3", {"00081195": element("UI", OURS)}, OURS)
    assert "00081195" not in made.data | steps.get("1.2.3").data
    assert outcome(lambda: steps.update("1.2.3", {"00100020": element("LO", "18")}, OURS)) == 0x0106


def told(steps):
    """Undelivered events: receiver, kind and state."""
    found = steps.subscriptions.waiting(1000)
    return [(e.receiver, e.kind, (e.data.get("00741000") or {}).get("Value", [None])[0]) for e in found]


def test_subscribers_are_told_of_what_they_follow(steps):
    steps.create("1.2.1", step())
    steps.subscribe("1.2.1", "ONE")
    assert told(steps) == [("ONE", EventKind.STATE, "SCHEDULED")]
    steps.subscribe(FILTERED, "FILTER", keys={"00100020": element("LO", "99")})
    steps.subscribe(GLOBAL, "ALL", lock=True)
    steps.create("1.2.2", step(**{"00100020": element("LO", "99")}))
    after = told(steps)[1:]
    assert after == [("ALL", 1, "SCHEDULED"), ("FILTER", 1, "SCHEDULED"), ("ALL", 1, "SCHEDULED")]
    steps.suspend("ALL")
    steps.create("1.2.3", step())
    assert told(steps)[4:] == []
    steps.change_state("1.2.1", State.IN_PROGRESS, OURS)
    steps.unsubscribe("1.2.1", "ONE")
    steps.request_cancel("1.2.1", {"00741238": element("LT", "moved")}, "ASKER")
    steps.update("1.2.1", {"00741002": element("SQ", {"00741004": element("DS", 50)})}, OURS)
    steps.update("1.2.1", {"00404025": code("CT2")}, OURS)
    both = [("ONE", 1, "IN PROGRESS"), ("ALL", 1, "IN PROGRESS")]
    assert told(steps)[4:] == [*both, ("ALL", 2, None), ("ALL", 3, None), ("ALL", 5, None)]
    steps.unsubscribe(GLOBAL, "ALL")
    steps.update("1.2.1", {"00404025": code("CT3")}, OURS)
    assert len(told(steps)) == 9


def test_a_scheduled_step_is_canceled_by_way_of_in_progress(steps):
    steps.create("1.2.1", step())
    steps.subscribe("1.2.1", "ONE")
    steps.request_cancel("1.2.1", {"00741238": element("LT", "moved"), "0074100E": code("110513")}, "ASKER")
    assert told(steps)[1:] == [("ONE", 1, "IN PROGRESS"), ("ONE", 1, "CANCELED")]
    assert steps.subscriptions.waiting()[-1].data["00741238"]["Value"] == ["moved"]
    item = steps.get("1.2.1").data["00741002"]["Value"][0]
    assert item["00741238"]["Value"] == ["moved"]
    assert item["00404052"]["Value"][0].startswith("20")


def test_events_wait_longer_each_time(steps):
    steps.create("1.2.1", step())
    steps.subscribe("1.2.1", "ONE")
    steps.subscriptions.postponed("ONE")
    assert told(steps) == []
    steps.subscribe("1.2.1", "TWO")
    assert [receiver for receiver, *_ in told(steps)] == ["TWO"]
    steps.subscriptions.delivered(steps.subscriptions.waiting()[0].id)
    assert told(steps) == []

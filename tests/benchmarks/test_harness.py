"""The harness, with toy work and a clock that the work itself moves."""

from __future__ import annotations

import pytest
from benchmarks.harness import Case, Figure, Spent, Times, duration, measure, report, run

from benchmarks import harness


class Clock:
    """Time passes only where work says so."""

    def __init__(self):
        self.wall = self.cpu = 0.0
        self.order = []

    def __call__(self):
        return Spent(self.wall, self.cpu)

    def work(self, name, walls, cpu=0.5, result=42):
        """Work that takes the given wall times, run after run, the last one for ever."""
        left = list(walls)

        def work():
            self.order.append(name)
            self.wall += left.pop(0) if len(left) > 1 else left[0]
            self.cpu += cpu
            return result

        return work


def equal(results):
    assert len(set(results.values())) == 1, "not the same"


@pytest.fixture(autouse=True)
def collected(monkeypatch):
    """Counts collections: toy work leaves no garbage, and a long run of tests has a heap of seconds."""
    counted = []
    monkeypatch.setattr(harness.gc, "collect", lambda: counted.append(1))
    return counted


@pytest.fixture
def clock():
    return Clock()


def case(clock, goal=2.0, **changes):
    peers = {"peer": clock.work("peer", [10, 4, 4, 4, 4, 4], cpu=1.0)}
    settings = {"ours": clock.work("ours", [8, 1, 2, 3, 2, 90]), "peers": peers, "check": equal}
    return Case("toy", goals={"peer": goal}, **(settings | changes))


def test_the_first_run_is_cold_and_the_median_of_the_others_counts(clock):
    times, _ = measure(case(clock), clock)
    assert times["ours"].cold == Spent(8, 0.5)
    assert [spent.wall for spent in times["ours"].warm] == [1, 2, 3, 2, 90]
    assert times["ours"].median("wall") == 2
    assert times["peer"].median("wall") == 4
    assert times["peer"].median("cpu") == 1.0


def test_garbage_is_collected_before_every_run(clock, collected):
    measure(Case("x", clock.work("ours", [1]), {"peer": clock.work("peer", [2])}, {}, equal), clock)
    assert len(collected) == len(clock.order) > 10


def test_contenders_take_turns(clock):
    measure(case(clock), clock)
    turns = ["ours", "peer", "peer", "ours"]
    assert clock.order == ["ours", "peer", *turns, *turns, "ours", "peer"]


def test_before_runs_before_every_run_and_is_not_timed(clock):
    def before():
        clock.order.append("before")
        clock.wall += 1000

    times, _ = measure(case(clock, before=before), clock)
    assert clock.order[::2] == ["before"] * 12
    assert sorted(clock.order[1::2]) == ["ours"] * 6 + ["peer"] * 6
    assert times["ours"].median("wall") == 2


@pytest.mark.parametrize(("goal", "word", "fine"), [(2.0, "reached", True), (2.1, "MISSED", False)])
def test_a_goal_is_the_least_ratio(clock, goal, word, fine):
    toy = case(clock, goal)
    lines, good = report(toy, *measure(toy, clock))
    assert good is fine
    goal_text = f"goal >= {goal:.3g}x {word}; cold 8 s and 10 s wall"
    assert lines == [f"toy: ours 2 s, peer 4 s, ratio 2.00 wall (2.00 cpu), {goal_text}"]


def test_goals_can_be_about_cpu_time():
    toy = Case("toy", int, {"peer": int}, {"peer": 3.0}, equal, by="cpu")
    times = {
        "ours": Times(Spent(1, 1), [Spent(1, 1)] * 5),
        "peer": Times(Spent(9, 2), [Spent(9, 2)] * 5),
    }
    lines, good = report(toy, times, [])
    assert not good
    assert "ratio 2.00 cpu (9.00 wall), goal >= 3x MISSED" in lines[0]


def test_a_peer_without_a_goal_is_printed_and_never_missed(clock):
    toy = Case("toy", clock.work("ours", [5]), {"plain": clock.work("plain", [1])}, {}, equal)
    lines, good = report(toy, *measure(toy, clock))
    assert good
    assert "ratio 0.20 wall" in lines[0]
    assert "no goal" in lines[0]


def test_wrong_results_are_not_timed(clock, capsys):
    toy = case(clock, ours=clock.work("ours", [1], result=41))
    assert run([toy], clock) is False
    assert clock.order == ["ours", "peer"]
    assert "toy: WRONG RESULT, not timed: not the same" in capsys.readouterr().out


def test_a_check_may_return_false(clock):
    with pytest.raises(AssertionError, match="not equal"):
        measure(case(clock, check=lambda results: False), clock)


@pytest.mark.parametrize(("ours", "fine"), [(102, True), (103, False)])
def test_figures_are_counted_and_held_to_at_most(clock, ours, fine):
    figure = Figure("file size", ours, "peer", 100, at_most=1.02)
    toy = case(clock, figures=lambda results: [figure])
    lines, good = report(toy, *measure(toy, clock))
    assert good is fine
    assert f"toy: file size: ours {ours} bytes, peer 100 bytes, ratio {ours / 100:.3f}" in lines[1]


def test_versions_of_peers_are_printed(clock, capsys):
    toy = Case("toy", clock.work("ours", [1]), {"numpy in a loop": clock.work("n", [1])}, {}, equal)
    assert run([toy], clock) is True
    assert f"peers: numpy {harness.version('numpy')};" in capsys.readouterr().out


def test_bad_cases_are_refused():
    with pytest.raises(ValueError, match="at least 5"):
        Case("toy", int, {}, {}, equal, repeats=3)
    with pytest.raises(ValueError, match="not among the peers"):
        Case("toy", int, {}, {"nobody": 2.0}, equal)


@pytest.mark.parametrize(("arguments", "code"), [(["toy"], 0), (["--check", "toy"], 1), ([], 2)])
def test_exit_codes(clock, monkeypatch, capsys, arguments, code):
    missed = case(clock, goal=1e9)
    module = type("module", (), {"cases": staticmethod(lambda: [missed])})
    monkeypatch.setattr(harness, "names", lambda: ["toy"])
    monkeypatch.setattr(harness.importlib, "import_module", lambda name: module)
    assert harness.main(arguments) == code
    assert ("MISSED" in capsys.readouterr().out) is bool(arguments)


def test_unknown_names_are_usage_errors(capsys):
    with pytest.raises(SystemExit) as stop:
        harness.main(["nothing-like-this"])
    assert stop.value.code == 2
    assert "no benchmark nothing-like-this" in capsys.readouterr().err


def test_the_real_clock_runs_forward_and_counts_children():
    import subprocess
    import sys

    began = harness.clock()
    subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)
    ended = harness.clock()
    assert ended.wall > began.wall
    assert ended.cpu - began.cpu > 0.01


@pytest.mark.parametrize(
    ("seconds", "text"), [(75.0, "75 s"), (1.0, "1 s"), (0.0456, "45.6 ms"), (3.2e-6, "3.2 µs")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text

"""Measure our way and other tools' ways side by side, in one run.

A benchmark is a module of this folder with `cases() -> list[Case]`. For each case

1. every contender runs once, cold (imports, compilation, empty caches), and is timed;
2. the results are compared: what is not equal is not timed any further;
3. all contenders run in turn, `repeats` rounds of one run each, so that whatever disturbs the machine
   disturbs all of them; each round begins with another one, and garbage is collected between runs, so that
   none pays for what another left behind; the median of the rounds counts.

Wall time is what a user waits; CPU time (this process, its threads and its children, or the server that does
the work, see `Case.cpu`) is what the work costs. `ratio` is the peer's median over ours: 3.0 means three
times as fast as the peer.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any, Literal

FOLDER = Path(__file__).resolve().parent
OURS = "ours"
Results = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """Something counted, not timed, such as the size of a written file."""

    name: str
    ours: float
    peer: str
    theirs: float
    at_most: float  # goal: ours / theirs
    unit: str = "bytes"


@dataclass(frozen=True, slots=True)
class Case:
    """One piece of work, done by us and by others.

    Parameters
    ----------
    name
        What is measured, e.g. "load-series 128 x 512 x 512".
    ours
        Does the work our way and returns its result.
    peers
        The same work by others. The name begins with the package's name where that is installed by pip
        ("pydicom", "nibabel cached"), so that its version can be printed.
    goals
        Least ratio (peer's time over ours) by peer. 10 = at least ten times as fast; 1/1.5 = at most 1.5
        times as slow. Peers without a goal are printed only.
    check
        Gets the results of all contenders by name (`"ours"` and the peers') and raises AssertionError, or
        returns False, where they are not equal. Nobody gets a figure for a wrong result.
    figures
        Gets the same results and returns what is counted rather than timed.
    by
        The time that goals are about.
    before
        Called before every single run, not timed: removes what a run wrote, for instance.
    repeats
        Rounds, at least 5.
    cpu
        By contender, what tells the seconds of CPU used until now where another process does the work.
    cpu_goals
        Least ratio of CPU times by peer, beside `goals`.
    seconds
        What a result says that it took, in place of the wall time of the run: where a browser must be started
        and watched, the run is longer than the work.
    """

    name: str
    ours: Callable[[], Any]
    peers: Mapping[str, Callable[[], Any]]
    goals: Mapping[str, float]
    check: Callable[[Results], Any]
    figures: Callable[[Results], Sequence[Figure]] | None = None
    by: Literal["wall", "cpu"] = "wall"
    before: Callable[[], Any] | None = None
    repeats: int = 5
    cpu: Mapping[str, Callable[[], float]] = field(default_factory=dict)
    cpu_goals: Mapping[str, float] = field(default_factory=dict)
    seconds: Callable[[Any], float] | None = None

    def __post_init__(self) -> None:
        if self.repeats < 5:
            raise ValueError(f"{self.name}: repeats is {self.repeats}; a median needs at least 5 runs")
        if unknown := {*self.goals, *self.cpu_goals} - set(self.peers):
            raise ValueError(f"{self.name}: goals for {sorted(unknown)}, who are not among the peers")


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of one run."""

    wall: float
    cpu: float


@dataclass(slots=True)
class Times:
    """All runs of one contender."""

    cold: Spent
    warm: list[Spent] = field(default_factory=list)

    def median(self, by: str) -> float:
        """Median of the warm runs, in seconds."""
        return median(getattr(spent, by) for spent in self.warm)


def clock() -> Spent:
    """Return wall and CPU time since some moment; the CPU time includes finished child processes."""
    children = os.times()
    return Spent(time.perf_counter(), time.process_time() + children.children_user + children.children_system)


def timed(work: Callable[[], Any], clock: Callable[[], Spent]) -> tuple[Any, Spent]:
    """Run something once.

    Garbage that others left is collected before: it is not for this one to pay for.
    """
    gc.collect()
    began = clock()
    result = work()
    ended = clock()
    return result, Spent(ended.wall - began.wall, ended.cpu - began.cpu)


def measure(case: Case, clock: Callable[[], Spent] = clock) -> tuple[dict[str, Times], list[Figure]]:
    """Run a case as the module's docstring says.

    Returns
    -------
    times, figures
        The times by contender, ours first, and what was counted.

    Raises
    ------
    AssertionError
        If the results of the contenders are not equal.
    """
    contenders = {OURS: case.ours, **case.peers}
    before = case.before or (lambda: None)
    clocks = {name: _with_cpu(clock, case.cpu.get(name)) for name in contenders}
    results, times = {}, {}
    for name, work in contenders.items():
        before()
        results[name], spent = timed(work, clocks[name])
        times[name] = Times(cold=_told(case, results[name], spent))
    if case.check(results) is False:
        raise AssertionError(f"{case.name}: the results are not equal")
    figures = list(case.figures(results)) if case.figures else []
    results.clear()  # free the memory before timing
    order = list(contenders)
    for _ in range(case.repeats):
        for name in order:
            before()
            times[name].warm.append(_told(case, *timed(contenders[name], clocks[name])))
        order = order[1:] + order[:1]  # so that none always follows the same one
    return times, figures


def _told(case: Case, result: Any, spent: Spent) -> Spent:
    """Return the times of a run, as its result tells them where it does."""
    return spent if case.seconds is None else Spent(case.seconds(result), spent.cpu)


def _with_cpu(clock: Callable[[], Spent], cpu: Callable[[], float] | None) -> Callable[[], Spent]:
    """Return a clock whose CPU time is that of another process."""
    return clock if cpu is None else lambda: Spent(clock().wall, cpu())


def duration(seconds: float) -> str:
    """Write a time with three digits and a unit.

    >>> duration(0.0123), duration(12.3), duration(0.0000456)
    ('12.3 ms', '12.3 s', '45.6 µs')
    """
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def verdict(reached: float, goal: float | None, *, at_most: bool = False) -> tuple[str, bool]:
    """Write a goal and say whether it is reached; without a goal nothing can be missed."""
    if goal is None:
        return "no goal", True
    good = reached <= goal if at_most else reached >= goal
    return f"goal {'<=' if at_most else '>='} {goal:.3g}x {'reached' if good else 'MISSED'}", good


def report(case: Case, times: Mapping[str, Times], figures: Sequence[Figure]) -> tuple[list[str], bool]:
    """Return the lines to print for a case, one a figure, and whether all its goals are reached."""
    ours, lines, fine = times[OURS], [], True
    for peer in case.peers:
        theirs = times[peer]
        ratio = {by: theirs.median(by) / max(ours.median(by), 1e-9) for by in ("wall", "cpu")}
        text, good = verdict(ratio[case.by], case.goals.get(peer))
        fine &= good
        if peer in case.cpu_goals:
            more, good = verdict(ratio["cpu"], case.cpu_goals[peer])
            text, fine = f"{text}, cpu {more}", fine and good
        other = "cpu" if case.by == "wall" else "wall"
        lines.append(
            f"{case.name}: ours {duration(ours.median(case.by))}, {peer} {duration(theirs.median(case.by))}, "
            f"ratio {ratio[case.by]:.2f} {case.by} ({ratio[other]:.2f} {other}), {text}; "
            f"cold {duration(ours.cold.wall)} and {duration(theirs.cold.wall)} wall"
        )
    for figure in figures:
        ratio_of_figures = figure.ours / figure.theirs
        text, good = verdict(ratio_of_figures, figure.at_most, at_most=True)
        fine &= good
        lines.append(
            f"{case.name}: {figure.name}: ours {figure.ours:.6g} {figure.unit}, {figure.peer} "
            f"{figure.theirs:.6g} {figure.unit}, ratio {ratio_of_figures:.3f}, {text}"
        )
    return lines, fine


def peer_version(peer: str) -> str:
    """Return "name version" of a peer whose name begins with that of an installed package."""
    package = peer.split(maxsplit=1)[0]
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package


def run(cases: Sequence[Case], clock: Callable[[], Spent] = clock) -> bool:
    """Measure and print cases; return whether every goal is reached and every result equal."""
    peers = sorted({peer_version(peer) for case in cases for peer in case.peers})
    print(f"peers: {', '.join(peers) or 'none'}; Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    fine = True
    for case in cases:
        try:
            times, figures = measure(case, clock)
        except AssertionError as error:
            print(f"{case.name}: WRONG RESULT, not timed: {error}", flush=True)
            fine = False
            continue
        lines, good = report(case, times, figures)
        print("\n".join(lines), flush=True)
        fine &= good
    return fine


def names(folder: Path = FOLDER) -> list[str]:
    """Return the benchmarks there are: modules of a folder, with - for _."""
    modules = {path.stem for path in folder.glob("[a-z]*.py")} - {"harness"}
    return sorted(module.replace("_", "-") for module in modules)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks named; exit code 1 with --check when a goal is missed, 2 for an unknown name."""
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measure beside other tools.")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a goal is missed")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(names()) or 'none yet'}")
    chosen = parser.parse_args(arguments)
    if unknown := [name for name in chosen.names if name not in names()]:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(names()) or 'none yet'}")
    if not chosen.names:
        parser.print_help()
        return 2
    fine = True
    for name in chosen.names:
        print(f"== {name}", flush=True)
        module = importlib.import_module(f"benchmarks.{name.replace('-', '_')}")
        cases = module.cases()
        if not cases:
            print(f"{name}: no case can run here", flush=True)
            fine = False
        fine &= run(cases)
    return 1 if chosen.check and not fine else 0

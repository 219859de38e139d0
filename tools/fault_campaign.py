"""Do to a server what must lose nothing: `./dev faults [--minutes N]`.

1. kill -9 of a real server at random moments under four senders: what it acknowledged is there, whole, and
   found by query, and nothing else is visible;
2. loss of power: every prefix of what a recording disk was asked for, with what was not synced dropped, torn
   or reordered, and names that were not synced missing;
3. damaged associations of DCMTK's clients;
4. the tests of `tests/faults`: full disk, locked database, slow, greedy, idle and broken peers.

Prints what was tried and what was lost; exit code 1 if anything was.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]  # started as a script, as `./dev faults` does

from faults import hostile, killing, power  # noqa: E402

MOMENTS, RECORDINGS, ASSOCIATIONS = 200, 30, 2000
SHARES = {"killed": 0.7, "power": 0.2, "hostile": 0.1}
"""Of the minutes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all campaigns; return the exit code."""
    parser = argparse.ArgumentParser(prog="./dev faults", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--minutes", type=float, help="stop the campaigns after so long; without: all moments"
    )
    parser.add_argument("--moments", type=int, default=MOMENTS, help="times to kill the server")
    parser.add_argument("--seed", type=int, default=time.time_ns() % (1 << 31), help="of the random numbers")
    parser.add_argument("--no-tests", action="store_true", help="the campaigns alone")
    chosen = parser.parse_args(arguments)
    lost: list[str] = []

    def until(share: str) -> float:
        seconds = float("inf") if chosen.minutes is None else 60 * chosen.minutes * SHARES[share]
        return time.monotonic() + seconds

    killed = killing.campaign(chosen.moments, chosen.seed, until("killed"))
    print(
        f"killed: {killed.moments} moments under {killing.SENDERS} senders, {killed.sent} instances sent, "
        f"{killed.acknowledged} acknowledged, lost = {len(killed.faults)}",
        flush=True,
    )
    failed = power.campaign(RECORDINGS, chosen.seed, until("power"))
    print(
        f"power: {failed.replays} replays ({failed.opened} opened as archives), "
        f"{failed.acknowledged} instances acknowledged, lost = {len(failed.faults)}",
        flush=True,
    )
    attacked = hostile.campaign(ASSOCIATIONS, chosen.seed, until("hostile"))
    print(
        f"hostile: {attacked.associations} damaged associations, the server grew by "
        f"{attacked.growth_bytes / (1 << 20):.1f} MB, faults = {len(attacked.faults)}",
        flush=True,
    )
    lost += [*killed.faults, *failed.faults, *attacked.faults]
    if not chosen.no_tests:
        words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", str(ROOT / "tests" / "faults")]
        if subprocess.run([sys.executable, *words], cwd=ROOT, check=False).returncode:
            lost.append("tests/faults failed")
    print(*lost[:50], sep="\n", end="\n" if lost else "", file=sys.stderr)
    print(
        f"{killed.moments} moments, {failed.replays} replays, {attacked.associations} associations, "
        f"lost = {len(lost)}, seed {chosen.seed}"
    )
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())

"""Feed broken bytes to the readers: `python tools/fuzz.py [TARGET] --minutes N`.

Each target is fed by a process of its own (`tools/fuzz_worker.py`), with a limit on its memory; the minutes
are shared out among the targets. Guided by coverage where atheris is installed (`pip install
--group fuzz`; Linux), at random elsewhere. What may come out is a result or a `MedvoxError`. Whatever else
comes out, takes too long or too much memory, or leaves files behind is kept in `.medvox/fuzz/TARGET/`, beside
a text that says what happened; exit code 1. `--replay FILE` reads a kept file again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # started as a script, as `./dev fuzz` does

from tools.fuzz_targets import freeze, targets  # noqa: E402
from tools.fuzz_worker import SLOW, attempt, keep  # noqa: E402

ABOUT = "Break files in many ways and read them; a result or a MedvoxError may come out, nothing else."
NO_ATHERIS = "atheris is not installed (Linux: pip install --group fuzz): files are broken at random instead"
STARTING = 60.0
"""Seconds that a process may take beyond its share before it is taken for one that hangs."""
LEAST = 3.0
"""Seconds of the least share, its start included."""
ENVIRONMENT = {
    "NUMBA_DISABLE_JIT": "1",  # compiled code has no lines to cover
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How feeding one target went."""

    name: str
    files: int
    failures: int
    trouble: str = ""


def fuzz(name: str, seconds: float, seed: int, guided: bool) -> Outcome:
    """Feed one target in a process of its own.

    Parameters
    ----------
    name
        Key of `targets()`.
    seconds
        For how long, the start of the process included.
    seed
        Of the random numbers.
    guided
        Whether by coverage.
    """
    with tempfile.TemporaryDirectory(prefix="medvox-fuzz-") as folder:
        note, frozen = Path(folder) / "work", Path(folder) / "frozen"
        frozen.write_bytes(freeze(targets()[name]))
        command = [sys.executable, "-m", "tools.fuzz_worker", name, "--frozen", str(frozen)]
        command += [
            "--seed",
            str(seed),
            "--until",
            str(time.time() + seconds),
            *([] if guided else ["--random"]),
        ]
        paths = os.pathsep.join(filter(None, [str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
        env = (
            os.environ
            | ENVIRONMENT
            | {"MEDVOX_FUZZ_FOLDER": str(note), "PYTHONPATH": paths, "TMPDIR": folder}
        )
        out, err = Path(folder) / "out", Path(folder) / "err"
        with out.open("w") as stdout, err.open("w") as stderr:
            process = subprocess.Popen(command, stdout=stdout, stderr=stderr, env=env)
            try:
                code = process.wait(seconds + STARTING + 2 * SLOW)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                code = None
        said = err.read_text()
        failed = [line for line in said.splitlines() if f"{name}: failed on" in line]
        print(*failed, sep="\n", end="\n" if failed else "", file=sys.stderr)
        trouble = "" if code == 0 else ended_badly(name, code, note, said[-3000:])
        return Outcome(name, count(out.read_text()), len(failed) + bool(trouble), trouble)


def count(text: str) -> int:
    """Files read, by the last report of a worker."""
    reports = [line for line in text.splitlines() if line.startswith('{"files"')]
    return int(json.loads(reports[-1])["files"]) if reports else 0


def ended_badly(name: str, code: int | None, note: Path, said: str) -> str:
    """Keep the file that a worker died or hung on; return what happened."""
    what = "hangs where Python cannot be interrupted" if code is None else f"the process ended with {code}"
    if note.exists():
        target = targets()[name]
        broken = Path(note.read_text()) / "in" / target.name
        if broken.exists():
            keep(name, broken.read_bytes(), f"{what}\n{said}\n")
    return f"{what}\n{said}"


def campaign(names: Sequence[str], minutes: float, seed: int, guided: bool) -> list[Outcome]:
    """Feed targets, as many at a time as there are processors; each gets the same share of the minutes."""
    jobs = min(len(names), os.cpu_count() or 1)
    share = max(LEAST, 60 * minutes * jobs / len(names))
    if jobs > 1:  # a share more than fits would begin when the time is over
        share = max(LEAST, 60 * minutes / -(-len(names) // jobs))
    with ThreadPoolExecutor(jobs) as pool:
        found = []
        for outcome in pool.map(lambda name: fuzz(name, share, seed, guided), names):
            print(
                f"{outcome.name}: {outcome.files} files read, {outcome.failures} kinds of failure", flush=True
            )
            if outcome.trouble:
                print(outcome.trouble, file=sys.stderr)
            found.append(outcome)
    return found


def replay(name: str, path: Path) -> int:
    """Read a kept file again and print what is wrong with how it went."""
    with tempfile.TemporaryDirectory() as folder:
        targets()[name].prepare(Path(folder))
        text = attempt(targets()[name], path.read_bytes(), Path(folder))
    print(text or "A result or a MedvoxError came out, as it should.")
    return 1 if text else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign on one target, on those of one format, or on all."""
    parser = argparse.ArgumentParser(prog="./dev fuzz", description=ABOUT)
    known = sorted(targets())
    text = f"what to feed, or the beginning of its name; all by default: {', '.join(known)}"
    parser.add_argument("target", nargs="?", default="", metavar="TARGET", help=text)
    parser.add_argument("--minutes", type=float, default=1.0, help="for how long altogether")
    parser.add_argument("--seed", type=int, default=time.time_ns() % (1 << 31), help="of the random numbers")
    parser.add_argument("--random", action="store_true", help="not guided by coverage")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="read a kept file again, with TARGET")
    chosen = parser.parse_args(arguments)
    names = [chosen.target] if chosen.target in known else [n for n in known if n.startswith(chosen.target)]
    if not names:
        parser.error(f"no target {chosen.target}; there are {', '.join(known)}")
    if chosen.replay:
        return replay(names[0], chosen.replay)
    guided = not chosen.random and find_spec("atheris") is not None
    if not guided and not chosen.random:
        print(NO_ATHERIS)
    results = campaign(names, chosen.minutes, chosen.seed, guided)
    files, failures = sum(r.files for r in results), sum(r.failures for r in results)
    print(f"{len(names)} targets, {files} files read, {failures} kinds of failure, seed {chosen.seed}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

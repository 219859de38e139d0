"""One process that feeds one target: guided by coverage (atheris) where that is installed, else at random.

Started by `tools/fuzz.py`, which stops it when it hangs where Python cannot be interrupted. What went wrong
is kept as it is found; the last line of the output is a JSON object with the count of files read.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.fuzz_targets import Target

KEPT = Path(".medvox") / "fuzz"
SLOW = 5.0
"""Seconds that one small file may take."""
WARMING = 1.5
"""Seconds of reading seeds before the campaign, so that what is imported late is instrumented too."""
MEMORY = 1 << 30
"""Bytes of address space beyond those at the start; the limits of the settings are far below."""
MOST_OPEN = 20
"""Files that may stay open more than at the start."""
LONGEST = 100_000
DENSE = 6000
"""Most changes are made within the first bytes, where headers are."""
MAGIC = (
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\xfe\xff\x00\xe0",
    b"\xfe\xff\xdd\xe0",
    b"SQ\0\0",
    b"UN\0\0",
    b"\x7f",
    b"nan",
    b"1e999",
    b"-1",
    b"99999999999",
)
"""What does the most harm: lengths, delimiters, value representations, numbers."""


class HangError(BaseException):
    """Reading took too long; no `Exception`, so that no reader can take it for a fault of the file."""


@contextmanager
def stopped_after(seconds: float) -> Iterator[None]:
    """Raise `HangError` in this thread after a time; on Windows, without the alarm signal, never."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise HangError(f"still reading after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def attempt(target: Target, content: bytes, folder: Path) -> str | None:
    """Read one broken file; return what is wrong with how it went."""
    from tools.fuzz_targets import clear

    from medvox.core.errors import MedvoxError

    began = time.perf_counter()
    try:
        with warnings.catch_warnings(), stopped_after(2 * SLOW):
            warnings.simplefilter("error")
            target.feed(folder, content)
    except MedvoxError:
        pass
    except (Exception, HangError):
        return traceback.format_exc()
    took = time.perf_counter() - began
    if took > SLOW:
        return f"it took {took:.1f} s\n"
    left = clear(folder, target)
    return f"files were left: {', '.join(left)}\n" if left else None


def kind_of(text: str) -> str:
    """What two failures have in common when they are one: the end of the traceback, numbers left out."""
    return "\n".join("".join(c for c in line if not c.isdigit()) for line in text.splitlines()[-5:-1])


class Campaign:
    """Feeds one target and keeps what goes wrong.

    Parameters
    ----------
    name, target
        What is fed.
    """

    def __init__(self, name: str, target: Target) -> None:
        self.name, self.target = name, target
        self.tries, self.wrong = 0, set[str]()
        self.work = Path(tempfile.mkdtemp(prefix="medvox-fuzz-"))
        self.scratch = self.work / "tmp"
        self.scratch.mkdir()
        tempfile.tempdir = str(self.scratch)
        self.folder = self.work / "in"
        self.folder.mkdir()
        target.prepare(self.folder)
        self.open_files = open_files()

    def feed(self, content: bytes) -> None:
        """Read one file."""
        from tools.fuzz_targets import empty

        self.tries += 1
        text = attempt(self.target, content, self.folder)
        left = empty(self.scratch)
        if text is None and left:
            text = "temporary files were left\n"
        if text is None and self.tries % 500 == 0 and open_files() > self.open_files + MOST_OPEN:
            text = "files stay open\n"
            self.open_files = open_files()
        if text and (kind := kind_of(text)) not in self.wrong:
            self.wrong.add(kind)
            keep(self.name, content, text)


def open_files() -> int:
    """Files that this process has open, as far as the system tells."""
    descriptors = Path("/proc/self/fd")
    return len(list(descriptors.iterdir())) if descriptors.is_dir() else 0


def keep(name: str, content: bytes, text: str) -> None:
    """Keep what failed, so that it can become a test."""
    folder = KEPT / name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / sha256(content).hexdigest()[:16]
    path.write_bytes(content)
    path.with_suffix(".txt").write_text(text)
    print(f"{name}: failed on {path}\n{text}", file=sys.stderr, flush=True)


def broken(content: bytes, chance: random.Random) -> bytes:
    """Break a file in one to eight places."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        length = len(data) if chance.random() < 0.1 else min(len(data), DENSE)
        at = chance.randrange(max(1, length))
        kind = chance.randrange(6)
        if kind == 0:
            data[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            magic = chance.choice(MAGIC)
            data[at : at + len(magic)] = magic
        elif kind == 2:
            del data[at : at + chance.randint(1, 64)]
        elif kind == 3:
            data[at:at] = chance.randbytes(chance.randint(1, 16))
        elif kind == 4:
            data[at:at] = data[at : at + chance.randint(8, 512)]
        elif chance.random() < 0.2:
            del data[at:]
    return bytes(data)


def at_random(campaign: Campaign, seconds: float, seed: int) -> None:
    """Break the seeds at random for a while."""
    chance, seeds = random.Random(seed), campaign.target.seeds()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        campaign.feed(broken(chance.choice(seeds), chance))


def guided(campaign: Campaign, seconds: float, seed: int, feed: Callable[[bytes], None]) -> None:
    """Let atheris look for inputs that reach new lines of medvox; does not return."""
    import atheris

    learned = (KEPT / "learned" / campaign.name).absolute()
    learned.mkdir(parents=True, exist_ok=True)
    seeds = campaign.work / "seeds"
    seeds.mkdir()
    for number, content in enumerate(campaign.target.seeds()):
        (seeds / str(number)).write_bytes(content)
    words = campaign.work / "words"
    words.write_text("".join(dictionary_line(word) for word in MAGIC))
    options = {
        "max_total_time": max(1, round(seconds)),
        "seed": seed % (1 << 31) or 1,
        "max_len": LONGEST,
        "timeout": 0,  # `attempt` does it, and goes on
        "rss_limit_mb": 0,  # so does `limit_memory`
        "dict": words,
        "verbosity": 0,
        "artifact_prefix": f"{campaign.work}/",
    }
    words_of = [f"-{name}={value}" for name, value in options.items()]
    atheris.Setup([sys.argv[0], *words_of, str(learned), str(seeds)], feed, enable_python_coverage=True)
    atheris.Fuzz()


def dictionary_line(word: bytes) -> str:
    """Return a word as libFuzzer's dictionaries have it."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n'


def limit_memory() -> None:
    """Let the system refuse memory beyond `MEMORY` more than now, where it can."""
    if sys.platform != "linux":
        return
    import resource

    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))


def load(name: str, frozen: Path, instrument: bool) -> Target:
    """Return a target, its modules instrumented, after seeds were read for a moment."""
    if instrument:
        import atheris

        with atheris.instrument_imports(include=["medvox"], enable_loader_override=False):
            return _warmed(name, frozen)
    return _warmed(name, frozen)


def _warmed(name: str, frozen: Path) -> Target:
    from tools.fuzz_targets import thaw

    target, end = thaw(name, frozen.read_bytes()), time.monotonic() + WARMING
    with tempfile.TemporaryDirectory() as folder:
        target.prepare(Path(folder))
        for content in target.seeds():
            attempt(target, content, Path(folder))
            if time.monotonic() > end:
                break
    return target


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one campaign."""
    parser = argparse.ArgumentParser()
    parser.add_argument("target")
    parser.add_argument("--frozen", type=Path, required=True, help="what `freeze` made of the target")
    parser.add_argument("--until", type=float, required=True, help="time.time() at which to end")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--random", action="store_true")
    chosen = parser.parse_args(arguments)
    target = load(chosen.target, chosen.frozen, instrument=not chosen.random)
    campaign = Campaign(chosen.target, target)
    with suppress(OSError):
        Path(os.environ["MEDVOX_FUZZ_FOLDER"]).write_text(str(campaign.work))
    limit_memory()
    seconds = max(1.0, chosen.until - time.time())
    end = time.monotonic() + seconds + 1

    def feed(content: bytes) -> None:
        if time.monotonic() < end:
            campaign.feed(content)
        if campaign.tries % 20 == 0:
            report(campaign)

    if chosen.random:
        at_random(campaign, seconds, chosen.seed)
        report(campaign)
    else:
        guided(campaign, seconds, chosen.seed, feed)


def report(campaign: Campaign) -> None:
    """Say how far the campaign is."""
    print(json.dumps({"files": campaign.tries}), flush=True)


if __name__ == "__main__":
    main()

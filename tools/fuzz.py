"""Feed broken bytes to the readers: `python tools/fuzz.py [TARGET] --minutes N`.

Seeds are files that dependencies ship; each round breaks one of them in a few places and reads it. What
may come out is a result or a `MedvoxError`. Whatever else comes out, and whatever takes longer than
`SLOW` seconds (it is stopped after twice as long), is kept in `.medvox/fuzz/TARGET/`, beside a text that
says what happened; exit code 1.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import FrameType

from pydicom.data import data_manager

from medvox.core.errors import MedvoxError
from medvox.core.settings import using
from medvox.dicom.scan import read_header
from medvox.formats.inputs import InputFile, find_inputs

if __package__:
    from tools.fuzz_formats import fuzz_seeds, fuzz_targets
else:  # started as a script, as `./dev fuzz` does
    from fuzz_formats import fuzz_seeds, fuzz_targets

ABOUT = "Break files in many ways and read them; a result or a MedvoxError may come out, nothing else."
KEPT = Path(".medvox") / "fuzz"
SLOW = 10.0
LONGEST_SEED = 300_000
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
)
"""What does the most harm: lengths, delimiters, value representations."""


@dataclass(frozen=True, slots=True)
class Target:
    """Something that reads files.

    Parameters
    ----------
    seeds
        Makes the files to break.
    read
        Reads one; may raise `MedvoxError` only.
    """

    seeds: Callable[[], list[bytes]]
    read: Callable[[Path], object]


def shipped() -> list[bytes]:
    """DICOM files that pydicom ships."""
    folder = Path(data_manager.DATA_ROOT) / "test_files"
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path.read_bytes() for path in paths if 200 < path.stat().st_size < LONGEST_SEED]


def zipped() -> list[bytes]:
    """Zip files of a few of them."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number, content in enumerate(shipped()[:12]):
            path = Path(folder) / f"{number}.zip"
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("in/1.dcm", content[:5000])
                archive.writestr("in/2.dcm", content[:100])
            found.append(path.read_bytes())
    return found


def read_every_value(path: Path) -> None:
    """Read a header and ask for every value in every way."""
    header = read_header(InputFile(path, path.name, path.stat().st_size))
    for tag in header.tags():
        header.texts(tag)
        header.ints(tag)
        header.number(tag)
        header.vr(tag)
    header.dataset()


def read_archive(path: Path) -> None:
    """Unpack an archive."""
    with using(max_expanded_bytes=1 << 24, max_files=100):
        files, _ = find_inputs([path])
    for file in files:
        if file.path != path:
            file.path.unlink()


def of_formats() -> dict[str, Target]:
    """One target for each file format, its seed a small valid file."""

    def target(name: str, read: Callable[[bytes], None]) -> Target:
        return Target(lambda: [fuzz_seeds()[name]], lambda path: read(path.read_bytes()))

    return {name: target(name, read) for name, read in fuzz_targets().items()}


TARGETS = {
    "dicom-scan": Target(shipped, read_every_value),
    "archives": Target(zipped, read_archive),
    **of_formats(),
}


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
    path = folder / "broken"
    path.write_bytes(content)
    began = time.perf_counter()
    try:
        with warnings.catch_warnings(), stopped_after(2 * SLOW):
            warnings.simplefilter("error")
            target.read(path)
    except MedvoxError:
        pass
    except (Exception, HangError):
        return traceback.format_exc()
    took = time.perf_counter() - began
    return f"it took {took:.1f} s\n" if took > SLOW else None


def fuzz(name: str, minutes: float, seed: int | None = None) -> list[str]:
    """Break files for a while.

    Parameters
    ----------
    name
        Key of `TARGETS`.
    seed
        Of the random numbers, to repeat a campaign.

    Returns
    -------
    list of str
        What went wrong, one text for each kind.
    """
    seed = time.time_ns() if seed is None else seed
    chance, target, wrong = random.Random(seed), TARGETS[name], {}
    seeds, tries, end = target.seeds(), 0, time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end:
            content = broken(chance.choice(seeds), chance)
            tries += 1
            text = attempt(target, content, Path(folder))
            if text and (kind := "\n".join(text.splitlines()[-4:])) not in wrong:
                wrong[kind] = text
                keep(name, content, text)
    print(f"{name}: {tries} files read, {len(wrong)} kinds of failure, seed {seed}")
    return list(wrong.values())


def keep(name: str, content: bytes, text: str) -> None:
    """Keep what failed, so that it can become a test."""
    folder = KEPT / name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / sha256(content).hexdigest()[:16]
    path.write_bytes(content)
    path.with_suffix(".txt").write_text(text)
    print(f"{name}: failed on {path}\n{text}", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign on one target, or on each in turn."""
    parser = argparse.ArgumentParser(prog="./dev fuzz", description=ABOUT)
    names = ", ".join(sorted(TARGETS))
    parser.add_argument(
        "target",
        nargs="?",
        choices=sorted(TARGETS),
        metavar="TARGET",
        help=f"what to feed, all in turn by default: {names}",
    )
    parser.add_argument("--minutes", type=float, default=1.0, help="for how long, each target")
    parser.add_argument("--seed", type=int, help="repeat the campaign of this seed")
    chosen = parser.parse_args(arguments)
    names = [chosen.target] if chosen.target else sorted(TARGETS)
    results = [fuzz(name, chosen.minutes, chosen.seed) for name in names]
    return 1 if any(results) else 0


if __name__ == "__main__":
    sys.exit(main())

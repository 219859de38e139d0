"""Numbered files: one picture a slice, all of them or none."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from medvox.core import settings
from medvox.core.errors import WriteError
from medvox.core.progress import Progress, silent
from medvox.formats.atomic import atomic_file, atomic_files

DIGITS = 4


def numbered_paths(path: Path, count: int) -> tuple[Path, ...]:
    """Names of the files of a volume of `count` slices, counted from 1.

    >>> [str(p) for p in numbered_paths(Path("ct.png"), 2)]
    ['ct_0001.png', 'ct_0002.png']
    >>> [str(p) for p in numbered_paths(Path("ct.png"), 1)]
    ['ct.png']
    """
    if count == 1:
        return (path,)
    width = max(DIGITS, len(str(count)))
    return tuple(path.with_name(f"{path.stem}_{n + 1:0{width}}{path.suffix}") for n in range(count))


def write_pictures(
    paths: tuple[Path, ...], encode: Callable[[int], bytes], progress: Progress = silent
) -> None:
    """Encode pictures in threads and write them; all appear, or none.

    Parameters
    ----------
    encode
        Called with the number of each picture.

    Raises
    ------
    WriteError
        If the system refuses, or files of a longer stack are there, which would join this one.
    """
    if len(paths) == 1:
        raw = encode(0)
        with atomic_file(paths[0]) as file:
            file.write(raw)
        return
    _refuse_leftovers(paths)
    with atomic_files(paths) as temporary, ThreadPoolExecutor(settings.current().threads) as pool:
        numbers, at_once = iter(range(len(paths))), 4 * settings.current().threads
        while batch := list(islice(numbers, at_once)):  # bounds what is encoded and not yet written
            progress(batch[0], len(paths), "Writing")
            for n, raw in zip(batch, pool.map(encode, batch), strict=True):
                temporary[n].write_bytes(raw)
    progress(len(paths), len(paths), "Writing")


def _refuse_leftovers(paths: tuple[Path, ...]) -> None:
    """Refuse to write beside numbered files that are not replaced: they would be read as more slices."""
    first = paths[0]
    begin, suffix = re.escape(first.stem.rpartition("_")[0]), re.escape(first.suffix)
    pattern = re.compile(rf"{begin}_\d+{suffix}", re.IGNORECASE)
    try:
        there = {found.name for found in first.parent.iterdir() if pattern.fullmatch(found.name)}
    except OSError:
        return  # the writer tells
    left = sorted(there - {path.name for path in paths})
    if left:
        raise WriteError(
            "files of another stack of this name are there, they would become slices of this one",
            where=first.parent,
            got=f"{left[0]}" + (f" and {len(left) - 1} more" if len(left) > 1 else ""),
            advice="Remove them first, or write under another name",
        )

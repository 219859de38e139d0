"""Write files so that each, and a folder of them, appears complete or not at all."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from medvox.core.errors import AccessError, MedvoxError, WriteError
from medvox.core.progress import Progress, silent, track
from medvox.core.settings import current
from medvox.formats.atomic import atomic_file

Parts = Sequence[bytes | memoryview]
T = TypeVar("T")


def write_file(path: Path, parts: Parts) -> None:
    """Write one file; it appears complete or not at all.

    Raises
    ------
    AccessError, WriteError
        If the system refuses.
    """
    with atomic_file(path) as file:
        for part in parts:
            file.write(part)


def write_folder(
    folder: Path,
    names: Sequence[str],
    files: Iterable[Parts],
    progress: Progress = silent,
    overwrite: bool = False,
) -> tuple[Path, ...]:
    """Write many files; all of them appear, or none.

    Parameters
    ----------
    folder
        Made if it is not there.
    names, files
        Names and contents.
    overwrite
        Whether files of these names may be replaced.

    Raises
    ------
    WriteError
        If a file of the names is there, or the system refuses.
    AccessError
        If it does not allow writing.
    """
    with _filled(folder, names, overwrite) as temporary:
        made = zip(names, files, strict=True)
        for name, parts in track(made, progress, "Writing DICOM", len(names)):
            with (temporary / name).open("xb") as file:
                for part in parts:
                    file.write(part)
    return tuple(folder / name for name in names)


@contextmanager
def _filled(folder: Path, names: Sequence[str], overwrite: bool) -> Iterator[Path]:
    """Give a temporary folder; its files move to `folder` when the block ends well."""
    made = not folder.exists()
    temporary = folder / f".{secrets.token_hex(6)}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = next((name for name in names if (folder / name).exists()), None)
        if there is not None and not overwrite:
            raise WriteError(
                "the file is there already", where=folder / there, advice="Name an empty folder, or overwrite"
            )
        temporary.mkdir()
        yield temporary
        for name in names:
            (temporary / name).replace(folder / name)
    except MedvoxError:
        raise
    except PermissionError as error:
        raise AccessError("the system does not allow writing here", where=folder) from error
    except OSError as error:
        raise WriteError("writing failed", where=folder, got=error.strerror) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if made and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def in_order(make: Callable[[int], T], count: int, threaded: bool) -> Iterator[T]:
    """Yield ``make(0)`` … in order, made ahead by threads where the work is worth it."""
    if not threaded:
        yield from map(make, range(count))
        return
    with in_threads() as threads:
        ahead = 4 * max(1, current().threads)
        waiting = [threads.submit(make, n) for n in range(min(ahead, count))]
        for n in range(count):
            yield waiting.pop(0).result()
            if n + ahead < count:
                waiting.append(threads.submit(make, n + ahead))


def in_threads() -> ThreadPoolExecutor:
    """Threads for work that releases the interpreter, as many as the settings say."""
    return ThreadPoolExecutor(max(1, current().threads))

"""Files that appear together or not at all: made in a hidden folder beside their place, then moved."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medvox.core.errors import AccessError, AmbiguityError, CancelledError, MedvoxError, WriteError

_BESIDE = (".json", ".csv", ".bval", ".bvec")


def refuse_existing(path: Path) -> None:
    """Refuse a place where something lies.

    Raises
    ------
    WriteError
        If something does.
    """
    if path.exists():
        raise WriteError("the file is there already", where=path, advice="Add --overwrite to replace it")


@contextmanager
def staging_folder(folder: Path) -> Iterator[Path]:
    """Make a hidden folder in the folder where files are wanted; it goes in any case.

    Raises
    ------
    AccessError, WriteError
        If the system refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".medvox-", dir=folder))
    except PermissionError as error:
        raise AccessError("the system does not allow writing here", where=folder) from error
    except OSError as error:
        raise WriteError("the folder cannot be made", where=folder, got=error.strerror) from error
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def move(staging: Path, folder: Path, overwrite: bool) -> None:
    """Move all that was made to its place: sidecars first, values last.

    Raises
    ------
    WriteError
        If something is in the way and may not be replaced (nothing is moved then), or the system refuses.
    """
    staged = [path for path in staging.iterdir() if not path.name.startswith(".")]
    staged.sort(key=lambda path: (path.name.endswith(_BESIDE), path.name))
    places = [(path, folder / path.name) for path in reversed(staged)]
    if not overwrite:
        for _, place in places:
            refuse_existing(place)
    try:
        for number, (path, place) in enumerate(places):
            if place.is_dir():
                place.rename(staging / f".old-{number}")
            path.replace(place)
    except OSError as error:
        raise WriteError("writing failed", where=folder, got=error.strerror) from error


def of_target(error: MedvoxError, staging: Path, folder: Path) -> MedvoxError:
    """Return an error that names the file as the user does, not as it was called while being written."""
    where = None if error.where is None else error.where.replace(str(staging), str(folder))
    if isinstance(error, CancelledError | AmbiguityError) or where == error.where:
        return error
    return type(error)(error.what, where=where, got=error.got, expected=error.expected, advice=error.advice)

"""Atomic writing: files and folders appear complete under their names, or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from medvox.core.errors import AccessError, MedvoxError, WriteError


@contextmanager
def atomic_file(path: Path, durable: bool = False) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path`; it takes the name when the block ends well.

    Parameters
    ----------
    path
        Name the file will have; a file of that name is replaced.
    durable
        Also wait until the bytes are on the disk (fsync of file and folder).

    Yields
    ------
    BinaryIO
        Open for writing and seeking.

    Raises
    ------
    AccessError
        If the system does not allow it.
    WriteError
        If it fails otherwise (no space, no such folder). Nothing is left in either case.
    """
    temporary = _temporary(path)
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
        if durable:
            _sync_folder(path.parent)
    except MedvoxError:
        raise
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_files(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """Make a temporary place for each of some files of one folder; all take their names at the end.

    Parameters
    ----------
    paths
        Names the files will have; files of these names are replaced.

    Yields
    ------
    list of Path
        Where to write each file.

    Raises
    ------
    AccessError, WriteError
        As `atomic_file`. Nothing is left unless the system fails between two renames.
    """
    folder = _temporary(paths[0])
    try:
        folder.mkdir()
        temporary = [folder / path.name for path in paths]
        yield temporary
        for written, path in zip(temporary, paths, strict=True):
            written.replace(path)
    except MedvoxError:
        raise
    except OSError as error:
        raise _refused(paths[0], error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Make a temporary folder beside `path`; it takes the name when the block ends well.

    A folder of that name is replaced as a whole.

    Raises
    ------
    AccessError, WriteError
        As `atomic_file`; also if a file has the name.
    """
    temporary, old = _temporary(path), _temporary(path)
    if path.exists() and not path.is_dir():
        raise WriteError("a file has the name of the folder to be written", where=path)
    try:
        temporary.mkdir()
        yield temporary
        if path.exists():
            path.rename(old)
        temporary.rename(path)
    except MedvoxError:
        raise
    except OSError as error:
        if old.exists() and not path.exists():
            old.rename(path)
        raise _refused(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name[:80]}.{secrets.token_hex(6)}.tmp")


def _refused(path: Path, error: OSError) -> MedvoxError:
    if isinstance(error, PermissionError):
        return AccessError("the system does not allow writing here", where=path)
    return WriteError(
        "writing failed", where=path, got=error.strerror or "an unknown reason", advice=_advice(path)
    )


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _advice(path: Path) -> str | None:
    return None if path.parent.is_dir() else f"Make the folder {path.parent} first"

"""Atomic writing: a file appears complete under its name, or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
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
    temporary = path.with_name(f".{path.name[:80]}.{secrets.token_hex(6)}.tmp")
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
    except PermissionError as error:
        raise AccessError("the system does not allow writing here", where=path) from error
    except OSError as error:
        raise WriteError(
            "writing failed", where=path, got=error.strerror or "an unknown reason", advice=_advice(path)
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


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

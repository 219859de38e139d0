"""Files for reading: the system's refusals become errors of ours, and nothing is read by surprise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from medvox.core import settings
from medvox.core.errors import AccessError, FormatError, LimitError, MedvoxError, MissingError, TruncatedError
from medvox.formats.remote.mirror import opened


@contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, unbuffered.

    Raises
    ------
    MissingError, AccessError, FormatError
        If it is not there, may not be read, or is a folder or a faulty device.
    """
    try:
        with opened(path, buffering=0) as file:
            yield file
    except MedvoxError:
        raise
    except FileNotFoundError as error:
        raise MissingError("no such file", where=path) from error
    except PermissionError as error:
        raise AccessError("no permission to read", where=path) from error
    except (IsADirectoryError, NotADirectoryError) as error:
        raise FormatError("a folder, not a file", where=path) from error
    except OSError as error:
        raise AccessError("the system cannot read", where=path, got=error.strerror) from error


def size_of(path: Path) -> int:
    """Size of a file in bytes; errors as `reading`."""
    with reading(path) as file:
        return file.seek(0, 2)


def read_bytes(path: Path, start: int = 0, count: int | None = None) -> bytes:
    """Read `count` bytes (all that are left by default) from byte `start`; fewer where the file ends."""
    with reading(path) as file:
        file.seek(start)
        if count is None:
            return file.read()
        parts = []
        while count > 0 and (part := file.read(min(count, 1 << 24))):
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


def check_claim(path: Path, needed: int, present: int | None, field: str) -> None:
    """Refuse what a header claims before memory is taken for it.

    Parameters
    ----------
    needed
        Bytes of values that the header claims.
    present
        Bytes that the file can give at most, or None where that cannot be known.
    field
        Header field that makes the claim, for the text.

    Raises
    ------
    LimitError
        If the claim is above `settings.max_image_bytes`.
    TruncatedError
        If the file cannot hold it.
    """
    limit = settings.current().max_image_bytes
    if present is not None and needed > present:
        raise TruncatedError(
            f"the file ends before the values that {field} claims",
            where=path,
            got=f"{max(present, 0)} bytes",
            expected=f"{needed} bytes",
            advice="The file is incomplete: copy or download it again",
        )
    if needed > limit:
        raise LimitError(
            f"{field} claims more than the limit",
            where=path,
            got=f"{needed} bytes",
            expected=f"at most {limit} bytes",
            advice="Raise MEDVOX_MAX_IMAGE_BYTES if this is right",
        )


def partner(path: Path, ending: str) -> Path | None:
    """Find the other file of a pair of header and values (.hdr and .img), plain or gzip.

    Parameters
    ----------
    path
        One of the two.
    ending
        Suffix of the other.
    """
    name = path.name.removesuffix(".gz").removesuffix(".GZ")
    stem = name[: -len(ending)] if name.lower().endswith((".hdr", ".img")) else name
    for candidate in (f"{stem}{ending}", f"{stem}{ending}.gz", f"{stem}{ending.upper()}"):
        other = path.with_name(candidate)
        if other != path and other.is_file():
            return other
    return None

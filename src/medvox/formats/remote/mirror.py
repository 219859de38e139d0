"""Mirrors: local files with holes that stand for remote ones; bytes are fetched before they are read.

A reader calls `fetched` before it reads from a path, or opens it with `opened`. Where nothing is mirrored
this costs one look at an empty dictionary.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

from medvox.core.errors import LimitError
from medvox.core.settings import current

BLOCK = 1 << 16
"""Bytes are fetched in multiples of this."""

Fetch = Callable[[int, int], bytes]
"""Returns the bytes from a start to before an end; raises a `MedvoxError`."""
_MIRRORS: dict[str, Mirror] = {}
_used = 0
_counting = threading.Lock()


class Mirror:
    """A local file of the size of a remote one, its bytes fetched when they are needed.

    Parameters
    ----------
    path
        Local file; made here, of the full size, without content.
    size
        Bytes of the remote file.
    fetch
        Fetches a range of it.
    """

    def __init__(self, path: Path, size: int, fetch: Fetch) -> None:
        self.path, self.size, self.fetched_bytes = path, size, 0
        self._fetch = fetch
        self._blocks = bytearray(-(-size // BLOCK))
        self._lock = threading.Lock()
        with path.open("wb") as file:
            file.truncate(size)
        _MIRRORS[os.fspath(path)] = self

    def ensure(self, start: int = 0, count: int | None = None) -> None:
        """Fetch what is missing of a range.

        Raises
        ------
        LimitError
            If more would be kept than `settings.max_expanded_bytes`.
        MedvoxError
            If it cannot be fetched.
        """
        end = self.size if count is None else min(start + count, self.size)
        if start >= end:
            return
        first, last = start // BLOCK, -(-end // BLOCK)
        if 0 not in self._blocks[first:last]:
            return
        with self._lock:
            while (at := self._blocks.find(0, first, last)) >= 0:
                there = self._blocks.find(1, at, last)
                self._take(at, last if there < 0 else there)

    def _take(self, first: int, last: int) -> None:
        start, end = first * BLOCK, min(last * BLOCK, self.size)
        _count(end - start)
        content = self._fetch(start, end)
        with self.path.open("r+b") as file:
            file.seek(start)
            file.write(content)
        self.fetched_bytes += end - start
        self._blocks[first:last] = b"\1" * (last - first)


def _count(count: int) -> None:
    global _used  # noqa: PLW0603 - one budget for the process, as for archives
    with _counting:
        limit = current().max_expanded_bytes
        if _used + count > limit:
            raise LimitError(
                "more was fetched than the limit",
                got=f"{_used + count} bytes",
                expected=f"at most {limit} bytes",
                advice="Raise MEDVOX_MAX_EXPANDED_BYTES, or open a part",
            )
        _used += count


def fetched(path: str | os.PathLike[str], start: int = 0, count: int | None = None) -> None:
    """Make sure that a range of a file can be read; does nothing for files that are not mirrors.

    Raises
    ------
    MedvoxError
        If it cannot be fetched.
    """
    if _MIRRORS and (mirror := _MIRRORS.get(os.fspath(path))) is not None:
        mirror.ensure(start, count)


def fetched_whole(path: Path) -> None:
    """Make sure that a file, or every file below a folder that is one image, can be read.

    Raises
    ------
    MedvoxError
        If it cannot be fetched.
    """
    for place, mirror in list(_MIRRORS.items()):
        if place == os.fspath(path) or path in mirror.path.parents:
            mirror.ensure()


def mirror_of(path: str | os.PathLike[str]) -> Mirror | None:
    """Return the mirror that a path is, or None."""
    return _MIRRORS.get(os.fspath(path)) if _MIRRORS else None


def opened(path: str | os.PathLike[str], buffering: int = -1) -> BinaryIO:
    """Open a file for reading; of a mirror, what is read is fetched first.

    Parameters
    ----------
    buffering
        0 for an unbuffered stream, as for the builtin `open`.

    Raises
    ------
    OSError
        As the builtin.
    """
    mirror = mirror_of(path)
    if mirror is None:
        return open(path, "rb", buffering=buffering)  # noqa: PTH123 - the caller closes it
    raw = _Stream(mirror)
    return cast(BinaryIO, raw if buffering == 0 else io.BufferedReader(raw, BLOCK))


class _Stream(io.FileIO):
    """Reads a mirror."""

    def __init__(self, mirror: Mirror) -> None:
        super().__init__(mirror.path, "rb")
        self._mirror = mirror

    def read(self, size: int | None = -1, /) -> bytes:
        """Read up to `size` bytes."""
        self._mirror.ensure(self.tell(), None if size is None or size < 0 else size)
        return super().read(-1 if size is None else size)

    def readall(self) -> bytes:
        """Read all that is left."""
        self._mirror.ensure(self.tell())
        return super().readall()

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer."""
        self._mirror.ensure(self.tell(), memoryview(buffer).nbytes)
        return super().readinto(buffer)

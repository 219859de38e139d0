"""Disk: the few operations of the system that durability rests on, in one place.

Tests put a recording one in its place and replay every way in which a loss of power can leave the disk.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

Buffer = bytes | bytearray | memoryview

_WRITE = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class Disk:
    """The disk of this machine."""

    def create(self, path: Path) -> int:
        """Make a new file; return its descriptor.

        Raises
        ------
        OSError
            If it is there already, or the system refuses.
        """
        return os.open(path, _WRITE, 0o640)

    def write(self, descriptor: int, buffers: Sequence[Buffer], offset: int) -> None:
        """Write buffers one after another from `offset` on, all or with an error."""
        left = [memoryview(buffer).cast("B") for buffer in buffers if len(buffer)]
        while left:
            done = _write_some(descriptor, left, offset)
            offset += done
            while left and done >= len(left[0]):
                done -= len(left.pop(0))
            if left and done:
                left[0] = left[0][done:]

    def sync(self, descriptor: int) -> None:
        """Wait until what was written to a file survives a loss of power."""
        if sys.platform == "darwin":
            import fcntl

            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)  # fsync does not empty the drive's cache there
        elif hasattr(os, "fdatasync"):
            os.fdatasync(descriptor)
        else:
            os.fsync(descriptor)

    def sync_folder(self, folder: Path) -> None:
        """Wait until the names in a folder survive a loss of power."""
        if os.name == "nt":
            return  # names are journaled there, folders cannot be opened
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, path: Path, target: Path) -> None:
        """Give a file another name, which no file has; durable after `sync_folder`."""
        path.rename(target)

    def remove(self, path: Path) -> None:
        """Take a file away, if it is there; durable after `sync_folder`."""
        path.unlink(missing_ok=True)

    def close(self, descriptor: int) -> None:
        """Close a file."""
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _write_some(descriptor: int, buffers: list[memoryview], offset: int) -> int:
    if hasattr(os, "pwritev"):
        return os.pwritev(descriptor, buffers[:_AT_ONCE], offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.write(descriptor, buffers[0])


_AT_ONCE = 512
"""Buffers that one call takes; systems allow 1024."""

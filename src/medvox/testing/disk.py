"""A disk that remembers every operation, and every state that a loss of power could leave behind."""

from __future__ import annotations

import errno
import itertools
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medvox.archive.store.disk import Buffer, Disk

SECTOR = 512
"""What a drive writes as a whole."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that was asked of the disk.

    Parameters
    ----------
    name
        ``"create"``, ``"write"``, ``"sync"``, ``"sync_folder"``, ``"rename"`` or ``"remove"``.
    path
        Of the file or folder.
    offset, data
        What is written where. The offset of a sync is the number of operations that were done when it began:
        later ones are not in it.
    target
        New name.
    """

    name: str
    path: Path
    offset: int = 0
    data: bytes = b""
    target: Path = Path()


class RecordingDisk(Disk):
    """Keeps files in memory; `left_after` says what is there after a loss of power.

    Parameters
    ----------
    room
        Bytes that can be written before the disk is full.
    sync_s
        Seconds that a sync takes, in which other threads write.
    """

    def __init__(self, room: int | None = None, sync_s: float = 0.0) -> None:
        self.sync_s = sync_s
        self.operations: list[Operation] = []
        self.room = room
        self.sync_fails = False
        self._paths: dict[int, Path] = {}
        self._numbers = itertools.count(100)

    def create(self, path: Path) -> int:
        """Make a file."""
        self.operations.append(Operation("create", path))
        descriptor = next(self._numbers)
        self._paths[descriptor] = path
        return descriptor

    def write(self, descriptor: int, buffers: Sequence[Buffer], offset: int) -> None:
        """Write as much as there is room for."""
        data = b"".join(bytes(buffer) for buffer in buffers)
        kept = data if self.room is None else data[: self.room]
        self.operations.append(Operation("write", self._paths[descriptor], offset, kept))
        if self.room is not None:
            self.room -= len(kept)
        if len(kept) < len(data):
            raise OSError(errno.ENOSPC, "No space left on device")

    def sync(self, descriptor: int) -> None:
        """Make what was written to a file durable."""
        if self.sync_fails:
            raise OSError(errno.EIO, "Input/output error")
        path, begun = self._paths[descriptor], len(self.operations)
        if self.sync_s:
            time.sleep(self.sync_s)
        self.operations.append(Operation("sync", path, begun))

    def sync_folder(self, folder: Path) -> None:
        """Make the names in a folder durable."""
        self.operations.append(Operation("sync_folder", folder, len(self.operations)))

    def rename(self, path: Path, target: Path) -> None:
        """Give a file another name."""
        self.operations.append(Operation("rename", path, target=target))

    def remove(self, path: Path) -> None:
        """Take a file away."""
        self.operations.append(Operation("remove", path))

    def close(self, descriptor: int) -> None:
        """Forget a descriptor."""
        self._paths.pop(descriptor, None)

    def left_after(self, count: int, rng: random.Random) -> dict[Path, bytes]:
        """Return files and their content when the power fails after `count` operations.

        Synced bytes are there. Of the others each write is there, missing, or there in some of its
        sectors, whatever the order in which they were made. A name that was not synced may be missing or
        be what it was before; names of a folder change in their order.
        """
        files: list[bytearray] = []
        loose: list[list[tuple[int, Operation]]] = []
        names: dict[Path, int] = {}
        changes: list[tuple[Path, Path, int]] = []  # folder, name, file (-1: none), not durable yet
        durable: dict[Path, int] = {}
        for number, done in enumerate(self.operations[:count]):
            if done.name == "create":
                files.append(bytearray())
                loose.append([])
                names[done.path] = len(files) - 1
                changes.append((done.path.parent, done.path, names[done.path]))
            elif done.name == "write":
                loose[names[done.path]].append((number, done))
            elif done.name == "sync":
                file = names[done.path]
                for _, write in (one for one in loose[file] if one[0] < done.offset):
                    _put(files[file], write.offset, write.data)
                loose[file] = [one for one in loose[file] if one[0] >= done.offset]
            elif done.name == "rename":
                file = names[done.target] = names.pop(done.path)
                changes += [(done.path.parent, done.path, -1), (done.target.parent, done.target, file)]
            elif done.name == "remove":
                names.pop(done.path)
                changes.append((done.path.parent, done.path, -1))
            else:
                _named(durable, [one for one in changes if one[0] == done.path])
                changes = [one for one in changes if one[0] != done.path]
        for folder in {one[0] for one in changes}:
            waiting = [one for one in changes if one[0] == folder]
            _named(durable, waiting[: rng.randint(0, len(waiting))])
        left = {}
        for path, file in durable.items():
            content = bytearray(files[file])
            for _, write in rng.sample(loose[file], len(loose[file])):
                _put_some(content, write, rng)
            left[path] = bytes(content)
        return left


def _named(durable: dict[Path, int], changes: Sequence[tuple[Path, Path, int]]) -> None:
    for _, path, file in changes:
        if file < 0:
            durable.pop(path, None)
        else:
            durable[path] = file


def _put(content: bytearray, offset: int, data: bytes) -> None:
    if len(content) < offset + len(data):
        content.extend(bytes(offset + len(data) - len(content)))
    content[offset : offset + len(data)] = data


def _put_some(content: bytearray, write: Operation, rng: random.Random) -> None:
    fate = rng.choice(("all", "nothing", "some"))
    if fate == "all":
        _put(content, write.offset, write.data)
    if fate == "some":
        for start in range(0, len(write.data), SECTOR):
            if rng.random() < 0.5:
                _put(content, write.offset + start, write.data[start : start + SECTOR])

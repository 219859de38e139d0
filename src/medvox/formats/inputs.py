"""Inputs: the real local files under the paths that a user names, members of archives among them."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from medvox.core.errors import MissingError
from medvox.core.finding import Finding, Level
from medvox.core.progress import Progress, silent
from medvox.core.settings import current
from medvox.formats.archives import HEAD, ZIP_MAGIC, Unpacker, archive_kind
from medvox.formats.remote.mirror import fetched

_SYSTEM = frozenset(
    (
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "autorun.inf",
        "lost+found",
        "__macosx",
        "@eadir",
        "$recycle.bin",
        "system volume information",
    )
)
"""Files and folders that operating systems leave behind, in lower case."""
_ZARR = frozenset((".zattrs", ".zgroup", "zarr.json"))
"""A folder with one of these is one image, not a folder of files (Zarr versions 2 and 3)."""
_READ_ONLY = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_REPORT = 256
"""Files from one progress report to the next."""
_LEVELS = {"symlink-cycle": Level.INFO, "unreadable-file": Level.ERROR}
_DIGITS = re.compile("([0-9]+)")


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file to look at.

    Parameters
    ----------
    place
        Where it is on disk.
    name
        What people call it: relative to the opened root, ``"a.zip!/inner/x.dcm"`` for members of archives.
    size
        Bytes.
    folder
        Whether it is a folder that is one image (Zarr).
    """

    place: str | os.PathLike[str]
    name: str
    size: int
    folder: bool = False

    @property
    def path(self) -> Path:
        """Where it is on disk, as a path: made when it is asked for."""
        return Path(self.place)


def find_inputs(roots: Sequence[Path], progress: Progress = silent) -> tuple[list[InputFile], list[Finding]]:
    """Find all files under some files and folders, at any depth.

    Hidden files and those that systems leave behind (``.DS_Store``, ``Thumbs.db``) are left out, unless
    they are named themselves. A folder that is a Zarr store is one image. Links are followed, each folder
    is visited once. Zip and tar files (.gz, .bz2, .xz) are known by their content; their members are unpacked
    into a temporary folder that is removed when the program ends.

    Parameters
    ----------
    roots
        Files and folders. With several, names begin with that of the root.

    Returns
    -------
    files
        In natural order of their names (``im2`` before ``im10``), root after root.
    findings
        ``unreadable-file``, ``symlink-cycle``, ``nested-archive``, ``limit-reached``.

    Raises
    ------
    MissingError
        If a root is not there.
    CancelledError
        If `progress` raises it.
    """
    for root in roots:
        if not os.path.lexists(root):
            raise MissingError("no such file or folder", where=root)
    search = _Search(progress, roots)
    for root in roots:
        search.visit(root, root.name if len(roots) > 1 or not root.is_dir() else "")
    progress(len(search.files), len(search.files), "looking for files")
    return search.files, search.findings


def natural_key(name: str) -> list[str | tuple[int, str]]:
    """Sort key that orders numbers in names by their value, and letters whatever their case."""
    key: list[str | tuple[int, str]] = []
    for number, part in enumerate(_DIGITS.split(name.lower())):
        digits = part.lstrip("0")
        key.append((len(digits), digits) if number % 2 else part)
    return key


class _Search:
    """Collects files and findings."""

    def __init__(self, progress: Progress, roots: Iterable[Path]) -> None:
        self.files: list[InputFile] = []
        self.findings: list[Finding] = []
        self._progress = progress
        self._most = current().max_files
        self._roots = {os.fspath(root) for root in roots}
        self._folders: set[tuple[int, int]] = set()
        self._unpacker = Unpacker(self._note)

    def visit(self, root: Path, name: str) -> None:
        """Collect everything under a root, depth first, without recursion."""
        waiting = [(os.fspath(root), name, False)]
        while waiting:
            path, name, inside = waiting.pop()
            if inside and path in self._roots:
                continue
            try:
                status = os.stat(path)  # noqa: PTH116 - a Path for each file would take longer than the rest
                if stat.S_ISDIR(status.st_mode):
                    waiting += self._folder(path, name, status)
                elif len(self.files) >= self._most:
                    text = f"more than {self._most} files; those from here on were not looked at"
                    self._note("limit-reached", name, text)
                    return
                elif stat.S_ISREG(status.st_mode):
                    self._file(path, name, status.st_size)
                else:
                    self._note("unreadable-file", name, "This is no regular file.")
            except OSError as error:
                self._note("unreadable-file", name or path, f"{error.strerror or 'It cannot be read'}.")

    def _folder(self, path: str, name: str, status: os.stat_result) -> list[tuple[str, str, bool]]:
        """Entries of a folder, the first at the end."""
        identity = (status.st_dev, status.st_ino)
        if identity in self._folders and status.st_ino:
            if os.path.islink(path):  # noqa: PTH114
                self._note("symlink-cycle", name, "The link leads to a folder that was visited already.")
            return []
        self._folders.add(identity)
        with os.scandir(path) as entries:
            found = [entry.name for entry in entries]
        if not _ZARR.isdisjoint(found):
            self.files.append(InputFile(Path(path), name or Path(path).name, 0, folder=True))
            return []
        names = [entry for entry in found if not _is_hidden(entry)]
        names.sort(key=natural_key, reverse=True)
        below = f"{name}/" if name else ""
        return [(os.path.join(path, entry), below + entry, True) for entry in names]  # noqa: PTH118

    def _file(self, path: str, name: str, size: int) -> None:
        fetched(path, 0, HEAD)
        descriptor = os.open(path, _READ_ONLY)
        try:
            first = os.read(descriptor, HEAD)
        finally:
            os.close(descriptor)
        if first[:4] in ZIP_MAGIC:
            fetched(path)  # its list of members lies at the end
        kind = None if first[128:132] == b"DICM" else archive_kind(Path(path), first)
        if kind is None:
            self.files.append(InputFile(path, name, size))
        else:
            self._archive(Path(path), name, kind)
        if len(self.files) % _REPORT == 0:
            self._progress(len(self.files), None, "looking for files")

    def _archive(self, path: Path, name: str, kind: str) -> None:
        self._progress(len(self.files), None, f"unpacking {name}")
        fetched(path)
        members = self._unpacker.unpack(path, name, kind, self._most - len(self.files))
        members.sort(key=lambda member: natural_key(member[1]))
        for place, member in members:
            if not any(_is_hidden(part) for part in member.split("/")):
                self.files.append(InputFile(place, f"{name}!/{member}", place.stat().st_size))

    def _note(self, code: str, where: str, text: str) -> None:
        self.findings.append(Finding(code, _LEVELS.get(code, Level.WARNING), where, text))


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _SYSTEM

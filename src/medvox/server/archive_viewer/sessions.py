"""Sessions: the studies of an archive that are being looked at, each with a viewer's session of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from medvox.archive.archive import Archive
from medvox.archive.entry import is_uid
from medvox.core.errors import MissingError
from medvox.core.progress import Progress
from medvox.core.study import Scan
from medvox.server.archive_viewer.files import FILES_BYTES, StudyFiles
from medvox.server.catalog import API
from medvox.server.session import Scanner, ViewerSession

OPENED: Final = f"{API}/opened"
"""Path of the API below which each opened study has the routes of a session."""
MOST_OPEN: Final = 8
"""Studies that are open at once; the one used longest ago is closed for another."""
IDLE_S: Final = 60.0
"""A study that no page listens to is closed after this time."""
CACHE_BYTES: Final = 512 << 20
"""Bytes kept of the opened volumes of one study."""


@dataclass(slots=True)
class _Opened:
    session: ViewerSession
    used_s: float
    files: frozenset[str] = frozenset()
    viewers: set[str] = field(default_factory=set)


class OpenedStudies:
    """Opens studies when they are first asked for, and closes them when nobody looks any more.

    What is closed can be asked for again at any time: the ids of its images stay the same.

    Parameters
    ----------
    archive
        Where studies are.
    folder
        For files of opened studies, private to this object.
    scanner
        Scans paths; by default `medvox.workflows.open_folder.scan`.
    files_bytes
        Bytes kept of files of opened studies.
    most
        Studies open at once.
    idle_s
        When an unused study is closed, in seconds.
    """

    def __init__(
        self,
        archive: Archive,
        folder: Path,
        *,
        scanner: Scanner | None = None,
        files_bytes: int = FILES_BYTES,
        most: int = MOST_OPEN,
        idle_s: float = IDLE_S,
    ) -> None:
        self._scanner, self._most, self._idle_s = scanner or _scan, most, idle_s
        self._lock = threading.RLock()
        self._opened: dict[str, _Opened] = {}
        self._files = StudyFiles(archive, folder, files_bytes, self.is_open)
        self._ended = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep, name="medvox-idle-studies", daemon=True)
        self._sweeper.start()

    def is_open(self, study_uid: str) -> bool:
        """Whether a study is open."""
        return study_uid in self._opened

    def is_new(self, study_uid: str, who: str) -> bool:
        """Whether somebody asks for a study for the first time since it was opened."""
        opened = self._opened.get(study_uid)
        if opened is None:
            return True
        is_new = who not in opened.viewers
        opened.viewers.add(who)
        return is_new

    @property
    def count(self) -> int:
        """Studies open now."""
        return len(self._opened)

    def session(self, study_uid: str) -> ViewerSession:
        """Return the session of a study, opened if it is not.

        Raises
        ------
        MissingError
            If there is no such study.
        """
        known = self._opened.get(study_uid)
        if known is not None:
            known.used_s = time.monotonic()
            return known.session
        if not is_uid(study_uid) or not self._files.versions(study_uid):
            raise MissingError("there is no such study", advice="Choose a study out of the list")
        with self._lock:
            if study_uid not in self._opened:
                self._close_some(len(self._opened) - self._most + 1)
                self._opened[study_uid] = self._open(study_uid)
            return self._opened[study_uid].session

    def refreshed(self, study_uid: str) -> ViewerSession:
        """Return the session of a study, scanned again where instances came or went since.

        Raises
        ------
        MissingError
            If there is no such study.
        """
        session = self.session(study_uid)
        opened, now = self._opened.get(study_uid), self._files.versions(study_uid)
        if not now:
            self._forget(study_uid)
            raise MissingError("there is no such study", advice="Choose a study out of the list")
        if opened is not None and opened.files and opened.files != now:
            session.open([self._files.folder(study_uid)])
        return session

    def close(self) -> None:
        """Close all studies and remove their files."""
        self._ended.set()
        with self._lock:
            self._close_some(len(self._opened))
        self._files.close()

    def end_streams(self) -> None:
        """End all event streams, so that a server can stop."""
        for opened in list(self._opened.values()):
            opened.session.feed.close()

    def _open(self, study_uid: str) -> _Opened:
        def scanner(paths: Sequence[Path], progress: Progress) -> Scan:
            opened.files = self._files.fill(study_uid, progress)
            return self._scanner(paths, progress)

        base = f"{OPENED}/{study_uid}"
        opened = _Opened(ViewerSession(scanner, cache_bytes=CACHE_BYTES, base=base), time.monotonic())
        opened.session.open([self._files.folder(study_uid)])
        return opened

    def _forget(self, study_uid: str) -> None:
        """Close a study that is not in the archive any more."""
        with self._lock:
            opened = self._opened.pop(study_uid, None)
            if opened is not None:
                opened.session.close()
            self._files.remove(study_uid)

    def _close_some(self, count: int) -> None:
        """Close the studies that were used longest ago, those without listeners first."""
        order = sorted(self._opened.items(), key=lambda one: (one[1].session.feed.listeners, one[1].used_s))
        for uid, opened in order[: max(0, count)]:
            del self._opened[uid]
            opened.session.close()

    def _sweep(self) -> None:
        while not self._ended.wait(min(self._idle_s / 4, 10)):
            now = time.monotonic()
            with self._lock:
                for opened in self._opened.values():
                    if opened.session.feed.listeners or not opened.session.wait(0):
                        opened.used_s = now
                idle = [uid for uid, one in self._opened.items() if now - one.used_s > self._idle_s]
                for uid in idle:
                    self._opened.pop(uid).session.close()


def _scan(paths: Sequence[Path], progress: Progress) -> Scan:
    from medvox.workflows.open_folder import scan

    return scan(paths, progress=progress)

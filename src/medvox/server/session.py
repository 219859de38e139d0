"""A viewer's session: what was opened, the scan in the background, and who listens to its progress."""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from medvox.core.errors import CancelledError, MedvoxError, MissingError
from medvox.core.progress import Progress
from medvox.core.study import Scan
from medvox.formats.remote.mount import local
from medvox.server import types as api
from medvox.server.catalog import API, Catalog
from medvox.server.errors import TooLargeError, body_of, place_of
from medvox.server.events import Feed
from medvox.server.image.store import CACHE_BYTES, VolumeStore
from medvox.server.merging import first_folder, merge, outermost

log = logging.getLogger("medvox.server")

Scanner = Callable[[Sequence[Path], Progress], Scan]
NOTICE = "Research use, not for diagnosis"
UPLOAD_BYTES = 16 << 30
"""Bytes that may be uploaded altogether, by default."""
PROGRESS_S = 0.05
"""Progress is told no more often than this."""


@dataclass(frozen=True, slots=True)
class _State:
    state: Literal["scanning", "ready", "failed"] = "ready"
    revision: int = 0
    progress: api.Progress | None = None
    error: api.ErrorBody | None = None


class ViewerSession:
    """What a running viewer shows. All methods may be called from any thread.

    Parameters
    ----------
    scanner
        Scans paths, headers only (`medvox.workflows.open_folder.scan`).
    paths
        Opened at once, in the background.
    cache_bytes
        Bytes kept of opened volumes.
    upload_bytes
        Bytes that may be uploaded altogether.
    title
        Shown in the browser's tab.
    base
        Path of the API that serves the session.

    Raises
    ------
    MissingError
        If one of `paths` is not there.
    """

    def __init__(
        self,
        scanner: Scanner,
        paths: Iterable[str | Path] = (),
        *,
        cache_bytes: int = CACHE_BYTES,
        upload_bytes: int = UPLOAD_BYTES,
        title: str = "medvox",
        base: str = API,
    ) -> None:
        self.title, self.base = title, base
        self.upload_bytes = upload_bytes
        self.store = VolumeStore(cache_bytes)
        self.feed = Feed()
        self._scanner = scanner
        self._lock = threading.RLock()
        self._state = _State()
        self._catalog = Catalog(Scan((), ()))
        self._waiting: list[Path] = []
        self._worker: threading.Thread | None = None
        self._closed = False
        self._uploads: Path | None = None
        self._preview: tuple[str, bytes] | None = None
        self._first_shown = threading.Event()
        self._reported_s = 0.0
        if paths := list(paths):
            self.open(paths)

    # -- what is there ---------------------------------------------------------------------------

    @property
    def catalog(self) -> Catalog:
        """What was found so far."""
        return self._catalog

    @property
    def roots(self) -> tuple[str, ...]:
        """The opened folders and files."""
        return self._catalog.scan.roots + tuple(str(p) for p in self._waiting)

    def snapshot(self) -> api.Session:
        """Return the state as the client gets it."""
        from medvox import __version__

        state = self._state
        return api.Session(
            version=__version__,
            title=self.title,
            state=state.state,
            revision=state.revision,
            progress=state.progress,
            notice=NOTICE,
            error=state.error,
        )

    def studies(self) -> api.Studies:
        """Return the studies with the revision they belong to."""
        with self._lock:
            catalog, revision = self._catalog, self._state.revision
        return catalog.studies(revision)

    def preview(self, patience_s: float = 0) -> api.Preview | None:
        """Return a picture of the first image; waits at most `patience_s` for it while scanning."""
        from base64 import b64encode

        self._first_shown.wait(patience_s)
        known = self._preview
        if known is None or known[0] not in self.catalog.images:
            return None
        label = self.catalog.images[known[0]].image.label
        url = "data:image/png;base64," + b64encode(known[1]).decode()
        return api.Preview(image_id=known[0], data_url=url, label=label)

    # -- opening -------------------------------------------------------------------------------

    def open(self, paths: Iterable[str | Path]) -> None:
        """Add folders and files, scanned in the background.

        Raises
        ------
        MissingError
            If one is not there; nothing is added then.
        """
        found = [local(p).expanduser().absolute() for p in paths]
        for path in found:
            if not path.exists():
                raise MissingError(
                    "no such file or folder", where=path.name, advice="Give a path of the server's machine"
                )
        with self._lock:
            self._waiting += found
            self._change(state="scanning", error=None, progress=None)
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="medvox-scan", daemon=True)
                self._worker.start()

    def upload_folder(self) -> Path:
        """Return a new empty folder for one upload; it is deleted when the session ends."""
        with self._lock:
            if self._uploads is None:
                self._uploads = Path(tempfile.mkdtemp(prefix="medvox-upload-"))
            return Path(tempfile.mkdtemp(prefix="drop-", dir=self._uploads))

    def upload_room(self) -> int:
        """Bytes that may still be uploaded."""
        held = 0
        if self._uploads is not None:
            held = sum(f.stat().st_size for f in self._uploads.rglob("*") if f.is_file())
        return max(0, self.upload_bytes - held)

    def check_upload(self, content_length: str | None, room: int) -> None:
        """Refuse an upload that says it is larger than `room` bytes, before it is sent.

        Raises
        ------
        TooLargeError
            If it is.
        """
        if content_length is not None and content_length.isdigit() and int(content_length) > room:
            raise TooLargeError(
                "the upload is too large",
                where="upload",
                got=f"{content_length} bytes",
                expected=f"at most {room}",
            )

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until nothing is left to scan; whether that is so."""
        worker = self._worker
        if worker is not None:
            worker.join(timeout_s)
        return self._worker is None

    def close(self) -> None:
        """Stop the scan, end the event streams, delete what was uploaded."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
        self.feed.close()
        self._first_shown.set()
        worker = self._worker
        if worker is not None:
            worker.join(2)
        self.store.cache.clear()
        if self._uploads is not None:
            shutil.rmtree(self._uploads, ignore_errors=True)

    # -- the worker ------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting or self._closed:
                    self._worker = None
                    self._first_shown.set()
                    return
                paths, known = outermost(self._waiting), self._catalog.scan
            try:
                self._scan(paths, known)
            except CancelledError:
                self._change(state="ready", progress=None)
            except Exception as error:
                self._fail(error)
            with self._lock:
                self._waiting = [p for p in self._waiting if not any(p.is_relative_to(q) for q in paths)]

    def _scan(self, paths: list[Path], known: Scan) -> None:
        early = first_folder(paths) if not known.studies else None
        if early is not None:
            self._publish(replace(self._scanner([early], self._stoppable), roots=_names(paths)), "scanning")
        found = self._scanner(paths, self._report)
        scan = merge(known, found, lambda roots: self._scanner(roots, self._report))
        last = len(self._waiting) == len([p for p in self._waiting if p in paths])
        self._publish(scan, "ready" if last else "scanning")

    def _publish(self, scan: Scan, state: str) -> None:
        catalog = Catalog(scan, self.base)
        with self._lock:
            self._catalog = catalog
            self._change(state=state, progress=None, error=None, revision=self._state.revision + 1)
        self._make_preview(catalog)
        self._first_shown.set()

    def _make_preview(self, catalog: Catalog) -> None:
        from medvox.server.image.pictures import preview_png

        entry = catalog.first()
        if entry is None or (self._preview and self._preview[0] == entry.id):
            return
        try:
            self._preview = (entry.id, preview_png(self.store, entry))
        except Exception as error:
            log.warning("no preview: %s at %s", type(error).__name__, place_of(error))

    def _fail(self, error: Exception) -> None:
        if not isinstance(error, MedvoxError):
            log.error("scan failed: %s at %s", type(error).__name__, place_of(error))
        self._change(state="failed", progress=None, error=body_of(error, self.roots, "scan"))

    def _stoppable(self, done: int, total: int | None, text: str) -> None:
        if self._closed:
            raise CancelledError("the session has ended")

    def _report(self, done: int, total: int | None, text: str) -> None:
        self._stoppable(done, total, text)
        now = time.monotonic()
        if done == total or now - self._reported_s >= PROGRESS_S:
            self._reported_s = now
            self._change(progress=api.Progress(done=done, total=total, text=text))

    def _change(self, **changes: object) -> None:
        with self._lock:
            self._state = replace(self._state, **changes)  # type: ignore[arg-type]
        self.feed.publish()


def _names(paths: list[Path]) -> tuple[str, ...]:
    return tuple(str(p) for p in paths)

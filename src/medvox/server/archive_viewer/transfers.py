"""Transfers: studies on their way from and to remote nodes, a few at a time, with progress."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, Literal

from medvox.core.errors import CancelledError, MissingError, UsageError
from medvox.core.progress import Progress
from medvox.server.errors import body_of, place_of
from medvox.server.types import ErrorBody
from medvox.workflows.node.remote import Transferred

_LOG = logging.getLogger("medvox.server")
AT_ONCE: Final = 2
MOST_KEPT: Final = 200
"""Transfers that are listed; the oldest of those that have ended goes first."""

Kind = Literal["retrieve", "send"]
State = Literal["waiting", "running", "done", "failed", "cancelled"]
_ENDED: Final = frozenset(("done", "failed", "cancelled"))


@dataclass(frozen=True, slots=True)
class Transfer:
    """One transfer.

    Parameters
    ----------
    id
        Names it while the server runs.
    kind, node, study_uid
        What is transferred, and from or to where.
    state, done, total, failed
        How far it is, in instances; `total` is None while unknown.
    started_s
        Seconds since 1970.
    error
        Why it failed, wholly or in part.
    """

    id: str
    kind: Kind
    node: str
    study_uid: str
    started_s: float
    state: State = "waiting"
    done: int = 0
    total: int | None = None
    failed: int = 0
    error: ErrorBody | None = None


class Transfers:
    """Runs transfers in the background; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._transfers: dict[str, Transfer] = {}
        self._cancelled: set[str] = set()
        self._ids = map(str, itertools.count(1))
        self._pool = ThreadPoolExecutor(AT_ONCE, "medvox-transfer")

    def start(
        self, kind: Kind, node: str, study_uid: str, work: Callable[[Progress], Transferred]
    ) -> Transfer:
        """Begin a transfer; the same one that has not ended yet is returned instead.

        Raises
        ------
        UsageError
            If `MOST_KEPT` are waiting already.
        """
        with self._lock:
            for known in self._transfers.values():
                same = (known.kind, known.node, known.study_uid) == (kind, node, study_uid)
                if same and known.state not in _ENDED:
                    return known
            ended = [one.id for one in self._transfers.values() if one.state in _ENDED]
            if len(self._transfers) >= MOST_KEPT:
                if not ended:
                    raise UsageError("too many transfers are waiting", got=len(self._transfers))
                del self._transfers[ended[0]]
            new = Transfer(next(self._ids), kind, node, study_uid, time.time())
            self._transfers[new.id] = new
        self._pool.submit(self._run, new.id, work)
        return new

    def list(self) -> list[Transfer]:
        """Return all that are kept, the newest first."""
        with self._lock:
            return list(reversed(self._transfers.values()))

    def remove(self, transfer_id: str) -> None:
        """Cancel a transfer, or take one that has ended off the list.

        Raises
        ------
        MissingError
            If there is no such transfer.
        """
        with self._lock:
            known = self._transfers.get(transfer_id)
            if known is None:
                raise MissingError("there is no such transfer", got=transfer_id)
            if known.state in _ENDED:
                del self._transfers[transfer_id]
            else:
                self._cancelled.add(transfer_id)

    def close(self) -> None:
        """Cancel everything."""
        with self._lock:
            self._cancelled.update(self._transfers)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, transfer_id: str, work: Callable[[Progress], Transferred]) -> None:
        def progress(done: int, total: int | None, text: str) -> None:
            if transfer_id in self._cancelled:
                raise CancelledError("the transfer was cancelled")
            self._change(transfer_id, done=done, total=total)

        try:
            progress(0, None, "")
            self._change(transfer_id, state="running")
            found = work(progress)
        except CancelledError:
            self._change(transfer_id, state="cancelled")
        except Exception as error:
            _LOG.warning("transfer failed: %s at %s", type(error).__name__, place_of(error))
            self._change(transfer_id, state="failed", error=body_of(error, where="transfer"))
        else:
            count = found.done + found.failed
            changes: dict[str, object] = {"done": count, "total": count, "failed": found.failed}
            if found.failed:
                advice = "Try again; what has arrived is kept."
                changes["error"] = ErrorBody(what=found.reason, where="transfer", advice=advice)
            self._change(transfer_id, state="failed" if found.failed else "done", **changes)
        finally:
            with self._lock:
                self._cancelled.discard(transfer_id)

    def _change(self, transfer_id: str, **changes: object) -> None:
        with self._lock:
            if transfer_id in self._transfers:
                self._transfers[transfer_id] = replace(self._transfers[transfer_id], **changes)  # type: ignore[arg-type]

"""Recording: the way into the audit for everything that a node does.

Changes are in the audit before they are answered. Reads are put there by a thread of its own within a second,
equal ones of a second as one event that says how many, so that no reader waits for a disk. Refusals are there
before they are answered too, but only the first of its kind in a minute: the others are counted, so that
nobody can fill the audit by knocking.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Self

from medvox.archive.audit import Audit, Event
from medvox.core.errors import AccessError, WriteError

_LOG = logging.getLogger(__name__)

BATCH_S: Final = 1.0
"""How long a read waits for the audit at most."""
REFUSALS_S: Final = 60.0
"""How long refusals of one kind are counted before they are told."""
MOST_KINDS: Final = 100
"""Kinds of refusals in that time that are told apart; the others are counted as one."""
MOST_WAITING: Final = 20_000
"""Different events that may wait; more are refused."""
OTHERS: Final = Event("others", "refuse", outcome="refused")
"""Stands for refusals of more than `MOST_KINDS` kinds."""


class Recorder:
    """Puts events into an audit; safe to use from several threads.

    Parameters
    ----------
    audit
        Where they go.
    chores
        What else is to be kept now and then, called once in `BATCH_S`: e.g. `Tokens.flush_uses`.
    """

    def __init__(self, audit: Audit, chores: Sequence[Callable[[], None]] = ()) -> None:
        self._audit = audit
        self._chores = list(chores)
        self._lock = threading.Lock()
        self._waiting: Counter[Event] = Counter()
        self._refused: Counter[Event] = Counter()
        self._kinds: set[Event] = set()
        self._turned = time.monotonic()
        self._flushing = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit-recorder", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add_chore(self, chore: Callable[[], None]) -> None:
        """Have something else kept once in `BATCH_S`."""
        self._chores.append(chore)

    def now(self, *events: Event) -> None:
        """Record changes; they are durable when this returns.

        Raises
        ------
        WriteError
            If they cannot be kept.
        """
        self._audit.append(*events)

    def soon(self, event: Event) -> None:
        """Record a read within `BATCH_S`.

        Raises
        ------
        WriteError
            If the audit has refused so many events already that no more can wait.
        """
        with self._lock:
            if len(self._waiting) >= MOST_WAITING and event not in self._waiting:
                raise WriteError("the audit cannot be written", advice="See to the disk of the archive.")
            self._waiting[event] += 1

    def refuse(self, event: Event) -> None:
        """Record a refusal; the first of its kind in `REFUSALS_S` is durable when this returns.

        A disk that takes nothing does not turn a refusal into something else: then it is only logged.
        """
        with self._lock:
            if event not in self._kinds and len(self._kinds) >= MOST_KINDS:
                event = OTHERS
            if event in self._kinds or event is OTHERS:
                self._refused[event] += 1
                return
            self._kinds.add(event)
        try:
            self._audit.append(event)
        except WriteError as error:
            _LOG.error("a refusal is not in the audit: %s", error)
            with self._lock:
                self._refused[event] += 1

    def flush(self) -> None:
        """Put everything that waits into the audit.

        Raises
        ------
        WriteError
            If it cannot be kept now; it waits on.
        """
        with self._flushing:
            self._turn(is_last=True)
            self._write()

    def close(self) -> None:
        """Put everything that waits into the audit and end; the audit itself stays open."""
        self._stop.set()
        self._thread.join()
        self._do_chores()
        try:
            self.flush()
        except WriteError as error:
            _LOG.error("events are lost to the audit: %s", error)

    def _run(self) -> None:
        while not self._stop.wait(BATCH_S / 2):
            try:
                with self._flushing:
                    self._turn()
                    self._write()
            except WriteError as error:
                _LOG.error("the audit waits: %s", error)
            self._do_chores()

    def _do_chores(self) -> None:
        for chore in self._chores:
            try:
                chore()
            except (WriteError, AccessError) as error:
                _LOG.error("the state waits: %s", error)

    def _turn(self, *, is_last: bool = False) -> None:
        """Let refusals that were only counted be told, once a minute."""
        with self._lock:
            if not is_last and time.monotonic() - self._turned < REFUSALS_S:
                return
            self._turned = time.monotonic()
            for event, count in self._refused.items():
                self._waiting[replace(event, detail=_more(event.detail, count))] += 1
            self._refused.clear()
            self._kinds.clear()

    def _write(self) -> None:
        with self._lock:
            taken = dict(self._waiting)
        if not taken:
            return
        self._audit.append(
            *(replace(e, detail=f"{e.detail} ({n} times)".strip()) if n > 1 else e for e, n in taken.items())
        )
        with self._lock:
            self._waiting.subtract(taken)
            self._waiting = +self._waiting


def _more(detail: str, count: int) -> str:
    return f"{detail} ({count} more)".strip()

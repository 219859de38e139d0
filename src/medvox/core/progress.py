"""Progress: long work tells how far it is through one callable; the caller may stop it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Receives how far a piece of work is.

    A receiver stops the work by raising `medvox.core.errors.CancelledError`.
    """

    def __call__(self, done: int, total: int | None, text: str) -> None:
        """Note that `done` of `total` steps (None: unknown) of the work `text` are done."""


def silent(done: int, total: int | None, text: str) -> None:
    """Ignore progress."""


def track(items: Iterable[T], progress: Progress, text: str, total: int | None = None) -> Iterator[T]:
    """Yield `items`, reporting before the first and after each."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    progress(0, total, text)
    for done, item in enumerate(items, start=1):
        yield item
        progress(done, total, text)

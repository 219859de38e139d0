"""Work on slabs of an array in threads; compiled kernels release the interpreter lock."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from medvox.core import settings

T = TypeVar("T")


def in_slabs(work: Callable[[int, int], T], count: int, slabs_a_thread: int = 4) -> list[T]:
    """Call ``work(first, last)`` on parts of ``range(count)`` that cover it; results in order.

    Parameters
    ----------
    work
        Must write to its own part only.
    count
        How many planes there are.
    slabs_a_thread
        Parts for each thread, so that a light part does not leave one idle.
    """
    threads = max(1, min(settings.current().threads, count))
    parts = min(count, threads * slabs_a_thread) if threads > 1 else 1
    edges = [n * count // max(parts, 1) for n in range(parts + 1)]
    pairs = list(itertools.pairwise(edges))
    if threads == 1:
        return [work(*pair) for pair in pairs]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda pair: work(*pair), pairs))

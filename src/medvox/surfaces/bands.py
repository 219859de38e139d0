"""Work in bands of rows, one thread a band."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from medvox.core import settings


def in_bands(work: Callable[[tuple[int, int]], Any], rows: int, least: int = 4096) -> None:
    """Do `work` on (first, last left out) bands of rows, in as many threads as the settings allow.

    The work must give the same whatever the bands are.
    """
    threads = settings.current().threads
    band = max(least, -(-rows // (4 * threads)))
    bands = [(first, min(first + band, rows)) for first in range(0, rows, band)]
    if threads == 1 or len(bands) < 2:
        for one in bands:
            work(one)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, bands))

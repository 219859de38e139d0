"""Compiled loop of the livewire: the cheapest way between two pixels."""

# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return"
from __future__ import annotations

import heapq
from typing import Any

import numpy as np
from numba import njit  # noqa: TID253
from numpy.typing import NDArray

AnyArray = NDArray[Any]


@njit(nogil=True, cache=True)
def way(cost: AnyArray, steps: AnyArray, begin: int, end: int) -> AnyArray:
    """(n,) flat pixels from `begin` to `end` whose costs times lengths add up to least; 8 neighbors."""
    height, width = cost.shape
    flat = cost.ravel()
    total = np.full(height * width, np.inf)
    came = np.full(height * width, -1, np.int64)
    total[begin] = 0.0
    queue = [(0.0, begin)]
    while queue:
        spent, p = heapq.heappop(queue)
        if p == end:
            break
        if spent > total[p]:
            continue
        j, i = p // width, p % width
        for dj in range(-1, 2):
            for di in range(-1, 2):
                a, b = j + dj, i + di
                if (dj == 0 and di == 0) or a < 0 or b < 0 or a >= height or b >= width:
                    continue
                q = a * width + b
                long = np.sqrt((dj * steps[0]) ** 2 + (di * steps[1]) ** 2)
                new = spent + long * 0.5 * (flat[p] + flat[q])
                if new < total[q]:
                    total[q] = new
                    came[q] = p
                    heapq.heappush(queue, (new, q))
    found = [end]
    while found[-1] != begin:
        found.append(came[found[-1]])
    return np.array(found[::-1])

"""Compiled loops that spread labels from seeds: by geodesic distance, or by flooding (watershed).

Arrays are flat and padded by one voxel on all sides. The *key* of a voxel is ``priority << 8 | label``,
labels are 1 to 254. The priority is the geodesic distance, or for floods
``altitude << 14 | arrival``: the altitude before plus the steps since.
A step makes a key strictly larger, so that the smallest keys are one and the same whatever the order of work:
each voxel's key is the least that a neighbor's gives it. Editing and computing anew thus agree to the bit.
Buckets: Dial, Comm. ACM 12 (1969) 632.
"""

# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return"
# ruff: noqa: C901, PLR0912, PLR0915
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit  # noqa: TID253
from numpy.typing import NDArray

AnyArray = NDArray[Any]
NEVER = np.uint32(0xFFFFFFFF)
"""Key of a voxel that no seed reaches."""
FINE = 12
FREE, USED, PENDING, COARSE, HELD, SLOT = range(6)
Queue = tuple[AnyArray, AnyArray, AnyArray, AnyArray, AnyArray, AnyArray]


@njit(nogil=True, cache=True, inline="always")
def _extend(key: int, here: int, there: int, base: int, flood: bool) -> int:
    """Key that a voxel's key gives to a neighbor, from their image values."""
    if flood:
        if there > key >> 22:
            return (there << 22) | ((key >> 22) << 8) | (key & 255)
        if (key >> 8) & 16383 == 16383:
            return key
        return key + 256
    apart = here - there
    return key + ((base + min((apart * apart) >> 6, 1500)) << 8)


@njit(nogil=True, cache=True)
def _grown(old: AnyArray) -> AnyArray:
    new = np.empty(2 * len(old), old.dtype)
    new[: len(old)] = old
    return new


@njit(nogil=True, cache=True, inline="always")
def _best(
    p: int, key: AnyArray, image: AnyArray, offsets: AnyArray, bases: AnyArray, flood: bool, seed: int
) -> int:
    """Least key that the seed at a voxel and its neighbors give it."""
    best = seed or np.int64(NEVER)
    here = np.int64(image[p])
    for n in range(len(offsets)):
        q = p + offsets[n]
        theirs = np.int64(key[q])
        if theirs and theirs < best:
            best = min(best, _extend(theirs, np.int64(image[q]), here, bases[n], flood))
    return best  # type: ignore[return-value]


@njit(nogil=True, cache=True)
def _put(queue: Queue, p: int, priority: int) -> Queue:
    """Put a voxel into a queue of two levels: coarse buckets, and fine ones of the coarse bucket in work."""
    coarse, fine, node, order, after, state = queue
    if state[FREE] >= 0:
        e = state[FREE]
        state[FREE] = after[e]
    else:
        if state[USED] == len(node):
            node, order, after = _grown(node), _grown(order), _grown(after)
        e = state[USED]
        state[USED] += 1
    node[e], order[e] = p, priority
    if priority >> FINE == state[COARSE]:
        slot = priority & (len(fine) - 1)
        after[e] = fine[slot]
        fine[slot] = e
        state[HELD] += 1
    else:
        slot = priority >> FINE
        after[e] = coarse[slot]
        coarse[slot] = e
    state[PENDING] += 1
    return coarse, fine, node, order, after, state


@njit(nogil=True, cache=True)
def _take(queue: Queue) -> tuple[int, int]:
    """Voxel and priority of the least priority; the queue must hold one."""
    coarse, fine, node, order, after, state = queue
    if not state[HELD]:
        state[COARSE] += 1
        while coarse[state[COARSE]] < 0:
            state[COARSE] += 1
        e = coarse[state[COARSE]]
        coarse[state[COARSE]] = -1
        state[SLOT] = 0
        while e >= 0:
            following = after[e]
            slot = order[e] & (len(fine) - 1)
            after[e] = fine[slot]
            fine[slot] = e
            state[HELD] += 1
            e = following
    while fine[state[SLOT]] < 0:
        state[SLOT] += 1
    e = fine[state[SLOT]]
    fine[state[SLOT]] = after[e]
    after[e] = state[FREE]
    state[FREE] = e
    state[HELD] -= 1
    state[PENDING] -= 1
    return node[e], order[e]


@njit(nogil=True, cache=True)
def _queue() -> Queue:
    state = np.zeros(6, np.int64)
    state[FREE], state[COARSE] = -1, -1
    return (
        np.full((1 << 24 >> FINE) + 1, -1, np.int32), np.full(1 << FINE, -1, np.int32),
        np.empty(1 << 16, np.int32), np.empty(1 << 16, np.int32), np.empty(1 << 16, np.int32), state,
    )  # fmt: skip


@njit(nogil=True, cache=True)
def _sorted(part: int, coarse: AnyArray, fine: AnyArray, order: AnyArray, after: AnyArray) -> int:
    """Move what a coarse bucket holds into the fine ones; return how much."""
    e, held = coarse[part], 0
    coarse[part] = -1
    while e >= 0:
        following = after[e]
        slot = order[e] & (len(fine) - 1)
        after[e] = fine[slot]
        fine[slot] = e
        held += 1
        e = following
    return held


@njit(nogil=True, cache=True)
def spread(
    key: AnyArray, image: AnyArray, offsets: AnyArray, bases: AnyArray, flood: bool, start: AnyArray
) -> int:
    """Spread from seeds alone (`start`; their keys are their labels); return how many were looked at.

    The queue is that of `_put` and `_take`, written out: four times as fast.
    """
    coarse = np.full((1 << 24 >> FINE) + 1, -1, np.int32)
    fine = np.full(1 << FINE, -1, np.int32)
    room = max(1 << 16, len(start))
    node, order, after = np.empty(room, np.int32), np.zeros(room, np.int32), np.empty(room, np.int32)
    for n in range(len(start)):
        node[n], after[n] = start[n], n - 1
    used, free, pending, looked = len(start), -1, len(start), 0
    coarse[0] = used - 1
    part = -1
    while pending:
        part += 1
        held = _sorted(part, coarse, fine, order, after)
        slot = 0
        while held:
            while fine[slot] < 0:
                slot += 1
            e = fine[slot]
            fine[slot] = after[e]
            p, current = node[e], order[e]
            after[e] = free
            free = e
            held -= 1
            pending -= 1
            mine, here = np.int64(key[p]), np.int64(image[p])
            if mine >> 8 != current:
                continue
            looked += 1
            for n in range(len(offsets)):
                q = p + offsets[n]
                old = np.int64(key[q])
                new = _extend(mine, here, np.int64(image[q]), bases[n], flood)
                if new >= old:
                    continue
                key[q] = new
                priority = new >> 8
                if old >> 8 == priority:
                    continue  # it waits there already
                if free >= 0:
                    e = free
                    free = after[e]
                else:
                    if used == len(node):
                        node, order, after = _grown(node), _grown(order), _grown(after)
                    e = used
                    used += 1
                node[e], order[e] = q, priority
                pending += 1
                if priority >> FINE == part:
                    into = priority & (len(fine) - 1)
                    after[e] = fine[into]
                    fine[into] = e
                    held += 1
                else:
                    after[e] = coarse[priority >> FINE]
                    coarse[priority >> FINE] = e
    return looked


@njit(nogil=True, cache=True)
def repair(
    key: AnyArray, image: AnyArray, offsets: AnyArray, bases: AnyArray, flood: bool, seeds: AnyArray,
    start: AnyArray,
) -> int:  # fmt: skip
    """Bring keys up to date after the seeds at `start` changed; return how many voxels were looked at.

    Voxels are taken in order of priority, so that those before are final. One whose key no neighbor gives any
    more loses it, and those that had theirs from it are looked at again (Koenig, Likhachev and Furcy,
    Artificial Intelligence 155 (2004) 93).
    """
    queue = _queue()
    never, looked = np.int64(NEVER), 0
    for p in start:
        best = _best(p, key, image, offsets, bases, flood, np.int64(seeds[p]))
        least = min(best, np.int64(key[p]))
        if best != np.int64(key[p]):
            queue = _put(queue, p, least >> 8)
    while queue[5][PENDING]:
        p, current = _take(queue)
        looked += 1
        old = np.int64(key[p])
        if old >> 8 < current:
            continue
        best = _best(p, key, image, offsets, bases, flood, np.int64(seeds[p]))
        here = np.int64(image[p])
        if best > old:  # nobody gives it this key any more
            if old >> 8 > current:
                continue
            key[p] = NEVER
            if best != never:
                queue = _put(queue, p, best >> 8)
            best = never
        elif best >> 8 > current:
            if best < old:
                queue = _put(queue, p, best >> 8)
            continue
        else:
            key[p] = best
        for n in range(len(offsets)):
            q = p + offsets[n]
            theirs = np.int64(key[q])
            if not theirs:
                continue
            there = np.int64(image[q])
            given = never if best == never else _extend(best, here, there, bases[n], flood)
            if given < theirs:
                queue = _put(queue, q, given >> 8)
            elif (
                best != old
                and given > theirs
                and theirs != never
                and old != never
                and _extend(old, here, there, bases[n], flood) == theirs
            ):
                queue = _put(queue, q, theirs >> 8)
    return looked


@njit(nogil=True, cache=True)
def padded(
    values: AnyArray, low: float, scale: float, most: int, first: int, last: int, out: AnyArray
) -> None:
    """Whole numbers 0 to `most` of values, into the inside of a padded array."""
    for k in range(first, last):
        for j in range(values.shape[1]):
            for i in range(values.shape[2]):
                x = (values[k, j, i] - low) * scale
                out[k + 1, j + 1, i + 1] = int(min(max(x, 0.0), most) + 0.5) if x == x else 0


@njit(nogil=True, cache=True)
def gradient(values: AnyArray, steps: AnyArray, first: int, last: int, out: AnyArray) -> None:
    """Gradient magnitude by central differences; `steps` (k, 3) are the distances of the neighbors used."""
    depth, height, width = values.shape
    for k in range(first, last):
        below, above = values[max(k - 1, 0)], values[min(k + 1, depth - 1)]
        dk = np.float32(1 / steps[k, 0]) if depth > 1 else np.float32(0)
        for j in range(height):
            j0, j1 = max(j - 1, 0), min(j + 1, height - 1)
            dj = np.float32(1 / (steps[k, 1] * max(j1 - j0, 1)))
            di = np.float32(0.5 / steps[k, 2])
            for i in range(width):
                i0, i1 = max(i - 1, 0), min(i + 1, width - 1)
                a = (np.float32(above[j, i]) - np.float32(below[j, i])) * dk
                b = (np.float32(values[k, j1, i]) - np.float32(values[k, j0, i])) * dj
                c = (np.float32(values[k, j, i1]) - np.float32(values[k, j, i0])) * di
                out[k, j, i] = np.sqrt(a * a + b * b + c * c)


@njit(nogil=True, cache=True)
def labels_of(key: AnyArray, first: int, last: int, out: AnyArray) -> None:
    """Labels from (k, j, i) keys; 0 where none came."""
    for k in range(first, last):
        for j in range(key.shape[1]):
            for i in range(key.shape[2]):
                value = key[k, j, i]
                out[k, j, i] = 0 if value == NEVER else value & 255

"""Compiled loops of `medvox.contours.trace`; imported only when something is traced.

The outline of a label runs along the cracks between its pixels and others, through the middle of each crack.
A walk keeps the label at its right hand. Directions: 0 along i, 1 along j, 2 against i, 3 against j. Corner
(y, x) lies before pixel (y, x), at (y - 1/2, x - 1/2).
"""

# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return"
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit  # noqa: TID253
from numpy.typing import NDArray

AnyArray = NDArray[Any]

# Along each direction: the step of the corner, and the pixels ahead at the left and at the right hand.
STEP_Y, STEP_X = np.array([0, 1, 0, -1]), np.array([1, 0, -1, 0])
LEFT_Y, LEFT_X = np.array([-1, 0, 0, -1]), np.array([0, 0, -1, -1])
RIGHT_Y, RIGHT_X = np.array([0, 0, -1, -1]), np.array([0, -1, -1, 0])
# Twice the place of the middle of the crack that leaves corner (y, x), less (2 y, 2 x).
MIDDLE_Y, MIDDLE_X = np.array([-1, 0, -1, -2]), np.array([0, -1, -2, -1])


@njit(nogil=True, cache=True)
def _grown(array: AnyArray, needed: int) -> AnyArray:
    """Return the array, or a larger copy with room for `needed` rows."""
    if needed <= len(array):
        return array
    larger = np.empty((max(needed, 2 * len(array)), array.shape[1]), array.dtype)
    larger[: len(array)] = array
    return larger


@njit(nogil=True, cache=True)
def _has(image: AnyArray, y: int, x: int, label: int) -> bool:
    return 0 <= y < image.shape[0] and 0 <= x < image.shape[1] and image[y, x] == label


@njit(nogil=True, cache=True)
def _turn(image: AnyArray, y: int, x: int, way: int, label: int, eight: bool) -> int:
    """Next direction at corner (y, x); at touching corners connectivity decides."""
    left = _has(image, y + LEFT_Y[way], x + LEFT_X[way], label)
    right = _has(image, y + RIGHT_Y[way], x + RIGHT_X[way], label)
    if left and (right or eight):
        return (way + 3) % 4
    if right and not left:
        return way
    return (way + 1) % 4


@njit(nogil=True, cache=True)
def _walk(
    image: AnyArray,
    start: tuple[int, int],
    eight: bool,
    ring: int,
    maps: tuple[AnyArray, AnyArray],
    points: AnyArray,
    used: int,
) -> tuple[AnyArray, int, int, int]:
    """Follow one ring from the upper side of a pixel.

    Returns the points (twice the place, straight runs as their ends), how many there are, and the highest
    pixel under which the ring passes: where the way up out of a hole begins.
    """
    tops, lefts = maps
    y, x = start
    label = image[y, x]
    way, first = 0, used
    high_y, high_x = image.shape[0], 0
    before_y, before_x = 0, 0
    while True:
        if way == 0:
            if tops[y, x] == ring:
                break
            tops[y, x] = ring
        elif way == 3:
            lefts[y - 1, x] = ring
        elif way == 2 and y - 1 < high_y:
            high_y, high_x = y - 1, x - 1
        middle_y, middle_x = 2 * y + MIDDLE_Y[way], 2 * x + MIDDLE_X[way]
        if used > first:
            step_y, step_x = middle_y - points[used - 1, 0], middle_x - points[used - 1, 1]
            turned = step_y * before_x != step_x * before_y or step_y * before_y + step_x * before_x <= 0
            if used > first + 1 and not turned:
                used -= 1
                step_y, step_x = before_y, before_x
            before_y, before_x = step_y, step_x
        points = _grown(points, used + 1)
        points[used, 0], points[used, 1] = middle_y, middle_x
        used += 1
        y, x = y + STEP_Y[way], x + STEP_X[way]
        way = _turn(image, y, x, way, label, eight)
    return points, _close(points, first, used), high_y, high_x


@njit(nogil=True, cache=True)
def _close(points: AnyArray, first: int, used: int) -> int:
    """Drop the last point, then the first, where the ring runs straight through it."""
    if _straight(points, used - 2, used - 1, first):
        used -= 1
    if _straight(points, used - 1, first, first + 1):
        points[first, 0], points[first, 1] = points[used - 1, 0], points[used - 1, 1]
        used -= 1
    return used


@njit(nogil=True, cache=True)
def _straight(points: AnyArray, a: int, b: int, c: int) -> bool:
    one_y, one_x = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1]
    two_y, two_x = points[c, 0] - points[b, 0], points[c, 1] - points[b, 1]
    return one_y * two_x == one_x * two_y and one_y * two_y + one_x * two_x > 0


@njit(nogil=True, cache=True)
def _is_outer(points: AnyArray, first: int, last: int) -> bool:
    area = 0
    y, x = np.int64(points[last - 1, 0]), np.int64(points[last - 1, 1])
    for n in range(first, last):
        area += x * points[n, 0] - y * points[n, 1]
        y, x = np.int64(points[n, 0]), np.int64(points[n, 1])
    return area > 0


@njit(nogil=True, cache=True)
def _find_parents(image: AnyArray, rings: AnyArray, first: int, last: int, lefts: AnyArray) -> None:
    """Give each hole its outer ring: the one met by going left from above it.

    That ring reaches higher than the hole, so that going from hole to hole ends.
    """
    for ring in range(first, last):
        at = ring
        while rings[at, 3] == -2:
            y, x = rings[at, 4], rings[at, 5]
            while x > 0 and image[y, x - 1] == image[y, x]:
                x -= 1
            at = lefts[y, x] - 1
        rings[ring, 3] = -1 if at == ring else (at if rings[at, 3] == -1 else rings[at, 3])


@njit(nogil=True, cache=True)
def trace_slices(labels: AnyArray, first: int, last: int, eight: bool) -> tuple[AnyArray, AnyArray]:
    """Trace all labels but 0 in slices `first` to `last` of (k, j, i) numbers.

    Returns
    -------
    points
        (n, 2) twice the (j, i) place of each point.
    rings
        (r, 6): slice, label, end among the points, outer ring (or -1 for outer rings), and two that do not
        matter any more.
    """
    shape = (labels.shape[1] + 1, labels.shape[2] + 1)
    tops, lefts = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    points, rings = np.empty((1024, 2), np.int32), np.empty((64, 6), np.int64)
    used, count = 0, 0
    for k in range(first, last):
        image, before = labels[k], count
        for y in range(image.shape[0]):
            for x in range(image.shape[1]):
                label = image[y, x]
                if label == 0 or (y > 0 and image[y - 1, x] == label) or tops[y, x] > before:
                    continue
                start = used
                points, used, high_y, high_x = _walk(
                    image, (y, x), eight, count + 1, (tops, lefts), points, used
                )
                rings = _grown(rings, count + 1)
                outer = _is_outer(points, start, used)
                rings[count, 0], rings[count, 1], rings[count, 2] = k, label, used
                rings[count, 3] = -1 if outer else -2
                rings[count, 4], rings[count, 5] = high_y, high_x
                count += 1
        _find_parents(image, rings, before, count, lefts)
    return points[:used].copy(), rings[:count].copy()

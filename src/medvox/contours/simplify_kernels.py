"""Compiled loops of `medvox.contours.simplify`; imported only when something is simplified."""

# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return"
from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit  # noqa: TID253
from numpy.typing import NDArray

AnyArray = NDArray[Any]


@njit(nogil=True, cache=True)
def _distance(points: AnyArray, p: int, a: int, b: int) -> float:
    """Squared distance of point p from the straight line between points a and b, ends included."""
    along, length = 0.0, 0.0
    for axis in range(points.shape[1]):
        step = points[b, axis] - points[a, axis]
        along += (points[p, axis] - points[a, axis]) * step
        length += step * step
    part = 0.0 if length == 0.0 else min(max(along / length, 0.0), 1.0)
    away = 0.0
    for axis in range(points.shape[1]):
        place = points[a, axis] + part * (points[b, axis] - points[a, axis])
        away += (points[p, axis] - place) ** 2
    return away


@njit(nogil=True, cache=True)
def simplify_lines(
    points: AnyArray, ends: AnyArray, closed: AnyArray, tolerance: AnyArray
) -> tuple[AnyArray, AnyArray]:
    """Points to keep (Douglas and Peucker, Cartographica 10, 1973), each line with a tolerance of its own.

    A ring keeps its first point and the one farthest from it, and at least three points.

    Returns
    -------
    keep
        (n,) for each point.
    reached
        (lines,) largest distance of a dropped point from the piece that stands for it.
    """
    keep = np.zeros(len(points), np.bool_)
    reached = np.zeros(len(ends))
    start = 0
    for line in range(len(ends)):
        end = ends[line]
        if closed[line]:
            far, most = start, -1.0
            for n in range(start, end):
                away = _distance(points, n, start, start)
                if away > most:
                    far, most = n, away
            keep[start] = keep[far] = True
            one = _simplify(points, keep, (start, far, end, start), tolerance[line])
            other = _simplify(points, keep, (far, end, end, start), tolerance[line])
            reached[line] = math.sqrt(max(one, other))
            if np.sum(keep[start:end]) < 3:
                _keep_third(points, keep, start, end, far)
        else:
            keep[start] = keep[end - 1] = True
            reached[line] = math.sqrt(_simplify(points, keep, (start, end - 1, end, start), tolerance[line]))
        start = end
    return keep, reached


@njit(nogil=True, cache=True)
def _simplify(points: AnyArray, keep: AnyArray, piece: tuple[int, int, int, int], tolerance: float) -> float:
    """Keep what the piece from `first` to `last` needs; `last` may be `end`, which stands for `start`."""
    first, last, end, start = piece
    stack = [(first, last)]
    worst = 0.0
    while stack:
        a, b = stack.pop()
        far, most = -1, -1.0
        b_point = start if b == end else b
        for n in range(a + 1, b):
            away = _distance(points, n, a, b_point)
            if away > most:
                far, most = n, away
        if far < 0:
            continue
        if most > tolerance * tolerance:
            keep[far] = True
            stack.append((a, far))
            stack.append((far, b))
        else:
            worst = max(worst, most)
    return worst


@njit(nogil=True, cache=True)
def _keep_third(points: AnyArray, keep: AnyArray, start: int, end: int, far: int) -> None:
    """Keep the point farthest from the line of the two kept: no ring vanishes."""
    best, most = -1, -1.0
    for n in range(start, end):
        away = _distance(points, n, start, far)
        if not keep[n] and away > most:
            best, most = n, away
    if best >= 0:
        keep[best] = True


@njit(nogil=True, cache=True)
def smooth_ring(points: AnyArray, limit: float, passes: int) -> AnyArray:
    """Taubin's smoothing (Computer Graphics Forum 1995) of a ring; no point moves farther than `limit`."""
    made = points.copy()
    moved = np.empty_like(points)
    count = len(points)
    for n_pass in range(2 * passes):
        factor = 0.5 if n_pass % 2 == 0 else -0.53
        for n in range(count):
            for axis in range(points.shape[1]):
                middle = (made[n - 1, axis] + made[(n + 1) % count, axis]) / 2
                moved[n, axis] = made[n, axis] + factor * (middle - made[n, axis])
        made, moved = moved, made
        for n in range(count):
            away = 0.0
            for axis in range(points.shape[1]):
                away += (made[n, axis] - points[n, axis]) ** 2
            away = math.sqrt(away)
            if away > limit:
                for axis in range(points.shape[1]):
                    made[n, axis] = points[n, axis] + (made[n, axis] - points[n, axis]) * limit / away
    return made

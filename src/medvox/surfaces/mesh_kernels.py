"""Compiled loops over neighbors: adjacency, low-pass filter, shells, volumes."""

# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return"
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit  # noqa: TID253
from numpy.typing import NDArray

AnyArray = NDArray[Any]
_FAST = {"nogil": True, "cache": True}


@njit(**_FAST)
def corner_lists(faces: AnyArray, count: int) -> tuple[AnyArray, AnyArray]:
    """Faces around each vertex: those of v are ``items[starts[v]:starts[v + 1]]``."""
    starts = np.zeros(count + 1, np.int32)
    for f in range(len(faces)):
        for n in range(3):
            starts[faces[f, n] + 1] += 1
    for v in range(count):
        starts[v + 1] += starts[v]
    items = np.empty(3 * len(faces), np.int32)
    place = starts[:-1].copy()
    for f in range(len(faces)):
        for n in range(3):
            v = faces[f, n]
            items[place[v]] = f
            place[v] += 1
    return starts, items


@njit(**_FAST)
def neighbors(
    faces: AnyArray, starts: AnyArray, items: AnyArray
) -> tuple[AnyArray, AnyArray, AnyArray, AnyArray]:
    """Neighbors of each vertex, each once, and how many edges at it are no plain edge of two faces.

    Returns
    -------
    starts, items
        (n + 1,), (edges * 2,).
    special
        (edges * 2,) whether the edge joins another number of faces than two.
    kinds
        (n,) number of such edges: 0 inside a surface, 2 on a line, else a corner; at most 127.
    """
    count = len(starts) - 1
    first = np.zeros(count + 1, np.int32)
    room = np.empty(2 * len(items), np.int32)
    special = np.empty(2 * len(items), np.bool_)
    times = np.empty(2 * len(items), np.int8)
    kinds = np.zeros(count, np.int8)
    at = 0
    for v in range(count):
        begin = at
        for f in items[starts[v] : starts[v + 1]]:
            for n in range(3):
                w = faces[f, n]
                if w == v:
                    continue
                place = begin
                while place < at and room[place] != w:
                    place += 1
                if place == at:
                    room[at], times[at] = w, 0
                    at += 1
                times[place] = min(times[place] + 1, 100)
        for place in range(begin, at):
            special[place] = times[place] != 2
            if special[place]:
                kinds[v] = min(kinds[v] + 1, 127)
        first[v + 1] = at
    return first, room[:at].copy(), special[:at].copy(), kinds


@njit(**_FAST)
def next_corners(faces: AnyArray, starts: AnyArray, items: AnyArray) -> AnyArray:
    """For each entry of `corner_lists`, the next vertex of the face: of a closed surface, each neighbor."""
    out = np.empty(len(items), np.int32)
    for v in range(len(starts) - 1):
        for n in range(starts[v], starts[v + 1]):
            f = items[n]
            place = 0 if faces[f, 0] == v else 1 if faces[f, 1] == v else 2
            out[n] = faces[f, (place + 1) % 3]
    return out


@njit(**_FAST)
def chebyshev(
    lists: tuple[AnyArray, AnyArray, AnyArray, AnyArray],
    rows: tuple[int, int],
    now: AnyArray,
    before: AnyArray,
    first: bool,
    result: AnyArray,
    weight: float,
) -> None:
    """One step of the Chebyshev recursion of I - K/2, where K is the umbrella operator; in place of `before`.

    ``next = 2 (I - K/2) now - before`` (without the 2 and `before` when `first`); ``result += weight next``.
    On lines between surfaces only the neighbors on the line count.
    """
    starts, items, special, kinds = lists
    for v in range(rows[0], rows[1]):
        x = y = z = 0.0
        number = 0
        on_line = kinds[v] > 0
        for n in range(starts[v], starts[v + 1]):
            if on_line and not special[n]:
                continue
            w = items[n]
            x += now[w, 0]
            y += now[w, 1]
            z += now[w, 2]
            number += 1
        if number == 0 or kinds[v] == 1:
            x, y, z, number = now[v, 0], now[v, 1], now[v, 2], 1
        share = 0.5 / number
        x = 0.5 * now[v, 0] + share * x
        y = 0.5 * now[v, 1] + share * y
        z = 0.5 * now[v, 2] + share * z
        if not first:
            x, y, z = 2 * x - before[v, 0], 2 * y - before[v, 1], 2 * z - before[v, 2]
        before[v, 0], before[v, 1], before[v, 2] = x, y, z
        result[v, 0] += weight * x
        result[v, 1] += weight * y
        result[v, 2] += weight * z


@njit(**_FAST)
def shells(faces: AnyArray, count: int) -> AnyArray:
    """(count,) number of the connected part of each vertex; parts are numbered by their first vertex."""
    parent = np.arange(count).astype(np.int32)
    for f in range(len(faces)):
        for n in range(2):
            a, b = faces[f, n], faces[f, n + 1]
            while parent[a] != a:
                parent[a] = parent[parent[a]]
                a = parent[a]
            while parent[b] != b:
                parent[b] = parent[parent[b]]
                b = parent[b]
            if a < b:
                parent[b] = a
            elif b < a:
                parent[a] = b
    number = 0
    for v in range(count):
        if parent[v] == v:
            parent[v] = number
            number += 1
        else:
            parent[v] = parent[parent[v]]
    return parent


@njit(**_FAST)
def face_terms(
    vertices: AnyArray, faces: AnyArray, volume: AnyArray, area: AnyArray, normal: AnyArray
) -> None:
    """Signed volume under each face, its area, and area-weighted normals summed at the vertices."""
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux = vertices[b, 0] - vertices[a, 0]
        uy = vertices[b, 1] - vertices[a, 1]
        uz = vertices[b, 2] - vertices[a, 2]
        vx = vertices[c, 0] - vertices[a, 0]
        vy = vertices[c, 1] - vertices[a, 1]
        vz = vertices[c, 2] - vertices[a, 2]
        x, y, z = (uy * vz - uz * vy) / 2, (uz * vx - ux * vz) / 2, (ux * vy - uy * vx) / 2
        volume[f] = (vertices[a, 0] * x + vertices[a, 1] * y + vertices[a, 2] * z) / 3
        area[f] = np.sqrt(x * x + y * y + z * z)
        for n in range(3):
            v = faces[f, n]
            normal[v, 0] += x
            normal[v, 1] += y
            normal[v, 2] += z


@njit(**_FAST)
def measure(vertices: AnyArray, faces: AnyArray) -> tuple[float, float]:
    """Signed volume and area."""
    volume = area = 0.0
    ox, oy, oz = vertices[faces[0, 0], 0], vertices[faces[0, 0], 1], vertices[faces[0, 0], 2]
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        px, py, pz = vertices[a, 0] - ox, vertices[a, 1] - oy, vertices[a, 2] - oz
        ux, uy, uz = vertices[b, 0] - ox - px, vertices[b, 1] - oy - py, vertices[b, 2] - oz - pz
        vx, vy, vz = vertices[c, 0] - ox - px, vertices[c, 1] - oy - py, vertices[c, 2] - oz - pz
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        volume += px * x + py * y + pz * z
        area += np.sqrt(x * x + y * y + z * z)
    return volume / 6, area / 2


@njit(**_FAST)
def press(vertices: AnyArray, faces: AnyArray, distance: AnyArray, move: AnyArray, weight: AnyArray) -> None:
    """Sum, at each vertex, the area of its faces and their normals times area and distance."""
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = (
            vertices[b, 0] - vertices[a, 0],
            vertices[b, 1] - vertices[a, 1],
            vertices[b, 2] - vertices[a, 2],
        )
        vx, vy, vz = (
            vertices[c, 0] - vertices[a, 0],
            vertices[c, 1] - vertices[a, 1],
            vertices[c, 2] - vertices[a, 2],
        )
        x, y, z = (uy * vz - uz * vy) / 2, (uz * vx - ux * vz) / 2, (ux * vy - uy * vx) / 2
        area = np.sqrt(x * x + y * y + z * z)
        d = distance[f]
        for n in range(3):
            v = faces[f, n]
            move[v, 0] += x * d
            move[v, 1] += y * d
            move[v, 2] += z * d
            weight[v] += area

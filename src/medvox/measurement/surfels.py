"""Area of the surface inside a cube of 2 x 2 x 2 voxels, for each of the 256 ways to fill it.

The surface crosses a cube's edge half-way between a voxel inside and one outside. On each face of the cube
the crossings are joined to lines, the lines to rings, the rings to triangles: marching cubes (Lorensen and
Cline, SIGGRAPH 1987) at the level one half. Where a face has four crossings, lines cut off the corners of
the kind that is rarer in the cube, as in the original table.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Point = tuple[int, int, int]
Corner = tuple[int, int, int]


def bit(corner: Corner) -> int:
    """Bit of a cube's corner (dk, dj, di) in a code."""
    return 4 * corner[0] + 2 * corner[1] + corner[2]


@cache
def triangles(code: int) -> tuple[tuple[Point, Point, Point], ...]:
    """Triangles of a code; points in half voxel steps (k, j, i) from the corner voxel, 0 to 2.

    They wind counter-clockwise seen from outside in a right-handed (k, j, i) system. A ring that is not
    flat is cut into triangles from the point that lets it enclose most.
    """
    made: list[tuple[Point, Point, Point]] = []
    for ring in _rings(_lines(code)):
        fans = [_fan(ring[n:] + ring[:n]) for n in range(len(ring))]
        made += max(fans, key=_enclosed)
    return tuple(made)


def _fan(ring: list[Point]) -> list[tuple[Point, Point, Point]]:
    return [(ring[0], ring[n], ring[n + 1]) for n in range(1, len(ring) - 1)]


def _enclosed(fan: Iterable[tuple[Point, Point, Point]]) -> int:
    a, b, c = np.moveaxis(np.array(list(fan)), 1, 0)
    return int((a * np.cross(b, c)).sum())


def _lines(code: int) -> dict[Point, Point]:
    """Next crossing of each crossing, the way that keeps the inside behind the surface."""
    mostly = code.bit_count() > 4
    following: dict[Point, Point] = {}
    for axis, side in product(range(3), (0, 1)):
        u, v = [a for a in range(3) if a != axis]
        if (axis == 1) == (side == 1):
            u, v = v, u
        corners = []
        for a, b in ((0, 0), (1, 0), (1, 1), (0, 1)):
            corner = [0, 0, 0]
            corner[axis], corner[u], corner[v] = side, a, b
            corners.append((corner[0], corner[1], corner[2]))
        inside = [bool(code >> bit(c) & 1) != mostly for c in corners]
        for n in range(4):
            if inside[n] and not inside[(n + 1) % 4]:
                m = n
                while inside[(m - 1) % 4]:
                    m -= 1
                ends = (
                    _middle(corners[n], corners[(n + 1) % 4]),
                    _middle(corners[(m - 1) % 4], corners[m % 4]),
                )
                start, end = ends if mostly else ends[::-1]
                following[start] = end
    return following


def _middle(a: Corner, b: Corner) -> Point:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


def _rings(following: dict[Point, Point]) -> list[list[Point]]:
    rings = []
    left = dict(following)
    while left:
        start, point = left.popitem()
        ring = [start]
        while point != start:
            ring.append(point)
            point = left.pop(point)
        rings.append(ring)
    return rings


@cache
def surfel_areas_mm2(spacing_mm: tuple[float, float, float]) -> FloatArray:
    """(256,) area of the surface in a cube of each code, for voxels of this (k, j, i) spacing."""
    half = np.asarray(spacing_mm) / 2
    areas = np.zeros(256)
    for code in range(256):
        corners = np.array(triangles(code), dtype=np.float64).reshape(-1, 3, 3) * half
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        areas[code] = np.linalg.norm(across, axis=1).sum() / 2
    areas.setflags(write=False)
    return areas


@cache
def surfel_volumes_mm3(spacing_mm: tuple[float, float, float]) -> FloatArray:
    """(256, 4) what each code's triangles add to a volume: a · (b x c) / 6, and its change with the place.

    The cube at place p (mm) adds ``[code, 0] + p @ [code, 1:]``.
    """
    half = np.asarray(spacing_mm) / 2
    table = np.zeros((256, 4))
    for code in range(256):
        a, b, c = np.moveaxis(np.array(triangles(code), dtype=np.float64).reshape(-1, 3, 3) * half, 1, 0)
        table[code, 0] = np.einsum("ij,ij->", a, np.cross(b, c)) / 6
        table[code, 1:] = np.cross(b - a, c - a).sum(axis=0) / 6
    table.setflags(write=False)
    return table

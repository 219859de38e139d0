"""Grouping: which loose rings and curves lie in one plane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medvox.contours.planes import Plane

FloatArray = NDArray[np.float64]
SAME_MM = 0.02
"""Lines whose depths differ by less lie in one plane; half of what writers with two decimals round away."""


def by_plane(lines: Sequence[FloatArray], tolerance_mm: float = SAME_MM) -> list[list[int]]:
    """Group lines by plane.

    Parameters
    ----------
    lines
        (n, 3) LPS mm each. Those that fix no plane (points, straight lines) count as parallel to the others.
    tolerance_mm
        Largest difference of depth from one line to the next.

    Returns
    -------
    list of list of int
        Places of the lines, by direction and depth of their plane.
    """
    planes: list[Plane | None] = [_plane(line) for line in lines]
    directions: list[FloatArray] = []
    for plane in planes:
        if plane is not None and not any(_parallel(plane.normal, known) for known in directions):
            directions.append(plane.normal)
    if not directions:
        directions.append(np.array([0.0, 0.0, 1.0]))
    keyed: list[tuple[int, float, int]] = []
    for n, (line, plane) in enumerate(zip(lines, planes, strict=True)):
        way = 0 if plane is None else next(w for w, d in enumerate(directions) if _parallel(plane.normal, d))
        keyed.append((way, float((line @ directions[way]).mean()), n))
    groups: list[list[int]] = []
    before = (-1, 0.0)
    for way, depth, n in sorted(keyed):
        if not groups or way != before[0] or depth - before[1] > tolerance_mm:
            groups.append([])
        groups[-1].append(n)
        before = (way, depth)
    return [sorted(group) for group in groups]


def _plane(line: FloatArray) -> Plane | None:
    """Plane of a line; None where it does not fix one."""
    if len(line) < 3:
        return None
    normal = np.cross(line - line[0], np.roll(line, -1, axis=0) - line[0]).sum(axis=0)
    size, extent = float(np.linalg.norm(normal)), float(np.ptp(line, axis=0).max())
    if size <= 1e-6 * extent * extent or size == 0:
        return None
    normal = normal / size
    return Plane(normal * np.sign(normal[np.abs(normal).argmax()]), 0.0)


def _parallel(one: FloatArray, other: FloatArray) -> bool:
    return abs(float(one @ other)) > 0.9998

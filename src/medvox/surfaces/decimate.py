"""Decimation: fewer triangles for the same shape, the topology kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.progress import Progress, silent
from medvox.surfaces.bands import in_bands
from medvox.surfaces.boundaries import Boundaries

AnyArray = NDArray[Any]
PART = 0.5
"""Share of the vertices that one pass tries to merge."""
LEAST = 0.003
"""A pass that removes a smaller share of the faces is the last at its limit."""


def decimate(
    surface: Boundaries, reduction: float, max_error_mm: float | None = None, progress: Progress = silent
) -> Boundaries:
    """Merge vertices where the shape changes least (quadric error, Garland and Heckbert 1997).

    Closed surfaces stay closed, edges where three surfaces meet stay edges, no part vanishes. The result is
    the same on every machine.

    Parameters
    ----------
    reduction
        Share of the faces to remove, 0 to below 1; fewer where the topology or `max_error_mm` forbids more.
    max_error_mm
        Largest root of the summed squared distances from the merged faces' planes.

    Raises
    ------
    UsageError
        If `reduction` is outside.
    """
    if not 0 <= reduction < 1:
        raise UsageError("reduction is outside its limits", got=reduction, expected="0 to below 1")
    goal = max(4, round(len(surface.faces) * (1 - reduction)))
    if goal >= len(surface.faces):
        return surface
    return _Decimation(surface, goal, max_error_mm).run(progress)


class _Decimation:
    """One mesh on its way down."""

    def __init__(self, surface: Boundaries, goal: int, max_error_mm: float | None) -> None:
        self.vertices = surface.vertices_mm - surface.vertices_mm.mean(axis=0)
        self.shift = surface.vertices_mm.mean(axis=0)
        self.faces, self.sides = surface.faces.copy(), surface.sides.copy()
        self.first = (surface.corners, surface.neighbors)
        self.plain = not surface.neighbors[3].any()
        self.shell = surface.shell.copy()
        self.goal, self.most = goal, np.inf if max_error_mm is None else max_error_mm**2
        self.quadrics = np.zeros((len(self.vertices), 10))

    def run(self, progress: Progress) -> Boundaries:
        from medvox.surfaces import decimate_kernels as kernels

        begun = len(self.faces)
        kernels.quadrics(self.vertices, self.faces, self.quadrics)
        share, first = PART, True
        while len(self.faces) > self.goal:
            progress(begun - len(self.faces), begun - self.goal, "Decimating")
            work = self._work(first)
            first = False
            removed = self._pass(work, share)
            self._compact(removed)
            if removed < LEAST * len(self.faces):
                if share >= 1:
                    break
                share = 1.0
        progress(begun - self.goal, begun - self.goal, "Decimating")
        return Boundaries(self.vertices + self.shift, self.faces, self.sides, self.shell)

    def _work(self, first: bool) -> Any:
        from medvox.surfaces import decimate_kernels as kernels
        from medvox.surfaces import mesh_kernels as meshes

        if first:
            corners, (starts, items, special, kinds) = self.first
        else:
            corners = meshes.corner_lists(self.faces, len(self.vertices))
            if not self.plain:
                starts, items, special, kinds = meshes.neighbors(self.faces, *corners)
            else:  # the neighbors are the next corners of the faces around
                starts, items = corners[0], meshes.next_corners(self.faces, *corners)
                special, kinds = np.zeros(1, bool), np.zeros(len(self.vertices), np.int8)
        work = kernels.Work(self.vertices, self.quadrics, self.faces, kinds, starts, items, special, *corners)
        if first and kinds.any():
            kernels.line_quadrics(work)
        return work

    def _pass(self, work: Any, share: float) -> int:
        from medvox.surfaces import decimate_kernels as kernels

        count = len(self.vertices)
        cost, mate = np.empty(count), np.empty(count, np.int32)
        in_bands(lambda rows: kernels.best_edges(work, rows, cost, mate), count)
        known = cost[cost < kernels.NEVER]
        if len(known) == 0:
            return 0
        surplus = len(self.faces) - self.goal
        rank = min(len(known) - 1, int(min(share, max(0.02, 0.9 * surplus / len(known))) * len(known)))
        limit = min(float(np.partition(known, rank)[rank]), self.most)
        return int(kernels.collapse(work, cost, mate, limit, surplus))

    def _compact(self, removed: int) -> None:
        if not removed:
            return
        from medvox.surfaces import decimate_kernels as kernels

        count, faces = kernels.compact(self.faces, self.sides, self.vertices, self.quadrics, self.shell)
        self.faces, self.sides = self.faces[:faces], self.sides[:faces]
        self.vertices, self.quadrics, self.shell = (
            self.vertices[:count],
            self.quadrics[:count],
            self.shell[:count],
        )

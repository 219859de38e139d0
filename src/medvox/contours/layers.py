"""Layers: the slices of a grid along one of its axes, and the regions of what was traced in them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medvox.core.contour import PlanarContours, Region
from medvox.core.grid import Grid
from medvox.core.provenance import Provenance, SliceSource

AnyArray = NDArray[Any]
FloatArray = NDArray[np.float64]
Axis = Literal["k", "j", "i"]
Planes = dict[tuple[int, int], list[PlanarContours]]
"""Outlines by layer and number of their segment."""


class Layer:
    """How the slices of a grid along one axis lie in space.

    Parameters
    ----------
    grid
        Any grid.
    axis
        Axis along which the slices follow each other.
    provenance
        Where the source slices are known from.
    """

    def __init__(self, grid: Grid, axis: Axis, provenance: Provenance | None = None) -> None:
        self.grid = grid
        self.axis = "kji".index(axis)
        self.provenance = provenance

    def slices(self, array: AnyArray) -> AnyArray:
        """View of a (k, j, i) array with the slices first."""
        return np.moveaxis(array, self.axis, 0)

    def to_patient(self, number: int, places: FloatArray) -> FloatArray:
        """Map (n, 2) places in slice `number` to LPS mm."""
        if self.axis == 0:
            placed = places @ self.grid.affine[:3, 1:3].T + self.grid.origins_mm[number]
            return np.asarray(placed, np.float64)
        index = np.insert(places, self.axis, number, axis=1)
        return self.grid.to_patient(index)

    def source(self, number: int) -> SliceSource | None:
        """Where a stored slice was read."""
        if self.axis != 0 or self.provenance is None:
            return None
        rows, columns = self.grid.shape[1:]
        return self.provenance.source_at((number, (rows - 1) / 2, (columns - 1) / 2))

    def planes(self, places: FloatArray, rings: NDArray[np.int64]) -> list[tuple[int, PlanarContours]]:
        """Label and outlines of each plane from what the kernel traced."""
        made: list[tuple[int, PlanarContours]] = []
        edges = np.flatnonzero(np.diff(rings[:, 0], prepend=-1, append=-1)).tolist()
        ends = rings[:, 2]
        for first, last in pairwise(edges):
            number = int(rings[first, 0])
            base = int(ends[first - 1]) if first else 0
            points = self.to_patient(number, places[base : ends[last - 1]])
            parts = np.split(points, (ends[first : last - 1] - base).tolist())
            made += _regions(parts, rings[first:last], first, self.source(number))
        return made


def _regions(
    parts: Sequence[FloatArray], rings: NDArray[np.int64], base: int, source: SliceSource | None
) -> list[tuple[int, PlanarContours]]:
    holes: dict[int, list[FloatArray]] = {}
    parents = (rings[:, 3] - base).tolist()
    outer = (rings[:, 3] < 0).tolist()
    for part, is_outer, parent in zip(parts, outer, parents, strict=True):
        if not is_outer:
            holes.setdefault(parent, []).append(part)
    regions: dict[int, list[Region]] = {}
    for n, label in enumerate(rings[:, 1].tolist()):
        if outer[n]:
            regions.setdefault(label, []).append(Region(parts[n], tuple(holes.get(n, ()))))
    return [(label, PlanarContours(tuple(found), (), source)) for label, found in regions.items()]

"""Contours in planes that are not parallel to the slices: each voxel asks the contour plane nearest to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from medvox.contours.planes import Plane
from medvox.core.contour import PlanarContours
from medvox.core.grid import Grid

AnyArray = NDArray[Any]
FloatArray = NDArray[np.float64]
PARALLEL = 0.9999
"""Cosine between normals from which planes stand for slabs of one stack."""


def fill_oblique(planes: Sequence[PlanarContours], grid: Grid) -> AnyArray:
    """Spans of the voxels in the slabs of planes.

    A plane stands for the space up to half the distance to its neighbors among the parallel planes; a
    single one for the diagonal of a voxel. A voxel is inside if its centre, dropped onto the plane, is.

    Returns
    -------
    ndarray
        (n, 4) slice, row, first, last.
    """
    fitted = [(Plane.fit(np.concatenate([r.outer for r in plane.regions])), plane) for plane in planes]
    inside = np.zeros(grid.shape, bool)
    while fitted:
        normal = fitted[0][0].normal
        stack = [pair for pair in fitted if abs(float(pair[0].normal @ normal)) > PARALLEL]
        fitted = [pair for pair in fitted if abs(float(pair[0].normal @ normal)) <= PARALLEL]
        _fill_stack(sorted(stack, key=lambda pair: pair[0].depth_mm), grid, inside)
    return spans_of(inside)


def _fill_stack(stack: list[tuple[Plane, PlanarContours]], grid: Grid, inside: NDArray[np.bool_]) -> None:
    depths = np.array([plane.depth_mm for plane, _ in stack])
    distinct = np.unique(np.round(depths, 3))
    gaps = np.diff(distinct)
    reach = np.full(len(distinct) + 1, np.nan)
    reach[1:-1] = gaps / 2
    reach[[0, -1]] = np.median(gaps) / 2 if len(gaps) else float(np.linalg.norm(grid.spacing_mm)) / 2
    for plane, drawn in stack:
        n = int(np.abs(distinct - plane.depth_mm).argmin())
        low, high = distinct[n] - reach[n], distinct[n] + reach[n + 1]
        for region in drawn.regions:
            solid = shapely.Polygon(plane.flat(region.outer), [plane.flat(hole) for hole in region.holes])
            _fill_slab(shapely.make_valid(solid), plane, (low, high), region.outer, grid, inside)


def _fill_slab(
    solid: Any,
    plane: Plane,
    slab_mm: tuple[float, float],
    ring_mm: FloatArray,
    grid: Grid,
    inside: NDArray[np.bool_],
) -> None:
    """Set the voxels of a slab whose centres lie over a polygon."""
    ends = np.array(slab_mm) - plane.depth_mm
    corners = (ring_mm[None] + ends[:, None, None] * plane.normal).reshape(-1, 3)
    index = grid.to_voxel(corners)
    low = np.clip(np.floor(index.min(axis=0)).astype(int), 0, grid.shape)
    high = np.clip(np.ceil(index.max(axis=0)).astype(int) + 1, 0, grid.shape)
    shapely.prepare(solid)
    for k in range(low[0], high[0]):
        rows, columns = np.mgrid[low[1] : high[1], low[2] : high[2]]
        places = np.stack([np.full(rows.shape, k), rows, columns], axis=-1).reshape(-1, 3)
        points = grid.to_patient(places)
        away = plane.distances_mm(points)
        near = np.flatnonzero((away >= ends[0]) & (away < ends[1]))
        dropped = plane.flat(points[near] - away[near, None] * plane.normal)
        hit = near[shapely.contains_xy(solid, dropped[:, 0], dropped[:, 1])]
        inside[k, places[hit, 1], places[hit, 2]] = True


def spans_of(inside: NDArray[np.bool_]) -> AnyArray:
    """(n, 4) slice, row, first, last of the runs in a mask."""
    padded = np.zeros((*inside.shape[:2], inside.shape[2] + 2), np.int8)
    padded[:, :, 1:-1] = inside
    steps = np.diff(padded, axis=2)
    starts, stops = np.argwhere(steps == 1), np.argwhere(steps == -1)
    return np.column_stack([starts, stops[:, 2] - 1]).astype(np.int32)

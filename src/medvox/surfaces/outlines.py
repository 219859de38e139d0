"""Outlines to surfaces: distances to the outlines of each plane, interpolated between planes (branching)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medvox.core.contour import PlanarContours, SegmentContours
from medvox.core.errors import GeometryError, UsageError
from medvox.core.grid import Grid
from medvox.core.mesh import Mesh
from medvox.surfaces.isosurface import isosurface
from medvox.surfaces.manifold import separate

FloatArray = NDArray[np.float64]
FINEST = 512


def outline_surface(contours: SegmentContours, step_mm: float | None = None) -> Mesh:
    """Closed surface through the outlines of parallel planes.

    In each plane the signed distance to the outlines is taken; between planes it runs linearly, and the
    surface is where it is zero (shape-based interpolation, Raya and Udupa 1990). Branches join and part by
    themselves. The first and last plane's areas reach half a plane distance further.

    Parameters
    ----------
    step_mm
        Grid within the planes; None: 1/200 of the extent.

    Raises
    ------
    UsageError
        If there are fewer than two planes with areas.
    GeometryError
        If the planes are not parallel.
    """
    planes = [p for p in contours.planes if p.regions]
    if len(planes) < 2:
        raise UsageError(
            "a surface needs outlines in two planes", where=contours.segment.name, got=len(planes)
        )
    frame, depths, rings = _frame(planes)
    flat = np.concatenate([r for plane in rings for r in plane])
    extent = float(np.ptp(flat, axis=0).max())
    step = max(step_mm or extent / 200, extent / FINEST)
    low = flat.min(axis=0) - 3 * step
    columns, rows = (int(n) for n in np.ceil(np.ptp(flat, axis=0) / step) + 7)
    x, y = np.meshgrid(low[0] + step * np.arange(columns), low[1] + step * np.arange(rows))
    field = np.stack([_signed_distance(plane, x, y) for plane in rings])
    origins = frame[0] * low[0] + frame[1] * low[1] + frame[2] * depths[:, None]
    in_plane = np.stack([frame[1] * step, frame[0] * step], axis=1)
    grid = Grid.from_origins((len(depths), rows, columns), in_plane, origins)
    made = isosurface(-field, grid, 0.0)
    return separate(made.mesh(1, name=contours.segment.name, color=contours.segment.color))


def _frame(planes: list[PlanarContours]) -> tuple[FloatArray, FloatArray, list[list[FloatArray]]]:
    """Axes (across, along, normal), the planes' depths ascending, and their rings in the plane."""
    ring = max((r.outer for p in planes for r in p.regions), key=len)
    centered = ring - ring.mean(axis=0)
    normal = np.linalg.svd(centered, full_matrices=False)[2][2]
    normal = normal if normal[np.argmax(np.abs(normal))] > 0 else -normal
    across = np.linalg.svd(normal[None])[2][1]
    along = np.cross(normal, across)
    depths = []
    for plane in planes:
        reach = np.concatenate([r.outer for r in plane.regions]) @ normal
        if np.ptp(reach) > 0.01 + 0.01 * float(np.ptp(ring, axis=0).max()):
            raise GeometryError(
                "the outlines do not lie in parallel planes", got=f"{np.ptp(reach):.2f} mm off"
            )
        depths.append(float(reach.mean()))
    order = np.argsort(depths)
    axes = np.stack([across, along])
    rings = [
        [r @ axes.T for region in planes[n].regions for r in (region.outer, *region.holes)] for n in order
    ]
    return np.stack([across, along, normal]), np.asarray(depths)[order], rings


def _signed_distance(rings: list[FloatArray], x: FloatArray, y: FloatArray) -> FloatArray:
    """Distance to the nearest ring, negative inside (even-odd rule)."""
    nearest, inside = np.full(x.shape, np.inf), np.zeros(x.shape, bool)
    for ring in rings:
        for (ax, ay), (bx, by) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            dx, dy = bx - ax, by - ay
            length = max(dx * dx + dy * dy, 1e-30)
            t = np.clip(((x - ax) * dx + (y - ay) * dy) / length, 0, 1)
            np.minimum(nearest, (x - ax - t * dx) ** 2 + (y - ay - t * dy) ** 2, out=nearest)
            between = (ay > y) != (by > y)
            if dy != 0:
                inside ^= between & (x < ax + (y - ay) * (dx / dy))
    distance = np.sqrt(nearest)
    return np.asarray(np.where(inside, -distance, distance))

"""Length, path, angle, Cobb angle and polygon area of points in LPS millimeters.

With a grid, points count as placed on voxel centers: each is off by up to half a voxel along each axis,
evenly spread. The uncertainties propagate that alone.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medvox.core.errors import GeometryError
from medvox.core.grid import Grid
from medvox.measurement.quantity import Quantity
from medvox.measurement.size.discretization import NORMAL_95

FloatArray = NDArray[np.float64]


def length(points_mm: ArrayLike, grid: Grid | None = None) -> Quantity:
    """Distance between two points, (2, 3)."""
    points = _points(points_mm, 2, 2)
    return Quantity("length", _lengths(points), "mm", _spread(_path_weights(points), grid))


def path_length(points_mm: ArrayLike, grid: Grid | None = None) -> Quantity:
    """Length of an open path through (n >= 2, 3) points."""
    points = _points(points_mm, 2)
    return Quantity("path_length", _lengths(points), "mm", _spread(_path_weights(points), grid))


def angle(points_mm: ArrayLike, grid: Grid | None = None) -> Quantity:
    """Angle at the second of three points, 0 to 180 degrees."""
    a, at, b = _points(points_mm, 3, 3)
    return _angle("angle", np.stack([at, a]), np.stack([at, b]), grid, shared=True)


def cobb_angle(first_mm: ArrayLike, second_mm: ArrayLike, grid: Grid | None = None) -> Quantity:
    """Angle between two lines (end plates), 0 to 90 degrees; each line is (2, 3) points (Cobb, 1948)."""
    first, second = _points(first_mm, 2, 2), _points(second_mm, 2, 2)
    found = _angle("cobb_angle", first, second, grid, shared=False)
    if found.value <= 90:
        return found
    return Quantity("cobb_angle", 180 - found.value, "deg", found.discretization_95)


def polygon(points_mm: ArrayLike, grid: Grid | None = None) -> tuple[Quantity, Quantity]:
    """Area and perimeter of a closed planar ring of (n >= 3, 3) points; the first is not repeated.

    Raises
    ------
    GeometryError
        If the points do not lie in one plane within 1 % of the ring's extent.
    """
    points = _points(points_mm, 3)
    centered = points - points.mean(axis=0)
    _, extent, axes = np.linalg.svd(centered, full_matrices=False)
    if extent[2] > 0.01 * extent[0]:
        raise GeometryError("the points of a polygon do not lie in a plane", where="polygon")
    following, before = np.roll(points, -1, axis=0), np.roll(points, 1, axis=0)
    across = np.cross(points - points[0], following - points[0]).sum(axis=0)
    weights = np.cross(axes[2], following - before) / 2
    ring = np.concatenate([points, points[:1]])
    around = _path_weights(ring)
    around[0] += around[-1]
    return (
        Quantity("area", float(np.linalg.norm(across) / 2), "mm2", _spread(weights, grid)),
        Quantity("perimeter", _lengths(ring), "mm", _spread(around[:-1], grid)),
    )


def _angle(name: str, first: FloatArray, second: FloatArray, grid: Grid | None, *, shared: bool) -> Quantity:
    u, v = first[1] - first[0], second[1] - second[0]
    long_u, long_v = float(np.linalg.norm(u)), float(np.linalg.norm(v))
    if long_u == 0 or long_v == 0:
        raise GeometryError("two points of an angle are the same", where=name)
    u, v = u / long_u, v / long_v
    turn = math.atan2(float(np.linalg.norm(np.cross(u, v))), float(u @ v))
    sine = max(math.sin(turn), 1e-6)
    by_u, by_v = (u * (u @ v) - v) / (long_u * sine), (v * (u @ v) - u) / (long_v * sine)
    weights = [by_u, by_v, -by_u - by_v] if shared else [by_u, -by_u, by_v, -by_v]
    spread = _spread(np.stack(weights), grid)
    return Quantity(name, math.degrees(turn), "deg", None if spread is None else math.degrees(spread))


def _path_weights(points: FloatArray) -> FloatArray:
    """How the length of a path changes with each of its points, (n, 3)."""
    steps = np.diff(points, axis=0)
    sizes = np.linalg.norm(steps, axis=1, keepdims=True)
    unit = np.divide(steps, sizes, out=np.zeros_like(steps), where=sizes > 0)
    weights = np.zeros_like(points)
    weights[1:] += unit
    weights[:-1] -= unit
    return weights


def _spread(weights: FloatArray, grid: Grid | None) -> float | None:
    """Half-width of the 95 % interval of a sum over points that are each off evenly within a voxel."""
    if grid is None:
        return None
    steps = weights @ grid.affine[:3, :3]
    return NORMAL_95 * math.sqrt(float((steps**2).sum()) / 12)


def _lengths(points: FloatArray) -> float:
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


def _points(points_mm: ArrayLike, least: int, most: int | None = None) -> FloatArray:
    points = np.asarray(points_mm, np.float64)
    fits = points.ndim == 2 and points.shape[1:] == (3,) and len(points) >= least
    if not fits or (most is not None and len(points) > most) or not np.isfinite(points).all():
        expected = f"finite ({least if most == least else f'n >= {least}'}, 3)"
        raise GeometryError("points do not fit the measurement", got=points.shape, expected=expected)
    return points

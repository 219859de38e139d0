"""Values along a line or a path, and on a surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medvox.core.errors import GeometryError, UsageError
from medvox.core.mesh import Mesh
from medvox.core.volume import Volume

FloatArray = NDArray[np.float64]
MOST_SAMPLES = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Values along a path; not a number outside the image.

    Parameters
    ----------
    distances_mm
        (n,) from the path's start.
    values
        (n,) in `unit`.
    points_mm
        (n, 3) LPS.
    """

    distances_mm: FloatArray
    values: FloatArray
    points_mm: FloatArray
    unit: str


def profile(volume: Volume, points_mm: ArrayLike, step_mm: float | None = None) -> Profile:
    """Sample a volume along a path of (n >= 2, 3) points, linearly between voxels.

    Parameters
    ----------
    step_mm
        Distance between samples; half the smallest spacing by default.

    Raises
    ------
    GeometryError
        If the points make no path, or all of it lies outside the image.
    """
    points = np.asarray(points_mm, np.float64)
    if points.ndim != 2 or points.shape[1:] != (3,) or len(points) < 2 or not np.isfinite(points).all():
        raise GeometryError("a profile needs two points", got=points.shape, expected="finite (n >= 2, 3)")
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    step = min(volume.grid.spacing_mm) / 2 if step_mm is None else step_mm
    if not step > 0 or lengths[-1] / step > MOST_SAMPLES:
        raise UsageError("no such step", where="profile", got=step, expected="a positive number of mm")
    at = np.linspace(0, lengths[-1], max(2, round(lengths[-1] / step) + 1))
    places = np.stack([np.interp(at, lengths, points[:, n]) for n in range(3)], axis=-1)
    values = sample(volume, places)
    if np.isnan(values).all():
        raise GeometryError("the profile lies outside the image", where="profile")
    return Profile(at, values, places, volume.unit)


def surface_values(volume: Volume, mesh: Mesh, depth_mm: float = 0.0) -> FloatArray:
    """Values at the vertices of a surface, (n,), or at a depth below it along the vertex normals."""
    corners = mesh.vertices_mm[mesh.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(mesh.vertices_mm)
    for n in range(3):
        np.add.at(normals, mesh.faces[:, n], across)
    size = np.linalg.norm(normals, axis=1, keepdims=True)
    unit = np.divide(normals, size, out=np.zeros_like(normals), where=size > 0)
    return sample(volume, mesh.vertices_mm - depth_mm * unit)


def sample(volume: Volume, points_mm: FloatArray) -> FloatArray:
    """Values at LPS points (..., 3), linear between voxels; not a number outside."""
    from scipy.ndimage import map_coordinates

    if volume.lead_shape or volume.is_colour:
        raise UsageError(
            "a profile needs one volume of one channel", got=volume.axes, advice="Take volume.at(...)"
        )
    index = volume.grid.to_voxel(points_mm)
    inside = volume.grid.contains(index)
    top = np.asarray(volume.grid.shape) - 1
    found = map_coordinates(volume.values(np.float64), np.moveaxis(index.clip(0, top), -1, 0), order=1)
    return np.where(inside, found, np.nan)

"""Vertex colors from a volume: its values where the surface is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.mesh import Mesh
from medvox.core.volume import Volume


def values_at(mesh: Mesh, volume: Volume, depth_mm: float = 0.0) -> NDArray[np.float32]:
    """(n,) values of a volume at the vertices, interpolated linearly; NaN outside.

    Parameters
    ----------
    depth_mm
        How far inside the surface to look, along the normals.
    """
    from scipy.ndimage import map_coordinates

    if volume.is_colour or volume.lead_shape:
        raise UsageError("colors come from one grey volume", got=volume.axes, expected="k, j, i")
    places = mesh.vertices_mm
    if depth_mm:
        corner = mesh.vertices_mm[mesh.faces]
        vectors = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        normals = np.zeros_like(places)
        for n in range(3):
            normals[:, n] = np.bincount(mesh.faces.ravel(), np.repeat(vectors[:, n], 3), len(places))
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
        places = places - depth_mm * normals
    index = volume.grid.to_voxel(places)
    values = map_coordinates(volume.values(np.float32), index.T, order=1, mode="nearest", output=np.float32)
    return np.where(volume.grid.contains(index), values, np.nan).astype(np.float32)


def colored(
    mesh: Mesh, volume: Volume, table: NDArray[np.uint8], low: float, high: float, depth_mm: float = 0.0
) -> Mesh:
    """Color the vertices by a volume.

    Parameters
    ----------
    table
        (n, 3) colors from `low` to `high`; what is outside the volume keeps the mesh's color.
    """
    if not high > low:
        raise UsageError("colors need a range", got=(low, high), expected="low below high")
    values = values_at(mesh, volume, depth_mm)
    known = np.isfinite(values)
    place = np.clip((np.where(known, values, low) - low) / (high - low), 0, 1)
    colors = table[np.rint(place * (len(table) - 1)).astype(np.int64)]
    return replace(mesh, vertex_colors=np.where(known[:, None], colors, np.array(mesh.color, np.uint8)))

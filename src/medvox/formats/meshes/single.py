"""Coordinates in single precision, as most mesh files hold them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.mesh import Mesh

AnyArray = NDArray[Any]
ROUNDS = 50


def single(vertices_mm: AnyArray) -> NDArray[np.float32]:
    """Round to float32; vertices that were apart and fall together are moved apart by the last bit.

    Readers of STL join vertices at the same place: without this a closed surface could come back open.
    """
    points = np.ascontiguousarray(vertices_mm, dtype=np.float32) + np.float32(0)  # no negative zero
    for attempt in range(ROUNDS):
        again = repeated(points)
        if len(again) == 0:
            break
        axis = attempt % 3
        towards = np.float32(np.inf if attempt % 2 else -np.inf)
        points[again, axis] = np.nextafter(points[again, axis], towards)
    return points


def repeated(points: NDArray[np.float32]) -> NDArray[np.int64]:
    """Numbers of the points that are at the place of an earlier one."""
    order = np.lexsort(points.T)
    same = (np.diff(points[order], axis=0) == 0).all(axis=1)
    return np.asarray(order[1:][same], dtype=np.int64)


def joined(points: AnyArray) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distinct points, and for each point its number among them."""
    order = np.lexsort(points.T)
    fresh = np.concatenate([[True], (np.diff(points[order], axis=0) != 0).any(axis=1)])
    number = np.empty(len(points), np.int64)
    number[order] = np.cumsum(fresh) - 1
    return np.asarray(points[order][fresh], dtype=np.float64), number


def together(meshes: Sequence[Mesh]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Vertices and faces of all meshes as one."""
    starts = np.cumsum([0, *(len(m.vertices_mm) for m in meshes)])
    faces = [m.faces + start for m, start in zip(meshes, starts[:-1], strict=True)]
    return np.concatenate([m.vertices_mm for m in meshes]), np.concatenate(faces)


def colors_of(mesh: Mesh) -> NDArray[np.uint8]:
    """(n, 3) colors of the vertices: their own, or the mesh's."""
    if mesh.vertex_colors is not None:
        return mesh.vertex_colors
    return np.tile(np.array(mesh.color, np.uint8), (len(mesh.vertices_mm), 1))

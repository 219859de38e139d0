"""Union, intersection and difference of closed meshes, by the manifold library."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np

from medvox.core.errors import GeometryError, UsageError
from medvox.core.mesh import Mesh

Operation = Literal["union", "intersection", "difference"]


def boolean(one: Mesh, other: Mesh, operation: Operation) -> Mesh:
    """Combine two closed meshes.

    Raises
    ------
    UsageError
        If the operation is unknown.
    GeometryError
        If a mesh is not closed, or nothing is left.
    """
    a, b = as_manifold(one), as_manifold(other)
    if operation == "union":
        made = a + b
    elif operation == "intersection":
        made = a ^ b
    elif operation == "difference":
        made = a - b
    else:
        raise UsageError("no such operation", got=operation, expected=("union", "intersection", "difference"))
    return from_manifold(made, one)


def as_manifold(mesh: Mesh) -> Any:
    """Make manifold3d's solid.

    Raises
    ------
    GeometryError
        If the mesh is not a closed manifold.
    """
    import manifold3d

    solid = manifold3d.Manifold(
        manifold3d.Mesh64(
            np.ascontiguousarray(mesh.vertices_mm), np.ascontiguousarray(mesh.faces, dtype=np.uint64)
        )
    )
    if solid.status() != manifold3d.Error.NoError:
        raise GeometryError(
            "the mesh is not a closed manifold",
            where=mesh.name,
            got=solid.status().name,
            advice="Repair it first: fill holes",
        )
    return solid


def from_manifold(solid: Any, like: Mesh) -> Mesh:
    """Make a mesh of a solid, named and colored as another."""
    made = solid.to_mesh64()
    if len(made.tri_verts) == 0:
        raise GeometryError("nothing is left of the mesh", where=like.name)
    return replace(
        like,
        vertices_mm=np.asarray(made.vert_properties)[:, :3],
        faces=np.asarray(made.tri_verts, dtype=np.int64),
        vertex_colors=None,
    )

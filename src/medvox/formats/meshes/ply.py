"""PLY (Turk 1994), binary little endian, with colors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medvox.core.mesh import Mesh
from medvox.formats.meshes.single import colors_of, single, together

VERTEX = np.dtype([("at", "<f4", 3), ("color", "u1", 3)])
FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3)])


def encode(meshes: Sequence[Mesh]) -> bytes:
    """Write all meshes as one, a color a vertex."""
    points, faces = together(meshes)
    vertices, triangles = np.zeros(len(points), VERTEX), np.zeros(len(faces), FACE)
    vertices["at"] = single(points)
    vertices["color"] = np.concatenate([colors_of(m) for m in meshes])
    triangles["count"], triangles["corners"] = 3, faces
    head = [
        "ply", "format binary_little_endian 1.0", "comment medvox UNIT=mm SPACE=LPS",
        f"element vertex {len(points)}", *(f"property float {n}" for n in "xyz"),
        *(f"property uchar {n}" for n in ("red", "green", "blue")),
        f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header", "",
    ]  # fmt: skip
    return "\n".join(head).encode("ascii") + vertices.tobytes() + triangles.tobytes()

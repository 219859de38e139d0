"""Wavefront OBJ: one object a mesh; colors behind the coordinates, as MeshLab and Blender read them."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from medvox.core.mesh import Mesh
from medvox.formats.meshes.single import colors_of


def encode(meshes: Sequence[Mesh]) -> bytes:
    """Write one object a mesh."""
    out = io.StringIO()
    out.write("# medvox UNIT=mm SPACE=LPS\n")
    start = 1
    for number, mesh in enumerate(meshes, start=1):
        name = "_".join(mesh.name.split()) or f"mesh_{number}"
        out.write(f"o {name}\n")
        rows = np.concatenate([mesh.vertices_mm, colors_of(mesh) / 255.0], axis=1)
        np.savetxt(out, rows, fmt="v %.7g %.7g %.7g %.4f %.4f %.4f")
        np.savetxt(out, mesh.faces + start, fmt="f %d %d %d")
        start += len(mesh.vertices_mm)
    return out.getvalue().encode()

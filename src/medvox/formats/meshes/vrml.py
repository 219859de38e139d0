"""VRML 2.0 (ISO/IEC 14772-1): one Shape with an IndexedFaceSet a mesh."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from medvox.core.errors import FormatError
from medvox.core.mesh import Mesh

_SET = re.compile(
    r"IndexedFaceSet\s*\{.*?point\s*\[(?P<points>[^\]]*)\].*?coordIndex\s*\[(?P<faces>[^\]]*)\]", re.DOTALL
)


def encode(meshes: Sequence[Mesh]) -> bytes:
    """Write one Shape a mesh; coordinates in millimeters, as WorldInfo says."""
    out = io.StringIO()
    out.write('#VRML V2.0 utf8\nWorldInfo { info [ "medvox UNIT=mm SPACE=LPS" ] }\n')
    for number, mesh in enumerate(meshes, start=1):
        name = re.sub(r"\W", "_", mesh.name) or "mesh"
        color = " ".join(f"{c / 255:.4f}" for c in mesh.color)
        out.write(f"DEF S{number}_{name} Shape {{\n appearance Appearance {{ material Material {{ ")
        out.write(f"diffuseColor {color} }} }}\n geometry IndexedFaceSet {{\n  solid FALSE\n")
        out.write("  coord Coordinate { point [\n")
        np.savetxt(out, mesh.vertices_mm, fmt="   %.9g %.9g %.9g,")
        out.write("  ] }\n")
        if mesh.vertex_colors is not None:
            out.write("  color Color { color [\n")
            np.savetxt(out, mesh.vertex_colors / 255.0, fmt="   %.4f %.4f %.4f,")
            out.write("  ] }\n")
        out.write("  coordIndex [\n")
        np.savetxt(out, mesh.faces, fmt="   %d, %d, %d, -1,")
        out.write("  ]\n }\n}\n")
    return out.getvalue().encode()


def read(path: Path) -> tuple[Mesh, ...]:
    """Read the face sets of a VRML 2.0 file; polygons are cut into fans; transforms are not followed."""
    text = re.sub(r"#[^\n]*", "", path.read_text("latin-1"))
    if re.search(r"\b(Transform|Inline|PROTO)\s*\{", text):
        raise FormatError("VRML with transforms or parts elsewhere is not read", where=path)
    found = []
    for number, match in enumerate(_SET.finditer(text), start=1):
        points = np.array(match["points"].replace(",", " ").split(), dtype=np.float64).reshape(-1, 3)
        index = np.array(match["faces"].replace(",", " ").split(), dtype=np.int64)
        faces = fans(np.split(index, np.flatnonzero(index < 0) + 1))
        found.append(Mesh(points, faces, name=f"{path.stem} {number}"))
    return tuple(found)


def fans(polygons: Sequence[np.ndarray]) -> np.ndarray:
    """Triangles of polygons that may end in -1."""
    faces = []
    for polygon in polygons:
        ring = polygon[polygon >= 0]
        faces += [(ring[0], ring[n], ring[n + 1]) for n in range(1, len(ring) - 1)]
    return np.array(faces, dtype=np.int64).reshape(-1, 3)

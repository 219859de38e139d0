"""STL (3D Systems 1989): binary and text; no units, so millimeters by the custom of printing."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, TruncatedError
from medvox.core.mesh import Mesh
from medvox.formats.meshes.single import joined, single, together

RECORD = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
HEADER = b"medvox UNIT=mm SPACE=LPS"
"""`SPACE=LPS` is understood by 3D Slicer. It must not begin with "solid"."""


def encode(meshes: Sequence[Mesh]) -> bytes:
    """Write all meshes as one binary solid."""
    corners, normals = _corners(meshes)
    records = np.zeros(len(corners), RECORD)
    records["normal"], records["corners"] = normals, corners
    return HEADER.ljust(80, b" ") + np.uint32(len(records)).tobytes() + records.tobytes()


def encode_text(meshes: Sequence[Mesh]) -> bytes:
    """One text solid a mesh."""
    out = io.StringIO()
    for mesh in meshes:
        corners, normals = _corners([mesh])
        name = "".join(c if c.isalnum() else "_" for c in mesh.name) or "medvox"
        out.write(f"solid {name} UNIT=mm SPACE=LPS\n")
        rows = np.concatenate([normals[:, None], corners], axis=1).reshape(-1, 12)
        line = (
            "facet normal %.9g %.9g %.9g\n outer loop\n  vertex %.9g %.9g %.9g\n  vertex %.9g %.9g %.9g\n"
            "  vertex %.9g %.9g %.9g\n endloop\nendfacet\n"
        )
        out.writelines(line % tuple(row) for row in rows.tolist())
        out.write(f"endsolid {name}\n")
    return out.getvalue().encode("ascii")


def _corners(meshes: Sequence[Mesh]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    vertices, faces = together(meshes)
    corners = single(vertices)[faces]
    wide = corners.astype(np.float64)
    normals = np.cross(wide[:, 1] - wide[:, 0], wide[:, 2] - wide[:, 0])
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return corners, (normals / np.where(length > 0, length, 1)).astype(np.float32)


def read(path: Path) -> tuple[Mesh, ...]:
    """Read STL; corners at the same place become one vertex."""
    content = path.read_bytes()
    count = int(np.frombuffer(content, "<u4", 1, 80)[0]) if len(content) >= 84 else -1
    if len(content) == 84 + 50 * count:
        corners = np.frombuffer(content, RECORD, count, 84)["corners"].reshape(-1, 3)
    elif content[:5].lower() == b"solid" and b"facet" in content[:2000]:
        lines = (line.split() for line in content.decode("latin-1").lower().splitlines())
        found = [words[1:4] for words in lines if words and words[0] == "vertex"]
        corners = np.array(found, dtype=np.float64).reshape(-1, 3)
    elif count > 0 and len(content) < 84 + 50 * count:
        raise TruncatedError(
            "the STL file ends too early", where=path, got=len(content), expected=84 + 50 * count
        )
    else:
        raise FormatError("this is not an STL file", where=path)
    if len(corners) == 0 or len(corners) % 3:
        raise FormatError("the STL file holds no whole triangle", where=path, got=len(corners))
    if not np.isfinite(corners).all():
        raise FormatError("the STL file has vertices that are not finite", where=path)
    points, number = joined(corners)
    return (Mesh(points, number.reshape(-1, 3), name=path.stem),)

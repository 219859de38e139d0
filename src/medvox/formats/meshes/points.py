"""XYZ: points as text, with normals or colors behind them in some files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from medvox.core.errors import FormatError
from medvox.core.mesh import Mesh


def encode(meshes: Sequence[Mesh]) -> bytes:
    """Write the vertices of all meshes, one a line; faces are left out."""
    out = io.StringIO()
    for mesh in meshes:
        np.savetxt(out, mesh.vertices_mm, fmt="%.9g")
    return out.getvalue().encode("ascii")


def read(path: Path) -> tuple[Mesh, ...]:
    """Read x, y, z, separated by blanks or commas; lines that begin with a letter or # are left out.

    Six or more columns whose last three are whole numbers of 0 to 255 are read as colors.
    """
    lines = path.read_text("latin-1").replace(",", " ").replace(";", " ").splitlines()
    rows = [line.split() for line in lines if line.strip() and line.strip()[0] in "+-.0123456789"]
    rows = [row for row in rows if len(row) >= 3]
    if not rows:
        raise FormatError("the file holds no points", where=path, expected="x y z a line")
    width = min(len(row) for row in rows)
    values = np.array([row[:width] for row in rows], dtype=np.float64)
    if not np.isfinite(values[:, :3]).all():
        raise FormatError("the file has points that are not finite", where=path)
    last = values[:, 3:6]
    colored = width >= 6 and bool(((last == np.rint(last)) & (last >= 0) & (last <= 255)).all())
    colors = last.astype(np.uint8) if colored else None
    return (Mesh(values[:, :3], np.zeros((0, 3), np.int64), name=path.stem, vertex_colors=colors),)

"""Mesh files: read and written by the ending of their name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from medvox.core.mesh import Mesh
from medvox.formats.meshes import read, write


def read_mesh(path: Path | str) -> Mesh:
    """Read a mesh; the parts of a file with several become one.

    Raises
    ------
    MissingError, UnsupportedError, FormatError
        If there is no such file, or it cannot be read.
    """
    parts = read_meshes(path)
    if len(parts) == 1:
        return parts[0]
    starts = np.cumsum([0, *(len(p.vertices_mm) for p in parts)])
    faces = [p.faces + start for p, start in zip(parts, starts[:-1], strict=True)]
    points = np.concatenate([p.vertices_mm for p in parts])
    return Mesh(points, np.concatenate(faces), name=Path(path).stem)


def read_meshes(path: Path | str) -> tuple[Mesh, ...]:
    """Read the meshes of a file, each with its name where the format has names."""
    return read(Path(path))


def write_mesh(mesh: Mesh, path: Path | str) -> None:
    """Write a mesh.

    Raises
    ------
    UsageError
        If no writer knows the ending.
    WriteError
        If it fails; nothing half written is left.
    """
    write([mesh], Path(path))


def write_meshes(meshes: Sequence[Mesh], path: Path | str) -> None:
    """Write several meshes into one file."""
    write(meshes, Path(path))

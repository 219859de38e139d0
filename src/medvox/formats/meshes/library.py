"""Formats by trimesh (GLB, 3MF, and reading PLY, OBJ, OFF) and meshio (VTU)."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medvox.core.errors import FormatError
from medvox.core.mesh import Mesh
from medvox.formats.meshes.single import colors_of, single, together

MM_PER_M = 1000.0
UNITS = {"millimeter": 1.0, "meter": 1000.0, "centimeter": 10.0, "inch": 25.4, "micron": 1e-3, "foot": 304.8}


def _scene(meshes: Sequence[Mesh], scale: float) -> Any:
    import trimesh

    scene = trimesh.Scene()
    names: set[str] = set()
    for number, mesh in enumerate(meshes, start=1):
        name = mesh.name or f"mesh {number}"
        name = name if name not in names else f"{name} {number}"
        names.add(name)
        colors = np.concatenate([colors_of(mesh), np.full((len(mesh.vertices_mm), 1), 255, np.uint8)], axis=1)
        made = trimesh.Trimesh(
            single(mesh.vertices_mm).astype(np.float64) * scale,
            mesh.faces,
            vertex_colors=colors,
            process=False,
        )
        made.units = "millimeter" if scale == 1 else "meter"
        scene.add_geometry(made, node_name=name, geom_name=name)
    scene.units = "millimeter" if scale == 1 else "meter"
    return scene


def encode_glb(meshes: Sequence[Mesh]) -> bytes:
    """Write binary glTF 2.0; its unit is the meter (glTF 2.0, 3.4), so coordinates are divided by 1000."""
    return bytes(_scene(meshes, 1 / MM_PER_M).export(file_type="glb"))


def encode_3mf(meshes: Sequence[Mesh]) -> bytes:
    """Write 3MF in millimeters, one object a mesh."""
    return bytes(_scene(meshes, 1.0).export(file_type="3mf"))


def read_glb(path: Path) -> tuple[Mesh, ...]:
    """Read glTF, whose unit is the meter."""
    return _read(path, MM_PER_M)


def read_trimesh(path: Path) -> tuple[Mesh, ...]:
    """Read what trimesh reads; a unit that the file states is turned into millimeters."""
    return _read(path, None)


def _read(path: Path, scale: float | None) -> tuple[Mesh, ...]:
    import trimesh

    words: Any = {"split_objects": True, "group_material": False} if path.suffix.lower() == ".obj" else {}
    scene = trimesh.load_scene(path, process=False, **words)
    found = []
    for node in scene.graph.nodes_geometry:
        transform, name = scene.graph[node]
        part = scene.geometry[name]
        factor = scale if scale is not None else UNITS.get(str(scene.units or "millimeter"), 1.0)
        points = trimesh.transformations.transform_points(part.vertices, transform) * factor
        if not np.isfinite(points).all():
            raise FormatError("the mesh has vertices that are not finite", where=path)
        faces = np.asarray(getattr(part, "faces", np.zeros((0, 3))), dtype=np.int64)
        found.append(Mesh(points, faces, name=str(name), vertex_colors=_colors(part)))
    return tuple(found)


def _colors(part: Any) -> Any:
    visual = getattr(part, "visual", None)
    if visual is not None and getattr(visual, "kind", None) == "vertex":
        return np.asarray(visual.vertex_colors)[:, :3].astype(np.uint8)
    colors = getattr(part, "colors", None)
    if visual is None and colors is not None and len(colors) == len(part.vertices):
        return np.asarray(colors)[:, :3].astype(np.uint8)
    return None


def encode_vtu(meshes: Sequence[Mesh]) -> bytes:
    """Write an unstructured grid of triangles, numbered by mesh."""
    points, faces = together(meshes)
    number = np.repeat(np.arange(1, len(meshes) + 1), [len(m.faces) for m in meshes])
    return _by_meshio(points, {"triangle": faces}, {"region": number})


def encode_tetrahedra(points_mm: Any, cells: Any, regions: Any) -> bytes:
    """Write tetrahedra as an unstructured grid, VTU, with the number of each one's region."""
    return _by_meshio(points_mm, {"tetra": cells}, {"region": regions})


def _by_meshio(points: Any, cells: dict[str, Any], data: dict[str, Any]) -> bytes:
    import meshio

    made = meshio.Mesh(points, cells, cell_data={name: [values] for name, values in data.items()})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mesh.vtu"
        meshio.write(path, made, file_format="vtu", binary=True)
        return path.read_bytes()


def read_vtu(path: Path) -> tuple[Mesh, ...]:
    """Read the triangles of an unstructured grid; of tetrahedra, their outer faces."""
    import meshio.vtu

    grid = meshio.vtu.read(str(path))
    cells = grid.cells_dict
    faces = [np.asarray(cells["triangle"], dtype=np.int64)] if "triangle" in cells else []
    if "tetra" in cells:
        faces.append(_outer(np.asarray(cells["tetra"], dtype=np.int64)))
    if not faces:
        raise FormatError("the grid has neither triangles nor tetrahedra", where=path, got=sorted(cells))
    return (Mesh(np.asarray(grid.points, dtype=np.float64), np.concatenate(faces), name=path.stem),)


def _outer(cells: Any) -> Any:
    faces = np.concatenate([cells[:, list(f)] for f in ((0, 2, 1), (0, 1, 3), (1, 2, 3), (0, 3, 2))])
    _, first, many = np.unique(np.sort(faces, axis=1), axis=0, return_index=True, return_counts=True)
    return faces[first[many == 1]]

"""DXF by ezdxf: one layer and one MESH entity a model, in millimeters."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medvox.core.mesh import Mesh


def encode(meshes: Sequence[Mesh]) -> bytes:
    """Write one MESH entity a model, on a layer of its name and color."""
    from ezdxf.enums import InsertUnits
    from ezdxf.filemanagement import new

    document = new("R2010", units=InsertUnits.Millimeters)
    space = document.modelspace()
    for number, mesh in enumerate(meshes, start=1):
        layer = re.sub(r'[<>/\\":;?*|=`,]', "_", mesh.name) or f"mesh {number}"
        if layer not in document.layers:
            document.layers.add(layer).rgb = mesh.color
        entity = space.add_mesh(dxfattribs={"layer": layer})
        with entity.edit_data() as data:
            data.vertices = mesh.vertices_mm.tolist()
            data.faces = mesh.faces.tolist()
    out = io.StringIO()
    document.write(out)
    return out.getvalue().encode("utf-8")


def read(path: Path) -> tuple[Mesh, ...]:
    """Read MESH and polyface entities and 3D faces, one mesh a layer."""
    from ezdxf.filemanagement import readfile
    from ezdxf.render.mesh import MeshBuilder

    document = readfile(path)
    scale = _millimeters(document.units)
    layers: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    entity: Any
    for entity in document.modelspace().query("MESH POLYLINE 3DFACE"):
        if entity.dxftype() == "3DFACE":
            builder = MeshBuilder()
            builder.add_mesh(vertices=entity.wcs_vertices(), faces=[range(len(entity.wcs_vertices()))])
        elif entity.dxftype() == "MESH":
            builder = MeshBuilder.from_mesh(entity)
        elif entity.is_poly_face_mesh:
            builder = MeshBuilder.from_polyface(entity)
        else:
            continue
        points = np.array([tuple(v) for v in builder.vertices], dtype=np.float64).reshape(-1, 3) * scale
        triangles = [(f[0], f[n], f[n + 1]) for f in builder.faces for n in range(1, len(f) - 1)]
        layers.setdefault(entity.dxf.layer, []).append(
            (points, np.array(triangles, dtype=np.int64).reshape(-1, 3))
        )
    return tuple(_merged(name, parts) for name, parts in layers.items())


def _millimeters(unit: int) -> float:
    from ezdxf import units
    from ezdxf.enums import InsertUnits

    known = InsertUnits(unit)
    return 1.0 if unit == 0 else float(units.conversion_factor(known, InsertUnits.Millimeters))


def _merged(name: str, parts: list[tuple[np.ndarray, np.ndarray]]) -> Mesh:
    starts = np.cumsum([0, *(len(p) for p, _ in parts)])
    faces = [f + s for (_, f), s in zip(parts, starts[:-1], strict=True)]
    return Mesh(np.concatenate([p for p, _ in parts]), np.concatenate(faces), name=name)

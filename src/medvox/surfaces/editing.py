"""Editing of meshes: holes, parts, cuts, remeshing, shells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.core.mesh import Mesh
from medvox.core.progress import Progress, silent
from medvox.surfaces.boundaries import Boundaries
from medvox.surfaces.decimate import decimate
from medvox.surfaces.distance import distances_mm
from medvox.surfaces.isosurface import isosurface
from medvox.surfaces.manifold import open_edges, separate
from medvox.surfaces.smooth import windowed_sinc
from medvox.surfaces.volume_keeping import keep_volumes, part_volumes, parts
from medvox.surfaces.vtk_bridge import filtered

AnyArray = NDArray[Any]
MOST_CELLS = 60_000_000


def smoothed(mesh: Mesh, iterations: int = 20, pass_band: float = 0.1, keep_volume: bool = True) -> Mesh:
    """Smooth a mesh by a windowed sinc; closed parts get their volumes back."""
    before = Boundaries.of_mesh(mesh)
    after = windowed_sinc(before, iterations, pass_band)
    if keep_volume and open_edges(mesh) == 0:
        after = keep_volumes(after, part_volumes(before, *parts(before)))
    return replace(mesh, vertices_mm=after.vertices_mm)


def decimated(
    mesh: Mesh, reduction: float, max_error_mm: float | None = None, progress: Progress = silent
) -> Mesh:
    """Decimate a mesh; closed parts keep their volumes. Vertex colors are lost."""
    before = Boundaries.of_mesh(mesh)
    after = decimate(before, reduction, max_error_mm, progress)
    if open_edges(mesh) == 0:
        after = keep_volumes(after, part_volumes(before, *parts(before)))
    return replace(after.mesh(1), name=mesh.name, color=mesh.color, provenance=mesh.provenance)


def fill_holes(mesh: Mesh, largest_mm: float | None = None) -> Mesh:
    """Close holes whose rim fits into a ball of a diameter (None: all), by a fan of triangles."""
    from vtkmodules.vtkFiltersModeling import vtkFillHolesFilter

    reach = float(np.ptp(mesh.vertices_mm, axis=0).max()) * 10 if len(mesh.vertices_mm) else 1.0
    filler = vtkFillHolesFilter()
    filler.SetHoleSize((largest_mm or reach) / 2 if largest_mm else reach)
    vertices, faces = filtered(filler, mesh)
    return separate(oriented(replace(mesh, vertices_mm=vertices, faces=faces, vertex_colors=None)))


def oriented(mesh: Mesh) -> Mesh:
    """Wind all faces the same way as their neighbors, outwards where the mesh is closed (VTK)."""
    from vtkmodules.vtkFiltersCore import vtkPolyDataNormals

    normals = vtkPolyDataNormals()
    normals.ConsistencyOn()
    normals.SplittingOff()
    normals.SetAutoOrientNormals(open_edges(mesh) == 0)
    vertices, faces = filtered(normals, mesh)
    return replace(mesh, vertices_mm=vertices, faces=faces, vertex_colors=None)


def split(mesh: Mesh) -> tuple[Mesh, ...]:
    """Connected parts, the largest (by area) first."""
    from medvox.surfaces import mesh_kernels as kernels

    shell = kernels.shells(mesh.faces, len(mesh.vertices_mm))
    part = shell[mesh.faces[:, 0]]
    made = [_taken(mesh, mesh.faces[part == number]) for number in np.unique(part)]
    return tuple(sorted(made, key=lambda m: -m.area_mm2))


def _taken(mesh: Mesh, faces: AnyArray) -> Mesh:
    used = np.unique(faces)
    number = np.zeros(len(mesh.vertices_mm), np.int64)
    number[used] = np.arange(len(used))
    colors = None if mesh.vertex_colors is None else mesh.vertex_colors[used]
    return replace(mesh, vertices_mm=mesh.vertices_mm[used], faces=number[faces], vertex_colors=colors)


def cut(mesh: Mesh, normal: tuple[float, float, float], offset_mm: float) -> Mesh:
    """Keep what lies where ``normal · x >= offset_mm`` (LPS, unit normal); closed meshes are closed again."""
    direction = np.asarray(normal, dtype=np.float64)
    length = float(np.linalg.norm(direction))
    if not length > 0:
        raise UsageError("a cutting plane needs a normal", got=normal)
    if open_edges(mesh) == 0:
        from medvox.surfaces.boolean import as_manifold, from_manifold

        return from_manifold(as_manifold(mesh).trim_by_plane((direction / length).tolist(), offset_mm), mesh)
    from vtkmodules.vtkCommonDataModel import vtkPlane
    from vtkmodules.vtkFiltersCore import vtkClipPolyData

    plane = vtkPlane()
    plane.SetNormal(*(direction / length).tolist())
    plane.SetOrigin(*(direction / length * offset_mm).tolist())
    clipper = vtkClipPolyData()
    clipper.SetClipFunction(plane)
    vertices, faces = filtered(clipper, mesh)
    return replace(mesh, vertices_mm=vertices, faces=faces, vertex_colors=None)


def crop(mesh: Mesh, low_mm: tuple[float, float, float], high_mm: tuple[float, float, float]) -> Mesh:
    """Keep what lies in a box of two LPS corners."""
    for axis in range(3):
        unit = np.eye(3)[axis]
        mesh = cut(mesh, (unit[0], unit[1], unit[2]), low_mm[axis])
        mesh = cut(mesh, (-unit[0], -unit[1], -unit[2]), -high_mm[axis])
    return mesh


def distance_field(mesh: Mesh, step_mm: float, margin_mm: float) -> tuple[NDArray[np.float64], Grid]:
    """Signed distance of a closed mesh, negative inside, on a grid around it.

    Raises
    ------
    UsageError
        If the mesh is not closed, or the grid would be too large.
    """
    if open_edges(mesh):
        raise UsageError("only a closed mesh has an inside", where=mesh.name, advice="Fill its holes first")
    low, high = mesh.vertices_mm.min(axis=0) - margin_mm, mesh.vertices_mm.max(axis=0) + margin_mm
    shape = tuple(int(n) for n in np.ceil((high - low) / step_mm)[::-1] + 1)
    if np.prod(shape) > MOST_CELLS:
        raise UsageError("the step is too fine for this mesh", got=shape, expected=f"{MOST_CELLS} cells")
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1] * step_mm
    matrix[:3, 3] = low
    grid = Grid((shape[0], shape[1], shape[2]), matrix)
    points = grid.to_patient(np.argwhere(np.ones(shape, bool)))
    return distances_mm(points, mesh).reshape(shape), grid


def remesh(mesh: Mesh, step_mm: float) -> Mesh:
    """Make the surface anew from its distance field: even triangles of about `step_mm`, always closed."""
    field, grid = distance_field(mesh, step_mm, 3 * step_mm)
    return separate(isosurface(-field, grid, 0.0).mesh(1, name=mesh.name, color=mesh.color))


def offset(mesh: Mesh, distance_mm: float, step_mm: float) -> Mesh:
    """Move a closed surface outwards (or inwards, below 0) by a distance, from its distance field."""
    field, grid = distance_field(mesh, step_mm, abs(distance_mm) + 3 * step_mm)
    return separate(isosurface(-field, grid, -distance_mm).mesh(1, name=mesh.name, color=mesh.color))


def shell(mesh: Mesh, thickness_mm: float, step_mm: float) -> Mesh:
    """Hollow a closed surface: a wall of a thickness inside it."""
    inner = offset(mesh, -abs(thickness_mm), step_mm)
    faces = np.concatenate([mesh.faces, inner.faces[:, ::-1] + len(mesh.vertices_mm)])
    return replace(
        mesh,
        vertices_mm=np.concatenate([mesh.vertices_mm, inner.vertices_mm]),
        faces=faces,
        vertex_colors=None,
    )

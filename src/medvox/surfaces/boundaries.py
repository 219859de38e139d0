"""Boundaries: all surfaces between the regions of space, shared faces stored once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.core.mesh import Mesh
from medvox.surfaces.bands import in_bands

AnyArray = NDArray[Any]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Boundaries:
    """Triangles, each between two regions.

    Parameters
    ----------
    vertices_mm
        (n, 3) LPS mm.
    faces
        (m, 3) int32 vertex numbers.
    sides
        (m, 2) int32 region behind and region before each face; its normal points to the second; 0: outside.
    shell
        (n,) int32 connected part of the lattice that the vertex was made in; it outlives decimation.
    """

    vertices_mm: FloatArray
    faces: NDArray[np.int32]
    sides: NDArray[np.int32]
    shell: NDArray[np.int32]

    @classmethod
    def of_mesh(cls, mesh: Mesh) -> Boundaries:
        """Take a mesh as the boundary of one region, 1."""
        from medvox.surfaces import mesh_kernels as kernels

        sides = np.tile(np.array([[1, 0]], np.int32), (len(mesh.faces), 1))
        faces = mesh.faces.astype(np.int32)
        return cls(mesh.vertices_mm, faces, sides, kernels.shells(faces, len(mesh.vertices_mm)))

    @cached_property
    def regions(self) -> tuple[int, ...]:
        """Numbers of the regions, without the outside."""
        return tuple(int(n) for n in np.unique(self.sides) if n != 0)

    @cached_property
    def corners(self) -> tuple[AnyArray, AnyArray]:
        """Faces around each vertex, as `mesh_kernels.corner_lists` gives them."""
        from medvox.surfaces import mesh_kernels as kernels

        return kernels.corner_lists(self.faces, len(self.vertices_mm))  # type: ignore[no-any-return]

    @cached_property
    def neighbors(self) -> tuple[AnyArray, AnyArray, AnyArray, AnyArray]:
        """Neighbors of each vertex, as `mesh_kernels.neighbors` gives them."""
        from medvox.surfaces import mesh_kernels as kernels

        return kernels.neighbors(self.faces, *self.corners)  # type: ignore[no-any-return]

    def with_vertices(self, vertices_mm: FloatArray) -> Boundaries:
        """Return the same faces at other places."""
        made = replace(self, vertices_mm=vertices_mm)
        for name in ("corners", "neighbors"):
            if name in self.__dict__:
                made.__dict__[name] = self.__dict__[name]
        return made

    def mesh(self, region: int, **words: Any) -> Mesh:
        """Surface of one region, its normals outwards; vertices of other regions left out."""
        faces = self.faces_of(region)
        used = np.zeros(len(self.vertices_mm), bool)
        used[faces.ravel()] = True
        number = np.cumsum(used) - 1
        return Mesh(self.vertices_mm[used], number[faces], **words)

    def faces_of(self, region: int) -> NDArray[np.int32]:
        """Faces of one region's surface, outwards."""
        behind, before = self.sides[:, 0] == region, self.sides[:, 1] == region
        if behind.all() and not before.any():
            return self.faces
        return np.concatenate([self.faces[behind], self.faces[before][:, ::-1]])


def label_boundaries(labels: AnyArray, grid: Grid) -> Boundaries:
    """Faces between voxels of different numbers, on the stored grid.

    Vertices lie on the corners of voxels; between slices on the midpoints of their positions, so that the
    volumes are those of `Grid.voxel_volumes_mm3`. All regions come out of one pass, and share their faces.

    Parameters
    ----------
    labels
        (k, j, i) whole numbers, 0 outside.

    Raises
    ------
    UsageError
        If there is no label, or the shape is not the grid's.
    """
    from medvox.surfaces import boundary_kernels as kernels
    from medvox.surfaces import mesh_kernels as meshes

    if labels.shape != grid.shape:
        raise UsageError("labels do not fit the grid", got=labels.shape, expected=grid.shape)
    window, low = filled_window(labels != 0 if labels.dtype != np.bool_ else labels)
    part = np.pad(labels[window].view(np.uint8) if labels.dtype == np.bool_ else labels[window], 1)
    counts = np.zeros(len(part), np.int64)
    in_bands(lambda rows: kernels.count_faces(part, rows, counts), len(part), 4)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    quads = np.empty((int(counts.sum()), 4), np.int16 if max(part.shape) < 32767 else np.int32)
    in_bands(lambda rows: kernels.list_faces(part, rows, starts, quads), len(part), 4)
    vertices = np.empty((4 * len(quads), 3), np.int32)
    faces, sides = np.empty((2 * len(quads), 3), np.int32), np.empty((2 * len(quads), 2), np.int32)
    count = kernels.build(part, quads, vertices, faces, sides)
    index = vertices[:count] + (np.asarray(low) - 1.5)
    flip = np.linalg.det(grid.affine[:3, :3]) < 0
    return Boundaries(
        grid.to_patient(index),
        np.ascontiguousarray(faces[:, ::-1]) if flip else faces,
        sides,
        meshes.shells(faces, count),
    )


def filled_window(mask: AnyArray) -> tuple[tuple[slice, slice, slice], tuple[int, int, int]]:
    """Smallest window that holds all of a mask, and where it begins.

    Raises
    ------
    UsageError
        If the mask is empty.
    """
    found = []
    for axis in range(3):
        others = tuple(n for n in range(3) if n != axis)
        filled = np.flatnonzero(mask.any(axis=others))
        if len(filled) == 0:
            raise UsageError("there is nothing to make a surface of", got="no voxel inside")
        found.append(slice(int(filled[0]), int(filled[-1]) + 1))
    return (found[0], found[1], found[2]), (found[0].start, found[1].start, found[2].start)

"""Mesh: a triangle surface in LPS mm."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import GeometryError
from medvox.core.notebook import html_repr
from medvox.core.provenance import Provenance
from medvox.core.transform import Transform


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Triangles.

    Parameters
    ----------
    vertices_mm
        (n, 3) float64 LPS positions.
    faces
        (m, 3) int64 vertex numbers, counter-clockwise seen from outside.
    name
        What it shows.
    color
        Red, green, blue, 0..255.
    provenance
        What it was made from.
    vertex_colors
        (n, 3) uint8 red, green, blue of each vertex, or None.
    """

    vertices_mm: NDArray[np.float64]
    faces: NDArray[np.int64]
    name: str = ""
    color: tuple[int, int, int] = (255, 255, 0)
    provenance: Provenance | None = None
    vertex_colors: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        vertices = np.array(self.vertices_mm, dtype=np.float64).reshape(-1, 3)
        faces = np.array(self.faces, dtype=np.int64).reshape(-1, 3)
        if not np.isfinite(vertices).all():
            raise GeometryError("mesh has vertices that are not finite")
        if len(faces) and (faces.min() < 0 or faces.max() >= len(vertices)):
            raise GeometryError(
                "mesh faces name vertices that are not there",
                got=int(faces.max()),
                expected=f"< {len(vertices)}",
            )
        if self.vertex_colors is not None and self.vertex_colors.shape != vertices.shape:
            raise GeometryError(
                "mesh colors do not fit its vertices", got=self.vertex_colors.shape, expected=vertices.shape
            )
        object.__setattr__(self, "vertices_mm", vertices)
        object.__setattr__(self, "faces", faces)

    @property
    def area_mm2(self) -> float:
        """Surface area."""
        return float(np.linalg.norm(self._cross(), axis=1).sum() / 2)

    @property
    def volume_ml(self) -> float:
        """Enclosed volume in millilitres, by the divergence theorem; meaningful for closed meshes."""
        a, b, c = (self.vertices_mm[self.faces[:, n]] for n in range(3))
        return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6 / 1000)

    @property
    def is_closed(self) -> bool:
        """Whether every edge joins exactly two faces that wind the same way."""
        edges = np.concatenate([self.faces[:, [0, 1]], self.faces[:, [1, 2]], self.faces[:, [2, 0]]])
        keys, counts = np.unique(edges, axis=0, return_counts=True)
        back = np.unique(edges[:, ::-1], axis=0)
        return len(edges) > 0 and bool((counts == 1).all()) and np.array_equal(keys, back)

    def transformed(self, transform: Transform) -> Mesh:
        """Return the mesh moved by a transform."""
        return replace(self, vertices_mm=transform.apply(self.vertices_mm))

    def _cross(self) -> NDArray[np.float64]:
        a, b, c = (self.vertices_mm[self.faces[:, n]] for n in range(3))
        return np.asarray(np.cross(b - a, c - a), dtype=np.float64)

    def __repr__(self) -> str:
        return f"Mesh({self.name!r}, {len(self.vertices_mm)} vertices, {len(self.faces)} faces)"

    def _repr_html_(self) -> str:
        return html_repr(self)

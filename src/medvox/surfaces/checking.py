"""Checks for printing: closed, free of self-intersections, walls thick enough."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.mesh import Mesh
from medvox.surfaces.distance import spread_points
from medvox.surfaces.manifold import open_edges
from medvox.surfaces.vtk_bridge import poly_data

FloatArray = NDArray[np.float64]
ZERO_AREA_MM2 = 1e-10


@dataclass(frozen=True, slots=True)
class PrintCheck:
    """What a slicer program would stumble over.

    Parameters
    ----------
    open_edges
        Edges that do not join two faces that wind the same way.
    zero_area_faces
        Faces without area.
    self_intersections
        Pairs of faces, of those sampled, that cut each other; None: not looked for.
    thin_share
        Share of the surface under which the wall is thinner than asked for.
    thinnest_mm
        Thinnest wall met at the sampled points.
    volume_ml
        Below 0: inside out.
    """

    open_edges: int
    zero_area_faces: int
    self_intersections: int | None
    thin_share: float
    thinnest_mm: float
    volume_ml: float

    @property
    def is_printable(self) -> bool:
        """Whether nothing but thin walls was found."""
        return self.open_edges == 0 and not self.self_intersections and self.volume_ml > 0

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"is_printable": self.is_printable}


def check_print(mesh: Mesh, thinnest_mm: float = 1.0, samples: int = 2000) -> PrintCheck:
    """Check a mesh for printing; walls are measured at points spread over the surface."""
    corner = mesh.vertices_mm[mesh.faces]
    area = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1) / 2
    opened = open_edges(mesh)
    walls = thickness_mm(mesh, spread_points(mesh, samples)) if opened == 0 else np.zeros(1)
    known = walls[np.isfinite(walls)]
    return PrintCheck(
        open_edges=opened,
        zero_area_faces=int((area <= ZERO_AREA_MM2).sum()),
        self_intersections=self_intersections(mesh),
        thin_share=float((known < thinnest_mm).mean()) if len(known) else 0.0,
        thinnest_mm=float(known.min()) if len(known) else 0.0,
        volume_ml=mesh.volume_ml,
    )


def thickness_mm(mesh: Mesh, points_mm: FloatArray | None = None) -> FloatArray:
    """(n,) wall thickness at points of a closed surface (its vertices): the way inwards to the other side.

    Rays start a little inside, along the reversed normal; NaN where none is met.
    """
    from vtkmodules.vtkCommonCore import mutable
    from vtkmodules.vtkCommonDataModel import vtkStaticCellLocator

    data = poly_data(mesh.vertices_mm, mesh.faces)
    locator: Any = vtkStaticCellLocator()
    locator.SetDataSet(data)
    locator.BuildLocator()
    corner = mesh.vertices_mm[mesh.faces]
    normals = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
    reach = float(np.linalg.norm(np.ptp(mesh.vertices_mm, axis=0)))
    points = mesh.vertices_mm if points_mm is None else points_mm
    found = np.full(len(points), np.nan)
    cell: Any = mutable(0)
    near, sub, away = [0.0] * 3, mutable(0), mutable(0.0)
    t: Any = mutable(0.0)
    hit, place = [0.0] * 3, [0.0] * 3
    for n, point in enumerate(points):
        locator.FindClosestPoint(point.tolist(), near, cell, sub, away)
        inward = -normals[int(cell.get())]
        start = point + inward * 1e-5 * reach
        if locator.IntersectWithLine(
            start.tolist(), (start + inward * reach).tolist(), 1e-9, t, hit, place, sub
        ):
            found[n] = float(t.get()) * reach + 1e-5 * reach
    return found


def self_intersections(mesh: Mesh) -> int | None:
    """Number of pairs of faces that share no vertex and cut each other; None where they are too many to look.

    Pairs whose boxes overlap are found in a tree of boxes, then tested edge against face (Möller-Trumbore).
    """
    if len(mesh.faces) == 0:
        return 0
    first, second = _near_pairs(mesh)
    if first is None or second is None:
        return None
    a, b = mesh.faces[first], mesh.faces[second]
    apart = ~(a[:, :, None] == b[:, None, :]).any(axis=(1, 2))
    a, b = mesh.vertices_mm[a[apart]], mesh.vertices_mm[b[apart]]
    hit = np.zeros(len(a), bool)
    for n in range(3):
        hit |= _crosses(a[:, n], a[:, (n + 1) % 3], b)
        hit |= _crosses(b[:, n], b[:, (n + 1) % 3], a)
    return int(hit.sum())


def _near_pairs(mesh: Mesh) -> tuple[NDArray[np.int64] | None, NDArray[np.int64] | None]:
    from scipy.spatial import cKDTree

    corner = mesh.vertices_mm[mesh.faces]
    middle = corner.mean(axis=1)
    radius = np.linalg.norm(corner - middle[:, None], axis=2).max(axis=1)
    typical = float(np.quantile(radius, 0.99))
    tree = cKDTree(middle)
    if tree.count_neighbors(tree, 2 * typical) > 30_000_000:
        return None, None
    pairs = tree.query_pairs(2 * typical, output_type="ndarray")
    low, high = corner.min(axis=1), corner.max(axis=1)
    one, two = pairs[:, 0], pairs[:, 1]
    over = ((low[one] <= high[two]) & (low[two] <= high[one])).all(axis=1)
    return one[over], two[over]


def _crosses(start: FloatArray, end: FloatArray, faces: FloatArray) -> NDArray[np.bool_]:
    """Whether segments pass through the inside of triangles."""
    way, u, v = end - start, faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0]
    p = np.cross(way, v)
    det = np.einsum("ij,ij->i", u, p)
    ok = np.abs(det) > 1e-12
    safe = np.where(ok, det, 1.0)
    s = start - faces[:, 0]
    a = np.einsum("ij,ij->i", s, p) / safe
    q = np.cross(s, u)
    b = np.einsum("ij,ij->i", way, q) / safe
    t = np.einsum("ij,ij->i", v, q) / safe
    edge = 1e-9
    return np.asarray(ok & (a > edge) & (b > edge) & (a + b < 1 - edge) & (t > edge) & (t < 1 - edge))

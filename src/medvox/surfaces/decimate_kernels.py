"""Compiled loops of `medvox.surfaces.decimate`: edge collapse by quadric error that keeps the topology.

The error of a place is the sum of its squared distances from the planes of the faces that were merged there
(Garland and Heckbert 1997). An edge is collapsed only where its ends have no common neighbors but those that
its faces give (the link condition of Dey et al. 1999), and where no face turns over.
"""

# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return"
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit  # noqa: TID253
from numpy.typing import NDArray

AnyArray = NDArray[Any]
_FAST = {"nogil": True, "cache": True, "fastmath": True}
NEVER = 1e30
FEW = 96
"""Vertices with more faces than this are left alone."""


class Work(NamedTuple):
    """The mesh during decimation; all arrays but the lists change.

    vertices: (n, 3). quadrics: (n, 10) upper triangle of the symmetric 4x4 matrix, row by row. faces: (m, 3),
    first vertex -1: gone. kinds: (n,) special edges at the vertex. starts, items: neighbors; special: of
    them, whether the edge is special. corner_starts, corner_items: faces around vertices.
    """

    vertices: AnyArray
    quadrics: AnyArray
    faces: AnyArray
    kinds: AnyArray
    starts: AnyArray
    items: AnyArray
    special: AnyArray
    corner_starts: AnyArray
    corner_items: AnyArray


@njit(**_FAST)
def _add_plane(q: AnyArray, a: float, b: float, c: float, d: float) -> None:
    q[0] += a * a
    q[1] += a * b
    q[2] += a * c
    q[3] += a * d
    q[4] += b * b
    q[5] += b * c
    q[6] += b * d
    q[7] += c * c
    q[8] += c * d
    q[9] += d * d


@njit(**_FAST)
def quadrics(vertices: AnyArray, faces: AnyArray, out: AnyArray) -> None:
    """Add the planes of all faces at their vertices."""
    for f in range(len(faces)):
        a, b, c = vertices[faces[f, 0]], vertices[faces[f, 1]], vertices[faces[f, 2]]
        ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
        vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        length = np.sqrt(x * x + y * y + z * z)
        if length < 1e-20:
            continue
        x, y, z = x / length, y / length, z / length
        d = -(x * a[0] + y * a[1] + z * a[2])
        for n in range(3):
            _add_plane(out[faces[f, n]], x, y, z, d)


@njit(**_FAST)
def line_quadrics(work: Work) -> None:
    """Add planes through special edges, upright on their faces, so that borders and junctions stay."""
    for f in range(len(work.faces)):
        for n in range(3):
            v, w, o = work.faces[f, n], work.faces[f, (n + 1) % 3], work.faces[f, (n + 2) % 3]
            if work.kinds[v] == 0 or work.kinds[w] == 0 or not _is_special(work, v, w):
                continue
            p, q, r = work.vertices[v], work.vertices[w], work.vertices[o]
            ex, ey, ez = q[0] - p[0], q[1] - p[1], q[2] - p[2]
            length = ex * ex + ey * ey + ez * ez
            if length < 1e-20:
                continue
            t = ((r[0] - p[0]) * ex + (r[1] - p[1]) * ey + (r[2] - p[2]) * ez) / length
            x, y, z = r[0] - p[0] - t * ex, r[1] - p[1] - t * ey, r[2] - p[2] - t * ez
            size = np.sqrt(x * x + y * y + z * z)
            if size < 1e-12:
                continue
            x, y, z = x / size, y / size, z / size
            d = -(x * p[0] + y * p[1] + z * p[2])
            _add_plane(work.quadrics[v], x, y, z, d)
            _add_plane(work.quadrics[w], x, y, z, d)


@njit(**_FAST)
def _is_special(work: Work, v: int, w: int) -> bool:
    for n in range(work.starts[v], work.starts[v + 1]):
        if work.items[n] == w:
            return bool(work.special[n])
    return False


@njit(**_FAST)
def _error(q: AnyArray, x: float, y: float, z: float) -> float:
    value = (
        q[0] * x * x + 2 * q[1] * x * y + 2 * q[2] * x * z + 2 * q[3] * x
        + q[4] * y * y + 2 * q[5] * y * z + 2 * q[6] * y
        + q[7] * z * z + 2 * q[8] * z + q[9]
    )  # fmt: skip
    return max(value, 0.0)


@njit(**_FAST)
def _place(work: Work, v: int, w: int, q: AnyArray, at: AnyArray) -> float:
    """Best place for the merged vertex, written to `at`, and its error; `NEVER` where it must not be."""
    a, b = work.vertices[v], work.vertices[w]
    kind_v, kind_w = work.kinds[v], work.kinds[w]
    for n in range(10):
        q[n] = work.quadrics[v, n] + work.quadrics[w, n]
    length = (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2
    extra = 1e-4 * length
    if kind_v > 0 and kind_w > 0 and ((kind_v != 2 and kind_w != 2) or not _is_special(work, v, w)):
        return NEVER
    keep_v = kind_v > 0 and (kind_w == 0 or kind_v != 2)
    keep_w = kind_w > 0 and (kind_v == 0 or kind_w != 2)
    if keep_v or keep_w:
        best = a if keep_v else b
        at[0], at[1], at[2] = best[0], best[1], best[2]
        return _error(q, at[0], at[1], at[2]) + extra
    mx, my, mz = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2, (a[2] + b[2]) / 2
    # solve relative to the middle, for accuracy: A d = -(A m + b)
    rx = -(q[0] * mx + q[1] * my + q[2] * mz + q[3])
    ry = -(q[1] * mx + q[4] * my + q[5] * mz + q[6])
    rz = -(q[2] * mx + q[5] * my + q[7] * mz + q[8])
    c0, c1, c2 = q[4] * q[7] - q[5] * q[5], q[2] * q[5] - q[1] * q[7], q[1] * q[5] - q[2] * q[4]
    det = q[0] * c0 + q[1] * c1 + q[2] * c2
    trace = q[0] + q[4] + q[7]
    if det > 1e-4 * trace * trace * trace:
        c3, c4, c5 = q[0] * q[7] - q[2] * q[2], q[1] * q[2] - q[0] * q[5], q[0] * q[4] - q[1] * q[1]
        dx = (c0 * rx + c1 * ry + c2 * rz) / det
        dy = (c1 * rx + c3 * ry + c4 * rz) / det
        dz = (c2 * rx + c4 * ry + c5 * rz) / det
        if dx * dx + dy * dy + dz * dz < length:
            at[0], at[1], at[2] = mx + dx, my + dy, mz + dz
            return _error(q, at[0], at[1], at[2]) + extra
    best_error = _error(q, mx, my, mz)
    at[0], at[1], at[2] = mx, my, mz
    for side in range(2):
        p = a if side == 0 else b
        error = _error(q, p[0], p[1], p[2])
        if error < best_error:
            best_error = error
            at[0], at[1], at[2] = p[0], p[1], p[2]
    return best_error + extra


@njit(**_FAST)
def best_edges(work: Work, rows: tuple[int, int], cost: AnyArray, mate: AnyArray) -> None:
    """Cheapest edge of each vertex to a later one: its cost and other end (-1: none)."""
    q, at = np.empty(10), np.empty(3)
    for v in range(rows[0], rows[1]):
        cost[v], mate[v] = NEVER, -1
        for n in range(work.starts[v], work.starts[v + 1]):
            w = work.items[n]
            if w > v:
                error = _place(work, v, w, q, at)
                if error < cost[v]:
                    cost[v], mate[v] = error, w


@njit(**_FAST)
def _around(work: Work, v: int, ring: AnyArray, around: AnyArray) -> tuple[int, int]:
    """Living faces around a vertex, and its neighbors; -1 where they are too many."""
    faces = number = 0
    for place in range(work.corner_starts[v], work.corner_starts[v + 1]):
        f = work.corner_items[place]
        if work.faces[f, 0] < 0:
            continue
        if faces >= FEW:
            return -1, 0
        around[faces] = f
        faces += 1
        for n in range(3):
            w = work.faces[f, n]
            if w == v:
                continue
            known = False
            for m in range(number):
                if ring[m] == w:
                    known = True
                    break
            if not known:
                ring[number] = w
                number += 1
    return faces, number


@njit(**_FAST)
def _turns(work: Work, around: AnyArray, count: int, v: int, w: int, at: AnyArray) -> bool:
    """Whether moving `v` to `at` turns over or flattens one of its faces (those with `w` vanish)."""
    for m in range(count):
        f = work.faces[around[m]]
        if f[0] == w or f[1] == w or f[2] == w:
            continue
        n = 0 if f[0] == v else 1 if f[1] == v else 2
        b, c = work.vertices[f[(n + 1) % 3]], work.vertices[f[(n + 2) % 3]]
        p = work.vertices[v]
        ex, ey, ez = c[0] - b[0], c[1] - b[1], c[2] - b[2]
        ux, uy, uz = p[0] - b[0], p[1] - b[1], p[2] - b[2]
        wx, wy, wz = at[0] - b[0], at[1] - b[1], at[2] - b[2]
        ox, oy, oz = ey * uz - ez * uy, ez * ux - ex * uz, ex * uy - ey * ux
        nx, ny, nz = ey * wz - ez * wy, ez * wx - ex * wz, ex * wy - ey * wx
        dot = ox * nx + oy * ny + oz * nz
        old, new = ox * ox + oy * oy + oz * oz, nx * nx + ny * ny + nz * nz
        if dot <= 0.0 or (old > 0 and dot * dot < 0.1 * old * new):
            return True
        longest = max(ex * ex + ey * ey + ez * ez, wx * wx + wy * wy + wz * wz)
        if new < 2e-4 * longest * longest:
            return True
    return False


@njit(**_FAST)
def _links_fit(
    work: Work, v: int, w: int, rings: tuple[AnyArray, int, AnyArray, int], faces: tuple[AnyArray, int]
) -> int:
    """Number of faces on the edge where it may be collapsed, else -1."""
    ring, many, other, others = rings
    around, count = faces
    shared = common = 0
    for m in range(count):
        f = work.faces[around[m]]
        if f[0] == v or f[1] == v or f[2] == v:
            shared += 1
    for m in range(others):
        if other[m] == v:
            continue
        for n in range(many):
            if ring[n] == other[m]:
                common += 1
                break
    if shared == 0 or common != shared:
        return -1
    for m in range(count):  # a face of w whose other corners are both common: a fin or a tetrahedron
        f = work.faces[around[m]]
        if f[0] == v or f[1] == v or f[2] == v:
            continue
        both = 0
        for n in range(3):
            if f[n] == w:
                continue
            for o in range(many):
                if ring[o] == f[n]:
                    both += 1
                    break
        if both == 2:
            return -1
    return shared


@njit(**_FAST)
def collapse(work: Work, cost: AnyArray, mate: AnyArray, limit: float, wanted: int) -> int:
    """Collapse edges that cost at most `limit`, in order of their vertices, until `wanted` faces are gone.

    Returns
    -------
    int
        Faces removed.
    """
    count = len(work.vertices)
    locked = np.zeros(count, np.bool_)
    ring, other = np.empty(2 * FEW, np.int32), np.empty(2 * FEW, np.int32)
    around, beside = np.empty(FEW, np.int32), np.empty(FEW, np.int32)
    q, at = np.empty(10), np.empty(3)
    removed = 0
    for v in range(count):
        w = mate[v]
        if w < 0 or cost[v] > limit or locked[v] or locked[w]:
            continue
        faces_v, ring_v = _around(work, v, ring, around)
        faces_w, ring_w = _around(work, w, other, beside)
        if faces_v <= 0 or faces_w <= 0:
            continue
        shared = _links_fit(work, v, w, (ring, ring_v, other, ring_w), (beside, faces_w))
        if shared < 0 or _place(work, v, w, q, at) >= NEVER:
            continue
        if _turns(work, around, faces_v, v, w, at) or _turns(work, beside, faces_w, w, v, at):
            continue
        for m in range(faces_w):
            f = beside[m]
            if work.faces[f, 0] == v or work.faces[f, 1] == v or work.faces[f, 2] == v:
                work.faces[f, 0] = -1
                continue
            for n in range(3):
                if work.faces[f, n] == w:
                    work.faces[f, n] = v
        for n in range(3):
            work.vertices[v, n] = at[n]
        for n in range(10):
            work.quadrics[v, n] = q[n]
        locked[v] = locked[w] = True
        removed += shared
        if removed >= wanted:
            break
    return removed

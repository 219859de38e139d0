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
SHORT = 1e-4
"""Added to an edge's error, times its squared length: of equal edges the shorter is collapsed first."""
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
def _error(q: tuple[float, ...], x: float, y: float, z: float) -> float:
    value = (
        q[0] * x * x + 2 * q[1] * x * y + 2 * q[2] * x * z + 2 * q[3] * x
        + q[4] * y * y + 2 * q[5] * y * z + 2 * q[6] * y
        + q[7] * z * z + 2 * q[8] * z + q[9]
    )  # fmt: skip
    return max(value, 0.0)


@njit(**_FAST)
def _merged_error(  # noqa: PLR0911
    vertices: AnyArray, quadrics: AnyArray, kinds: AnyArray, v: int, w: int, special: bool
) -> tuple[float, float, float, float]:
    """Error of merging two vertices at the best place, `NEVER` where it must not be, and the place."""
    ax, ay, az = vertices[v, 0], vertices[v, 1], vertices[v, 2]
    bx, by, bz = vertices[w, 0], vertices[w, 1], vertices[w, 2]
    q0, q1, q2 = (
        quadrics[v, 0] + quadrics[w, 0],
        quadrics[v, 1] + quadrics[w, 1],
        quadrics[v, 2] + quadrics[w, 2],
    )
    q3, q4, q5 = (
        quadrics[v, 3] + quadrics[w, 3],
        quadrics[v, 4] + quadrics[w, 4],
        quadrics[v, 5] + quadrics[w, 5],
    )
    q6, q7, q8 = (
        quadrics[v, 6] + quadrics[w, 6],
        quadrics[v, 7] + quadrics[w, 7],
        quadrics[v, 8] + quadrics[w, 8],
    )
    q9 = quadrics[v, 9] + quadrics[w, 9]
    q = (q0, q1, q2, q3, q4, q5, q6, q7, q8, q9)
    length = (ax - bx) ** 2 + (ay - by) ** 2 + (az - bz) ** 2
    extra = SHORT * length
    kind_v, kind_w = kinds[v], kinds[w]
    if kind_v > 0 or kind_w > 0:
        if kind_v > 0 and kind_w > 0 and ((kind_v != 2 and kind_w != 2) or not special):
            return NEVER, ax, ay, az
        if kind_v > 0 and (kind_w == 0 or kind_v != 2):
            return _error(q, ax, ay, az) + extra, ax, ay, az
        if kind_w > 0 and (kind_v == 0 or kind_w != 2):
            return _error(q, bx, by, bz) + extra, bx, by, bz
    mx, my, mz = (ax + bx) / 2, (ay + by) / 2, (az + bz) / 2
    # solve relative to the middle, for accuracy
    rx = -(q0 * mx + q1 * my + q2 * mz + q3)
    ry = -(q1 * mx + q4 * my + q5 * mz + q6)
    rz = -(q2 * mx + q5 * my + q7 * mz + q8)
    c0, c1, c2 = q4 * q7 - q5 * q5, q2 * q5 - q1 * q7, q1 * q5 - q2 * q4
    det = q0 * c0 + q1 * c1 + q2 * c2
    trace = q0 + q4 + q7
    if det > 1e-4 * trace * trace * trace:
        c3, c4, c5 = q0 * q7 - q2 * q2, q1 * q2 - q0 * q5, q0 * q4 - q1 * q1
        dx = (c0 * rx + c1 * ry + c2 * rz) / det
        dy = (c1 * rx + c3 * ry + c4 * rz) / det
        dz = (c2 * rx + c4 * ry + c5 * rz) / det
        if dx * dx + dy * dy + dz * dz < length:
            x, y, z = mx + dx, my + dy, mz + dz
            return _error(q, x, y, z) + extra, x, y, z
    best, first, second = _error(q, mx, my, mz), _error(q, ax, ay, az), _error(q, bx, by, bz)
    if first < best and first <= second:
        return first + extra, ax, ay, az
    if second < best:
        return second + extra, bx, by, bz
    return best + extra, mx, my, mz


@njit(**_FAST)
def best_edges(work: Work, rows: tuple[int, int], cost: AnyArray, mate: AnyArray) -> None:
    """Cheapest edge of each vertex to a later one: its cost and other end (-1: none)."""
    vertices, quadrics, kinds = work.vertices, work.quadrics, work.kinds
    starts, items, special = work.starts, work.items, work.special
    for v in range(rows[0], rows[1]):
        least, other = NEVER, -1
        for n in range(starts[v], starts[v + 1]):
            w = items[n]
            if w > v:
                upright = kinds[v] > 0 and special[n]
                error = _merged_error(vertices, quadrics, kinds, v, w, upright)[0]
                if error < least:
                    least, other = error, w
        cost[v], mate[v] = least, other


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
    faces, vertices = work.faces, work.vertices
    px, py, pz = vertices[v, 0], vertices[v, 1], vertices[v, 2]
    for m in range(count):
        f = around[m]
        f0, f1, f2 = faces[f, 0], faces[f, 1], faces[f, 2]
        if w in (f0, f1, f2):
            continue
        b, c = (f1, f2) if f0 == v else (f2, f0) if f1 == v else (f0, f1)
        bx, by, bz = vertices[b, 0], vertices[b, 1], vertices[b, 2]
        ex, ey, ez = vertices[c, 0] - bx, vertices[c, 1] - by, vertices[c, 2] - bz
        ux, uy, uz = px - bx, py - by, pz - bz
        wx, wy, wz = at[0] - bx, at[1] - by, at[2] - bz
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
def _links_fit(  # noqa: C901, PLR0912
    work: Work, v: int, w: int, rings: tuple[AnyArray, int, AnyArray, int], beside: tuple[AnyArray, int]
) -> int:
    """Number of faces on the edge where it may be collapsed, else -1."""
    ring, many, other, others = rings
    around, count = beside
    shared = common = 0
    faces = work.faces
    for m in range(count):
        f = around[m]
        if v in (faces[f, 0], faces[f, 1], faces[f, 2]):
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
        f = around[m]
        if v in (faces[f, 0], faces[f, 1], faces[f, 2]):
            continue
        both = 0
        for n in range(3):
            if faces[f, n] == w:
                continue
            for o in range(many):
                if ring[o] == faces[f, n]:
                    both += 1
                    break
        if both == 2:
            return -1
    return shared


@njit(**_FAST)
def collapse(  # noqa: C901, PLR0912
    work: Work, cost: AnyArray, mate: AnyArray, limit: float, wanted: int
) -> int:
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
    at = np.empty(3)
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
        if shared < 0:
            continue
        special = work.kinds[v] > 0 and work.kinds[w] > 0 and _is_special(work, v, w)
        error, at[0], at[1], at[2] = _merged_error(work.vertices, work.quadrics, work.kinds, v, w, special)
        if error >= NEVER:
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
            work.quadrics[v, n] += work.quadrics[w, n]
        locked[v] = locked[w] = True
        removed += shared
        if removed >= wanted:
            break
    return removed


@njit(**_FAST)
def compact(
    faces: AnyArray, sides: AnyArray, vertices: AnyArray, quadrics: AnyArray, shell: AnyArray
) -> tuple[int, int]:
    """Move what is left to the front of all arrays, in place; returns the numbers of vertices and faces."""
    number = np.full(len(vertices), -1, np.int32)
    kept = 0
    for f in range(len(faces)):
        if faces[f, 0] < 0:
            continue
        for n in range(3):
            faces[kept, n] = faces[f, n]
            number[faces[f, n]] = 0
        sides[kept, 0], sides[kept, 1] = sides[f, 0], sides[f, 1]
        kept += 1
    count = 0
    for v in range(len(vertices)):
        if number[v] < 0:
            continue
        number[v] = count
        if count != v:
            shell[count] = shell[v]
            for n in range(3):
                vertices[count, n] = vertices[v, n]
            for n in range(10):
                quadrics[count, n] = quadrics[v, n]
        count += 1
    for f in range(kept):
        for n in range(3):
            faces[f, n] = number[faces[f, n]]
    return count, kept

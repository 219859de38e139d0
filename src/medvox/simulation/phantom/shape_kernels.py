"""Compiled loops of the phantom: signed distances of shapes, and painting them with partial volume.

A primitive is one row of float64 numbers; `medvox.simulation.phantom.shapes` writes the rows. Distances
are in mm, negative inside, exact to first order near the surface, which is where they are used.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit  # noqa: TID253

ELLIPSOID, CONE, LOFT, PLANE, TRIANGLE = 0, 1, 2, 3, 4
UNION, CUT, COMMON = 0, 1, 2
ROW = 22
"""Numbers a primitive: kind, operation, blend mm, shell half-thickness mm, then its own."""
BLOCK = 8
"""Voxels along the blocks that are tested as a whole."""


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _power(x: float, n: float) -> float:
    if n == 2.0:
        return x * x
    if n == 4.0:
        return x * x * x * x
    return float(x**n)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _super_ellipse(a: float, b: float, c: float, radii: tuple[float, float, float], n: float) -> float:
    """First-order distance to |a/ra|^n + |b/rb|^n + |c/rc|^n = 1."""
    u, v, w = abs(a) / radii[0], abs(b) / radii[1], abs(c) / radii[2]
    total = _power(u, n) + _power(v, n) + _power(w, n)
    least = min(radii[0], radii[1], radii[2])
    if total < 1e-9:
        return -least
    f = math.sqrt(total) if n == 2.0 else total ** (1.0 / n)
    scale = f / total
    gu = _power(u, n - 1.0) * scale / radii[0]
    gv = _power(v, n - 1.0) * scale / radii[1]
    gw = _power(w, n - 1.0) * scale / radii[2]
    slope = math.sqrt(gu * gu + gv * gv + gw * gw)
    return max((f - 1.0) / slope, -least)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _ellipsoid(rows: np.ndarray, n: int, x: float, y: float, z: float) -> float:
    x, y, z = x - rows[n, 4], y - rows[n, 5], z - rows[n, 6]
    a = rows[n, 10] * x + rows[n, 11] * y + rows[n, 12] * z
    b = rows[n, 13] * x + rows[n, 14] * y + rows[n, 15] * z
    c = rows[n, 16] * x + rows[n, 17] * y + rows[n, 18] * z
    return float(_super_ellipse(a, b, c, (rows[n, 7], rows[n, 8], rows[n, 9]), rows[n, 19]))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _cone(rows: np.ndarray, n: int, x: float, y: float, z: float) -> float:
    """Distance to a capsule whose radius runs from one end to the other, flattened along an axis."""
    x, y, z = x - rows[n, 4], y - rows[n, 5], z - rows[n, 6]
    bx, by, bz = rows[n, 7] - rows[n, 4], rows[n, 8] - rows[n, 5], rows[n, 9] - rows[n, 6]
    length = bx * bx + by * by + bz * bz
    t = 0.0
    if length > 0.0:
        t = min(1.0, max(0.0, (x * bx + y * by + z * bz) / length))
    x, y, z = x - t * bx, y - t * by, z - t * bz
    radius = rows[n, 10] + t * (rows[n, 11] - rows[n, 10])
    far = math.sqrt(x * x + y * y + z * z)
    if rows[n, 15] == 1.0 or far < 1e-9:
        return float(far - radius)
    along = x * rows[n, 12] + y * rows[n, 13] + z * rows[n, 14]
    stretch = math.sqrt(far * far + along * along * (rows[n, 15] * rows[n, 15] - 1.0))
    return float((stretch - radius) * far / stretch)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _loft(rows: np.ndarray, n: int, sections: np.ndarray, x: float, y: float, z: float) -> float:
    """Distance to a stack of super-ellipses, each with its own centre, radii and exponent."""
    count = int(rows[n, 5])
    at = (z - rows[n, 6]) / rows[n, 7]
    beyond = max(-at, at - (count - 1)) * rows[n, 7]
    at = min(max(at, 0.0), count - 1.0)
    step = min(int(at), count - 2)
    a = int(rows[n, 4]) + step
    f = at - step
    g = 1.0 - f
    u = x - (g * sections[a, 0] + f * sections[a + 1, 0])
    v = y - (g * sections[a, 1] + f * sections[a + 1, 1])
    side = 3 if v < 0.0 else 4
    wide = g * sections[a, 2] + f * sections[a + 1, 2]
    deep = g * sections[a, side] + f * sections[a + 1, side]
    d = _super_ellipse(u, v, 0.0, (wide, deep, 1e3), g * sections[a, 5] + f * sections[a + 1, 5])
    return float(max(d, beyond))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _to_segment(rows: np.ndarray, n: int, a: int, b: int, p: tuple[float, float, float]) -> float:
    """Squared distance of a point to the edge between the corners at columns a and b."""
    dx, dy, dz = rows[n, b] - rows[n, a], rows[n, b + 1] - rows[n, a + 1], rows[n, b + 2] - rows[n, a + 2]
    x, y, z = p[0] - rows[n, a], p[1] - rows[n, a + 1], p[2] - rows[n, a + 2]
    t = min(1.0, max(0.0, (x * dx + y * dy + z * dz) / (dx * dx + dy * dy + dz * dz)))
    return float((x - t * dx) ** 2 + (y - t * dy) ** 2 + (z - t * dz) ** 2)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _side(rows: np.ndarray, n: int, a: int, b: int, p: tuple[float, float, float]) -> float:
    """Positive where a point lies beyond the edge between the corners at columns a and b."""
    dx, dy, dz = rows[n, b] - rows[n, a], rows[n, b + 1] - rows[n, a + 1], rows[n, b + 2] - rows[n, a + 2]
    x, y, z = p[0] - rows[n, a], p[1] - rows[n, a + 1], p[2] - rows[n, a + 2]
    nx, ny, nz = rows[n, 13], rows[n, 14], rows[n, 15]
    return float((dy * nz - dz * ny) * x + (dz * nx - dx * nz) * y + (dx * ny - dy * nx) * z)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _triangle(rows: np.ndarray, n: int, x: float, y: float, z: float) -> float:
    """Distance to a plate: a triangle (columns 4 to 12, unit normal 13 to 15) grown by a radius."""
    p = (x, y, z)
    if _side(rows, n, 4, 7, p) <= 0.0 and _side(rows, n, 7, 10, p) <= 0.0 and _side(rows, n, 10, 4, p) <= 0.0:
        along = (
            (x - rows[n, 4]) * rows[n, 13] + (y - rows[n, 5]) * rows[n, 14] + (z - rows[n, 6]) * rows[n, 15]
        )
        return float(abs(along) - rows[n, 16])
    first = min(_to_segment(rows, n, 4, 7, p), _to_segment(rows, n, 7, 10, p))
    return float(math.sqrt(min(first, _to_segment(rows, n, 10, 4, p))) - rows[n, 16])


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _primitive(rows: np.ndarray, n: int, sections: np.ndarray, x: float, y: float, z: float) -> float:
    kind = rows[n, 0]
    if kind == ELLIPSOID:
        d = _ellipsoid(rows, n, x, y, z)
    elif kind == CONE:
        d = _cone(rows, n, x, y, z)
    elif kind == LOFT:
        d = _loft(rows, n, sections, x, y, z)
    elif kind == TRIANGLE:
        d = _triangle(rows, n, x, y, z)
    else:
        d = (x - rows[n, 4]) * rows[n, 7] + (y - rows[n, 5]) * rows[n, 8] + (z - rows[n, 6]) * rows[n, 9]
    if rows[n, 3] > 0.0:
        d = abs(d) - rows[n, 3]
    return float(d)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def distance(rows: np.ndarray, count: int, sections: np.ndarray, x: float, y: float, z: float) -> float:
    """Signed distance in mm of a point to the shape that the first `count` rows build up in order."""
    total = 1e9
    for n in range(count):
        d = _primitive(rows, n, sections, x, y, z)
        blend = rows[n, 2]
        if rows[n, 1] == UNION:
            h = max(blend - abs(total - d), 0.0)
            total = min(total, d) - (h * h / (4.0 * blend) if blend > 0.0 else 0.0)
        else:
            if rows[n, 1] == CUT:
                d = -d
            h = max(blend - abs(total - d), 0.0)
            total = max(total, d) + (h * h / (4.0 * blend) if blend > 0.0 else 0.0)
    return total


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def near_rows(
    rows: np.ndarray, sections: np.ndarray, point: tuple[float, float, float], reach: float, kept: np.ndarray
) -> tuple[int, bool]:
    """Copy to `kept` the primitives that shape the surface within `reach` mm of a point.

    Returns
    -------
    int
        How many; 0: nothing of the shape is near.
    bool
        Whether all of the neighbourhood lies inside.
    """
    count, cuts, deep, nearest, blend = 0, 0, False, 1e9, 0.0
    for n in range(rows.shape[0]):
        d = _primitive(rows, n, sections, point[0], point[1], point[2])
        far = reach + 1.25 * rows[n, 2]
        if rows[n, 1] == UNION:
            nearest, blend = min(nearest, d), max(blend, rows[n, 2])
            deep = deep or d < -1.5 * reach
        if (rows[n, 1] == COMMON and d < -1.5 * far) or (rows[n, 1] != COMMON and d > far):
            continue
        if rows[n, 1] != UNION:
            cuts += 1
        for column in range(ROW):
            kept[count, column] = rows[n, column]
        count += 1
    if nearest > reach + 0.5 * blend:
        return 0, False
    return count, deep and cuts == 0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _fade(f: float) -> float:
    return f * f * f * (f * (f * 6.0 - 15.0) + 10.0)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def value_noise(lattice: np.ndarray, x: float, y: float, z: float) -> float:
    """Smooth noise of unit cell size, -1..1, by quintic interpolation of a periodic lattice."""
    mask = lattice.shape[0] - 1
    fx, fy, fz = math.floor(x), math.floor(y), math.floor(z)
    i, j, k = int(fx) & mask, int(fy) & mask, int(fz) & mask
    i1, j1, k1 = (i + 1) & mask, (j + 1) & mask, (k + 1) & mask
    u, v, w = _fade(x - fx), _fade(y - fy), _fade(z - fz)
    a = lattice[k, j, i] * (1.0 - u) + lattice[k, j, i1] * u
    b = lattice[k, j1, i] * (1.0 - u) + lattice[k, j1, i1] * u
    c = lattice[k1, j, i] * (1.0 - u) + lattice[k1, j, i1] * u
    d = lattice[k1, j1, i] * (1.0 - u) + lattice[k1, j1, i1] * u
    return float((a * (1.0 - v) + b * v) * (1.0 - w) + (c * (1.0 - v) + d * v) * w)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def put(
    top: np.ndarray,
    under: np.ndarray,
    cover: np.ndarray,
    at: tuple[int, int, int],
    part: int,
    share: float,
    allowed: np.ndarray,
) -> None:
    """Lay `share` (0..1) of one voxel's volume over what is there.

    Where only one of two parts may be painted over, it alone gives way, if most of the voxel is painted.
    """
    k, j, i = at
    high, low, shared = top[k, j, i], under[k, j, i], cover[k, j, i]
    if high != part and 0 < shared < 255 and allowed[high] != allowed[low]:
        if share >= 0.5 and allowed[low]:
            under[k, j, i] = part
        elif share >= 0.5:
            top[k, j, i] = part
        return
    main = high if shared >= 128 else low
    if not allowed[main]:
        return
    amount = int(share * 255.0 + 0.5)
    if high == part:
        cover[k, j, i] = max(shared, amount)
    else:
        under[k, j, i] = main
        top[k, j, i] = part
        cover[k, j, i] = amount


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def paint(  # noqa: PLR0913
    top: np.ndarray,
    under: np.ndarray,
    cover: np.ndarray,
    affine: np.ndarray,
    boxes: np.ndarray,
    rows: np.ndarray,
    sections: np.ndarray,
    lattice: np.ndarray,
    rough: tuple[float, float],
    part: int,
    allowed: np.ndarray,
    inset_mm: float,
    soft_mm: float,
    whole: bool,
) -> None:
    """Paint one part: the whole shape in one box, or each row in its own ((n, 2, 3) boxes).

    Boxes hold the first and last + 1 voxel. The part lies `inset_mm` inside the shape. A voxel is covered
    in proportion to how far its centre lies inside, over `soft_mm` (the voxel size): the share of its
    volume, for a flat surface.
    """
    for n in range(boxes.shape[0]):
        chosen = rows if whole else rows[n : n + 1]
        _paint_box(
            top, under, cover, affine, boxes[n], chosen, sections, lattice, rough, part, allowed,
            inset_mm, soft_mm,
        )  # fmt: skip


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _paint_box(  # noqa: PLR0913
    top: np.ndarray,
    under: np.ndarray,
    cover: np.ndarray,
    affine: np.ndarray,
    box: np.ndarray,
    rows: np.ndarray,
    sections: np.ndarray,
    lattice: np.ndarray,
    rough: tuple[float, float],
    part: int,
    allowed: np.ndarray,
    inset_mm: float,
    soft_mm: float,
) -> None:
    """Paint into one box, block by block."""
    kept = np.empty_like(rows)
    half = BLOCK / 2.0
    reach = _half_diagonal(affine) * BLOCK + abs(inset_mm) + 2.0 * rough[0] + soft_mm
    for k in range(box[0, 0], box[1, 0], BLOCK):
        for j in range(box[0, 1], box[1, 1], BLOCK):
            for i in range(box[0, 2], box[1, 2], BLOCK):
                point = _place(affine, k + half, j + half, i + half)
                count, solid = near_rows(rows, sections, point, reach, kept)
                if count == 0:
                    continue
                last = (min(k + BLOCK, box[1, 0]), min(j + BLOCK, box[1, 1]), min(i + BLOCK, box[1, 2]))
                for kk in range(k, last[0]):
                    for jj in range(j, last[1]):
                        for ii in range(i, last[2]):
                            share = 1.0
                            if not solid:
                                x, y, z = _place(affine, kk, jj, ii)
                                d = distance(kept, count, sections, x, y, z) + inset_mm
                                d += _roughness(lattice, rough, d - soft_mm, x, y, z)
                                share = min(1.0, max(0.0, 0.5 - d / soft_mm))
                            if share > 0.0:
                                put(top, under, cover, (kk, jj, ii), part, share, allowed)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _half_diagonal(affine: np.ndarray) -> float:
    """Half of the longest diagonal of a voxel in mm."""
    longest = 0.0
    for b in (-1.0, 1.0):
        for c in (-1.0, 1.0):
            total = 0.0
            for axis in range(3):
                total += (affine[axis, 0] + b * affine[axis, 1] + c * affine[axis, 2]) ** 2
            longest = max(longest, math.sqrt(total))
    return longest / 2.0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _place(affine: np.ndarray, k: float, j: float, i: float) -> tuple[float, float, float]:
    return (
        affine[0, 0] * k + affine[0, 1] * j + affine[0, 2] * i + affine[0, 3],
        affine[1, 0] * k + affine[1, 1] * j + affine[1, 2] * i + affine[1, 3],
        affine[2, 0] * k + affine[2, 1] * j + affine[2, 2] * i + affine[2, 3],
    )


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _roughness(
    lattice: np.ndarray, rough: tuple[float, float], away: float, x: float, y: float, z: float
) -> float:
    if rough[0] == 0.0 or abs(away) > 4.0 * rough[0] + 6.0:
        return 0.0
    s = 1.0 / rough[1]
    coarse = value_noise(lattice, x * s, y * s, z * s)
    fine = value_noise(lattice, x * s * 2.1 + 7, y * s * 2.1, z * s * 2.1)
    return float(rough[0] * (coarse + 0.5 * fine))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def fill_noise(out: np.ndarray, affine: np.ndarray, lattice: np.ndarray, scale_mm: float) -> None:
    """Write smooth noise of cell size `scale_mm` at the voxel centres, fixed in space."""
    s = 1.0 / scale_mm
    for k in range(out.shape[0]):
        for j in range(out.shape[1]):
            for i in range(out.shape[2]):
                x = affine[0, 0] * k + affine[0, 1] * j + affine[0, 2] * i + affine[0, 3]
                y = affine[1, 0] * k + affine[1, 1] * j + affine[1, 2] * i + affine[1, 3]
                z = affine[2, 0] * k + affine[2, 1] * j + affine[2, 2] * i + affine[2, 3]
                out[k, j, i] = value_noise(lattice, x * s, y * s, z * s)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def distances(rows: np.ndarray, sections: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Signed distances of (n, 3) points to a shape."""
    out = np.empty(points.shape[0])
    for n in range(points.shape[0]):
        out[n] = distance(rows, rows.shape[0], sections, points[n, 0], points[n, 1], points[n, 2])
    return out

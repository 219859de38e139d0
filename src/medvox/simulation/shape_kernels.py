"""Compiled loops of the phantom: signed distances of shapes, and painting them with partial volume.

A primitive is one row of float64 numbers; `medvox.simulation.shapes` writes the rows. Distances are in
mm, negative inside, exact to first order near the surface, which is where they are used.
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
def _ellipsoid(row: np.ndarray, x: float, y: float, z: float) -> float:
    x, y, z = x - row[4], y - row[5], z - row[6]
    a = row[10] * x + row[11] * y + row[12] * z
    b = row[13] * x + row[14] * y + row[15] * z
    c = row[16] * x + row[17] * y + row[18] * z
    return float(_super_ellipse(a, b, c, (row[7], row[8], row[9]), row[19]))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _cone(row: np.ndarray, x: float, y: float, z: float) -> float:
    """Distance to a capsule whose radius runs from one end to the other, flattened along an axis."""
    x, y, z = x - row[4], y - row[5], z - row[6]
    bx, by, bz = row[7] - row[4], row[8] - row[5], row[9] - row[6]
    length = bx * bx + by * by + bz * bz
    t = 0.0
    if length > 0.0:
        t = min(1.0, max(0.0, (x * bx + y * by + z * bz) / length))
    x, y, z = x - t * bx, y - t * by, z - t * bz
    radius = row[10] + t * (row[11] - row[10])
    far = math.sqrt(x * x + y * y + z * z)
    if row[15] == 1.0 or far < 1e-9:
        return float(far - radius)
    along = x * row[12] + y * row[13] + z * row[14]
    stretch = math.sqrt(far * far + along * along * (row[15] * row[15] - 1.0))
    return float((stretch - radius) * far / stretch)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _loft(row: np.ndarray, sections: np.ndarray, x: float, y: float, z: float) -> float:
    """Distance to a stack of super-ellipses, each with its own centre, radii and exponent."""
    first, count = int(row[4]), int(row[5])
    at = (z - row[6]) / row[7]
    beyond = max(-at, at - (count - 1)) * row[7]
    at = min(max(at, 0.0), count - 1.0)
    n = min(int(at), count - 2)
    f = at - n
    low, high = sections[first + n], sections[first + n + 1]
    g = 1.0 - f
    v = y - (g * low[1] + f * high[1])
    depth = g * low[3] + f * high[3] if v < 0.0 else g * low[4] + f * high[4]
    u = x - (g * low[0] + f * high[0])
    d = _super_ellipse(u, v, 0.0, (g * low[2] + f * high[2], depth, 1e3), g * low[5] + f * high[5])
    return float(max(d, beyond)) if beyond > -50.0 else float(d)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _to_segment(p: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """Squared distance of a point to a segment."""
    d = b - a
    t = min(1.0, max(0.0, ((p - a) * d).sum() / (d * d).sum()))
    away = p - a - t * d
    return float((away * away).sum())


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _triangle(row: np.ndarray, x: float, y: float, z: float) -> float:
    """Distance to a plate: a triangle grown by a radius."""
    a, b, c = row[4:7], row[7:10], row[10:13]
    middle = (a + b + c) / 3.0
    dx, dy, dz = x - middle[0], y - middle[1], z - middle[2]
    if dx * dx + dy * dy + dz * dz > row[17] * row[17]:
        return float(math.sqrt(dx * dx + dy * dy + dz * dz) - row[17] + 12.0)
    p = np.array([x, y, z])
    normal = np.cross(b - a, c - a)
    inside = (
        (np.cross(b - a, normal) * (p - a)).sum() <= 0.0
        and (np.cross(c - b, normal) * (p - b)).sum() <= 0.0
        and (np.cross(a - c, normal) * (p - c)).sum() <= 0.0
    )
    if inside:
        away = abs((normal * (p - a)).sum()) / math.sqrt((normal * normal).sum())
    else:
        away = math.sqrt(min(_to_segment(p, a, b), _to_segment(p, b, c), _to_segment(p, c, a)))
    return float(away - row[16])


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _primitive(row: np.ndarray, sections: np.ndarray, x: float, y: float, z: float) -> float:
    if row[0] == ELLIPSOID:
        d = _ellipsoid(row, x, y, z)
    elif row[0] == CONE:
        d = _cone(row, x, y, z)
    elif row[0] == LOFT:
        d = _loft(row, sections, x, y, z)
    elif row[0] == TRIANGLE:
        d = _triangle(row, x, y, z)
    else:
        d = (x - row[4]) * row[7] + (y - row[5]) * row[8] + (z - row[6]) * row[9]
    if row[3] > 0.0:
        d = abs(d) - row[3]
    return float(d)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def distance(rows: np.ndarray, sections: np.ndarray, x: float, y: float, z: float) -> float:
    """Signed distance in mm of a point to the shape that `rows` build up in order."""
    total = 1e9
    for n in range(rows.shape[0]):
        row = rows[n]
        d = _primitive(row, sections, x, y, z)
        blend = row[2]
        if row[1] == UNION:
            h = max(blend - abs(total - d), 0.0)
            total = min(total, d) - (h * h / (4.0 * blend) if blend > 0.0 else 0.0)
        else:
            if row[1] == CUT:
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
    count, solids, cuts, deep = 0, 0, 0, False
    for n in range(rows.shape[0]):
        row = rows[n]
        d = _primitive(row, sections, point[0], point[1], point[2])
        far = reach + row[2]
        if (row[1] == COMMON and d < -2.5 * far) or (row[1] != COMMON and d > far):
            continue
        if row[1] == UNION:
            solids += 1
            deep = deep or d < -2.5 * far
        else:
            cuts += 1
        kept[count] = row
        count += 1
    if solids == 0:
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
def put(  # noqa: PLR0913
    top: np.ndarray,
    under: np.ndarray,
    cover: np.ndarray,
    at: tuple[int, int, int],
    part: int,
    share: float,
    allowed: np.ndarray,
) -> None:
    """Lay `share` (0..1) of one voxel's volume over what is there."""
    k, j, i = at
    main = top[k, j, i] if cover[k, j, i] >= 128 else under[k, j, i]
    if not allowed[main]:
        return
    amount = int(share * 255.0 + 0.5)
    if top[k, j, i] == part:
        cover[k, j, i] = max(cover[k, j, i], amount)
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
    """Paint one part into voxels of `box` ((2, 3) first and last + 1), `inset_mm` inside the shape.

    A voxel is covered in proportion to how far its centre lies inside, over `soft_mm` (the voxel
    size): the share of its volume, for a flat surface.
    """
    kept = np.empty_like(rows)
    half = BLOCK / 2.0
    reach = 0.0
    for axis in range(3):
        reach += math.sqrt((affine[:3, axis] ** 2).sum()) * half
    reach += abs(inset_mm) + 2.0 * rough[0] + soft_mm
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
                                d = distance(kept[:count], sections, x, y, z) + inset_mm
                                d += _roughness(lattice, rough, d - soft_mm, x, y, z)
                                share = min(1.0, max(0.0, 0.5 - d / soft_mm))
                            if share > 0.0:
                                put(top, under, cover, (kk, jj, ii), part, share, allowed)


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
    return rough[0] * (coarse + 0.5 * value_noise(lattice, x * s * 2.1 + 7, y * s * 2.1, z * s * 2.1))


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
        out[n] = distance(rows, sections, points[n, 0], points[n, 1], points[n, 2])
    return out

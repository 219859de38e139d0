"""Compiled loops of `medvox.rendering.raycast`; imported only when a volume is rendered.

Positions are voxel indices (k, j, i), distances along rays mm. Values are uint16, as `Scene` quantizes them.
"""

# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return"
from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit  # noqa: TID253
from numpy.typing import NDArray

AnyArray = NDArray[Any]

BLOCK = 4
"""Side in voxels of the blocks whose value range is known, so that empty ones are stepped over."""
OPAQUE = 0.99
"""Rays stop when this share of the light is held back."""
FAINT = 0.01
"""Samples that give less than this share of a pixel are lit like the sample before them."""
_FAST = {"nogil": True, "cache": True, "fastmath": True}


class Field(NamedTuple):
    """What is looked at.

    data: (k, j, i) uint16. empty: (blocks) uint8, how many blocks away the nearest one is that holds
    something visible, diagonals counting as one. tables: (8, entries) opacity per mm, red, green, blue,
    and the integrals over the entries of opacity and of opacity times red, green, blue.
    """

    data: AnyArray
    empty: AnyArray
    tables: AnyArray


class View(NamedTuple):
    """Where from.

    rays: (4, 3) voxel indices: where the ray of the top left pixel is at distance 0; what a column, a row
    and a mm along it add. to_mm: (3, 3) from gradients per voxel to gradients per mm; to_index: from
    directions in mm to directions in voxels.
    """

    rays: AnyArray
    to_mm: AnyArray
    to_index: AnyArray
    step_mm: float


class Shading(NamedTuple):
    """Lights and shadows.

    lights: (4, 3) unit vectors towards the eye, the key light, the fill light, and half way between eye
    and key light. half_gradient: per mm, at which a point counts half as a surface. occlusion: (cells)
    share of space that is filled; cell: side of a cell in voxels; reach_mm: how far out of a surface it
    is looked up; strength: how dark a filled surrounding is.
    """

    on: bool
    lights: AnyArray
    half_gradient: float
    occlusion: AnyArray
    cell: float
    reach_mm: float
    strength: float


@njit(**_FAST)
def _sample(data: AnyArray, k: float, j: float, i: float) -> float:
    """Linear interpolation; positions beyond the outer voxel centres take the nearest centre's."""
    nk, nj, ni = data.shape
    k, j, i = min(max(k, 0.0), nk - 1.0), min(max(j, 0.0), nj - 1.0), min(max(i, 0.0), ni - 1.0)
    k0, j0, i0 = min(int(k), nk - 2), min(int(j), nj - 2), min(int(i), ni - 2)
    f, g, h = k - k0, j - j0, i - i0
    a = data[k0, j0, i0] * (1 - h) + data[k0, j0, i0 + 1] * h
    b = data[k0, j0 + 1, i0] * (1 - h) + data[k0, j0 + 1, i0 + 1] * h
    c = data[k0 + 1, j0, i0] * (1 - h) + data[k0 + 1, j0, i0 + 1] * h
    d = data[k0 + 1, j0 + 1, i0] * (1 - h) + data[k0 + 1, j0 + 1, i0 + 1] * h
    return (a * (1 - g) + b * g) * (1 - f) + (c * (1 - g) + d * g) * f


@njit(**_FAST)
def _span(start: AnyArray, step: AnyArray, shape: tuple[int, int, int]) -> tuple[float, float]:
    """First and last distance at which a ray is between the outer voxel centres; first > last: never."""
    near, far = -1e30, 1e30
    for axis in range(3):
        last = shape[axis] - 1.0
        if abs(step[axis]) < 1e-12:
            if start[axis] < 0 or start[axis] > last:
                return 1.0, 0.0
            continue
        a, b = -start[axis] / step[axis], (last - start[axis]) / step[axis]
        near, far = max(near, min(a, b)), min(far, max(a, b))
    return near, far


@njit(**_FAST)
def _exit(at: AnyArray, step: AnyArray, reach: int) -> float:
    """Distance from a position to where the ray leaves its block and `reach` blocks around it."""
    distance = 1e30
    for axis in range(3):
        block = int(at[axis]) // BLOCK
        if step[axis] > 1e-12:
            distance = min(distance, ((block + 1 + reach) * BLOCK - at[axis]) / step[axis])
        elif step[axis] < -1e-12:
            distance = min(distance, ((block - reach) * BLOCK - at[axis]) / step[axis])
    return max(distance, 0.0)


@njit(**_FAST)
def block_ranges(data: AnyArray, low: AnyArray, high: AnyArray) -> None:
    """Lowest and highest value that interpolation can give in each block (a voxel beyond it included)."""
    nk, nj, ni = data.shape
    for bk in range(low.shape[0]):
        for bj in range(low.shape[1]):
            for bi in range(low.shape[2]):
                least, most = data[bk * BLOCK, bj * BLOCK, bi * BLOCK], np.uint16(0)
                for k in range(bk * BLOCK, min(bk * BLOCK + BLOCK + 1, nk)):
                    for j in range(bj * BLOCK, min(bj * BLOCK + BLOCK + 1, nj)):
                        for i in range(bi * BLOCK, min(bi * BLOCK + BLOCK + 1, ni)):
                            value = data[k, j, i]
                            least, most = min(least, value), max(most, value)
                low[bk, bj, bi], high[bk, bj, bi] = least, most


@njit(**_FAST)
def visible_bounds(data: AnyArray, blocks: AnyArray, visible: AnyArray, out: AnyArray) -> None:
    """First and last voxel along k, j, i of what is visible in each block.

    Parameters
    ----------
    blocks
        (n, 3) numbers of the blocks.
    visible
        (entries,) by data.
    out
        (n, 2, 3); -1 where nothing is.
    """
    scale = (len(visible) - 1) / 65535.0
    for n in range(len(blocks)):
        k0, j0, i0 = blocks[n, 0] * BLOCK, blocks[n, 1] * BLOCK, blocks[n, 2] * BLOCK
        out[n, 0, :], out[n, 1, :] = 1 << 30, -1
        for k in range(k0, min(k0 + BLOCK, data.shape[0])):
            for j in range(j0, min(j0 + BLOCK, data.shape[1])):
                for i in range(i0, min(i0 + BLOCK, data.shape[2])):
                    if visible[int(data[k, j, i] * scale)]:
                        out[n, 0, 0], out[n, 1, 0] = min(out[n, 0, 0], k), max(out[n, 1, 0], k)
                        out[n, 0, 1], out[n, 1, 1] = min(out[n, 0, 1], j), max(out[n, 1, 1], j)
                        out[n, 0, 2], out[n, 1, 2] = min(out[n, 0, 2], i), max(out[n, 1, 2], i)


@njit(**_FAST)
def _gradient(data: AnyArray, at: AnyArray, to_mm: AnyArray, out: AnyArray) -> float:
    """Gradient per mm by central differences over two voxels; returns its length."""
    k, j, i = at[0], at[1], at[2]
    gk = 0.5 * (_sample(data, k + 1, j, i) - _sample(data, k - 1, j, i))
    gj = 0.5 * (_sample(data, k, j + 1, i) - _sample(data, k, j - 1, i))
    gi = 0.5 * (_sample(data, k, j, i + 1) - _sample(data, k, j, i - 1))
    for n in range(3):
        out[n] = to_mm[n, 0] * gk + to_mm[n, 1] * gj + to_mm[n, 2] * gi
    return math.sqrt(out[0] * out[0] + out[1] * out[1] + out[2] * out[2])


@njit(**_FAST)
def _light(
    data: AnyArray, view: View, shading: Shading, at: AnyArray, normal: AnyArray
) -> tuple[float, float]:
    """How much light a point gives back: (factor of its color, white highlight)."""
    lights = shading.lights
    length = _gradient(data, at, view.to_mm, normal)
    if length < 1e-9:
        return 0.9, 0.0
    toward = 0.0
    for n in range(3):
        normal[n] = -normal[n] / length
        toward += normal[n] * lights[0, n]
    if toward < 0:  # surfaces are lit from both sides
        for n in range(3):
            normal[n] = -normal[n]
    key = fill = half = 0.0
    for n in range(3):
        key += normal[n] * lights[1, n]
        fill += normal[n] * lights[2, n]
        half += normal[n] * lights[3, n]
    key, fill, half = max(key, 0.0), max(fill, 0.0), max(half, 0.0)
    shadow = 1.0 - shading.strength * _filled(view, shading, at, normal)
    weight = length / (length + shading.half_gradient)
    lit = (0.26 + 0.22 * fill) * shadow + 0.8 * key * (0.35 + 0.65 * shadow)
    flat = 0.95 * shadow
    return flat + weight * (lit - flat), weight * 0.28 * half**24 * shadow


@njit(**_FAST)
def _filled(view: View, shading: Shading, at: AnyArray, normal: AnyArray) -> float:
    """Share of the space in front of a surface that is filled."""
    place_k = place_j = place_i = 0.0
    for n in range(3):
        place_k += view.to_index[0, n] * normal[n]
        place_j += view.to_index[1, n] * normal[n]
        place_i += view.to_index[2, n] * normal[n]
    reach, cell = shading.reach_mm, shading.cell
    return _sample(
        shading.occlusion,
        (at[0] + reach * place_k + 0.5) / cell - 0.5,
        (at[1] + reach * place_j + 0.5) / cell - 0.5,
        (at[2] + reach * place_i + 0.5) / cell - 0.5,
    )


@njit(**_FAST)
def composite(
    field: Field, view: View, shading: Shading, spans: AnyArray, rows: tuple[int, int], out: AnyArray
) -> None:
    """Cast the rays of rows ``rows[0]`` to ``rows[1]`` (left out), from front to back.

    Parameters
    ----------
    spans
        (2, rows, columns) distances in mm between which each ray sees; (2, 0, 0): all of it.
    out
        (rows, columns, 4): red, green, blue weighted by opacity, and opacity.
    """
    start = np.empty(3)
    for r in range(rows[0], rows[1]):
        for c in range(out.shape[1]):
            for n in range(3):
                start[n] = view.rays[0, n] + c * view.rays[1, n] + r * view.rays[2, n]
            least, most = -1e30, 1e30
            if spans.shape[1] > 0:
                least, most = spans[0, r, c], spans[1, r, c]
            _cast(field, view, shading, start, (least, most), out[r, c])


@njit(**_FAST)
def _cast(
    field: Field, view: View, shading: Shading, start: AnyArray, span: tuple[float, float], out: AnyArray
) -> None:
    data, rays, step_mm = field.data, view.rays, view.step_mm
    scale = (field.tables.shape[1] - 1) / 65535.0
    at, normal = np.empty(3), np.empty(3)
    near, far = _span(start, rays[3], data.shape)
    near, far = max(near, span[0]), min(far, span[1])
    red = green = blue = 0.0
    through, before = 1.0, -1.0
    factor, highlight = 1.0, 0.0
    count, total = 0, int((far - near) / step_mm) if far > near else -1
    while count <= total and through > 1.0 - OPAQUE:
        t = near + count * step_mm
        for n in range(3):
            at[n] = start[n] + t * rays[3, n]
        distance = field.empty[int(at[0]) // BLOCK, int(at[1]) // BLOCK, int(at[2]) // BLOCK]
        if distance > 0:
            count += max(1, math.ceil(_exit(at, rays[3], distance - 1) / step_mm + 1e-6))
            before = -1.0
            continue
        count += 1
        value = _sample(data, at[0], at[1], at[2]) * scale
        front = before if before >= 0 else value
        before = value
        thickness, part_r, part_g, part_b = _segment(field.tables, front, value)
        if thickness * step_mm < 2e-4:
            continue
        alpha = 1.0 - math.exp(-thickness * step_mm)
        weight = through * alpha
        if shading.on and weight > FAINT:
            factor, highlight = _light(data, view, shading, at, normal)
        red += weight * (part_r * factor + highlight)
        green += weight * (part_g * factor + highlight)
        blue += weight * (part_b * factor + highlight)
        through *= 1.0 - alpha
    out[0], out[1], out[2], out[3] = red, green, blue, 1.0 - through


@njit(**_FAST)
def _segment(tables: AnyArray, front: float, back: float) -> tuple[float, float, float, float]:
    """Mean opacity per mm and mean color where the value runs from `front` to `back` (table positions).

    Pre-integration (Engel et al. 2001), without the shadow that a segment throws on itself.
    """
    last = tables.shape[1] - 2
    a, b = min(int(front), last), min(int(back), last)
    f, g = front - a, back - b
    change = back - front
    if abs(change) < 0.5:
        f = f + 0.5 * change
        tau = tables[0, a] + f * (tables[0, a + 1] - tables[0, a])
        red = tables[1, a] + f * (tables[1, a + 1] - tables[1, a])
        green = tables[2, a] + f * (tables[2, a + 1] - tables[2, a])
        blue = tables[3, a] + f * (tables[3, a + 1] - tables[3, a])
        return max(tau, 0.0), red, green, blue
    tau = (
        tables[4, b]
        + g * (tables[4, b + 1] - tables[4, b])
        - (tables[4, a] + f * (tables[4, a + 1] - tables[4, a]))
    )
    if abs(tau) < 1e-12:
        return 0.0, 0.0, 0.0, 0.0
    red = (
        tables[5, b]
        + g * (tables[5, b + 1] - tables[5, b])
        - (tables[5, a] + f * (tables[5, a + 1] - tables[5, a]))
    )
    green = (
        tables[6, b]
        + g * (tables[6, b + 1] - tables[6, b])
        - (tables[6, a] + f * (tables[6, a + 1] - tables[6, a]))
    )
    blue = (
        tables[7, b]
        + g * (tables[7, b + 1] - tables[7, b])
        - (tables[7, a] + f * (tables[7, a + 1] - tables[7, a]))
    )
    return tau / change, red / tau, green / tau, blue / tau


@njit(**_FAST)
def project(
    data: AnyArray,
    ranges: tuple[AnyArray, AnyArray],
    rays: AnyArray,
    mode: int,
    step_mm: float,
    rows: tuple[int, int],
    out: AnyArray,
) -> None:
    """Maximum (mode 0), minimum (1) or mean (2) along each ray, -1 where a ray misses.

    Parameters
    ----------
    ranges
        Lowest and highest value of the blocks.
    out
        (rows, columns).
    """
    least, most = ranges
    at, start = np.empty(3), np.empty(3)
    for r in range(rows[0], rows[1]):
        for c in range(out.shape[1]):
            for n in range(3):
                start[n] = rays[0, n] + c * rays[1, n] + r * rays[2, n]
            near, far = _span(start, rays[3], data.shape)
            if far < near:
                out[r, c] = -1.0
                continue
            total = int((far - near) / step_mm + 1e-6)
            best = 1e30 if mode == 1 else 0.0
            count = 0
            while count <= total:
                t = near + count * step_mm
                for n in range(3):
                    at[n] = min(max(start[n] + t * rays[3, n], 0.0), data.shape[n] - 1.0)
                if mode != 2:
                    block = int(at[0]) // BLOCK, int(at[1]) // BLOCK, int(at[2]) // BLOCK
                    idle = most[block] <= best if mode == 0 else least[block] >= best
                    if idle and count:
                        count += max(1, math.ceil(_exit(at, rays[3], 0) / step_mm - 1e-6))
                        continue
                value = _sample(data, at[0], at[1], at[2])
                if mode == 0:
                    best = max(best, value)
                elif mode == 1:
                    best = min(best, value)
                else:
                    best += value
                count += 1
            out[r, c] = best / (total + 1) if mode == 2 else best

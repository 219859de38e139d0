"""Compiled loops of `medvox.rendering.world.world`: triangles to pixels, in software."""

# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return"
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit  # noqa: TID253
from numpy.typing import NDArray

AnyArray = NDArray[Any]
LAYERS = 8
"""Transparent surfaces seen behind each other in one pixel; the farthest beyond that are left out."""
_FAST = {"nogil": True, "cache": True, "fastmath": True}


class Target(NamedTuple):
    """What is drawn on.

    depth: (rows, columns) mm of the nearest opaque point. color: (rows, columns, 3) of it.
    layer_depth: (rows, columns, LAYERS) of transparent points, nearest first; layer_color: (…, LAYERS, 4).
    """

    depth: AnyArray
    color: AnyArray
    layer_depth: AnyArray
    layer_color: AnyArray


class Triangles(NamedTuple):
    """What is drawn.

    points: (n, 3) column, row, depth in mm. normals: (n, 3) LPS. colors: (n, 3) 0..1. faces: (m, 3). lights:
    as `Shot.lights`. planes: (p, 4) of LPS a, b, c, d: seen is where ax + by + cz + d >= 0. places: (n, 3)
    LPS mm.
    """

    points: AnyArray
    normals: AnyArray
    colors: AnyArray
    faces: AnyArray
    lights: AnyArray
    planes: AnyArray
    places: AnyArray
    opacity: float


@njit(**_FAST)
def draw(what: Triangles, target: Target, rows: tuple[int, int]) -> None:
    """Draw triangles into rows ``rows[0]`` to ``rows[1]`` (left out)."""
    points, faces = what.points, what.faces
    columns = target.depth.shape[1]
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ay, by, cy = points[a, 1], points[b, 1], points[c, 1]
        top, bottom = min(ay, by, cy), max(ay, by, cy)
        if bottom < rows[0] or top > rows[1] - 1:
            continue
        ax, bx, cx = points[a, 0], points[b, 0], points[c, 0]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if abs(area) < 1e-12:
            continue
        first, last = max(rows[0], int(np.ceil(top))), min(rows[1] - 1, int(np.floor(bottom)))
        left, right = max(0, int(np.ceil(min(ax, bx, cx)))), min(columns - 1, int(np.floor(max(ax, bx, cx))))
        for y in range(first, last + 1):
            for x in range(left, right + 1):
                u = ((bx - x) * (cy - y) - (cx - x) * (by - y)) / area
                v = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) / area
                w = 1.0 - u - v
                if u >= -1e-9 and v >= -1e-9 and w >= -1e-9:
                    _fragment(what, target, (y, x), (a, b, c), (u, v, w))


@njit(**_FAST)
def _fragment(
    what: Triangles,
    target: Target,
    at: tuple[int, int],
    corners: tuple[int, int, int],
    share: tuple[float, float, float],
) -> None:
    y, x = at
    a, b, c = corners
    u, v, w = share
    depth = u * what.points[a, 2] + v * what.points[b, 2] + w * what.points[c, 2]
    if depth >= target.depth[y, x]:
        return
    for p in range(len(what.planes)):
        away = what.planes[p, 3]
        for n in range(3):
            place = u * what.places[a, n] + v * what.places[b, n] + w * what.places[c, n]
            away += what.planes[p, n] * place
        if away < 0:
            return
    factor, highlight, facing = _lit(what, corners, share)
    red = (u * what.colors[a, 0] + v * what.colors[b, 0] + w * what.colors[c, 0]) * factor + highlight
    green = (u * what.colors[a, 1] + v * what.colors[b, 1] + w * what.colors[c, 1]) * factor + highlight
    blue = (u * what.colors[a, 2] + v * what.colors[b, 2] + w * what.colors[c, 2]) * factor + highlight
    if what.opacity >= 1.0:
        target.depth[y, x] = depth
        target.color[y, x, 0], target.color[y, x, 1], target.color[y, x, 2] = red, green, blue
        return
    # a thin wall seen aslant holds back more light
    alpha = 1.0 - (1.0 - what.opacity) ** (1.0 / max(facing, 0.2))
    _insert(target, at, depth, (red, green, blue, alpha))


@njit(**_FAST)
def _lit(
    what: Triangles, corners: tuple[int, int, int], share: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Factor of the color, white highlight, and how much the surface faces the eye."""
    a, b, c = corners
    u, v, w = share
    nx = u * what.normals[a, 0] + v * what.normals[b, 0] + w * what.normals[c, 0]
    ny = u * what.normals[a, 1] + v * what.normals[b, 1] + w * what.normals[c, 1]
    nz = u * what.normals[a, 2] + v * what.normals[b, 2] + w * what.normals[c, 2]
    length = np.sqrt(nx * nx + ny * ny + nz * nz)
    if length < 1e-12:
        return 0.8, 0.0, 1.0
    lights = what.lights
    facing = (nx * lights[0, 0] + ny * lights[0, 1] + nz * lights[0, 2]) / length
    sign = (1.0 if facing >= 0 else -1.0) / length
    key = max(sign * (nx * lights[1, 0] + ny * lights[1, 1] + nz * lights[1, 2]), 0.0)
    fill = max(sign * (nx * lights[2, 0] + ny * lights[2, 1] + nz * lights[2, 2]), 0.0)
    half = max(sign * (nx * lights[3, 0] + ny * lights[3, 1] + nz * lights[3, 2]), 0.0)
    return 0.2 + 0.2 * fill + 0.65 * key, 0.2 * half**24, abs(facing)


@njit(**_FAST)
def _insert(
    target: Target, at: tuple[int, int], depth: float, color: tuple[float, float, float, float]
) -> None:
    """Put a transparent point among those of its pixel, by depth."""
    y, x = at
    layers, colors = target.layer_depth[y, x], target.layer_color[y, x]
    place = LAYERS
    while place > 0 and layers[place - 1] > depth:
        place -= 1
    if place == LAYERS:
        return
    for n in range(LAYERS - 1, place, -1):
        layers[n] = layers[n - 1]
        for m in range(4):
            colors[n, m] = colors[n - 1, m]
    layers[place] = depth
    for m in range(4):
        colors[place, m] = color[m]


@njit(**_FAST)
def blend(target: Target, volume: AnyArray, rows: tuple[int, int], out: AnyArray) -> None:
    """Lay transparent surfaces over the volume, and both over what is opaque: (rows, columns, 4) to `out`."""
    for y in range(rows[0], rows[1]):
        for x in range(out.shape[1]):
            through = 1.0
            for n in range(LAYERS):
                if target.layer_depth[y, x, n] >= target.depth[y, x]:
                    break
                alpha = target.layer_color[y, x, n, 3]
                for m in range(3):
                    out[y, x, m] += through * alpha * target.layer_color[y, x, n, m]
                through *= 1.0 - alpha
            for m in range(3):
                out[y, x, m] += through * volume[y, x, m]
            through *= 1.0 - volume[y, x, 3]
            if target.depth[y, x] < 1e29:
                for m in range(3):
                    out[y, x, m] += through * target.color[y, x, m]
                through = 0.0
            out[y, x, 3] = 1.0 - through

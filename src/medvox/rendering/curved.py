"""Oblique and curved reformats: planes of any direction, slabs, and surfaces along a path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medvox.core.errors import UsageError
from medvox.core.volume import Volume
from medvox.rendering.look import Look
from medvox.rendering.picture import Picture
from medvox.rendering.reslice import direction_letters

AnyArray = NDArray[Any]
FloatArray = NDArray[np.float64]
Slab = Literal["mip", "minip", "mean"]
MOST_PIXELS = 64_000_000


@dataclass(frozen=True, slots=True)
class SlabOptions:
    """How thick a reformat is.

    Parameters
    ----------
    thickness_mm
        0: one layer.
    mode
        Highest, lowest or mean value across the thickness.
    """

    thickness_mm: float = 0.0
    mode: Slab = "mean"


def oblique(
    volume: Volume,
    center_mm: ArrayLike,
    normal: ArrayLike,
    up: ArrayLike = (0.0, 0.0, 1.0),
    slab: SlabOptions | None = None,
) -> tuple[NDArray[np.float32], float, FloatArray, FloatArray]:
    """Values on a plane through a point, as large as the volume reaches; NaN outside.

    Parameters
    ----------
    center_mm
        LPS point that becomes the middle of the picture.
    normal
        LPS direction, towards the viewer.
    up
        LPS direction that is upwards in the picture, as far as the plane allows.

    Returns
    -------
    (rows, columns) float32, pixel in mm, and the LPS unit vectors to the right and down

    Raises
    ------
    UsageError
        If normal and up are parallel or not finite.
    """
    n, u = np.asarray(normal, dtype=np.float64), np.asarray(up, dtype=np.float64)
    right = np.cross(u, n)
    if not np.isfinite(right).all() or np.linalg.norm(right) < 1e-9:
        raise UsageError("the plane needs a normal, and an upward direction beside it", got=(normal, up))
    right /= np.linalg.norm(right)
    n = n / np.linalg.norm(n)
    down = np.cross(right, n)
    middle = np.asarray(center_mm, dtype=np.float64)
    corners = volume.grid.corners_mm() - middle
    pixel = float(min(volume.grid.spacing_mm))
    across, along = np.abs(corners @ right).max(), np.abs(corners @ down).max()
    x = np.arange(-np.ceil(across / pixel), np.ceil(across / pixel) + 1) * pixel
    y = np.arange(-np.ceil(along / pixel), np.ceil(along / pixel) + 1) * pixel
    points = middle + y[:, None, None] * down + x[None, :, None] * right
    return _sampled(volume, points, np.broadcast_to(n, points.shape), slab), pixel, right, down


def curved(
    volume: Volume,
    path_mm: ArrayLike,
    up: ArrayLike = (0.0, 0.0, 1.0),
    width_mm: float = 40.0,
    slab: SlabOptions | None = None,
) -> tuple[NDArray[np.float32], float]:
    """Straightened reformat: each column is a line across the path, columns follow it at equal distances.

    Parameters
    ----------
    path_mm
        (n >= 2, 3) LPS points; a smooth curve goes through them.
    up
        Direction of the lines, as far as it stands upright on the path.
    width_mm
        Length of the lines.

    Returns
    -------
    (rows, columns) float32, NaN outside
        Distances along both axes are true.
    float
        Pixel in mm.

    Raises
    ------
    UsageError
        If the path or `up` cannot be used.
    """
    from scipy.interpolate import CubicSpline

    nodes = np.asarray(path_mm, dtype=np.float64)
    if nodes.ndim != 2 or nodes.shape[1] != 3 or len(nodes) < 2 or not np.isfinite(nodes).all():
        raise UsageError("a path needs points", got=nodes.shape, expected="finite (n >= 2, 3)")
    steps = np.linalg.norm(np.diff(nodes, axis=0), axis=1)
    if (steps <= 0).any() or not width_mm > 0:
        raise UsageError("the path repeats a point, or the width is not above 0")
    curve = CubicSpline(np.concatenate([[0], np.cumsum(steps)]), nodes, bc_type="natural")
    fine = np.linspace(0, steps.sum(), max(200, 20 * len(nodes)))
    places = curve(fine)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(places, axis=0), axis=1))])
    pixel = float(min(volume.grid.spacing_mm))
    at = np.interp(np.arange(0, length[-1], pixel), length, fine)
    points, along = curve(at), curve(at, 1)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    upright = np.asarray(up, dtype=np.float64) - (along @ np.asarray(up, dtype=np.float64))[:, None] * along
    size = np.linalg.norm(upright, axis=1, keepdims=True)
    if (size < 1e-3).any():
        raise UsageError("the path runs along the upward direction", got=tuple(np.asarray(up).tolist()))
    upright /= size
    y = np.arange(width_mm / 2, -width_mm / 2 - 1e-9, -pixel)
    sheet = points[None] + y[:, None, None] * upright[None]
    return _sampled(volume, sheet, np.broadcast_to(np.cross(along, upright), sheet.shape), slab), pixel


def _sampled(
    volume: Volume, points: FloatArray, normals: FloatArray, slab: SlabOptions | None
) -> NDArray[np.float32]:
    from scipy.ndimage import map_coordinates

    if volume.is_colour or volume.lead_shape:
        raise UsageError("a reformat is made of one grey volume", got=volume.axes, expected="k, j, i")
    if points.size // 3 > MOST_PIXELS:
        raise UsageError("the picture would be too large", got=points.shape[:2])
    chosen = slab or SlabOptions()
    if chosen.mode not in ("mip", "minip", "mean") or not chosen.thickness_mm >= 0:
        raise UsageError("no such slab", got=chosen, expected="mip, minip or mean, thickness 0 or more")
    step = float(min(volume.grid.spacing_mm))
    layers = 1 + 2 * round(chosen.thickness_mm / 2 / step)
    values = volume.values(np.float32)
    result = np.full(points.shape[:2], np.nan, np.float32)
    count = np.zeros(points.shape[:2], np.float32)
    for n in range(layers):
        index = volume.grid.to_voxel(points + (n - layers // 2) * step * normals)
        layer = map_coordinates(values, np.moveaxis(index, -1, 0), order=1, mode="nearest", output=np.float32)
        inside = volume.grid.contains(index)
        layer = np.where(inside, layer, np.nan)
        if chosen.mode == "mean":
            result = np.where(np.isnan(result), layer, result + np.where(inside, layer, 0))
            count += inside
        else:
            result = np.fmax(result, layer) if chosen.mode == "mip" else np.fmin(result, layer)
    return np.asarray(result / np.maximum(count, 1) if chosen.mode == "mean" else result, dtype=np.float32)


def oblique_image(
    volume: Volume,
    center_mm: ArrayLike,
    normal: ArrayLike,
    look: Look | None = None,
    slab: SlabOptions | None = None,
) -> Picture:
    """Picture of an oblique plane or slab."""
    n = np.asarray(normal, dtype=np.float64)
    up = (0.0, 0.0, 1.0) if abs(n[2]) < 0.9 * np.linalg.norm(n) else (0.0, -1.0, 0.0)
    values, pixel, right, down = oblique(volume, center_mm, normal, up, slab)
    letters = tuple(direction_letters(v) for v in (-right, right, -down, down))
    pixels = (look or Look()).settled(volume).paint(volume, values)
    return Picture(pixels, pixel, (letters[0], letters[1], letters[2], letters[3]), "oblique")


def curved_image(
    volume: Volume,
    path_mm: ArrayLike,
    width_mm: float = 40.0,
    look: Look | None = None,
    slab: SlabOptions | None = None,
) -> Picture:
    """Picture of a curved reformat, straightened."""
    values, pixel = curved(volume, path_mm, width_mm=width_mm, slab=slab)
    return Picture((look or Look()).settled(volume).paint(volume, values), pixel, label="curved")

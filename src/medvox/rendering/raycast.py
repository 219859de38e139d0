"""Volume rendering in software: rays cast through the volume, no display and no graphics library.

Light is held back along each ray by what the preset makes opaque; surfaces are lit by two lights and
darkened where their surroundings are filled (ambient occlusion). The same input gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core import settings
from medvox.core.errors import UsageError
from medvox.core.progress import Progress, silent
from medvox.core.volume import Volume
from medvox.rendering.picture import Picture
from medvox.rendering.presets import VolumePreset, volume_preset
from medvox.rendering.reslice import direction_letters
from medvox.rendering.scene import FULL, Camera, Scene, Shot

AnyArray = NDArray[Any]
FloatArray = NDArray[np.float64]
Rgb = tuple[int, int, int]

ENTRIES = 4096
CELL = 4
STEP = 0.5
"""Distance between samples, in the smallest voxel side."""
_REACH_MM = 5.0
_OCCLUSION = 0.75
BACKGROUND: tuple[Rgb, Rgb] = ((44, 48, 56), (10, 11, 14))
_SEEN = 1e-4
"""Opacity per mm from which a voxel counts for the framing of a picture."""
MAX_SIDE = 8192


def render_volume(
    volume: Volume | Scene,
    preset: VolumePreset | str,
    camera: Camera | None = None,
    size: tuple[int, int] = (800, 600),
    background: tuple[Rgb, Rgb] = BACKGROUND,
    shift: float = 0.0,
    progress: Progress = silent,
) -> Picture:
    """Picture of a volume seen from outside.

    Parameters
    ----------
    volume
        A volume (its first time point), or a `Scene` made of one, to look at it more than once.
    preset
        One of `medvox.rendering.presets.PRESETS`, or its name.
    size
        Width and height in pixels.
    background
        Red, green, blue 0..255 at the top and at the bottom. Maximum intensity pictures have the color of
        their lowest value instead.
    shift
        Added to the preset's points, in the volume's unit.

    Returns
    -------
    Picture
        Colour; deterministic.

    Raises
    ------
    UsageError
        If the size is not usable or the volume cannot be rendered (colour, a single slice).
    """
    if not (0 < size[0] <= MAX_SIDE and 0 < size[1] <= MAX_SIDE):
        raise UsageError("picture size is not usable", got=size, expected=f"1 to {MAX_SIDE}")
    chosen = volume_preset(preset) if isinstance(preset, str) else preset
    scene = volume if isinstance(volume, Scene) else Scene.of(volume, progress=progress)
    view = camera or Camera()
    points = _positions(scene, chosen, shift)
    if chosen.mode == "mip":
        rays, pixel = scene.rays(view, size, scene.outline_mm())
        data = cast_projection(scene, rays, size, 0, progress)
        pixels = _mip_pixels(scene, data, chosen, points)
    else:
        rgba, pixel = _cast_composite(scene, chosen, points, view, size, progress)
        pixels = over_background(rgba, background)
    right, down, _ = view.axes
    letters = tuple(direction_letters(v) for v in (-right, right, -down, down))
    return Picture(pixels, pixel, (letters[0], letters[1], letters[2], letters[3]), chosen.label)


Points = tuple[FloatArray, FloatArray]


def _positions(scene: Scene, preset: VolumePreset, shift: float) -> Points:
    """Values of the preset's color and opacity points."""
    low, high = scene.relative if preset.scale == "relative" else (0.0, 1.0)
    color, opacity = (np.array([p[0] for p in points]) for points in (preset.color, preset.opacity))
    return low + color * (high - low) + shift, low + opacity * (high - low) + shift


def _colors(preset: VolumePreset, points: Points, values: FloatArray) -> FloatArray:
    """(3, n) red, green, blue 0..1 of values."""
    return np.stack([np.interp(values, points[0], [p[n] for p in preset.color]) for n in (1, 2, 3)])


def opacity_tables(scene: Scene, preset: VolumePreset, points: Points) -> FloatArray:
    """(8, ENTRIES) tables of `raycast_kernels.Field`; opacity is per mm, integrals by the trapezoid rule."""
    values = scene.value_of(np.linspace(0, FULL, ENTRIES))
    share = np.interp(values, points[1], [p[1] for p in preset.opacity])
    tau = -np.log1p(-np.clip(share, 0, 0.9999))
    parts = np.concatenate([tau[None], tau * _colors(preset, points, values)])
    sums = np.zeros_like(parts)
    np.cumsum((parts[:, 1:] + parts[:, :-1]) / 2, axis=1, out=sums[:, 1:])
    return np.ascontiguousarray(np.concatenate([tau[None], _colors(preset, points, values), sums]))


def _cast_composite(
    scene: Scene,
    preset: VolumePreset,
    points: Points,
    camera: Camera,
    size: tuple[int, int],
    progress: Progress,
) -> tuple[AnyArray, float]:
    shot = Shot.of(camera, size, visible_outline_mm(scene, preset, points))
    return composite_shot(scene, preset, shot, points=points, progress=progress), shot.pixel_mm


def visible_outline_mm(scene: Scene, preset: VolumePreset, points: Points | None = None) -> FloatArray:
    """(n, 3) LPS points between which all lies that a preset shows."""
    tables = opacity_tables(scene, preset, points or _positions(scene, preset, 0.0))
    return scene.outline_mm(_active_blocks(scene, tables[4]), tables[0] > _SEEN)


def composite_shot(
    scene: Scene,
    preset: VolumePreset,
    shot: Shot,
    spans: AnyArray | None = None,
    points: Points | None = None,
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """Cast rays through a volume for a camera that is set up.

    Parameters
    ----------
    spans
        (2, rows, columns) depths in mm between which each ray sees; None: all of it.

    Returns
    -------
    (rows, columns, 4) float32
        Red, green, blue 0..1 weighted by opacity, and opacity.
    """
    from medvox.rendering import raycast_kernels as kernels

    tables = opacity_tables(scene, preset, points or _positions(scene, preset, 0.0))
    field = kernels.Field(scene.data, _emptiness(_active_blocks(scene, tables[4])), tables)
    inverse = np.ascontiguousarray(np.linalg.inv(scene.grid.affine[:3, :3]))
    step = STEP * min(scene.grid.spacing_mm)
    view = kernels.View(scene.shot_rays(shot), np.ascontiguousarray(inverse.T), inverse, step)
    shading = _shading(scene, preset, tables, shot)
    out = np.zeros((shot.size[1], shot.size[0], 4), np.float32)
    limits = np.zeros((2, 0, 0)) if spans is None else np.ascontiguousarray(spans, dtype=np.float64)
    _in_rows(lambda rows: kernels.composite(field, view, shading, limits, rows, out), shot.size[1], progress)
    return out


def _active_blocks(scene: Scene, integral: FloatArray) -> AnyArray:
    """Blocks whose value range is not wholly transparent."""
    low, high = scene.block_ranges
    scale = (ENTRIES - 1) / FULL
    first = np.minimum(np.floor(low * scale).astype(np.int64), ENTRIES - 2)
    last = np.minimum(np.ceil(high * scale).astype(np.int64) + 1, ENTRIES - 1)
    return np.asarray(integral[last] - integral[first] > 1e-9)


def _emptiness(active: AnyArray) -> AnyArray:
    """Chessboard distance of each block to the nearest active one, at most 255."""
    from scipy.ndimage import distance_transform_cdt

    if not active.any():
        return np.full(active.shape, 255, np.uint8)
    distance = distance_transform_cdt(~active, metric="chessboard")
    return np.asarray(np.minimum(distance, 255), dtype=np.uint8)


def _shading(scene: Scene, preset: VolumePreset, tables: FloatArray, shot: Shot) -> Any:
    from medvox.rendering import raycast_kernels as kernels

    visible = np.flatnonzero(tables[0] > 1e-6)
    span = (visible[-1] - visible[0] + 1) / ENTRIES * FULL if len(visible) else FULL
    occlusion = _occlusion(scene, tables) if preset.shade else np.zeros((2, 2, 2), np.float32)
    return kernels.Shading(
        preset.shade, shot.lights(), 0.02 * min(span, FULL), occlusion, float(CELL), _REACH_MM, _OCCLUSION
    )


def _occlusion(scene: Scene, tables: FloatArray) -> AnyArray:
    """Share of the space around each cell of `CELL` voxels a side that is filled, as float32."""
    from scipy.ndimage import gaussian_filter

    spacing = np.asarray(scene.grid.spacing_mm)
    side = float(np.cbrt(np.prod(spacing))) * CELL / 2
    filled = (1 - np.exp(-tables[0] * side)).astype(np.float32)
    index = (scene.data[1::2, 1::2, 1::2].astype(np.uint32) * (ENTRIES - 1)) // FULL
    fine = filled[index]
    pad = [(0, -n % 2 + (2 if n <= 2 else 0)) for n in fine.shape]
    fine = np.pad(fine, pad, mode="edge")
    k, j, i = (n // 2 for n in fine.shape)
    cells = fine.reshape(k, 2, j, 2, i, 2).mean(axis=(1, 3, 5))
    sigma = _REACH_MM * 0.8 / (spacing * CELL)
    return np.ascontiguousarray(gaussian_filter(cells, sigma, mode="constant"), dtype=np.float32)


def cast_projection(
    scene: Scene, rays: FloatArray, size: tuple[int, int], mode: int, progress: Progress = silent
) -> AnyArray:
    """(rows, columns) maximum (0), minimum (1) or mean (2) data along rays; -1 where a ray misses."""
    from medvox.rendering import raycast_kernels as kernels

    out = np.zeros((size[1], size[0]), np.float32)
    step = _projection_step(rays)
    ranges = scene.block_ranges

    def work(rows: tuple[int, int]) -> None:
        kernels.project(scene.data, ranges, rays, mode, step, rows, out)

    _in_rows(work, size[1], progress)
    return out


def _projection_step(rays: FloatArray) -> float:
    """Distance in mm in which a ray passes one voxel along its main axis: it meets every layer."""
    return float(1 / np.abs(rays[3]).max())


def _in_rows(work: Callable[[tuple[int, int]], Any], rows: int, progress: Progress) -> None:
    """Do `work` on bands of rows, in as many threads as the settings allow."""
    band = 16
    bands = [(first, min(first + band, rows)) for first in range(0, rows, band)]
    progress(0, len(bands), "Rendering")
    with ThreadPoolExecutor(settings.current().threads) as pool:
        for done, _ in enumerate(pool.map(work, bands), start=1):
            progress(done, len(bands), "Rendering")


def _mip_pixels(scene: Scene, data: AnyArray, preset: VolumePreset, points: Points) -> NDArray[np.uint8]:
    values = np.where(data < 0, points[0][0], scene.value_of(data))
    colors = np.moveaxis(_colors(preset, points, values), 0, -1)
    return np.rint(np.clip(colors, 0, 1) * 255).astype(np.uint8)


def over_background(rgba: AnyArray, background: tuple[Rgb, Rgb]) -> NDArray[np.uint8]:
    """Lay a picture over a background that runs from one color at the top to another at the bottom."""
    share = np.linspace(0, 1, rgba.shape[0], dtype=np.float32)[:, None]
    ramp = np.array(background[0]) * (1 - share) + np.array(background[1]) * share
    front = np.clip(rgba[..., :3], 0, 1) * 255
    pixels = front + (1 - rgba[..., 3:]) * ramp[:, None, :]
    return np.rint(np.clip(pixels, 0, 255)).astype(np.uint8)

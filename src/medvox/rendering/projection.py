"""Projections: the highest, lowest or mean value along parallel rays through a volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.progress import Progress, silent
from medvox.core.volume import Volume, Window
from medvox.rendering.look import Look
from medvox.rendering.picture import Picture
from medvox.rendering.raycast import cast_projection
from medvox.rendering.reslice import direction_letters
from medvox.rendering.scene import Camera, Scene

AnyArray = NDArray[Any]
Projection = Literal["mip", "minip", "mean"]

_MODES: Mapping[str, int] = MappingProxyType({"mip": 0, "minip": 1, "mean": 2})
PLANE_CAMERAS: Mapping[str, Camera] = MappingProxyType(
    {"axial": Camera(0, -90), "coronal": Camera(0, 0), "sagittal": Camera(90, 0)}
)
"""Cameras that look at the patient as slices of these planes are hung."""
MAX_SIDE = 4096


def project(
    volume: Volume,
    mode: Projection = "mip",
    camera: Camera | None = None,
    lead: Sequence[int] = (),
    progress: Progress = silent,
) -> tuple[NDArray[np.float32], float, Scene]:
    """Project a volume onto a picture plane.

    Parameters
    ----------
    mode
        ``"mip"`` (maximum), ``"minip"`` (minimum) or ``"mean"``.
    camera
        Direction of the rays (zoom is not used); None: from the front.
    lead
        Position along `volume.lead_axes`; the first where left out.

    Returns
    -------
    (rows, columns) float32
        In `volume.unit`, sampled once a voxel layer along the rays; NaN where a ray misses the volume.
    float
        Side of a pixel in mm: the smallest voxel spacing.
    Scene
        The volume as it was projected.

    Raises
    ------
    UsageError
        If the mode is unknown, or the volume has colour channels or a single slice.
    """
    if mode not in _MODES:
        raise UsageError("no such projection", got=mode, expected=tuple(_MODES))
    scene = Scene.of(volume, lead, refine=False, progress=progress)
    right, down, forward = (camera or Camera()).axes
    corners = scene.grid.corners_mm()
    across, along = corners @ right, corners @ down
    pixel = max(min(scene.grid.spacing_mm), max(np.ptp(across), np.ptp(along)) / (MAX_SIDE - 1))
    size = int(np.ptp(across) / pixel + 1e-3) + 1, int(np.ptp(along) / pixel + 1e-3) + 1
    corner = right * across.min() + down * along.min() + forward * (corners @ forward).min()
    rays = scene.ray_table(corner, right * pixel, down * pixel, forward)
    data = cast_projection(scene, rays, size, _MODES[mode], progress)
    values = np.where(data < 0, np.nan, scene.value_of(data)).astype(np.float32)
    return values, float(pixel), scene


def projection_image(
    volume: Volume,
    mode: Projection = "mip",
    camera: Camera | None = None,
    lead: Sequence[int] = (),
    look: Look | None = None,
    progress: Progress = silent,
) -> Picture:
    """Picture of a projection; without a window one is found from the projected values."""
    chosen = look or Look()
    values, pixel, _ = project(volume, mode, camera, lead, progress)
    if chosen.window is None:
        chosen = Look(_window(values, mode), chosen.inverted, chosen.colormap)
    right, down, _ = (camera or Camera()).axes
    edges = tuple(direction_letters(v) for v in (-right, right, -down, down))
    letters = (edges[0], edges[1], edges[2], edges[3])
    return Picture(chosen.paint(volume, values), pixel, letters, mode)


def _window(values: AnyArray, mode: str) -> Window:
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, (2.0, 99.8) if mode == "mip" else (0.5, 99.5)).tolist()
    width = max(high - low, 1e-6 * max(abs(high), 1.0))
    return Window((low + high) / 2, max(width, 1.0) if float(width).is_integer() else width, mode)

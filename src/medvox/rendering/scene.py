"""Scene: a volume made ready for casting rays through it, and the camera that looks at it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core import affine as aff
from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.core.progress import Progress, silent
from medvox.core.volume import Volume
from medvox.processing.resample import regular_copy, resample
from medvox.rendering.presets import relative_range

AnyArray = NDArray[Any]
FloatArray = NDArray[np.float64]

MAX_VOXELS = 160_000_000
"""Larger volumes are halved along each axis until they fit: a picture shows no more."""
THICK = 1.5
"""Slices this many times thicker than pixels are wide are refined by cubic interpolation first."""
FULL = 65535


@dataclass(frozen=True, slots=True)
class Camera:
    """Where a volume is seen from; parallel projection.

    Parameters
    ----------
    azimuth_deg
        0: from the front; 90: from the patient's left; 180: from behind.
    elevation_deg
        90: from above the head; -90: from the feet. The head is up at 0.
    roll_deg
        Turns the picture clockwise.
    zoom
        1: what is visible fills the picture.
    """

    azimuth_deg: float = 0.0
    elevation_deg: float = 0.0
    roll_deg: float = 0.0
    zoom: float = 1.0

    def __post_init__(self) -> None:
        numbers = (self.azimuth_deg, self.elevation_deg, self.roll_deg, self.zoom)
        if not all(math.isfinite(n) for n in numbers) or self.zoom <= 0:
            raise UsageError("camera is not usable", got=numbers, expected="finite angles, zoom above 0")

    @property
    def axes(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """LPS unit vectors to the right, down, and into the picture."""
        a, e, r = (math.radians(n) for n in (self.azimuth_deg, self.elevation_deg, self.roll_deg))
        forward = np.array([-math.sin(a) * math.cos(e), math.cos(a) * math.cos(e), -math.sin(e)])
        right = np.array([math.cos(a), math.sin(a), 0.0])
        down = np.cross(forward, right)
        return (
            math.cos(r) * right - math.sin(r) * down,
            math.sin(r) * right + math.cos(r) * down,
            forward,
        )


@dataclass(frozen=True, eq=False)
class Scene:
    """A volume ready for rendering; make it once, look at it often.

    Parameters
    ----------
    data
        (k, j, i) uint16: value = low + (high - low) · data / 65535.
    grid
        A regular grid.
    low, high
        Values of 0 and 65535.
    relative
        Values that are 0 and 1 of a relative scale.
    """

    data: AnyArray
    grid: Grid
    low: float
    high: float
    relative: tuple[float, float]

    @classmethod
    def of(cls, volume: Volume, lead: Sequence[int] = (), progress: Progress = silent) -> Scene:
        """Make the scene of a volume.

        Parameters
        ----------
        lead
            Position along `volume.lead_axes`; the first where left out.

        Raises
        ------
        UsageError
            If the volume has colour channels, or fewer than two voxels along an axis.
        """
        if volume.is_colour:
            raise UsageError("a colour volume cannot be rendered", advice="Take one of its channels")
        if min(volume.grid.shape) < 2:
            raise UsageError("rendering needs at least two slices, rows and columns", got=volume.grid.shape)
        at = (*lead, *(0,) * (len(volume.lead_shape) - len(lead)))
        one = regular_copy(volume, at, progress=progress)
        relative = relative_range(one)
        one = _refined(_halved(one, progress), progress)
        values = one.values(progress=progress)
        data, low, high = _quantized(values)
        return cls(data, one.grid, low, high, relative)

    @cached_property
    def block_ranges(self) -> tuple[AnyArray, AnyArray]:
        """Lowest and highest data of each block of 8 voxels a side."""
        from medvox.rendering import raycast_kernels as kernels

        shape = tuple(-(-n // kernels.BLOCK) for n in self.data.shape)
        low, high = np.zeros(shape, np.uint16), np.zeros(shape, np.uint16)
        kernels.block_ranges(self.data, low, high)
        return low, high

    def data_of(self, value: float) -> float:
        """Data (fractional, clipped) of a value."""
        return float(np.clip((value - self.low) / (self.high - self.low) * FULL, 0, FULL))

    def value_of(self, data: AnyArray) -> FloatArray:
        """Values of data."""
        return np.asarray(self.low + (self.high - self.low) / FULL * np.asarray(data, dtype=np.float64))

    def box_mm(self, blocks: AnyArray | None = None) -> FloatArray:
        """(8, 3) corners of the volume, or of those of its blocks that are marked."""
        last = np.asarray(self.grid.shape) - 1
        low, high = np.zeros(3), last.astype(float)
        if blocks is not None and blocks.any():
            where = np.argwhere(blocks)
            low = where.min(axis=0) * 8.0
            high = np.minimum((where.max(axis=0) + 1) * 8.0, last)
        corners = np.array(np.meshgrid(*zip(low, high, strict=True), indexing="ij")).reshape(3, -1).T
        return self.grid.to_patient(corners)

    def rays(self, camera: Camera, size: tuple[int, int], box_mm: FloatArray) -> tuple[FloatArray, float]:
        """Rays that show a box, for pictures of a width and height.

        Returns
        -------
        (4, 3) float64
            In voxels: the top left pixel's ray at distance 0, and what a column, a row, a mm adds.
        float
            mm a pixel.
        """
        right, down, forward = camera.axes
        center = (box_mm.min(axis=0) + box_mm.max(axis=0)) / 2
        pixel = _pixel_mm(np.ptp(box_mm, axis=0), camera, size)
        corner = center - right * pixel * (size[0] - 1) / 2 - down * pixel * (size[1] - 1) / 2
        inverse = aff.invert(self.grid.affine)
        rows = [aff.apply(inverse, corner)]
        rows += [inverse[:3, :3] @ step for step in (right * pixel, down * pixel, forward)]
        return np.ascontiguousarray(rows), pixel


def _pixel_mm(extent: FloatArray, camera: Camera, size: tuple[int, int]) -> float:
    """Scale that fits the box at this elevation and any azimuth, so that turning does not zoom."""
    around = math.hypot(extent[0], extent[1])
    e = math.radians(camera.elevation_deg)
    tall = extent[2] * abs(math.cos(e)) + around * abs(math.sin(e))
    return float(max(around / size[0], tall / size[1]) * 1.06 / camera.zoom)


def _halved(volume: Volume, progress: Progress) -> Volume:
    while math.prod(volume.grid.shape) > MAX_VOXELS:
        grid = volume.grid
        shape = tuple(max(2, n // 2) for n in grid.shape)
        local = np.diag([2.0, 2.0, 2.0, 1.0])
        local[:3, 3] = 0.5
        half = Grid((shape[0], shape[1], shape[2]), grid.affine @ local, grid.frame_of_reference)
        volume = resample(volume, half, "linear", progress=progress)
    return volume


def _refined(volume: Volume, progress: Progress) -> Volume:
    """Slices no more than `THICK` times as far apart as pixels, by cubic interpolation."""
    grid = volume.grid
    k, j, i = grid.spacing_mm
    fine = max(j, i)
    factor = math.ceil(k / fine / THICK - 1e-6)
    room = MAX_VOXELS / math.prod(grid.shape)
    factor = min(factor, int(room), 12)
    if factor <= 1:
        return volume
    shape = ((grid.shape[0] - 1) * factor + 1, *grid.shape[1:])
    local = np.diag([1.0 / factor, 1.0, 1.0, 1.0])
    return resample(
        volume, Grid(shape, grid.affine @ local, grid.frame_of_reference), "cubic", progress=progress
    )


def _quantized(values: AnyArray) -> tuple[AnyArray, float, float]:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        finite = values[np.isfinite(values)]
        lowest = float(finite.min()) if finite.size else 0.0
        values = np.nan_to_num(values, nan=lowest, posinf=float(finite.max(initial=lowest)), neginf=lowest)
    low, high = float(values.min()), float(values.max())
    if not high > low:
        high = low + 1.0
    data = np.empty(values.shape, np.uint16)
    for k, part in enumerate(values):
        scaled = (part.astype(np.float32) - np.float32(low)) * np.float32(FULL / (high - low))
        data[k] = np.rint(np.clip(scaled, 0, FULL))
    return data, low, high

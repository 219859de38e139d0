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
from medvox.processing.resample import Order, resample
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


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """A camera set up: where the top left pixel is, and where the picture runs from there.

    Parameters
    ----------
    corner_mm
        LPS place of the top left pixel's centre, in the plane of depth 0.
    right, down, forward
        LPS unit vectors.
    pixel_mm
        Side of a pixel.
    size
        Width and height in pixels.
    """

    corner_mm: FloatArray
    right: FloatArray
    down: FloatArray
    forward: FloatArray
    pixel_mm: float
    size: tuple[int, int]

    @classmethod
    def of(cls, camera: Camera, size: tuple[int, int], outline_mm: FloatArray) -> Shot:
        """Show all points of an (n, 3) outline; turning the camera does not zoom."""
        right, down, forward = camera.axes
        center = (outline_mm.min(axis=0) + outline_mm.max(axis=0)) / 2
        pixel = _pixel_mm(outline_mm - center, camera, size)
        corner = center - right * pixel * (size[0] - 1) / 2 - down * pixel * (size[1] - 1) / 2
        return cls(corner, right, down, forward, pixel, size)

    def project(self, points_mm: FloatArray) -> FloatArray:
        """(n, 3) column, row and depth in mm of LPS points."""
        away = points_mm - self.corner_mm
        across, along = away @ self.right / self.pixel_mm, away @ self.down / self.pixel_mm
        return np.stack([across, along, away @ self.forward], axis=-1)

    def lights(self) -> FloatArray:
        """(4, 3) unit vectors to the eye, the key light, the fill light, and between eye and key light."""
        eye = -self.forward
        key = _unit(0.85 * eye - 0.55 * self.down - 0.45 * self.right)
        fill = _unit(0.8 * eye + 0.2 * self.down + 0.6 * self.right)
        return np.ascontiguousarray([eye, key, fill, _unit(eye + key)])


def _unit(vector: FloatArray) -> FloatArray:
    return np.asarray(vector / np.linalg.norm(vector))


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
    def of(
        cls, volume: Volume, lead: Sequence[int] = (), refine: bool = True, progress: Progress = silent
    ) -> Scene:
        """Make the scene of a volume.

        Parameters
        ----------
        lead
            Position along `volume.lead_axes`; the first where left out.
        refine
            Whether to interpolate between thick slices, for smooth surfaces.

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
        one = volume.at(**dict(zip(volume.lead_axes, at, strict=True)))
        relative = relative_range(one)
        grid = scene_grid(one.grid, refine)
        if grid is not one.grid:
            one = resample(one, grid, _order(one.grid, grid), progress=progress)
        values = one.values(progress=progress)
        data, low, high = _quantized(values)
        return cls(data, one.grid, low, high, relative)

    @cached_property
    def block_ranges(self) -> tuple[AnyArray, AnyArray]:
        """Lowest and highest data of each block."""
        from medvox.rendering import raycast_kernels as kernels

        shape = tuple(-(-n // kernels.BLOCK) for n in self.data.shape)
        low, high = np.zeros(shape, np.uint16), np.zeros(shape, np.uint16)
        kernels.block_ranges(self.data, low, high)
        return low, high

    def data_of(self, value: float) -> float:
        """Turn a value into data (fractional, clipped)."""
        return float(np.clip((value - self.low) / (self.high - self.low) * FULL, 0, FULL))

    def value_of(self, data: AnyArray) -> FloatArray:
        """Turn data into values."""
        return np.asarray(self.low + (self.high - self.low) / FULL * np.asarray(data, dtype=np.float64))

    def outline_mm(self, blocks: AnyArray | None = None, visible: AnyArray | None = None) -> FloatArray:
        """(n, 3) LPS points in mm that all of the volume, or what is visible of it, lies between.

        Parameters
        ----------
        blocks
            Blocks that may hold something visible.
        visible
            (entries,) whether data of each of these evenly spaced steps are visible.
        """
        from medvox.rendering import raycast_kernels as kernels

        if blocks is None or visible is None:
            return self.grid.corners_mm()
        edge = np.argwhere(blocks & ~binary_interior(blocks))
        bounds = np.empty((len(edge), 2, 3), np.int64)
        kernels.visible_bounds(self.data, edge, visible, bounds)
        bounds = bounds[bounds[:, 1, 0] >= 0]
        if not len(bounds):
            return self.grid.corners_mm()
        pick = np.array(np.meshgrid((0, 1), (0, 1), (0, 1), indexing="ij")).reshape(3, -1).T
        return self.grid.to_patient(bounds[:, pick, np.arange(3)].reshape(-1, 3))

    def rays(self, camera: Camera, size: tuple[int, int], outline_mm: FloatArray) -> tuple[FloatArray, float]:
        """Rays that show all points of an outline, for pictures of a width and height.

        Returns
        -------
        (4, 3) float64
            In voxels: the top left pixel's ray at distance 0, and what a column, a row, a mm adds.
        float
            mm a pixel.
        """
        shot = Shot.of(camera, size, outline_mm)
        return self.shot_rays(shot), shot.pixel_mm

    def shot_rays(self, shot: Shot) -> FloatArray:
        """Rays of a shot, in voxels, as `rays` gives them."""
        return self.ray_table(
            shot.corner_mm, shot.right * shot.pixel_mm, shot.down * shot.pixel_mm, shot.forward
        )

    def ray_table(self, corner_mm: FloatArray, *steps_mm: FloatArray) -> FloatArray:
        """Turn a ray's start and steps from LPS mm to voxels, (4, 3)."""
        inverse = aff.invert(self.grid.affine)
        rows = [aff.apply(inverse, corner_mm), *(inverse[:3, :3] @ step for step in steps_mm)]
        table = np.ascontiguousarray(rows)
        return np.where(np.abs(table) < 1e-12, 0.0, table)


def binary_interior(marked: AnyArray) -> AnyArray:
    """Mark what has marked neighbours on all six sides."""
    inside = marked.copy()
    for axis in range(marked.ndim):
        for shift in (1, -1):
            moved = np.roll(marked, shift, axis)
            edge: list[slice | int] = [slice(None)] * marked.ndim
            edge[axis] = 0 if shift == 1 else -1
            moved[tuple(edge)] = False
            inside &= moved
    return inside


def _pixel_mm(around_center: FloatArray, camera: Camera, size: tuple[int, int]) -> float:
    """Scale that fits points at this elevation and any azimuth, so that turning does not zoom."""
    radius = np.hypot(around_center[:, 0], around_center[:, 1]).max()
    e = math.radians(camera.elevation_deg)
    tall = np.abs(around_center[:, 2]).max() * abs(math.cos(e)) + radius * abs(math.sin(e))
    return float(2 * max(radius / size[0], tall / size[1]) * 1.06 / camera.zoom)


def scene_grid(grid: Grid, refine: bool = True) -> Grid:
    """Regular grid to render: slices refined where they are thick, halved while it is too large."""
    target = grid.regular()
    k, j, i = target.spacing_mm
    room = int(MAX_VOXELS / math.prod(target.shape))
    factor = min(math.ceil(k / max(j, i) / THICK - 1e-6), room, 12)
    if refine and factor > 1:
        shape = ((target.shape[0] - 1) * factor + 1, *target.shape[1:])
        local = np.diag([1.0 / factor, 1.0, 1.0, 1.0])
        target = Grid(shape, target.affine @ local, grid.frame_of_reference, None, grid.space)
    while math.prod(target.shape) > MAX_VOXELS:
        k_half, j_half, i_half = (max(2, n // 2) for n in target.shape)
        local = np.diag([2.0, 2.0, 2.0, 1.0])
        local[:3, 3] = 0.5
        target = Grid(
            (k_half, j_half, i_half), target.affine @ local, grid.frame_of_reference, None, grid.space
        )
    return target


def _order(stored: Grid, target: Grid) -> Order:
    """Cubic where slices are refined; linear where it is enough."""
    return "cubic" if target.spacing_mm[0] < 0.9 * stored.spacing_mm[0] else "linear"


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

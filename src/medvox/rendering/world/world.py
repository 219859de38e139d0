"""Pictures of surfaces, slices and volumes together, in software; the same input gives the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core import settings
from medvox.core.errors import UsageError
from medvox.core.mesh import Mesh
from medvox.core.progress import Progress, silent
from medvox.core.volume import Volume
from medvox.rendering.look import Look
from medvox.rendering.picture import Picture
from medvox.rendering.presets import VolumePreset, volume_preset
from medvox.rendering.raycast import (
    BACKGROUND,
    Rgb,
    composite_shot,
    over_background,
    visible_outline_mm,
)
from medvox.rendering.reslice import direction_letters
from medvox.rendering.scene import Camera, Scene, Shot

AnyArray = NDArray[Any]
FloatArray = NDArray[np.float64]
FAR = 1e30


@dataclass(frozen=True, slots=True, eq=False)
class SurfacePart:
    """A mesh in the picture.

    Parameters
    ----------
    opacity
        1: hides what is behind; less: its front and back are seen through.
    color
        Red, green, blue 0..255; None: the mesh's own, or its vertices'.
    """

    mesh: Mesh
    opacity: float = 1.0
    color: Rgb | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SlicePart:
    """A plane through a volume in the picture.

    Parameters
    ----------
    normal
        LPS.
    position_mm
        Along the unit normal; None: through the middle.
    """

    volume: Volume
    normal: tuple[float, float, float]
    position_mm: float | None = None
    look: Look = field(default_factory=Look)


@dataclass(frozen=True, slots=True, eq=False)
class VolumePart:
    """A volume in the picture, through a preset."""

    scene: Scene
    preset: VolumePreset | str


@dataclass(frozen=True, slots=True)
class ClipPlane:
    """Leaves out what lies behind a plane: seen is where ``normal · x >= offset_mm`` (LPS mm)."""

    normal: tuple[float, float, float]
    offset_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """What is seen together.

    Parameters
    ----------
    clips
        Planes that cut surfaces and volumes; slices stay whole. Six make a box (`clip_box`).
    """

    surfaces: Sequence[SurfacePart] = ()
    slices: Sequence[SlicePart] = ()
    volumes: Sequence[VolumePart] = ()
    clips: Sequence[ClipPlane] = ()


def clip_box(low_mm: Sequence[float], high_mm: Sequence[float]) -> tuple[ClipPlane, ...]:
    """Planes that leave the inside of a box of two LPS corners."""
    planes = []
    for axis in range(3):
        unit = tuple(float(axis == n) for n in range(3))
        back = tuple(-n for n in unit)
        planes.append(ClipPlane((unit[0], unit[1], unit[2]), float(low_mm[axis])))
        planes.append(ClipPlane((back[0], back[1], back[2]), -float(high_mm[axis])))
    return tuple(planes)


def render_world(
    world: World,
    camera: Camera | None = None,
    size: tuple[int, int] = (800, 600),
    background: tuple[Rgb, Rgb] = BACKGROUND,
    progress: Progress = silent,
) -> Picture:
    """Draw a world.

    Opaque surfaces and slices end the rays through volumes; transparent surfaces are laid over volumes,
    nearer ones over farther ones. Several volumes share the light of a ray by their opacities.

    Raises
    ------
    UsageError
        If there is nothing to see, or the size is not usable.
    """
    from medvox.rendering.world import raster_kernels as kernels

    if not (1 <= size[0] <= 8192 and 1 <= size[1] <= 8192):
        raise UsageError("picture size is not usable", got=size, expected="1 to 8192")
    view = camera or Camera()
    shot = Shot.of(view, size, _outline(world))
    rows, columns = size[1], size[0]
    target = kernels.Target(
        np.full((rows, columns), FAR),
        np.zeros((rows, columns, 3), np.float32),
        np.full((rows, columns, kernels.LAYERS), np.inf),
        np.zeros((rows, columns, kernels.LAYERS, 4), np.float32),
    )
    for part in world.slices:
        _draw_slice(part, shot, target)
    opaque_first = sorted(world.surfaces, key=lambda p: -p.opacity)
    for done, surface in enumerate(opaque_first):
        progress(done, len(opaque_first), "Drawing surfaces")
        _draw_surface(surface, shot, world.clips, target)
    light = _volumes(world, shot, target.depth, progress)
    out = np.zeros((rows, columns, 4), np.float32)
    _in_bands(lambda band: kernels.blend(target, light, band, out), rows)
    right, down = shot.right, shot.down
    letters = tuple(direction_letters(v) for v in (-right, right, -down, down))
    pixels = over_background(out, background)
    return Picture(pixels, shot.pixel_mm, (letters[0], letters[1], letters[2], letters[3]))


def _outline(world: World) -> FloatArray:
    points = [p.mesh.vertices_mm for p in world.surfaces if len(p.mesh.vertices_mm)]
    points += [s.volume.grid.corners_mm() for s in world.slices]
    for part in world.volumes:
        preset = volume_preset(part.preset) if isinstance(part.preset, str) else part.preset
        points.append(visible_outline_mm(part.scene, preset))
    if not points:
        raise UsageError("there is nothing to draw")
    return np.concatenate(points)


def vertex_normals(vertices: FloatArray, faces: AnyArray) -> FloatArray:
    """(n, 3) sums of the area vectors of the faces around each vertex; not of unit length."""
    corner = vertices[faces]
    vectors = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    flat, count = faces.ravel(), len(vertices)
    return np.stack([np.bincount(flat, np.repeat(vectors[:, n], 3), count) for n in range(3)], axis=1)


def _draw_surface(part: SurfacePart, shot: Shot, clips: Sequence[ClipPlane], target: Any) -> None:
    from medvox.rendering.world import raster_kernels as kernels

    mesh = part.mesh
    if part.color is None and mesh.vertex_colors is not None:
        colors = mesh.vertex_colors / 255.0
    else:
        colors = np.tile(np.array(part.color or mesh.color) / 255.0, (len(mesh.vertices_mm), 1))
    what = kernels.Triangles(
        shot.project(mesh.vertices_mm),
        vertex_normals(mesh.vertices_mm, mesh.faces),
        colors,
        mesh.faces,
        shot.lights(),
        np.array([(*c.normal, -c.offset_mm) for c in clips], dtype=np.float64).reshape(-1, 4),
        mesh.vertices_mm,
        float(part.opacity),
    )
    _in_bands(lambda band: kernels.draw(what, target, band), shot.size[1])


def _draw_slice(part: SlicePart, shot: Shot, target: Any) -> None:
    """Draw a plane: for each pixel where its ray meets the plane, the volume's value there."""
    from scipy.ndimage import map_coordinates

    normal = np.asarray(part.normal, dtype=np.float64)
    normal = normal / np.linalg.norm(normal)
    grid = part.volume.grid
    at = part.position_mm if part.position_mm is not None else float(grid.corners_mm().mean(axis=0) @ normal)
    slope = float(shot.forward @ normal)
    if abs(slope) < 1e-6:
        return
    y, x = np.mgrid[: shot.size[1], : shot.size[0]]
    start = shot.corner_mm + shot.pixel_mm * (x[..., None] * shot.right + y[..., None] * shot.down)
    depth = (at - start @ normal) / slope
    index = grid.to_voxel(start + depth[..., None] * shot.forward)
    seen = grid.contains(index) & (depth < target.depth)
    values = map_coordinates(
        part.volume.values(np.float32), index[seen].T, order=1, mode="nearest", output=np.float32
    )
    pixels = part.look.settled(part.volume).paint(part.volume, values[None])[0]
    gray = pixels if pixels.ndim == 2 else np.repeat(pixels[:, None], 3, axis=1)
    target.depth[seen] = depth[seen]
    target.color[seen] = gray / 255.0


def _volumes(world: World, shot: Shot, depth: FloatArray, progress: Progress) -> NDArray[np.float32]:
    """Light of all volumes, (rows, columns, 4), up to the depth of what is opaque."""
    light = np.zeros((shot.size[1], shot.size[0], 4), np.float32)
    if not world.volumes:
        return light
    spans = clip_spans(shot, world.clips)
    spans[1] = np.minimum(spans[1], depth)
    parts = []
    for part in world.volumes:
        preset = volume_preset(part.preset) if isinstance(part.preset, str) else part.preset
        if preset.mode != "composite":
            raise UsageError("this preset cannot be drawn with other things", got=preset.name)
        parts.append(composite_shot(part.scene, preset, shot, spans, progress=progress))
    if len(parts) == 1:
        return parts[0]
    stack = np.stack(parts)
    alpha = 1 - np.prod(1 - stack[..., 3], axis=0)
    share = alpha / np.maximum(stack[..., 3].sum(axis=0), 1e-6)
    light[..., :3] = stack[..., :3].sum(axis=0) * share[..., None]
    light[..., 3] = alpha
    return light


def clip_spans(shot: Shot, clips: Sequence[ClipPlane]) -> FloatArray:
    """(2, rows, columns) nearest and farthest depth in mm that clip planes leave of each ray."""
    y, x = np.mgrid[: shot.size[1], : shot.size[0]].astype(np.float64)
    spans = np.stack([np.full(x.shape, -FAR), np.full(x.shape, FAR)])
    for clip in clips:
        normal = np.asarray(clip.normal, dtype=np.float64)
        slope = float(normal @ shot.forward)
        start = shot.corner_mm @ normal - clip.offset_mm
        away = start + shot.pixel_mm * (x * float(shot.right @ normal) + y * float(shot.down @ normal))
        if abs(slope) < 1e-9:
            spans[1][away < 0] = -FAR
        elif slope > 0:
            spans[0] = np.maximum(spans[0], -away / slope)
        else:
            spans[1] = np.minimum(spans[1], -away / slope)
    return spans


def _in_bands(work: Any, rows: int) -> None:
    from concurrent.futures import ThreadPoolExecutor

    threads = settings.current().threads
    band = max(1, -(-rows // (3 * threads)))
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, [(first, min(first + band, rows)) for first in range(0, rows, band)]))

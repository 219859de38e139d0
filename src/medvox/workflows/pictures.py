"""Pictures and movies of scans and meshes together, from files."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import numpy as np

from medvox.core.errors import MissingError, UsageError
from medvox.core.mesh import Mesh
from medvox.core.progress import Progress, silent
from medvox.core.volume import Volume
from medvox.formats.meshes import READABLE
from medvox.rendering.curved import Slab, SlabOptions, curved_image, oblique_image
from medvox.rendering.furniture import with_color_bar, with_cube
from medvox.rendering.look import Look
from medvox.rendering.movie import film, turntable
from medvox.rendering.picture import Picture
from medvox.rendering.presets import VolumePreset, default_presets, volume_preset
from medvox.rendering.scene import Camera, Scene
from medvox.rendering.transfer import preset_from_json
from medvox.rendering.world.world import (
    ClipPlane,
    SlicePart,
    SurfacePart,
    VolumePart,
    World,
    clip_box,
    render_world,
)
from medvox.workflows.meshes import read_meshes
from medvox.workflows.movies import write_movie

PLAIN = (255, 255, 0)
"""Color of a mesh that nothing is known of."""
NORMALS = {"axial": (0.0, 0.0, 1.0), "coronal": (0.0, 1.0, 0.0), "sagittal": (1.0, 0.0, 0.0)}
COLORS = (
    (230, 214, 180), (221, 130, 101), (111, 184, 210), (128, 174, 128), (244, 214, 49), (183, 156, 220),
    (216, 101, 79),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class WorldRequest:
    """What is drawn together.

    Parameters
    ----------
    meshes
        Mesh files; ``skull.stl:0.4`` is drawn with that opacity.
    slices
        Planes of the volume: axial, coronal, sagittal; ``axial:12.5`` at that place in mm.
    preset, transfer
        Of the volume, a preset's name or a file with a transfer function; both None: the volume is not drawn.
    clips
        Planes: normal and offset in LPS mm, ``(1, 0, 0, 12.5)`` leaves what lies left of 12.5.
    box
        Two LPS corners that the picture is cut to.
    look
        Of slices.
    """

    meshes: Sequence[str] = ()
    slices: Sequence[str] = ()
    preset: str | None = None
    transfer: Path | None = None
    clips: Sequence[Sequence[float]] = ()
    box: Sequence[float] = ()
    look: Look = field(default_factory=Look)

    @property
    def is_needed(self) -> bool:
        """Whether more is wanted than a plain picture of a scan gives."""
        return bool(self.meshes or self.slices or self.transfer or self.clips or self.box)


@dataclass(frozen=True, slots=True)
class ReformatRequest:
    """An oblique plane by `normal` and `center`, or a sheet along a `path` of points; numbers in LPS mm."""

    normal: Sequence[float] = ()
    center: Sequence[float] = ()
    path: Sequence[float] = ()
    slab_mm: float = 0.0

    @property
    def is_needed(self) -> bool:
        """Whether a reformat is wanted."""
        return bool(self.normal or self.path)


def draw_reformat(volume: Volume, request: ReformatRequest, look: Look, mode: str | None) -> Picture:
    """Draw an oblique or curved reformat, thick where asked for.

    Raises
    ------
    UsageError
        If numbers are missing or the mode is no way to look through a slab.
    """
    if mode not in (None, "slice", "mip", "minip", "mean"):
        raise UsageError("no such slab", got=mode, expected=("mip", "minip", "mean"))
    slab = SlabOptions(request.slab_mm, cast("Slab", "mean" if mode in (None, "slice") else mode))
    one = volume.at(**dict.fromkeys(volume.lead_axes, 0))
    if request.path:
        if len(request.path) % 3:
            raise UsageError("a path has three numbers a point", got=len(request.path))
        return curved_image(one, np.reshape(request.path, (-1, 3)), look=look, slab=slab)
    if len(request.normal) != 3 or len(request.center) not in (0, 3):
        raise UsageError("a normal and a center have three numbers", got=(request.normal, request.center))
    center = request.center or tuple(one.grid.corners_mm().mean(axis=0).tolist())
    return oblique_image(one, center, request.normal, look, slab)


def is_mesh(path: Path) -> bool:
    """Whether a file is a mesh, by its ending."""
    return path.is_file() and path.suffix.lower() in READABLE


def suited(volume: Volume) -> str:
    """Name of the preset that suits a volume best among those that can be drawn with other things."""
    names = [n for n in default_presets(volume) if volume_preset(n).mode == "composite"]
    if not names:
        raise UsageError("this cannot be rendered as a volume", got=volume.label)
    return names[0]


def barred(picture: Picture, volume: Volume, look: Look) -> Picture:
    """Draw the window that a picture was made with as a bar of colors."""
    window = look.settled(volume).window
    if window is None:
        raise UsageError("this picture has no window", advice="Leave out --color-bar")
    return with_color_bar(picture, window, look.colormap, volume.unit)


def make_world(
    request: WorldRequest,
    volume: Volume | None = None,
    others: Sequence[Volume] = (),
    progress: Progress = silent,
) -> World:
    """Read meshes and make the volumes ready.

    Parameters
    ----------
    others
        Volumes that are fused with the first, each by the preset that suits it best.

    Raises
    ------
    UsageError
        If the request does not fit.
    """
    if any(len(c) != 4 for c in request.clips) or len(request.box) not in (0, 6):
        raise UsageError("a clip has four numbers, a box six", got=(request.clips, request.box))
    if not all(math.isfinite(n) for c in (*request.clips, request.box) for n in c):
        raise UsageError("clips and box must be finite", got=(request.clips, request.box))
    clips = [ClipPlane((c[0], c[1], c[2]), c[3]) for c in request.clips]
    if request.box:
        clips += clip_box(request.box[:3], request.box[3:])
    parts = []
    if volume is not None and (request.preset or request.transfer):
        parts.append(VolumePart(Scene.of(volume, progress=progress), _preset(request)))
    parts += [VolumePart(Scene.of(other, progress=progress), suited(other)) for other in others]
    return World(
        [s for word in request.meshes for s in _surfaces(word)],
        [_slice(word, volume, request.look) for word in request.slices],
        parts,
        clips,
    )


def _preset(request: WorldRequest) -> VolumePreset | str:
    if request.transfer is not None:
        if not request.transfer.is_file():
            raise MissingError("no such transfer function", where=request.transfer)
        return preset_from_json(request.transfer.read_text("utf-8"), request.transfer.stem)
    assert request.preset is not None
    return request.preset


def _surfaces(word: str) -> list[SurfacePart]:
    path, _, share = word.rpartition(":")
    opacity = _number(share) if path else None
    path = path if opacity is not None else word
    opacity = 1.0 if opacity is None else opacity
    if not 0 < opacity <= 1:
        raise UsageError("opacity is outside its limits", where=word, got=opacity, expected="above 0 to 1")
    found = [m for m in read_meshes(path) if len(m.faces)]
    if not found:
        raise UsageError("a cloud of points cannot be drawn", where=path, advice="Reconstruct its surface")
    return [SurfacePart(_in_color(m, n), opacity) for n, m in enumerate(found)]


def _in_color(mesh: Mesh, number: int) -> Mesh:
    """Give a mesh whose file tells no color one of ours."""
    if mesh.color != PLAIN or mesh.vertex_colors is not None:
        return mesh
    return replace(mesh, color=COLORS[number % len(COLORS)])


def _slice(word: str, volume: Volume | None, look: Look) -> SlicePart:
    name, _, place = word.partition(":")
    if volume is None or name not in NORMALS:
        raise UsageError("no such slice", got=word, expected=tuple(NORMALS))
    at = _number(place) if place else None
    return SlicePart(volume, NORMALS[name], at, look)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def world_camera(world: World, size: tuple[int, int], cube: bool = True) -> Callable[[Camera], Picture]:
    """Make a function that draws the world for a camera."""

    def draw(camera: Camera) -> Picture:
        picture = render_world(world, camera, size)
        return with_cube(picture, camera) if cube else picture

    return draw


def write_turntable(
    draw: Callable[[Camera], Picture],
    target: Path,
    start: Camera,
    frames: int = 72,
    progress: Progress = silent,
) -> int:
    """Film once around and write GIF, MP4 or WebM; four seconds a turn at 72 frames."""
    return write_movie(film(draw, turntable(frames, start), progress), target, 18.0)

"""Render: one call for every kind of picture of a volume."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from medvox.core.errors import UsageError
from medvox.core.progress import Progress, silent
from medvox.core.volume import Volume
from medvox.rendering.annotate import annotate
from medvox.rendering.look import Look
from medvox.rendering.montage import montage
from medvox.rendering.picture import Picture
from medvox.rendering.presets import default_presets
from medvox.rendering.projection import PLANE_CAMERAS, projection_image
from medvox.rendering.raycast import render_volume
from medvox.rendering.resize import shrink
from medvox.rendering.reslice import Plane, slice_image
from medvox.rendering.scene import Camera, Scene

Mode = Literal["slice", "montage", "mip", "minip", "mean", "volume"]
MODES: tuple[str, ...] = get_args(Mode)


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """What picture is wanted.

    Parameters
    ----------
    mode
        ``"slice"``, ``"montage"``, ``"mip"``, ``"minip"``, ``"mean"`` or ``"volume"``.
    plane
        For slices and montages, and the direction of projections without a camera; None: axial, for
        projections coronal, and ``"stored"`` for single pictures.
    index, position_mm
        Which slice; None: the middle.
    preset
        Volume rendering preset; None: the one that suits the volume best.
    camera
        For volumes and projections.
    size
        Width and height of a volume rendering; other pictures are made smaller to fit into it, if given.
    rows, columns
        Of a montage.
    lead
        Position along the axes before k (time …).
    look
        Window, inversion and colors of all but volume rendering.
    annotated
        Whether to draw letters, label and scale bar.
    """

    mode: Mode = "slice"
    plane: Plane | None = None
    index: int | None = None
    position_mm: float | None = None
    preset: str | None = None
    camera: Camera | None = None
    size: tuple[int, int] | None = None
    rows: int = 4
    columns: int = 5
    lead: tuple[int, ...] = ()
    look: Look = field(default_factory=Look)
    annotated: bool = True


def render(volume: Volume, request: RenderRequest | None = None, progress: Progress = silent) -> Picture:
    """Make a picture of a volume.

    Raises
    ------
    UsageError
        If the request does not fit the volume: an unknown mode, plane or slice, a volume rendering of a
        single slice.
    MissingError
        If the preset is unknown.
    """
    wanted = request or RenderRequest()
    if wanted.mode not in MODES:
        raise UsageError("no such kind of picture", got=wanted.mode, expected=MODES)
    if wanted.mode == "volume":
        picture = _volume(volume, wanted, progress)
        return annotate(picture) if wanted.annotated else picture
    if wanted.mode == "montage":
        plane = wanted.plane or _plane(volume)
        return _fitted(
            montage(volume, wanted.rows, wanted.columns, plane, wanted.lead, wanted.look, progress), wanted
        )
    if wanted.mode == "slice":
        plane = wanted.plane or _plane(volume)
        picture = slice_image(volume, plane, wanted.index, wanted.position_mm, wanted.lead, wanted.look)
    else:
        camera = wanted.camera or PLANE_CAMERAS.get(wanted.plane or "coronal")
        picture = projection_image(volume, wanted.mode, camera, wanted.lead, wanted.look, progress)
    picture = _fitted(picture, wanted)
    return annotate(picture) if wanted.annotated else picture


def _plane(volume: Volume) -> Plane:
    return "axial" if volume.grid.shape[0] > 1 else "stored"


def _fitted(picture: Picture, wanted: RenderRequest) -> Picture:
    if wanted.size is None:
        return picture
    width, height = picture.size
    factor = max(width / wanted.size[0], height / wanted.size[1])
    return picture if factor <= 1 else shrink(picture, max(1, round(max(width, height) / factor)))


def _volume(volume: Volume, wanted: RenderRequest, progress: Progress) -> Picture:
    preset = wanted.preset
    if preset is None:
        names = default_presets(volume)
        if not names:
            raise UsageError(
                "this cannot be rendered as a volume",
                got="a colour or single-slice image",
                advice="Use a slice or a montage",
            )
        preset = names[0]
    scene = Scene.of(volume, wanted.lead, progress=progress)
    size = wanted.size or (800, 600)
    picture = render_volume(scene, preset, wanted.camera, size, progress=progress)
    return replace(picture, label="")

"""Pictures and named looks for the viewer, from `medvox.rendering`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from pydantic import BaseModel, ConfigDict, Field

from medvox.core.errors import UsageError
from medvox.core.study import Kind
from medvox.core.volume import Volume, Window
from medvox.server import types as api
from medvox.server.catalog import ImageEntry
from medvox.server.image.store import VolumeStore

THUMBNAIL_SIZE = 160
PREVIEW_SIZE = 768
COLOR_STEP = 5
"""Of the 256 colors of a map every fifth is sent, the first and the last among them."""


def thumbnail_png(store: VolumeStore, entry: ImageEntry) -> bytes:
    """PNG of the middle slice, at most `THUMBNAIL_SIZE` px."""
    from medvox.rendering.thumbnail import thumbnail

    def make() -> tuple[bytes, int]:
        png = thumbnail(store.opened(entry.image).volume, THUMBNAIL_SIZE).png_bytes()
        return png, len(png)

    found: bytes = store.cache.get(("thumbnail", entry.image), make)
    return found


def preview_png(store: VolumeStore, entry: ImageEntry) -> bytes:
    """PNG of the middle slice in the default window, at most `PREVIEW_SIZE` px."""
    from medvox.rendering.thumbnail import preview

    def make() -> tuple[bytes, int]:
        png = preview(store.opened(entry.image).volume, PREVIEW_SIZE).png_bytes()
        return png, len(png)

    found: bytes = store.cache.get(("preview", entry.image), make)
    return found


def windows(volume: Volume) -> list[api.WindowPreset]:
    """Windows that suit a volume, the default first; none for colour."""
    from medvox.rendering.window import windows as suitable

    return [] if volume.is_colour else _window_presets(suitable(volume))


def _window_presets(windows: Iterable[Window]) -> list[api.WindowPreset]:
    return [api.WindowPreset(name=w.name or "file", center=w.center, width=w.width) for w in windows]


class View(BaseModel):
    """How the server's volume rendering looks at a volume."""

    model_config = ConfigDict(extra="forbid")

    preset: str = ""
    azimuth: float = Field(0, ge=-3600, le=3600)
    elevation: float = Field(0, ge=-3600, le=3600)
    zoom: float = Field(1, ge=0.1, le=20)
    width: int = Field(512, ge=16, le=2048)
    height: int = Field(512, ge=16, le=2048)
    t: int = Field(0, ge=0, lt=2**31)


def preset_names(volume: Volume) -> list[str]:
    """Names of the volume presets that suit a volume, the default first."""
    from medvox.rendering.presets import default_presets

    return list(default_presets(volume))


def relative_range(volume: Volume) -> tuple[float, float]:
    """Values that are 0 and 1 for presets of the relative scale."""
    from medvox.rendering import presets as looks

    return (0.0, 255.0) if volume.is_colour else looks.relative_range(volume)


@cache
def presets() -> api.Presets:
    """Return all named windows and looks."""
    from medvox.rendering.colormap import COLORMAPS, colormap
    from medvox.rendering.presets import PRESETS
    from medvox.rendering.window import WINDOW_PRESETS

    looks = [
        api.VolumePreset(
            name=p.name,
            label=p.label,
            mode=p.mode,
            shade=p.shade,
            scale=p.scale,
            color=list(p.color),
            opacity=list(p.opacity),
        )
        for p in PRESETS.values()
    ]
    named = {modality: _window_presets(some) for modality, some in WINDOW_PRESETS.items()}
    maps = [
        api.ColorMap(name=name, colors=(colormap(name)[::COLOR_STEP] / 255).round(4).tolist())
        for name in COLORMAPS
    ]
    return api.Presets(windows=named, volume=looks, colormaps=maps)


def render_png(store: VolumeStore, entry: ImageEntry, view: View) -> bytes:
    """PNG of a volume rendering of one time point.

    Raises
    ------
    MissingError
        If there is no such preset or time point.
    UsageError
        If the image is no volume.
    """
    from medvox.rendering.presets import volume_preset
    from medvox.rendering.raycast import render_volume
    from medvox.rendering.scene import Camera, Scene

    opened = store.opened(entry.image)
    names = preset_names(opened.volume)
    if entry.image.kind is not Kind.VOLUME or not names:
        raise UsageError("only grey volumes can be rendered", got=entry.image.kind.value)
    preset = volume_preset(view.preset or names[0])
    lead = opened.lead(view.t)

    def make() -> tuple[Scene, int]:
        scene = Scene.of(opened.volume, lead)
        return scene, scene.data.nbytes

    camera = Camera(azimuth_deg=view.azimuth, elevation_deg=view.elevation, zoom=view.zoom)
    with store.drawing:
        scene = store.cache.get(("scene", opened.etag, view.t), make)
        return render_volume(scene, preset, camera, (view.width, view.height)).png_bytes()

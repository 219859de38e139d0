"""Files that a user takes along: the volume in another format, the cine as a movie."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from medvox.core.errors import UnsupportedError
from medvox.core.volume import Window
from medvox.server.catalog import ImageEntry
from medvox.server.image.store import VolumeStore


class MovieQuery(BaseModel):
    """What a movie shows; center and width of the window are those of the view."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["gif", "mp4"] = "gif"
    along: Literal["time", "slices"] = "time"
    t: int = Field(0, ge=0, lt=2**31)
    k: int = Field(0, ge=0, lt=2**31)
    center: float | None = None
    width: float | None = Field(None, gt=0)
    invert: bool = False
    rate: float = Field(10, gt=0, le=100)


def movie(store: VolumeStore, entry: ImageEntry, asked: MovieQuery) -> bytes:
    """Encode a movie of an image.

    Raises
    ------
    MissingError
        If there is no such time point.
    DependencyError
        If the format needs a package that is not installed.
    """
    from medvox.rendering.cine import frames, gif_bytes, mp4_bytes
    from medvox.rendering.look import Look

    opened = store.opened(entry.image)
    volume = opened.volume
    window = None
    if asked.center is not None and asked.width is not None and not volume.is_colour:
        window = Window(asked.center, asked.width)
    inverted = asked.invert != bool(volume.display.inverted)
    lead = opened.lead(asked.t)[: len(volume.lead_shape)]
    pictures = frames(volume, asked.along, Look(window, inverted), lead=lead, k=asked.k)
    with store.reading:
        return (gif_bytes if asked.format == "gif" else mp4_bytes)(pictures, asked.rate)


def written_formats() -> list[str]:
    """Suffixes that a volume can be saved under."""
    from medvox.formats.registry import written_suffixes

    return list(written_suffixes())


@contextmanager
def written(store: VolumeStore, entry: ImageEntry, suffix: str) -> Iterator[Path]:
    """Write an image's volume into a passing folder; several files are put into a zip.

    Raises
    ------
    UnsupportedError
        If the format cannot be written, or cannot hold the volume.
    """
    from medvox.workflows.save import write

    if suffix not in written_formats():
        raise UnsupportedError("nothing can be saved under this suffix", where=suffix)
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", entry.image.label).strip("-")[:60] or "volume"
    folder = Path(tempfile.mkdtemp(prefix="medvox-export-"))
    try:
        inside = folder / stem
        inside.mkdir()
        report = write(store.opened(entry.image).volume, inside / f"{stem}{suffix}")
        files = [p for p in inside.rglob("*") if p.is_file()]
        if len(files) == 1 and len(report.files) == 1:
            yield files[0]
        else:
            yield Path(shutil.make_archive(str(folder / f"{stem}{suffix}"), "zip", folder, stem))
    finally:
        shutil.rmtree(folder, ignore_errors=True)

"""Movies: cameras on their way around or past things, and the pictures that they see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from medvox.core.errors import UsageError
from medvox.core.progress import Progress, silent
from medvox.rendering.picture import Picture
from medvox.rendering.scene import Camera

MOST_FRAMES = 5000


def turntable(frames: int, start: Camera | None = None, turns: float = 1.0) -> tuple[Camera, ...]:
    """Cameras that go once (or `turns` times) around the patient, evenly, at one height.

    Raises
    ------
    UsageError
        If there are fewer than two frames, or too many.
    """
    if not 2 <= frames <= MOST_FRAMES:
        raise UsageError("a movie needs frames", got=frames, expected=f"2 to {MOST_FRAMES}")
    first = start or Camera()
    return tuple(
        replace(first, azimuth_deg=first.azimuth_deg + 360.0 * turns * n / frames) for n in range(frames)
    )


def fly(cameras: Sequence[Camera], frames: int) -> tuple[Camera, ...]:
    """Cameras between given ones, evenly in time; zoom changes by equal factors.

    Raises
    ------
    UsageError
        If there are fewer than two cameras or frames.
    """
    if len(cameras) < 2 or not 2 <= frames <= MOST_FRAMES:
        raise UsageError("a flight needs two cameras and frames", got=(len(cameras), frames))
    at, known = np.linspace(0, len(cameras) - 1, frames), np.arange(len(cameras))
    columns = {
        name: np.interp(at, known, [getattr(c, name) for c in cameras])
        for name in ("azimuth_deg", "elevation_deg", "roll_deg")
    }
    zoom = np.exp(np.interp(at, known, np.log([c.zoom for c in cameras])))
    return tuple(
        Camera(**{name: float(column[n]) for name, column in columns.items()}, zoom=float(zoom[n]))
        for n in range(frames)
    )


def film(
    draw: Callable[[Camera], Picture], cameras: Sequence[Camera], progress: Progress = silent
) -> Iterator[Picture]:
    """Yield the picture of each camera, one after another, telling how far it is."""
    for done, camera in enumerate(cameras):
        progress(done, len(cameras), "Filming")
        yield draw(camera)
    progress(len(cameras), len(cameras), "Filming")

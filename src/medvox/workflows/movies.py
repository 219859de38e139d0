"""Movie files: GIF by our own writer; MP4 and WebM by PyAV (extra ``video``)."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from medvox.core.axes import CHANNEL, TIME
from medvox.core.errors import DependencyError, UsageError
from medvox.core.grid import Grid
from medvox.core.progress import Progress, silent
from medvox.core.volume import Volume
from medvox.formats.atomic import atomic_files
from medvox.formats.picture import GifFormat
from medvox.rendering.picture import Picture

MOVIES = (".gif", ".mp4", ".webm")
CODECS = {".mp4": ("mpeg4", "libx264"), ".webm": ("libvpx-vp9", "libvpx-vp9")}


def write_movie(
    pictures: Iterable[Picture], path: Path, frames_per_second: float = 20.0, progress: Progress = silent
) -> int:
    """Write pictures of one size as a movie; returns how many.

    MP4 is H.264 where PyAV's build has it, else MPEG-4; WebM is VP9. The sizes of video are even: a last odd
    row or column is left out.

    Raises
    ------
    UsageError
        If the ending is none of `MOVIES`, or the pictures differ in size.
    DependencyError
        If PyAV is not installed and the ending is not .gif.
    """
    kind = path.suffix.lower()
    if kind not in MOVIES or not 0.1 <= frames_per_second <= 240:
        raise UsageError("no such movie", where=path, got=(kind, frames_per_second), expected=MOVIES)
    if kind == ".gif":
        return _write_gif(pictures, path, frames_per_second, progress)
    return _write_video(pictures, path, frames_per_second)


def _write_gif(pictures: Iterable[Picture], path: Path, rate: float, progress: Progress) -> int:
    frames = [p.colour() for p in pictures]
    if not frames or any(f.shape != frames[0].shape for f in frames):
        raise UsageError("a movie needs pictures of one size", where=path, got=len(frames))
    data = np.moveaxis(np.stack(frames), -1, 1)[:, :, None]
    times = tuple(n / rate for n in range(len(frames)))
    grid = Grid.pixels((1, *frames[0].shape[:2]))
    volume = Volume(data, grid, (TIME, CHANNEL, "k", "j", "i"), coordinates={TIME: times})
    GifFormat().write(volume, path, progress)
    return len(frames)


def _write_video(pictures: Iterable[Picture], path: Path, rate: float) -> int:
    try:
        import av
    except ImportError as error:
        raise DependencyError(
            "MP4 and WebM need PyAV", where=path, advice="pip install 'medvox[video]', or write a .gif"
        ) from error
    count = 0
    with (
        atomic_files([path]) as (temporary,),
        av.open(str(temporary), "w", format=path.suffix[1:].lower()) as out,
    ):
        stream: Any = None
        for picture in pictures:
            pixels = picture.colour()
            pixels = np.ascontiguousarray(pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2])
            if stream is None:
                stream = out.add_stream(
                    _codec(path.suffix.lower()), rate=Fraction(rate).limit_denominator(1000)
                )
                stream.height, stream.width = pixels.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.bit_rate = 8 * pixels.shape[0] * pixels.shape[1]
            elif (stream.height, stream.width) != pixels.shape[:2]:
                raise UsageError("a movie needs pictures of one size", where=path, got=pixels.shape[:2])
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            count += 1
        if stream is None:
            raise UsageError("a movie needs pictures", where=path)
        out.mux(stream.encode(None))
    return count


def _codec(kind: str) -> str:
    import av

    fallback, wanted = CODECS[kind]
    return wanted if wanted in av.codecs_available else fallback

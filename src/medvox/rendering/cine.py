"""Cine: slices of a volume in order, or one slice through time, as GIF or MP4."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import DependencyError, LimitError, UsageError
from medvox.core.volume import Volume
from medvox.rendering.look import Look
from medvox.rendering.resize import shrink
from medvox.rendering.reslice import slab, slice_image

Bytes8 = NDArray[np.uint8]

MOST_FRAMES: Final = 2000
LARGEST_SIDE: Final = 1024
_SHORTEST_GIF_MS: Final = 20
"""Browsers slow GIF frames down that are shorter."""


def frames(
    volume: Volume,
    along: Literal["time", "slices"],
    look: Look,
    *,
    lead: Sequence[int] = (),
    k: int = 0,
    size: int = LARGEST_SIDE,
) -> Iterator[Bytes8]:
    """Pictures of a movie, in order.

    Parameters
    ----------
    along
        ``time``: slice `k` at all positions of the axes before k, the last one fastest; ``slices``: all
        slices of the position `lead`.
    look
        Window and inversion.
    size
        Longest side, pixels.

    Yields
    ------
    (rows, columns) or (rows, columns, 3) uint8

    Raises
    ------
    LimitError
        If there are more than `MOST_FRAMES`.
    """
    slices = volume.grid.shape[0]
    if not 0 <= k < slices:
        raise UsageError("no such slice", got=k, expected=f"0..{slices - 1}")
    places = (
        [(tuple(at), k) for at in np.ndindex(*volume.lead_shape)]
        if along == "time"
        else [(tuple(lead), n) for n in range(slices)]
    )
    if len(places) > MOST_FRAMES:
        raise LimitError("the movie would be too long", got=len(places), expected=f"at most {MOST_FRAMES}")
    for at, n in places:
        picture = slice_image(slab(volume, at, n, n + 1), "stored", 0, look=look)
        yield shrink(picture, size).pixels


def gif_bytes(pictures: Iterator[Bytes8], rate: float) -> bytes:
    """Encode an endless GIF.

    Parameters
    ----------
    pictures
        All of one size; greys keep their 256 levels, colors are reduced to 256.
    rate
        Frames a second; GIF counts hundredths of a second, 50 a second is the most.

    Raises
    ------
    UsageError
        If there is no frame.
    """
    from PIL import Image

    images = [Image.fromarray(p) for p in pictures]
    if not images:
        raise UsageError("the movie has no frame")
    if images[0].mode == "RGB":
        images = [image.quantize(256) for image in images]
    lasting = max(_SHORTEST_GIF_MS, round(100 / rate) * 10)
    out = io.BytesIO()
    images[0].save(
        out, "GIF", save_all=True, append_images=images[1:], duration=lasting, loop=0, optimize=False
    )
    return out.getvalue()


def mp4_bytes(pictures: Iterator[Bytes8], rate: float) -> bytes:
    """Encode H.264 in MP4, sides cut to even numbers.

    Raises
    ------
    DependencyError
        If PyAV is not installed (its wheel holds GPL codecs, so medvox does not ask for it).
    """
    try:
        import av
    except ImportError as error:
        advice = "Type: pip install av; or save a GIF"
        raise DependencyError("MP4 needs PyAV, which is not installed", advice=advice) from error
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate).limit_denominator(1000))
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "18"}
        for pixels in pictures:
            even = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]
            rgb = even if even.ndim == 3 else np.repeat(even[..., None], 3, axis=2)
            stream.height, stream.width = rgb.shape[:2]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()

"""Pictures: frames as they are to be looked at, windowed, cropped and scaled (PS3.18 8.3.5, PS3.3 C.11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvox.archive.archive import Archive
from medvox.archive.frames import front_file, pixel_source, stored_pixels
from medvox.archive.model import InstanceRow
from medvox.core.errors import UsageError
from medvox.core.rescale import Rescale
from medvox.core.volume import Display, Window
from medvox.dicom import tags
from medvox.dicom.enhanced import enhanced_slices
from medvox.dicom.header import Header
from medvox.dicom.lut import display_of, rescale_of
from medvox.dicom.pixels import PixelFormat, photometric
from medvox.dicom.pixels.native import clean_bits
from medvox.dicom.writing.files.transcode import decoded_frame
from medvox.rendering.picture import Picture
from medvox.rendering.resize import shrink
from medvox.rendering.window import Function, table_gray, to_gray

AnyArray = NDArray[Any]
LARGEST_SIDE: Final = 8192
THUMBNAIL_SIDE: Final = 160
_FUNCTIONS: Final[dict[str, Function]] = {
    "": "linear",
    "linear": "linear",
    "linear-exact": "linear_exact",
    "sigmoid": "sigmoid",
}


@dataclass(frozen=True, slots=True)
class Viewport:
    """Which part of a frame is shown, and how large.

    Parameters
    ----------
    width, height
        Of the box that the picture fits into, in pixels.
    left, top
        First pixel of the part.
    across, down
        Size of the part; None: up to the edge. Negative: mirrored.
    """

    width: int
    height: int
    left: int = 0
    top: int = 0
    across: int | None = None
    down: int | None = None


@dataclass(frozen=True, slots=True)
class View:
    """How frames are shown.

    Parameters
    ----------
    window
        None: as the instance says, else from its values.
    function
        How values between the ends of the window become grey.
    viewport
        None: the whole frame in its own size.
    quality
        Of JPEG, 1 to 100.
    """

    window: Window | None = None
    function: Function = "linear"
    viewport: Viewport | None = None
    quality: int = 90


def window_of(text: str) -> tuple[Window, Function]:
    """Read the parameter ``window=center,width,function`` (PS3.18 8.3.5.1.3).

    Raises
    ------
    UsageError
        If it is malformed.
    """
    parts = [part.strip() for part in text.split(",")]
    function = _FUNCTIONS.get(parts[2].lower().replace("_", "-") if len(parts) > 2 else "")
    try:
        center, width = float(parts[0]), float(parts[1])
    except (ValueError, IndexError):
        center = width = float("nan")
    least = 1 if function == "linear" else 0
    is_sensible = abs(center) < 1e30 and max(least, 1e-30) <= width < 1e30
    if function is None or len(parts) > 3 or not is_sensible:
        raise UsageError(
            "this is no window", got=text[:80], expected="center,width[,linear|linear-exact|sigmoid]"
        )
    return Window(center, width), function


def viewport_of(text: str) -> Viewport:
    """Read the parameter ``viewport=vw,vh[,sx,sy,sw,sh]`` (PS3.18 8.3.5.1.4).

    Raises
    ------
    UsageError
        If it is malformed, or too large.
    """
    parts = [part.strip() for part in text.split(",")]
    try:
        numbers = [float(part) if part else None for part in parts]
        whole = [None if number is None else int(number) for number in numbers]
    except (ValueError, OverflowError):
        whole = []
    good = (
        len(whole) in (2, 6)
        and all(one is not None and 0 < one <= LARGEST_SIDE for one in whole[:2])
        and all(one is None or abs(one) < 1 << 31 for one in whole)
    )
    if not good:
        raise UsageError("this is no viewport", got=text[:80], expected="width,height[,x,y,width,height]")
    width, height, left, top, across, down = (*whole, *[None] * 4)[:6]
    return Viewport(width or 1, height or 1, left or 0, top or 0, across or None, down or None)


def picture(archive: Archive, row: InstanceRow, frame: int, view: View) -> Picture:
    """Make the picture of a frame, counted from 0.

    Raises
    ------
    MissingError
        If the instance has no pixels, or not this frame.
    FormatError
        If they cannot be decoded.
    UsageError
        If the viewport lies outside the frame.
    """
    pixels = stored_pixels(archive, row)
    data = pixels.read(pixel_source(archive, row), frame)
    with front_file(archive, row) as header:
        form = PixelFormat.of(header)
        samples, name = decoded_frame(data, form, f"{row.sop_uid} frame {frame + 1}")
        if form.palette is not None:
            shown = _eight_bits(form.palette.apply(samples))
        elif form.samples == 3:
            has_luminance = name in (*photometric.YBR_FULL, *photometric.YBR_PARTIAL)
            shown = _eight_bits(photometric.rgb_from_ybr(samples, name) if has_luminance else samples)
        else:
            shown = _grey(header, form, np.array(samples), frame, view, is_native=not pixels.is_encapsulated)
    return _placed(shown, view.viewport)


def _eight_bits(colors: AnyArray) -> NDArray[np.uint8]:
    if colors.dtype == np.uint8:
        return colors
    return np.asarray(colors >> (8 * colors.itemsize - 8), dtype=np.uint8)


def _grey(
    header: Header, form: PixelFormat, stored: AnyArray, frame: int, view: View, *, is_native: bool
) -> NDArray[np.uint8]:
    clean_bits(stored, form, shifted=is_native)
    rescale, display = _meaning(header, frame)
    values = rescale.apply(stored)
    if view.window is not None:
        return to_gray(values, view.window, display.inverted, view.function)
    given = [window for window in display.windows if window.width >= 1]
    if not given and display.voi_table is not None:
        return table_gray(values, display.voi_table, display.inverted)
    if given:
        return to_gray(values, given[0], display.inverted)
    return to_gray(values, _automatic(values, stored, form), display.inverted, "linear_exact")


def _meaning(header: Header, frame: int) -> tuple[Rescale, Display]:
    """How the stored values of a frame become values, and how they are to be shown."""
    display = display_of(header)
    if tags.PER_FRAME_FUNCTIONAL_GROUPS not in header:
        return rescale_of(header), display
    slices, _ = enhanced_slices(header, header.dataset())
    one = slices[min(frame, len(slices) - 1)]
    windows = one.windows or display.windows
    shown = Display(windows, display.inverted, display.voi_table)
    return Rescale.of(one.scaling.slope, one.scaling.intercept), shown


def _automatic(values: AnyArray, stored: AnyArray, form: PixelFormat) -> Window:
    """Window from the values: from the 0.5th to the 99.5th percentile of what is no padding."""
    inside = values[np.isfinite(values)]
    if form.padding is not None:
        kept = values[(stored < form.padding[0]) | (stored > form.padding[1])]
        inside = kept if kept.size else inside
    if not inside.size:
        return Window(0.5, 1.0)
    low, high = np.percentile(inside, (0.5, 99.5)).tolist()
    return Window((low + high) / 2, max(high - low, 1e-6))


def _placed(shown: NDArray[np.uint8], viewport: Viewport | None) -> Picture:
    """Cut, mirror and scale; the proportions stay."""
    if viewport is None:
        return Picture(np.ascontiguousarray(shown))
    rows, columns = shown.shape[:2]
    across = viewport.across if viewport.across is not None else columns - viewport.left
    down = viewport.down if viewport.down is not None else rows - viewport.top
    part = shown[
        max(0, viewport.top) : max(0, viewport.top + abs(down)),
        max(0, viewport.left) : max(0, viewport.left + abs(across)),
    ]
    if 0 in part.shape:
        raise UsageError("the viewport lies outside the frame", expected=f"{columns} x {rows} pixels")
    part = part[:: 1 if down > 0 else -1, :: 1 if across > 0 else -1]
    factor = min(viewport.width / part.shape[1], viewport.height / part.shape[0])
    wanted = max(1, round(part.shape[0] * factor)), max(1, round(part.shape[1] * factor))
    if factor >= 1:
        return Picture(_enlarged(part, wanted))
    return shrink(Picture(np.ascontiguousarray(part)), max(wanted))


def _enlarged(part: NDArray[np.uint8], wanted: tuple[int, int]) -> NDArray[np.uint8]:
    """Scale up, linearly between the centers of pixels."""
    values = part.astype(np.float32)
    for axis, count in enumerate(wanted):
        size = part.shape[axis]
        at = np.clip((np.arange(count) + 0.5) * size / count - 0.5, 0, size - 1)
        low = np.floor(at).astype(np.intp)
        share = (at - low).astype(np.float32).reshape([-1 if n == axis else 1 for n in range(values.ndim)])
        high = np.minimum(low + 1, size - 1)
        values = values.take(low, axis) * (1 - share) + values.take(high, axis) * share
    return np.ascontiguousarray(np.rint(values).astype(np.uint8))


def encoded(made: Picture, media: str, quality: int) -> bytes:
    """Encode a picture as ``image/png`` or ``image/jpeg``."""
    return made.png_bytes(level=1) if media == "image/png" else made.jpeg_bytes(quality)

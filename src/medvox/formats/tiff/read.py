"""TIFF as tifffile reads it: series of pages become contents, their values read page by page."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import CHANNEL, SPATIAL, TIME
from medvox.core.errors import AccessError, FormatError, LimitError, MedvoxError, UnsupportedError
from medvox.core.finding import Finding, Level
from medvox.core.lazy import FrameArray, LazyArray
from medvox.core.progress import Progress, silent, track
from medvox.core.volume import Display
from medvox.formats.content import Content
from medvox.formats.files import check_claim, size_of
from medvox.formats.tiff.directory import read_directories
from medvox.formats.tiff.pages import PageStack, page_stack
from medvox.formats.tiff.scale import Scale, resolution_of, scale_of, tiff_grid
from medvox.formats.values.block import Block, kept

AnyArray = NDArray[Any]
Describe = Callable[[Any, int], Scale]

_NAMES = {"T": TIME, "Y": "j", "X": "i", "S": CHANNEL}
_MOST_GAIN = 4096
_SMALL = 1 << 28
"""A packed image up to this many bytes is decoded whatever the size of the file."""


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a file in tifffile; whatever it raises becomes an error of ours.

    Raises
    ------
    FormatError, LimitError, AccessError
        If the structure is damaged, claims too much, or the system refuses.
    """
    import tifffile

    try:
        with tifffile.TiffFile(path, _multifile=False) as tif:
            yield tif
    except MedvoxError:
        raise
    except MemoryError as error:
        raise LimitError("the directory claims more than the memory holds", where=path) from error
    except OSError as error:
        raise AccessError("the system cannot read", where=path, got=error.strerror) from error
    except Exception as error:  # any of a dozen kinds, from a parser of damaged files
        raise FormatError("the TIFF structure is damaged", where=path, got=type(error).__name__) from error


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the samples of a series lie in the file, and how they are shown.

    Parameters
    ----------
    lead
        Names of the axes before k as shown, a channel axis last.
    sizes
        Size of every axis as shown.
    stored
        Names and sizes of all axes in the file, slowest first.
    alpha
        Whether the last sample is transparency.
    palette
        Whether values are numbers of colours.
    dtype
        Type of the values as shown.
    """

    lead: tuple[str, ...]
    sizes: dict[str, int]
    stored: tuple[tuple[str, int], ...]
    alpha: bool
    palette: bool
    dtype: np.dtype[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return tuple(self.sizes[name] for name in (*self.lead, *SPATIAL))

    @property
    def inner(self) -> int:
        """Number of axes in a frame, 2 or 3; 0 where frames do not lie in one piece."""
        names = [name for name, _ in self.stored]
        return 2 if names[-2:] == ["j", "i"] else 3 if names[-3:] == ["j", "i", CHANNEL] else 0

    @property
    def lead_shown(self) -> list[str]:
        """Axes over frames as shown."""
        apart = self.inner == 3 or self.palette
        return [name for name in self.lead if not (apart and name == CHANNEL)] + ["k"]

    @property
    def order(self) -> tuple[int, ...]:
        """Positions in `lead_shown` of the axes over frames as stored."""
        return tuple(self.lead_shown.index(name) for name, _ in self.stored[: -self.inner])

    @property
    def frame(self) -> tuple[int, ...]:
        """Shape of a frame in the file."""
        return tuple(size for _, size in self.stored[-self.inner :])

    @property
    def lead_shape(self) -> tuple[int, ...]:
        """Sizes of `lead_shown`."""
        return tuple(self.sizes[name] for name in self.lead_shown)


def contents(path: Path, describe: Describe = scale_of) -> list[Content]:
    """Read the directories: one content for each series of pages that belong together.

    Parameters
    ----------
    describe
        Tells what is known of distances and times from tifffile's file and the number of a series.
    """
    directories, size = read_directories(path)
    pages = page_stack(path, directories, size) if describe is scale_of else None
    with opened(path) as tif:
        if pages is not None:
            return [_plain_content(path, tif, pages)]
        count = len(tif.series)
        if not count:
            raise FormatError("there is no image in the file", where=path)
        return [_content(path, tif, number, describe(tif, number)) for number in range(count)]


def _plain_content(path: Path, tif: Any, pages: PageStack) -> Content:
    """Content of a stack of plain pages; tifffile opens the first one only."""
    page = tif.pages[0]
    rows, columns, *colours = pages.frame
    grid, findings = tiff_grid(path, resolution_of(page), (len(pages.strips), rows, columns))
    native = pages.dtype.newbyteorder("=")
    check_claim(
        path, pages.nbytes, None if pages.nbytes <= _SMALL else size_of(path) * _MOST_GAIN, "the directories"
    )
    return Content(
        path=path,
        grid=grid,
        array=lambda: FrameArray((len(pages.strips),), pages.frame, native, pages),
        axes=(*((CHANNEL,) if colours else ()), *SPATIAL),
        lead_shape=tuple(colours),
        display=Display(inverted=page.photometric == 0),
        findings=findings,
    )


def _content(path: Path, tif: Any, number: int, scale: Scale) -> Content:
    series = tif.series[number]
    layout = _layout(path, tif, series)
    claimed = math.prod(layout.shape) * series.dtype.itemsize
    check_claim(path, claimed, None if claimed <= _SMALL else size_of(path) * _MOST_GAIN, "the directory")
    piece = math.prod(series.keyframe.chunks) * series.dtype.itemsize
    if piece > max(4 * claimed, 1 << 24):
        raise FormatError("a tile is larger than the image", where=path, got=f"{piece} bytes")
    spatial = (layout.sizes["k"], layout.sizes["j"], layout.sizes["i"])
    grid, findings = tiff_grid(path, scale, spatial)
    if layout.alpha:
        text = "the last sample is transparency: left out"
        findings = (*findings, Finding("alpha-dropped", Level.INFO, str(path), text))
    count = len(tif.series)
    label = scale.label or (f"series {number + 1}" if count > 1 else "")
    return Content(
        path=path,
        grid=grid,
        array=_array_maker(path, tif, number, layout),
        axes=(*layout.lead, *SPATIAL),
        lead_shape=layout.shape[:-3],
        label=f"{path.name} {label}" if label else "",
        unit=scale.unit,
        coordinates={TIME: times}
        if TIME in layout.lead and (times := scale.times(layout.sizes[TIME]))
        else {},
        display=Display(inverted=series.keyframe.photometric == 0),
        findings=(*findings, *scale.findings),
        facts=scale.facts,
    )


def _layout(path: Path, tif: Any, series: Any) -> _Layout:
    if series.dtype is None or series.dtype.kind not in "buif":
        raise UnsupportedError("the type of the samples cannot be read", where=path, got=series.dtype)
    stored = list(zip(_names(series.axes, path), (int(n) for n in series.shape), strict=True))
    if all(name != "k" for name, _ in stored):
        stored.insert([name for name, _ in stored].index("j"), ("k", 1))
    sizes = dict(stored)
    page = series.keyframe
    samples = sizes.get(CHANNEL, 1)
    palette = page.photometric == 3 and not tif.is_imagej and page.colormap is not None and samples == 1
    alpha = samples in (2, 4) and samples == page.samplesperpixel and _has_alpha(page)
    colours = 3 if palette else samples - alpha
    lead = [name for name, _ in stored if name not in (*SPATIAL, CHANNEL)]
    if colours > 1:
        lead.append(CHANNEL)
    bytes_shown = palette or series.dtype.kind == "b"
    dtype = np.dtype(np.uint8) if bytes_shown else series.dtype.newbyteorder("=")
    if palette or colours == 1:
        stored = [pair for pair in stored if pair[0] != CHANNEL or pair[1] > 1]
    return _Layout(tuple(lead), {**sizes, CHANNEL: colours}, tuple(stored), alpha, palette, dtype)


def _has_alpha(page: Any) -> bool:
    return any(int(kind) in (1, 2) for kind in page.extrasamples)


def _names(letters: str, path: Path) -> list[str]:
    """Name tifffile's axes: Z (else the pages, Q or I) is k, S (else C) is channel."""
    if "Y" not in letters or "X" not in letters:
        raise UnsupportedError("the image has no rows and columns", where=path, got=letters)
    slices = next((letter for letter in "ZQI" if letter in letters), "")
    colours = "S" if "S" in letters else "C"
    known = {**_NAMES, slices: "k", colours: CHANNEL}
    named = [known.get(letter, f"axis {letter}") for letter in letters]
    if len(set(named)) != len(named):
        raise UnsupportedError("the axes of the image are not clear", where=path, got=letters)
    return named


def _array_maker(path: Path, tif: Any, number: int, layout: _Layout) -> Callable[[], LazyArray]:
    """Choose how values are read: plain values by frames, page by page, or as a whole."""
    series = tif.series[number]
    colours = layout.sizes[CHANNEL]
    if layout.inner and not (layout.inner == 3 and colours == 1):
        frame = (
            layout.frame[:2] if colours == 1 or CHANNEL in layout.lead_shown else (*layout.frame[:2], colours)
        )
        if series.dataoffset is not None and not layout.palette and series.dtype.kind != "b":
            block = Block(
                path,
                int(series.dataoffset),
                layout.lead_shape,
                layout.frame,
                series.dtype.newbyteorder(tif.byteorder),
                stored_order=layout.order,
                kept=colours if layout.inner == 3 else None,
            )
            block.check("the directory")
            return block.array
        if len(series.pages) == math.prod(layout.lead_shape) and series.keyframe.shape == layout.frame:
            pages = _Pages(path, number, layout)
            return lambda: FrameArray(layout.lead_shape, frame, layout.dtype, pages)
    if layout.palette:
        raise UnsupportedError("a palette over several samples cannot be read", where=path)
    return lambda: kept(layout.shape, layout.dtype, lambda: _whole(path, number, layout))


def _whole(path: Path, number: int, layout: _Layout) -> AnyArray:
    with opened(path) as tif:
        values = np.asarray(tif.series[number].asarray())
    names = [name for name, _ in layout.stored]
    try:
        values = values.reshape([size for _, size in layout.stored])
    except ValueError as error:
        raise FormatError("the values do not fit the directory", where=path, got=values.shape) from error
    if CHANNEL in names and CHANNEL not in layout.lead:
        values = values.take(0, axis=names.index(CHANNEL))
        names.remove(CHANNEL)
    values = values.transpose([names.index(name) for name in (*layout.lead, *SPATIAL)])
    if layout.alpha and CHANNEL in layout.lead:
        values = values[..., : layout.sizes[CHANNEL], :, :, :]
    return np.array(values, dtype=layout.dtype)


class _Pages:
    """Reads frames page by page; a `FrameReader`."""

    def __init__(self, path: Path, number: int, layout: _Layout) -> None:
        self.path, self.number, self.layout = path, number, layout
        sizes = [layout.lead_shape[n] for n in layout.order]
        stored = np.arange(math.prod(sizes)).reshape(sizes)
        self.page_of = stored.transpose(np.argsort(layout.order)).ravel()

    def __call__(self, frames: Sequence[int], out: AnyArray, progress: Progress = silent) -> None:
        with opened(self.path) as tif:
            series = tif.series[self.number]
            for n, frame in enumerate(track(frames, progress, "Reading", len(frames))):
                values = np.asarray(series.pages[int(self.page_of[frame])].asarray())
                if self.layout.palette:
                    values = self._colours(values, series.keyframe)
                if values.ndim < 2 or values.shape[:2] != out.shape[1:3]:
                    raise FormatError("a page differs from the first", where=self.path, got=values.shape)
                out[n] = values[..., : out.shape[-1]] if out.ndim == 4 else values

    def _colours(self, values: AnyArray, page: Any) -> AnyArray:
        table = np.asarray(page.colormap)
        if table.ndim != 2 or int(values.max(initial=0)) >= table.shape[1]:
            raise FormatError("the colour table is too short", where=self.path, got=table.shape)
        return np.moveaxis((table >> 8).astype(np.uint8)[:, values], 0, -1)

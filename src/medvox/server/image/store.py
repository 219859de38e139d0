"""Opened images: their volumes, wire types and regular copies, within a byte bound."""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core import settings
from medvox.core.errors import MissingError
from medvox.core.grid import Grid
from medvox.core.lazy import DeferredArray
from medvox.core.study import Image, Kind
from medvox.core.volume import Volume
from medvox.server.image import wire
from medvox.server.image.cache import ByteCache

AnyArray = NDArray[Any]

CACHE_BYTES = 2 << 30
"""Bytes kept of opened volumes and regular copies."""
SAMPLED_SLICES = 16
SAMPLED_BYTES = 32 << 20
"""Slices looked at for the range of values: so many, fewer where they are large, but three at least."""
_HANDLE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class OpenedImage:
    """An image that was opened.

    Parameters
    ----------
    volume
        Its volume; values in memory only where a part of it cannot be read alone.
    dtype
        Type that its values travel in.
    value_range
        Lowest and highest finite value of a sample of slices.
    etag
        Changes whenever the values could.
    regular
        Grid of the regular copy, or None where the stored grid is regular or is no volume's.
    """

    volume: Volume
    dtype: np.dtype[Any]
    value_range: tuple[float, float]
    etag: str
    regular: Grid | None

    @property
    def time_points(self) -> int:
        """Product of all axes before k; colour channels left out."""
        return wire.time_points(self.volume)

    def lead(self, t: int) -> tuple[int, ...]:
        """Position along the axes before k of a time point.

        Raises
        ------
        MissingError
            If there is no such time point.
        """
        if not 0 <= t < self.time_points:
            raise MissingError("no such time point", got=t, expected=f"0..{self.time_points - 1}")
        return wire.lead_index(self.volume, t)


class VolumeStore:
    """Opens images when they are first asked for.

    Parameters
    ----------
    cache_bytes
        Bytes kept; a larger single volume that has to be in memory is kept alone.

    Attributes
    ----------
    reading, drawing
        Bound how many requests read slices, and draw volumes, at one time.
    """

    def __init__(self, cache_bytes: int = CACHE_BYTES) -> None:
        self.cache = ByteCache(cache_bytes)
        self.reading = threading.BoundedSemaphore(max(2, settings.current().threads))
        self.drawing = threading.BoundedSemaphore(1)

    def opened(self, image: Image) -> OpenedImage:
        """Open an image, or return it where it is open already."""

        def make() -> tuple[OpenedImage, int]:
            opened = _open(image, self.cache.limit)
            return opened, _size(opened.volume)

        found: OpenedImage = self.cache.get(("image", image), make)
        return found

    def regular(self, image: Image, t: int) -> Volume:
        """Return the regular copy of one time point, made once.

        Returns
        -------
        Volume
            (k, j, i) in memory, values in the wire type.

        Raises
        ------
        MissingError
            If the image has no regular copy.
        """
        opened = self.opened(image)
        lead = opened.lead(t)
        self.grid(opened, "regular")

        def make() -> tuple[Volume, int]:
            from medvox.processing.resample import regular_copy

            copy = regular_copy(_at(opened.volume, lead))
            copy = replace(copy, data=_small(copy, opened.dtype))
            return copy, _size(copy)

        found: Volume = self.cache.get(("regular", opened.etag, t), make)
        return found

    def slices(self, image: Image, where: tuple[str, int], span: tuple[int, int]) -> AnyArray:
        """Read slices ready to travel.

        Parameters
        ----------
        where
            Grid (``"stored"`` or ``"regular"``) and time point.
        span
            First slice and the one after the last.

        Returns
        -------
        array
            (k, j, i[, 3]) in the wire type.

        Raises
        ------
        MissingError
            If grid, time point or slices are not there.
        """
        opened = self.opened(image)
        grid, t = where
        lead = opened.lead(t)
        self.check_span(opened, grid, span)
        volume, at = (self.regular(image, t), ()) if grid == "regular" else (opened.volume, lead)
        with self.reading:
            return wire.read_slices(volume, at, *span, opened.dtype)

    def check_span(self, opened: OpenedImage, grid: str, span: tuple[int, int]) -> None:
        """Refuse slices that are not there.

        Raises
        ------
        MissingError
            If `span` is not within the grid.
        """
        slices = self.grid(opened, grid).shape[0]
        if not 0 <= span[0] < span[1] <= slices:
            raise MissingError("no such slices", got=span, expected=f"within 0..{slices}")

    def grid(self, opened: OpenedImage, name: str) -> Grid:
        """Return the stored or regular grid of an opened image.

        Raises
        ------
        MissingError
            If it has no regular copy.
        """
        grid = opened.regular if name == "regular" else opened.volume.grid
        if grid is None:
            raise MissingError("the image has no regular copy", advice="Its stored grid is regular: use that")
        return grid


def _at(volume: Volume, lead: tuple[int, ...]) -> Volume:
    names = [n for n in volume.axes[:-3] if n != "channel" or not wire.is_colour(volume)]
    return volume.at(**dict(zip(names, lead, strict=True))) if names else volume


def _small(volume: Volume, dtype: np.dtype[Any]) -> AnyArray:
    data = np.asarray(volume.data)
    return data if wire.is_colour(volume) else wire.to_wire(data, dtype)


def _size(volume: Volume) -> int:
    return volume.data.nbytes if isinstance(volume.data, np.ndarray) else _HANDLE_BYTES


# -- opening ------------------------------------------------------------------------------------


def _open(image: Image, limit: int) -> OpenedImage:
    volume = image.open()
    if isinstance(volume.data, DeferredArray):
        volume = volume.load()
    stored_range = None
    if wire.stays_whole(volume) and wire.wire_type(volume).kind == "f":
        # The range of the stored type does not fit 16 bits (unsigned CT with an intercept, say): look.
        bytes_needed = int(np.prod(volume.shape)) * volume.dtype.itemsize
        volume = volume.load() if bytes_needed <= limit // 2 else volume
        stored_range = _stored_range(volume)
    dtype = wire.wire_type(volume, stored_range)
    regular = None
    if image.kind is Kind.VOLUME and not volume.grid.is_regular:
        regular = volume.grid.regular()
    return OpenedImage(volume, dtype, _value_range(volume), _etag(image, volume, dtype), regular)


def _stored_range(volume: Volume) -> tuple[float, float]:
    lows, highs = [], []
    for part in _stored_parts(volume, range(volume.shape[-3])):
        lows.append(float(part.min()))
        highs.append(float(part.max()))
    return min(lows), max(highs)


def _stored_parts(volume: Volume, slices: Iterable[int]) -> Iterator[AnyArray]:
    for lead in np.ndindex(volume.shape[:-3]):
        for k in slices:
            yield np.asarray(volume.data[(*lead, k)])


def _value_range(volume: Volume) -> tuple[float, float]:
    """Range of the values; evenly spread slices of at most three time points are looked at."""
    if wire.is_colour(volume):
        return 0.0, 255.0
    points = sorted({0, wire.time_points(volume) // 2, wire.time_points(volume) - 1})
    slice_bytes = volume.shape[-2] * volume.shape[-1] * volume.dtype.itemsize
    wanted = max(3, min(SAMPLED_SLICES, SAMPLED_BYTES // slice_bytes))
    count = min(volume.shape[-3], max(1, wanted // len(points)))
    slices = sorted({round(k) for k in np.linspace(0, volume.shape[-3] - 1, count)})
    low, high = np.inf, -np.inf
    for t in points:
        for k in slices:
            part = wire.read_slices(volume, wire.lead_index(volume, t), k, k + 1, np.dtype(np.float32))
            finite = part[np.isfinite(part)]
            if finite.size:
                low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    return (low, high) if low <= high else (0.0, 0.0)


def _etag(image: Image, volume: Volume, dtype: np.dtype[Any]) -> str:
    digest = hashlib.sha256()
    digest.update(f"{volume.shape} {volume.axes} {volume.dtype} {dtype} {volume.unit}".encode())
    table = volume.rescale.table
    for array in (volume.rescale.slope, volume.rescale.intercept, volume.grid.affine, volume.grid.origins_mm):
        digest.update(np.ascontiguousarray(array).tobytes())
    if table is not None:
        digest.update(np.ascontiguousarray(table.entries).tobytes())
    _update_with_content(digest, image, volume)
    return digest.hexdigest()[:20]


def _update_with_content(digest: hashlib._Hash, image: Image, volume: Volume) -> None:
    """Add the state of the files, or the values where they are in memory alone."""
    files = dict.fromkeys(i.file.partition("!/")[0] for i in image.instances)
    try:
        stats = [os.stat(name) for name in files]  # noqa: PTH116
    except OSError:
        stats = []
    if stats:
        for instance in image.instances:
            digest.update(instance.file.encode(errors="surrogateescape"))
        for stat in stats:
            digest.update(f"{stat.st_size} {stat.st_mtime_ns}".encode())
    elif isinstance(volume.data, np.ndarray):
        digest.update(np.ascontiguousarray(volume.data).data)
    else:
        digest.update(uuid.uuid4().bytes)

"""Compiled loops of `medvox.contours.fill`; imported only when something is filled.

Places are (j, i) in a slice, pixel centres at whole numbers. A span is (slice, row, first, last) of pixels.
"""

# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return"
from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit  # noqa: TID253
from numpy.typing import NDArray

AnyArray = NDArray[Any]


@njit(nogil=True, cache=True)
def _rows(a: float, b: float, height: int) -> tuple[int, int]:
    """Rows (first, last + 1) whose centres an edge crosses: at or after its upper end, before its lower."""
    low, high = min(a, b), max(a, b)
    return max(0, math.ceil(low)), min(height, math.ceil(high))


@njit(nogil=True, cache=True)
def _count_crossings(points: AnyArray, ends: AnyArray, rings: tuple[int, int], counts: AnyArray) -> None:
    height = len(counts)
    for ring in range(rings[0], rings[1]):
        start = ends[ring - 1] if ring else 0
        before = ends[ring] - 1
        for n in range(start, ends[ring]):
            first, last = _rows(points[before, 0], points[n, 0], height)
            for row in range(first, last):
                counts[row] += 1
            before = n


@njit(nogil=True, cache=True)
def _crossings(
    points: AnyArray, ends: AnyArray, rings: tuple[int, int], nexts: AnyArray, xs: AnyArray
) -> None:
    """Where edges cross the rows, into each row's part of `xs`; an edge and its reverse cross alike."""
    height = len(nexts)
    for ring in range(rings[0], rings[1]):
        start = ends[ring - 1] if ring else 0
        before = ends[ring] - 1
        for n in range(start, ends[ring]):
            first, last = _rows(points[before, 0], points[n, 0], height)
            if first < last:
                up, down = (before, n) if points[before, 0] < points[n, 0] else (n, before)
                y, x = points[up, 0], points[up, 1]
                rise, run = points[down, 0] - y, points[down, 1] - x
                for row in range(first, last):
                    xs[nexts[row]] = x + (row - y) * run / rise
                    nexts[row] += 1
            before = n


@njit(nogil=True, cache=True)
def fill_regions(
    points: AnyArray, ends: AnyArray, regions: AnyArray, size: tuple[int, int]
) -> tuple[AnyArray, AnyArray]:
    """Pixels whose centres lie inside.

    Parameters
    ----------
    points
        (n, 2) places.
    ends
        (rings,) where each ring ends among the points.
    regions
        (regions, 2): slice, and where the region ends among the rings; what an odd number of its rings
        encloses is inside.
    size
        Rows and columns.

    Returns
    -------
    spans
        (n, 4) slice, row, first, last.
    counts
        (regions,) pixels of each, within the slice.
    """
    spans, used = np.empty((1024, 4), np.int32), 0
    counts = np.zeros(len(regions), np.int64)
    ring = 0
    for region in range(len(regions)):
        rings = (ring, regions[region, 1])
        ring = regions[region, 1]
        low, high = _extent(points, ends, rings)
        top, bottom = max(0, math.ceil(low)), min(size[0], math.floor(high) + 1)
        if top >= bottom:
            continue
        crossed = np.zeros(bottom, np.int64)
        _count_crossings(points, ends, rings, crossed)
        stops = np.cumsum(crossed)
        nexts = stops - crossed
        xs = np.empty(stops[-1], np.float64)
        _crossings(points, ends, rings, nexts, xs)
        for row in range(top, bottom):
            found = xs[stops[row] - crossed[row] : stops[row]]
            found.sort()
            for n in range(0, len(found) - 1, 2):
                first = max(0, math.ceil(found[n]))
                last = min(size[1] - 1, math.ceil(found[n + 1]) - 1)
                if first <= last:
                    if used == len(spans):
                        larger = np.empty((2 * used, 4), np.int32)
                        larger[:used] = spans
                        spans = larger
                    spans[used, 0], spans[used, 1] = regions[region, 0], row
                    spans[used, 2], spans[used, 3] = first, last
                    used += 1
                    counts[region] += last - first + 1
    return spans[:used].copy(), counts


@njit(nogil=True, cache=True)
def _extent(points: AnyArray, ends: AnyArray, rings: tuple[int, int]) -> tuple[float, float]:
    low, high = np.inf, -np.inf
    for n in range(ends[rings[0] - 1] if rings[0] else 0, ends[rings[1] - 1]):
        low, high = min(low, points[n, 0]), max(high, points[n, 0])
    return low, high


@njit(nogil=True, cache=True)
def taken(layer: AnyArray, spans: AnyArray, number: int) -> bool:
    """Whether any pixel of the spans holds another number than 0 or `number`."""
    for n in range(len(spans)):
        row = layer[spans[n, 0], spans[n, 1]]
        for i in range(spans[n, 2], spans[n, 3] + 1):
            if row[i] != 0 and row[i] != number:
                return True
    return False


@njit(nogil=True, cache=True)
def paint(layer: AnyArray, spans: AnyArray, number: int) -> int:
    """Set the pixels of the spans; returns how many had not been set."""
    new = 0
    for n in range(len(spans)):
        row = layer[spans[n, 0], spans[n, 1]]
        for i in range(spans[n, 2], spans[n, 3] + 1):
            if row[i] != number:
                row[i] = number
                new += 1
    return new


@njit(nogil=True, cache=True)
def add_cover(points: AnyArray, ends: AnyArray, rings: tuple[int, int], image: AnyArray) -> None:
    """Add to each pixel of a slice the part of it that a region covers, exactly.

    Rings add or take away by their winding: outer rings must wind one way and holes the other. Pixel
    (j, i) reaches from j - 1/2 to j + 1/2. Each edge gives the area between itself and the right border of
    the slice to the rows that it passes (area accumulation, as font rasterizers do).
    """
    height, width = image.shape
    cover = np.zeros((height, width + 1))
    for ring in range(rings[0], rings[1]):
        start = ends[ring - 1] if ring else 0
        before = ends[ring] - 1
        for n in range(start, ends[ring]):
            _add_edge(
                cover,
                (points[before, 0] + 0.5, points[before, 1] + 0.5),
                (points[n, 0] + 0.5, points[n, 1] + 0.5),
            )
            before = n
    for y in range(height):
        total = 0.0
        for x in range(width):
            total += cover[y, x]
            image[y, x] += total


@njit(nogil=True, cache=True)
def _add_edge(cover: AnyArray, a: tuple[float, float], b: tuple[float, float]) -> None:
    """Differences along each row of the area at the right of an edge; places from the upper left corner."""
    sign = 1.0
    if a[0] > b[0]:
        a, b, sign = b, a, -1.0
    if a[0] == b[0]:
        return
    slope = (b[1] - a[1]) / (b[0] - a[0])
    height = cover.shape[0]
    for row in range(max(0, math.floor(a[0])), min(height, math.ceil(b[0]))):
        top, bottom = max(a[0], float(row)), min(b[0], row + 1.0)
        x0, x1 = a[1] + (top - a[0]) * slope, a[1] + (bottom - a[0]) * slope
        _add_slanted(cover[row], min(x0, x1), max(x0, x1), sign * (bottom - top))


@njit(nogil=True, cache=True)
def _add_slanted(row: AnyArray, left: float, right: float, area: float) -> None:
    """Spread `area` (the height passed) over the pixels from `left` to `right`, as differences along i."""
    width = len(row) - 1
    if left >= width:
        return
    if right <= 0.0:
        row[0] += area
        return
    first, last = math.floor(left), math.floor(right)
    if first == last or right - left < 1e-9:
        _add_part(row, (left + right) / 2, area)
        return
    density = area / (right - left)
    if left < 0.0:
        row[0] -= density * left
    for x in range(max(first, 0), min(last + 1, width)):
        low, high = max(left, float(x)), min(right, x + 1.0)
        _add_part(row, (low + high) / 2, density * (high - low))


@njit(nogil=True, cache=True)
def _add_part(row: AnyArray, middle: float, area: float) -> None:
    """Count what lies right of an edge within one pixel, and all pixels after it."""
    x = min(max(math.floor(middle), 0), len(row) - 2)
    part = min(max(1.0 - (middle - x), 0.0), 1.0)
    row[x] += area * part
    row[x + 1] += area * (1 - part)

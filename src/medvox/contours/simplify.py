"""Simplifying and smoothing: fewer or rounder points, never farther from the outline than allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from medvox.contours.flat import Flat, invalid_planes
from medvox.contours.placing import spans_of_regions
from medvox.core.contour import ContourSet
from medvox.core.errors import UsageError
from medvox.core.grid import Grid

FloatArray = NDArray[np.float64]
Change = Callable[[Flat, FloatArray], tuple[list[FloatArray], FloatArray]]
TRIES = 4
"""Times that the tolerance of a plane is halved before its lines stay as they were."""


@dataclass(frozen=True, slots=True)
class ShapeReport:
    """What simplifying or smoothing did.

    Parameters
    ----------
    tolerance_mm
        What was allowed.
    hausdorff_mm
        What was reached: no point of a new line is farther from the old one, nor the other way round.
    points_before, points_after
        Numbers of points.
    area_before_mm2, area_after_mm2
        Areas of all regions.
    relaxed, kept
        Planes with lines that needed a smaller tolerance because rings would have crossed (or voxels
        changed), and with lines that stayed as they were.
    """

    tolerance_mm: float
    hausdorff_mm: float
    points_before: int
    points_after: int
    area_before_mm2: float
    area_after_mm2: float
    relaxed: int = 0
    kept: int = 0


def simplify(
    contours: ContourSet, tolerance_mm: float, keep_voxels: Grid | None = None
) -> tuple[ContourSet, ShapeReport]:
    """Drop points that matter less than a tolerance.

    Every ring stays, with at least three of its points; rings that did not cross do not cross afterwards.
    Outlines traced from voxels can be simplified by a third of the pixel spacing without changing a voxel
    when they are filled: no pixel centre is that close. (The limit is 1/sqrt(8).)

    Parameters
    ----------
    tolerance_mm
        Largest distance of the new from the old line.
    keep_voxels
        Grid on which filling must give the same voxels as before: regions where it would not get half the
        tolerance, and again, until it does.

    Raises
    ------
    UsageError
        If the tolerance is below zero or not a number.
    """
    _check(tolerance_mm)
    return _reshape(contours, tolerance_mm, _simplified, keep_voxels)


def smooth(contours: ContourSet, tolerance_mm: float, passes: int = 40) -> tuple[ContourSet, ShapeReport]:
    """Round off rings without shrinking them; open curves stay as they are.

    Points are set at even distances along each ring and smoothed (Taubin); none moves farther than the
    tolerance.

    Parameters
    ----------
    tolerance_mm
        Largest distance of the new from the old line.
    passes
        How often; more passes take out longer waves.

    Raises
    ------
    UsageError
        If the tolerance is below zero or not a number, or there are no passes.
    """
    _check(tolerance_mm)
    if passes < 1:
        raise UsageError("smoothing needs a pass", got=passes)
    return _reshape(contours, tolerance_mm, partial(_smoothed, passes=passes))


def _check(tolerance_mm: float) -> None:
    if not 0 <= tolerance_mm < np.inf:
        raise UsageError("a tolerance is a length in mm", got=tolerance_mm, expected="0 or more")


def _reshape(
    contours: ContourSet, tolerance_mm: float, change: Change, keep_voxels: Grid | None = None
) -> tuple[ContourSet, ShapeReport]:
    """Change all lines; where rings would cross, again with half the tolerance, at last not at all."""
    flat = Flat.of(contours)
    allowed = np.full(len(flat.lines), tolerance_mm)
    guard = _Guard(contours, flat, keep_voxels)
    for n in range(TRIES + 1):
        lines, away = change(flat, allowed)
        made = flat.back(contours, lines)
        wrong = guard.broken(made) & (allowed > 0)
        if not wrong.any():
            break
        allowed[wrong] = allowed[wrong] / 2 if n < TRIES - 1 else 0.0
    points = sum(len(line) for line in flat.lines), sum(len(line) for line in lines)
    relaxed = np.unique(flat.planes[(allowed > 0) & (allowed < tolerance_mm)])
    kept = np.unique(flat.planes[allowed == 0]) if tolerance_mm else relaxed[:0]
    areas = flat.area_mm2, Flat.of(made).area_mm2
    reached = float(away.max(initial=0.0))
    return made, ShapeReport(tolerance_mm, reached, *points, *areas, len(relaxed), len(kept))


class _Guard:
    """Tells which lines break what was whole: rings that cross now, voxels that change."""

    def __init__(self, contours: ContourSet, flat: Flat, grid: Grid | None) -> None:
        self.flat = flat
        self.grid = grid
        self.contours = contours
        self.already: NDArray[np.bool_] | None = None
        self.voxels = None if grid is None else spans_of_regions(contours, grid)

    def broken(self, made: ContourSet) -> NDArray[np.bool_]:
        """(lines,) whether each line needs a smaller tolerance."""
        crossing = invalid_planes(made)
        if crossing.any():
            if self.already is None:
                self.already = invalid_planes(self.contours)
            crossing &= ~self.already
        wrong = crossing[self.flat.planes] if len(self.flat.planes) else np.zeros(0, bool)
        if self.voxels is not None and self.grid is not None:
            now = spans_of_regions(made, self.grid)
            pairs = zip(self.voxels, now, strict=True)
            changed = np.array([not np.array_equal(one, other) for one, other in pairs], bool)
            regions = self.flat.regions
            wrong[regions >= 0] |= changed[regions[regions >= 0]]
        return wrong


def _simplified(flat: Flat, tolerance: FloatArray) -> tuple[list[FloatArray], FloatArray]:
    from medvox.contours.simplify_kernels import simplify_lines

    if not flat.lines:
        return [], np.zeros(0)
    points, ends = flat.points, flat.ends
    keep, reached = simplify_lines(points, ends, flat.closed, tolerance)
    places = np.cumsum(keep)[ends - 1]
    return np.split(points[keep], places[:-1].tolist()), reached


def _smoothed(flat: Flat, tolerance: FloatArray, passes: int) -> tuple[list[FloatArray], FloatArray]:
    from medvox.contours.simplify_kernels import smooth_ring

    lines: list[FloatArray] = []
    reached = np.zeros(len(flat.lines))
    for n, (line, closed, limit) in enumerate(
        zip(flat.lines, flat.closed.tolist(), tolerance.tolist(), strict=True)
    ):
        if not closed or limit == 0:
            lines.append(line)
            continue
        dense = spread(line, _step(line, limit))
        made = smooth_ring(dense, limit, passes)
        reached[n] = np.linalg.norm(made - dense, axis=1).max()
        lines.append(made)
    return lines, reached


def _step(ring: FloatArray, limit: float) -> float:
    """Distance of points along a ring: fine enough for the limit, at most ten thousand of them."""
    lengths = np.linalg.norm(np.roll(ring, -1, axis=0) - ring, axis=1)
    return max(min(float(np.median(lengths)), 2 * limit), float(lengths.sum()) / 10_000)


def spread(ring: FloatArray, step_mm: float) -> FloatArray:
    """Set points between those of a ring so that none are farther apart than a step; all old ones stay."""
    following = np.roll(ring, -1, axis=0)
    lengths = np.linalg.norm(following - ring, axis=1)
    counts = np.maximum(np.ceil(lengths / step_mm - 1e-9).astype(int), 1)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    parts = (np.arange(counts.sum()) - starts) / np.repeat(counts, counts)
    return np.asarray(
        np.repeat(ring, counts, axis=0) + parts[:, None] * np.repeat(following - ring, counts, axis=0)
    )

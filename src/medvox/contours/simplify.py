"""Simplifying and smoothing: fewer or rounder points, never farther from the outline than allowed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from medvox.contours.flat import Flat, invalid_planes
from medvox.core.contour import ContourSet
from medvox.core.errors import UsageError

FloatArray = NDArray[np.float64]
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
        Planes that needed a smaller tolerance because rings would have crossed, and those that stayed as
        they were.
    """

    tolerance_mm: float
    hausdorff_mm: float
    points_before: int
    points_after: int
    area_before_mm2: float
    area_after_mm2: float
    relaxed: int = 0
    kept: int = 0


def simplify(contours: ContourSet, tolerance_mm: float) -> tuple[ContourSet, ShapeReport]:
    """Drop points that matter less than a tolerance.

    Every ring stays, with at least three of its points; rings that did not cross do not cross afterwards.
    Outlines traced from voxels can be simplified by a quarter of the pixel spacing without changing a voxel
    when they are filled (no pixel centre is that close).

    Parameters
    ----------
    tolerance_mm
        Largest distance of the new from the old line.

    Raises
    ------
    UsageError
        If the tolerance is below zero or not a number.
    """
    _check(tolerance_mm)
    return _reshape(contours, tolerance_mm, _simplified)


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


def _reshape(contours: ContourSet, tolerance_mm: float, change: object) -> tuple[ContourSet, ShapeReport]:
    """Change all lines; where rings would cross, again with half the tolerance, at last not at all."""
    assert callable(change)
    flat = Flat.of(contours)
    count = int(flat.planes[-1]) + 1 if len(flat.planes) else 0
    allowed = np.full(sum(len(part.planes) for part in contours.segments), tolerance_mm)
    already = None
    made = contours
    reached = 0.0
    for n in range(TRIES + 1):
        lines, away = change(flat, allowed[flat.planes] if count else np.zeros(0))
        made, reached = flat.back(contours, lines), float(away.max(initial=0.0))
        wrong = invalid_planes(made)
        if not wrong.any():
            break
        already = invalid_planes(contours) if already is None else already
        wrong &= ~already
        if not wrong.any():
            break
        allowed[wrong] = allowed[wrong] / 2 if n < TRIES - 1 else 0.0
    before, after = _area(contours), _area(made)
    points = sum(len(line) for line in flat.lines), sum(len(line) for line in lines)
    relaxed, kept = int(((allowed > 0) & (allowed < tolerance_mm)).sum()), int((allowed == 0).sum())
    return made, ShapeReport(
        tolerance_mm, reached, *points, before, after, relaxed, kept if tolerance_mm else 0
    )


def _area(contours: ContourSet) -> float:
    return sum(
        region.area_mm2 for part in contours.segments for plane in part.planes for region in plane.regions
    )


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

"""Outlines of fractions and grey values: where linear interpolation between voxel centres reaches a level."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medvox.contours.assemble import assemble
from medvox.contours.layers import Axis, Layer, Planes
from medvox.core.contour import ContourSet, PlanarContours, Region, SegmentContours
from medvox.core.errors import UsageError
from medvox.core.labels import LabelMap, Segment
from medvox.core.progress import Progress, silent, track
from medvox.core.volume import Volume

AnyArray = NDArray[Any]
FloatArray = NDArray[np.float64]
MARGIN = 1e-3
"""Values closer to the level than this part of the range are moved to this distance, towards their side: no
outline runs through a voxel centre, and filling gives back exactly the voxels at or above the level."""


def trace_level(
    volume: Volume,
    level: float,
    *,
    segment: Segment | None = None,
    axis: Axis = "k",
    border: Literal["close", "open"] = "close",
    progress: Progress = silent,
) -> ContourSet:
    """Outlines of what is at or above a level, in every slice, between pixels by linear interpolation.

    Parameters
    ----------
    volume
        Three axes; voxels that are not finite count as below the level.
    level
        In the volume's unit.
    segment
        Name and color of the result; number 1 and the level as its name if None.
    axis
        Planes of constant k (slices as stored), j or i.
    border
        ``"close"`` runs along the border of the image, half a voxel beyond the centres; ``"open"`` ends
        there: what reaches the border becomes open curves.
    progress
        Counts slices.

    Raises
    ------
    UsageError
        If the volume has more axes, or the level is not finite.
    """
    data = volume.values()
    if data.ndim != 3 or not np.isfinite(level):
        raise UsageError(
            "tracing needs one value a voxel and a finite level", got=f"axes {volume.axes}, level {level}"
        )
    level = _as_stored(level, data)
    segment = segment or Segment(1, f"{level:g} {volume.unit}".strip())
    lay = Layer(volume.grid, axis, volume.known_provenance)
    planes = []
    for number, image in enumerate(track(lay.slices(data), progress, "tracing")):
        plane = _trace_image(np.asarray(image, np.float64), level, lay, number, border)
        if plane is not None:
            planes.append(plane)
    return ContourSet((SegmentContours(segment, tuple(planes)),), volume.grid.frame_of_reference)


def trace_fractions(labels: LabelMap, axis: Axis, threshold: float, progress: Progress) -> Planes:
    """Outlines of a fractional label map, by layer and number."""
    lay = Layer(labels.grid, axis, labels.provenance)
    found: Planes = {}
    threshold = _as_stored(threshold, labels.data)
    for segment in track(labels.segments, progress, "tracing"):
        layer = lay.slices(labels.data[segment.layer])
        for number in np.flatnonzero((layer >= threshold).any(axis=(1, 2))).tolist():
            plane = _trace_image(layer[number].astype(np.float64), threshold, lay, number, "close")
            if plane is not None:
                found.setdefault((segment.layer, segment.number), []).append(plane)
    return found


def _as_stored(level: float, data: AnyArray) -> float:
    """The level at the precision of the values that are compared with it, as numpy compares."""
    return float(data.dtype.type(level)) if data.dtype.kind == "f" else level


def _trace_image(
    image: FloatArray, level: float, lay: Layer, number: int, border: Literal["close", "open"]
) -> PlanarContours | None:
    inside = image >= level
    if not inside.any():
        return None
    prepared = _prepared(image, inside, level)
    if border == "open" and min(image.shape) >= 2:
        regions, curves = _lines(prepared, level, lay, number)
    else:
        regions, curves = _areas(prepared, level, lay, number), ()
    return PlanarContours(regions, curves, lay.source(number))


def _prepared(image: FloatArray, inside: NDArray[np.bool_], level: float) -> FloatArray:
    """Finite values, none of them nearer to the level than `MARGIN`."""
    finite = np.isfinite(image)
    low = min(float(image[finite].min(initial=level)), level)
    high = max(float(image[finite].max(initial=level)), level)
    distance = max(MARGIN * (high - low), 64 * np.finfo(float).eps * abs(level), 1e-290)
    if high == low:
        distance = MARGIN * max(abs(level), 1.0)
    outside = np.where(finite, image, low - distance)
    return np.asarray(
        np.where(inside, np.maximum(image, level + distance), np.minimum(outside, level - distance))
    )


def _areas(image: FloatArray, level: float, lay: Layer, number: int) -> tuple[Region, ...]:
    from contourpy import FillType, contour_generator

    low = 2 * level - np.pad(image, 1, mode="edge")  # half-way to the border at the level itself
    padded = np.pad(image, 1, constant_values=-np.inf)
    rim = np.isneginf(padded)
    padded[rim] = np.minimum(low, level - (image.max() - level) * MARGIN)[rim]
    generator = contour_generator(z=padded, fill_type=FillType.OuterOffset)
    regions = []
    for points, offsets in zip(*generator.filled(level, np.inf), strict=True):
        rings = [lay.to_patient(number, points[a : b - 1, ::-1] - 1.0) for a, b in pairwise(offsets)]
        regions.append(Region(rings[0], tuple(rings[1:])))
    return tuple(regions)


def _lines(
    image: FloatArray, level: float, lay: Layer, number: int
) -> tuple[tuple[Region, ...], tuple[FloatArray, ...]]:
    from contourpy import LineType, contour_generator

    lines = contour_generator(z=image, line_type=LineType.Separate).lines(level)
    rings: list[FloatArray] = []
    curves: list[FloatArray] = []
    for line in lines:
        closed = (line[0] == line[-1]).all()
        points = lay.to_patient(number, np.asarray(line)[: -1 if closed else None, ::-1])
        (rings if closed else curves).append(points)
    regions, _ = assemble(rings, "xor")
    return regions, tuple(curves)

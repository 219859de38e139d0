"""Tracing: from voxels to outlines, with every hole and island where it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medvox.contours.layers import Axis, Layer, Planes
from medvox.core.contour import ContourSet, SegmentContours
from medvox.core.errors import UsageError
from medvox.core.labels import LabelMap, Segment
from medvox.core.progress import Progress, silent, track

AnyArray = NDArray[Any]
Connectivity = Literal[4, 8]
CHUNK = 32
"""Slices traced by one thread at a time."""


def trace(
    labels: LabelMap,
    *,
    axis: Axis = "k",
    connectivity: Connectivity = 8,
    threshold: float = 0.5,
    progress: Progress = silent,
) -> ContourSet:
    """Outlines of all segments in every slice.

    An outline runs through the middle between the centres of a voxel inside and its neighbor outside, so
    that neighboring segments share their border, no ring touches another or itself, and filling by the rule
    of pixel centres gives back every voxel. Fractions are traced where linear interpolation between
    centres reaches `threshold`.

    Parameters
    ----------
    labels
        Any grid; slices of tilted and uneven stacks are traced where they lie.
    axis
        Planes of constant k (slices as stored), j or i.
    connectivity
        Whether voxels of a segment that touch only at a corner belong together (8) or not (4).
    threshold
        For fractions: least part of a voxel that is inside.
    progress
        Counts slices.

    Returns
    -------
    ContourSet
        One entry a segment, in the order of `labels.segments`, also where it has no voxels. Planes know
        their source slice (`axis` "k"). Outer rings wind clockwise in an image with rows downwards, holes
        against it.

    Raises
    ------
    UsageError
        If axis or connectivity are none of those named.
    """
    if axis not in ("k", "j", "i") or connectivity not in (4, 8):
        raise UsageError(
            "no such way to trace",
            got=f"axis {axis}, connectivity {connectivity}",
            expected="axis k, j or i; connectivity 4 or 8",
        )
    if labels.fractional:
        from medvox.contours.levels import trace_fractions

        planes = trace_fractions(labels, axis, threshold, progress)
    else:
        planes = _trace_numbers(labels, axis, connectivity == 8, progress)
    segments = tuple(SegmentContours(s, tuple(planes.get((s.layer, s.number), ()))) for s in labels.segments)
    return ContourSet(segments, labels.grid.frame_of_reference)


def _trace_numbers(labels: LabelMap, axis: Axis, eight: bool, progress: Progress) -> Planes:
    found: Planes = {}
    lay = Layer(labels.grid, axis, labels.provenance)
    known = {(s.layer, s.number) for s in labels.segments}
    for number, layer in enumerate(labels.data):
        text = f"tracing layer {number + 1} of {len(labels.data)}"
        for points, rings in _traced(lay.slices(layer), eight, progress, text):
            for label, plane in lay.planes(points.astype(np.float64) / 2, rings):
                if (number, label) in known:
                    found.setdefault((number, label), []).append(plane)
    return found


def _traced(
    slices: AnyArray, eight: bool, progress: Progress, text: str
) -> list[tuple[NDArray[np.int32], NDArray[np.int64]]]:
    """Points and rings of each chunk of slices, traced by threads."""
    from medvox.contours.trace_kernels import trace_slices

    if slices.dtype == np.bool_:
        slices = slices.view(np.uint8)
    if slices.dtype != np.uint8:
        slices = slices.astype(np.int32, copy=False)
    slices = np.ascontiguousarray(slices)
    starts = range(0, len(slices), CHUNK)
    with ThreadPoolExecutor() as pool:
        chunks = pool.map(lambda k: trace_slices(slices, k, min(k + CHUNK, len(slices)), eight), starts)
        return list(track(chunks, progress, text, len(starts)))


def with_names(contours: ContourSet, segments: Sequence[Segment]) -> ContourSet:
    """Return the same outlines with other names or colors, one a segment in order.

    Raises
    ------
    UsageError
        If there are not as many.
    """
    if len(segments) != len(contours.segments):
        raise UsageError(
            "as many segments are needed as there are outlines",
            got=len(segments),
            expected=len(contours.segments),
        )
    pairs = zip(contours.segments, segments, strict=True)
    return replace(contours, segments=tuple(replace(old, segment=new) for old, new in pairs))

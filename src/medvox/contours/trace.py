"""Tracing: from voxels to outlines, with every hole and island where it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medvox.core.contour import ContourSet, PlanarContours, Region, SegmentContours
from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment
from medvox.core.progress import Progress, silent, track
from medvox.core.provenance import Provenance, SliceSource

AnyArray = NDArray[Any]
FloatArray = NDArray[np.float64]
Axis = Literal["k", "j", "i"]
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


Planes = dict[tuple[int, int], list[PlanarContours]]


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


class Layer:
    """How the slices of a grid along one axis lie in space.

    Parameters
    ----------
    grid
        Any grid.
    axis
        Axis along which the slices follow each other.
    provenance
        Where the source slices are known from.
    """

    def __init__(self, grid: Grid, axis: Axis, provenance: Provenance | None = None) -> None:
        self.grid = grid
        self.axis = "kji".index(axis)
        self.provenance = provenance

    def slices(self, array: AnyArray) -> AnyArray:
        """View of a (k, j, i) array with the slices first."""
        return np.moveaxis(array, self.axis, 0)

    def to_patient(self, number: int, places: FloatArray) -> FloatArray:
        """Map (n, 2) places in slice `number` to LPS mm."""
        if self.axis == 0:
            placed = places @ self.grid.affine[:3, 1:3].T + self.grid.origins_mm[number]
            return np.asarray(placed, np.float64)
        index = np.insert(places, self.axis, number, axis=1)
        return self.grid.to_patient(index)

    def source(self, number: int) -> SliceSource | None:
        """Where a stored slice was read."""
        if self.axis != 0 or self.provenance is None:
            return None
        rows, columns = self.grid.shape[1:]
        return self.provenance.source_at((number, (rows - 1) / 2, (columns - 1) / 2))

    def planes(self, places: FloatArray, rings: NDArray[np.int64]) -> list[tuple[int, PlanarContours]]:
        """Label and outlines of each plane from what the kernel traced."""
        made: list[tuple[int, PlanarContours]] = []
        edges = np.flatnonzero(np.diff(rings[:, 0], prepend=-1, append=-1)).tolist()
        ends = rings[:, 2]
        for first, last in pairwise(edges):
            number = int(rings[first, 0])
            base = int(ends[first - 1]) if first else 0
            points = self.to_patient(number, places[base : ends[last - 1]])
            parts = np.split(points, (ends[first : last - 1] - base).tolist())
            made += _regions(parts, rings[first:last], first, self.source(number))
        return made


def _regions(
    parts: Sequence[FloatArray], rings: NDArray[np.int64], base: int, source: SliceSource | None
) -> list[tuple[int, PlanarContours]]:
    holes: dict[int, list[FloatArray]] = {}
    parents = (rings[:, 3] - base).tolist()
    outer = (rings[:, 3] < 0).tolist()
    for part, is_outer, parent in zip(parts, outer, parents, strict=True):
        if not is_outer:
            holes.setdefault(parent, []).append(part)
    regions: dict[int, list[Region]] = {}
    for n, label in enumerate(rings[:, 1].tolist()):
        if outer[n]:
            regions.setdefault(label, []).append(Region(parts[n], tuple(holes.get(n, ()))))
    return [(label, PlanarContours(tuple(found), (), source)) for label, found in regions.items()]


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

"""Filling: from outlines to voxels, by a declared rule and with an account of everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medvox.contours.placing import Placed, place
from medvox.contours.report import FillReport, SegmentFill, SubVoxel
from medvox.contours.thin import count_thin
from medvox.core.contour import ContourSet, SegmentContours
from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment
from medvox.core.progress import Progress, silent, track

AnyArray = NDArray[Any]
Rule = Literal["center", "area"]
Small = Literal["report", "keep"]


def fill(
    contours: ContourSet,
    grid: Grid,
    *,
    rule: Rule = "center",
    small: Small = "report",
    thin: bool = True,
    progress: Progress = silent,
) -> tuple[LabelMap, FillReport]:
    """Voxels enclosed by contours.

    Parameters
    ----------
    contours
        In LPS mm; each ring may wind either way. Where regions of one segment overlap they are joined.
    grid
        Where the voxels shall be; tilted and uneven stacks are filled slice by slice.
    rule
        ``"center"``: a voxel is inside if its centre is. Of centres exactly on an outline those on the
        left and upper side (towards lower i, j) are inside, so that neighbors share no voxel and leave
        none out. ``"area"``: each voxel holds the part of its area in the slice plane that is covered.
    small
        What to do with regions that cover no voxel centre (rule "center"): ``"report"`` them only, or
        ``"keep"`` them as the one voxel nearest to their middle.
    thin
        Whether to count regions narrower than three pixels, which takes longer than filling them.
    progress
        Counts segments.

    Returns
    -------
    LabelMap
        Numbers in as many layers as overlaps need, or fractions (float32) with a layer a segment.
    FillReport
        What was off the slices, too small, outside, not filled; in counts and as findings.

    Raises
    ------
    UsageError
        If rule or small are none of those named, or there are no segments.
    """
    if rule not in ("center", "area") or small not in ("report", "keep"):
        raise UsageError(
            "no such way to fill",
            got=f"{rule}, {small}",
            expected="rule center or area; small report or keep",
        )
    if not contours.segments:
        raise UsageError("there are no contours to fill")
    text = "filling"
    if rule == "area":
        return _fill_areas(contours, grid, thin, track(contours.segments, progress, text))
    layers = _Layers(grid, contours.segments)
    told: list[SegmentFill] = []
    for part in track(contours.segments, progress, text):
        placed = place(part, grid)
        spans, counts = _spans(placed, grid)
        lost = _sub_voxel(placed, counts, grid, part.segment.name)
        if small == "keep" and lost:
            spans = np.concatenate([spans, _single([one.voxel for one in lost])])
        voxels, volume = layers.add(part.segment, spans)
        told.append(_account(part, placed, lost, voxels, volume, thin))
    return layers.label_map(), FillReport(rule, tuple(told), len(layers.arrays))


def _spans(placed: Placed, grid: Grid) -> tuple[AnyArray, NDArray[np.int64]]:
    from medvox.contours.fill_kernels import fill_regions

    size = (grid.shape[1], grid.shape[2])
    spans, counts = fill_regions(placed.places, placed.ring_ends, placed.regions, size)
    if placed.oblique:
        from medvox.contours.oblique import fill_oblique

        spans = np.concatenate([spans, fill_oblique(placed.oblique, grid)])
    return spans, counts


def _single(voxels: Sequence[tuple[int, int, int]]) -> AnyArray:
    k, j, i = np.array(voxels, np.int32).T
    return np.stack([k, j, i, i], axis=1)


def _sub_voxel(placed: Placed, counts: NDArray[np.int64], grid: Grid, name: str) -> tuple[SubVoxel, ...]:
    lost = []
    for n in np.flatnonzero(counts == 0).tolist():
        region = placed.originals[n]
        ring = placed.outer_places(n)
        middle = np.clip(np.rint((ring.min(axis=0) + ring.max(axis=0)) / 2), 0, np.array(grid.shape[1:]) - 1)
        if placed.is_inside(n):
            k = int(placed.regions[n, 0])
            lost.append(SubVoxel(name, k, region.area_mm2, (k, int(middle[0]), int(middle[1]))))
    return tuple(lost)


def _account(
    part: SegmentContours,
    placed: Placed,
    lost: tuple[SubVoxel, ...],
    voxels: int,
    volume_ml: float,
    thin: bool,
) -> SegmentFill:
    return replace(
        placed.account,
        name=part.segment.name,
        planes=len(part.planes),
        regions=sum(len(plane.regions) for plane in part.planes),
        curves=sum(len(plane.curves) for plane in part.planes),
        voxels=voxels,
        volume_ml=volume_ml,
        sub_voxel=lost,
        thin=count_thin(placed) if thin else None,
    )


def _fill_areas(contours: ContourSet, grid: Grid, thin: bool, parts: Any) -> tuple[LabelMap, FillReport]:
    from medvox.contours.fill_kernels import add_cover

    data = np.zeros((len(contours.segments), *grid.shape), np.float32)
    told, segments = [], []
    for layer, part in enumerate(parts):
        placed = place(part, grid, wound=True)
        image = np.zeros(grid.shape[1:])
        first = 0
        for n, (k, last) in enumerate(placed.regions.tolist()):
            add_cover(placed.places, placed.ring_ends, (first, last), image)
            first = last
            if n + 1 == len(placed.regions) or placed.regions[n + 1, 0] != k:
                data[layer, k] += np.clip(image, 0, 1)
                image[:] = 0
        np.clip(data[layer], 0, 1, out=data[layer])
        if placed.oblique:
            from medvox.contours.oblique import fill_oblique

            for k, j, start, stop in fill_oblique(placed.oblique, grid).tolist():
                data[layer, k, j, start : stop + 1] = 1
        slices = data[layer].sum(axis=(1, 2), dtype=np.float64)
        volume = float(slices @ grid.voxel_volumes_mm3) / 1000
        voxels = int((data[layer] >= 0.5).sum())
        told.append(_account(part, placed, (), voxels, volume, thin))
        segments.append(replace(part.segment, layer=layer))
    labels = LabelMap(data, grid, tuple(segments), fractional=True)
    return labels, FillReport("area", tuple(told), len(data))


@dataclass(slots=True)
class _Held:
    segment: Segment
    layer: int


class _Layers:
    """Arrays of numbers that grow by a layer where segments overlap."""

    def __init__(self, grid: Grid, parts: Sequence[SegmentContours]) -> None:
        most = max(part.segment.number for part in parts)
        self.dtype = np.uint8 if most < 256 else np.uint16 if most < 65536 else np.int32
        self.grid = grid
        self.arrays: list[AnyArray] = [np.zeros(grid.shape, self.dtype)]
        self.held: list[_Held] = []

    def add(self, segment: Segment, spans: AnyArray) -> tuple[int, float]:
        """Set a segment's voxels in the first layer where they are free; returns voxels and millilitres."""
        from medvox.contours.fill_kernels import paint, taken

        for layer in range(len(self.arrays) + 1):
            if layer == len(self.arrays):
                self.arrays.append(np.zeros(self.grid.shape, self.dtype))
            numbers = {held.segment.number for held in self.held if held.layer == layer}
            if segment.number not in numbers and not taken(self.arrays[layer], spans, segment.number):
                break
        voxels = paint(self.arrays[layer], spans, segment.number)
        self.held.append(_Held(segment, layer))
        each = np.bincount(spans[:, 0], spans[:, 3] - spans[:, 2] + 1.0, minlength=self.grid.shape[0])
        return voxels, float(each @ self.grid.voxel_volumes_mm3) / 1000

    def label_map(self) -> LabelMap:
        """All layers with their segments, in the order given."""
        segments = tuple(replace(held.segment, layer=held.layer) for held in self.held)
        return LabelMap(np.stack(self.arrays), self.grid, segments)

"""Steps on segments that are there: islands, holes, margins, shells, smoothing, booleans, masking."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np

from medvox.core.errors import UsageError
from medvox.core.labels import LabelMap, Segment
from medvox.core.steps import Setting, step
from medvox.core.volume import Volume
from medvox.segmentation import components
from medvox.segmentation.distance import deeper_than_mm, within_mm
from medvox.segmentation.regions import Mask, Mode, changed, chosen, color, image, many, mask_of, one, within
from medvox.segmentation.smoothing import smooth as smooth_mask

Millimeters = Annotated[float, Setting(unit="mm", minimum=0, maximum=500)]


@step("islands", family="segment")
def islands(
    labels: LabelMap,
    *,
    keep: Annotated[int, Setting(minimum=0)] = 0,
    smallest: Annotated[float, Setting(unit="ml", minimum=0)] = 0.0,
    split: bool = False,
    mode: Mode = "3D",
    segments: str = "",
) -> LabelMap:
    """Keep the largest pieces of a segment, drop small ones, or make each piece a segment.

    Parameters
    ----------
    labels
        Segments.
    keep
        How many of the largest pieces to keep (of each slice in 2D); 0 keeps all.
    smallest
        Drop pieces below this volume (in 2D: below the area that has this volume over one slice).
    split
        Make every piece a segment of its own, the largest first; at most 65535.
    mode
        Whether pieces hang together in space or in each slice.
    segments
        Names or numbers, with commas; all where left out.

    Returns
    -------
    LabelMap
        Pieces hang together by faces of voxels.

    Raises
    ------
    UsageError
        If there are more than 65535 pieces to split.
    """
    made: dict[Segment, Mask] = {}
    voxel_ml = float(np.median(labels.grid.voxel_volumes_mm3)) / 1000
    for segment in chosen(labels, segments):
        mask = mask_of(labels, segment)
        least = int(np.ceil(smallest / voxel_ml - 1e-9))
        if least > 1:
            mask = components.without_small(mask, least, mode)
        if keep:
            mask = components.largest(mask, mode, keep)
        made[segment] = mask
    if split:
        return _split(labels, made, mode)
    return changed(labels, made, "islands")


def _split(labels: LabelMap, masks: dict[Segment, Mask], mode: Mode) -> LabelMap:
    numbers = np.zeros(labels.grid.shape, np.uint32)
    segments: list[Segment] = []
    for segment, mask in masks.items():
        found = components.pieces(mask, mode)
        if len(segments) + found.count > 65535:
            raise UsageError(
                "too many pieces to split",
                got=len(segments) + found.count,
                expected="at most 65535",
                advice="Drop small ones first with --smallest",
            )
        rank = np.empty(found.count, np.uint32)
        rank[np.argsort(-found.sizes, kind="stable")] = np.arange(found.count) + len(segments) + 1
        found.draw(rank, numbers)
        before = len(segments)
        segments += [
            Segment(before + n, f"{segment.name} {n}", color=color(before + n), category=segment.category)
            for n in range(1, found.count + 1)
        ]
    return many(numbers, tuple(segments), labels, "islands")


@step("fill-holes", family="segment")
def fill_holes(
    labels: LabelMap,
    *,
    largest: Annotated[float | None, Setting(unit="ml", minimum=0)] = None,
    mode: Mode = "3D",
    segments: str = "",
) -> LabelMap:
    """Fill the holes of segments: what they enclose on all sides.

    Parameters
    ----------
    labels
        Segments.
    largest
        Leave holes of a larger volume open; all are filled where left out.
    mode
        Holes in space, or in each slice.
    segments
        Names or numbers, with commas; all where left out.

    Returns
    -------
    LabelMap
        A hole that holds another segment is filled too; the segments overlap then.
    """
    voxel_ml = float(np.median(labels.grid.voxel_volumes_mm3)) / 1000
    most = None if largest is None else int(largest / voxel_ml + 1e-9)
    masks = {s: components.filled(mask_of(labels, s), mode, most) for s in chosen(labels, segments)}
    return changed(labels, masks, "fill-holes")


@step("margin", family="segment")
def margin(
    labels: LabelMap,
    *,
    distance: Annotated[float, Setting(unit="mm", minimum=-500, maximum=500)],
    mode: Mode = "3D",
    segments: str = "",
) -> LabelMap:
    """Grow segments by a distance in mm, or shrink them (negative).

    Parameters
    ----------
    labels
        Segments.
    distance
        How far, between centers of voxels, with the true spacing of uneven and tilted stacks.
    mode
        In space, or within each slice.
    segments
        Names or numbers, with commas; all where left out.
    """
    masks = {s: moved(mask_of(labels, s), labels, distance, mode) for s in chosen(labels, segments)}
    return changed(labels, masks, "margin")


def moved(mask: Mask, labels: LabelMap, distance_mm: float, mode: Mode = "3D") -> Mask:
    """Mask grown (or, by a negative distance, shrunk) on the grid of a label map."""
    work = within_mm if distance_mm >= 0 else deeper_than_mm
    if mode == "3D":
        return work(mask, labels.grid, abs(distance_mm))
    planes = [
        work(mask[k : k + 1], labels.grid.crop((slice(k, k + 1), slice(None), slice(None))), abs(distance_mm))
        for k in range(len(mask))
    ]
    return np.concatenate(planes)


@step("morphology", family="segment")
def morphology(
    labels: LabelMap,
    *,
    operation: Literal["open", "close", "erode", "dilate"] = "open",
    radius: Annotated[float, Setting(unit="mm", minimum=0, maximum=100)] = 2.0,
    mode: Mode = "3D",
    segments: str = "",
) -> LabelMap:
    """Open, close, erode or dilate segments with a ball.

    Parameters
    ----------
    labels
        Segments.
    operation
        open cuts thin bridges and drops what is thinner than the ball, close fills gaps and inlets.
    radius
        Of the ball.
    mode
        A ball, or a disk within each slice.
    segments
        Names or numbers, with commas; all where left out.
    """
    signs = {"open": (-1, 1), "close": (1, -1), "erode": (-1,), "dilate": (1,)}[operation]
    masks = {}
    for segment in chosen(labels, segments):
        mask = mask_of(labels, segment)
        for sign in signs:
            mask = moved(mask, labels, sign * radius, mode)
        masks[segment] = mask_of(labels, segment) | mask if operation == "close" else mask
    return changed(labels, masks, operation)


@step("hollow", family="segment")
def hollow(
    labels: LabelMap,
    *,
    thickness: Millimeters = 2.0,
    side: Literal["inside", "outside", "both"] = "inside",
    segments: str = "",
) -> LabelMap:
    """Turn segments into shells.

    Parameters
    ----------
    labels
        Segments.
    thickness
        Of the shell.
    side
        Whether the old surface is the outer face of the shell, its inner face, or its middle.
    segments
        Names or numbers, with commas; all where left out.
    """
    out, deep = {"inside": (0.0, 1.0), "outside": (1.0, 0.0), "both": (0.5, 0.5)}[side]
    masks = {}
    for segment in chosen(labels, segments):
        mask = mask_of(labels, segment)
        outer = within_mm(mask, labels.grid, out * thickness)
        inner = deeper_than_mm(mask, labels.grid, deep * thickness)
        masks[segment] = outer & ~inner
    return changed(labels, masks, "hollow")


@step("smooth", family="segment")
def smooth(
    labels: LabelMap,
    *,
    sigma: Annotated[float, Setting(unit="mm", minimum=0.01, maximum=100)] = 2.0,
    keep_volume: bool = True,
    segments: str = "",
) -> LabelMap:
    """Smooth the surfaces of segments and keep their volumes.

    Parameters
    ----------
    labels
        Segments.
    sigma
        Standard deviation of the Gaussian.
    keep_volume
        Choose the level that gives the volume back; without it thin parts shrink away.
    segments
        Names or numbers, with commas; all where left out.
    """
    masks = {}
    for segment in chosen(labels, segments):
        masks[segment] = smooth_mask(mask_of(labels, segment), labels.grid, sigma, keep_volume=keep_volume)
    return changed(labels, masks, "smooth")


@step("combine", family="segment")
def combine(
    labels: LabelMap,
    other: LabelMap | None = None,
    *,
    operation: Literal["union", "intersect", "subtract", "xor"] = "union",
    segments: str = "",
    others: str = "",
    name: str = "",
) -> LabelMap:
    """Combine segments: union, intersection, difference or exclusive or.

    Parameters
    ----------
    labels
        Segments.
    other
        Where the second segments are; in the first label map where left out.
    operation
        What to do with the first and the second.
    segments
        First: names or numbers, with commas; several count as one.
    others
        Second: names or numbers, with commas.
    name
        Name of the result; says what was done where left out.

    Returns
    -------
    LabelMap
        One segment.
    """
    if other is None and not (segments and others):
        raise UsageError(
            "say which segments to combine", expected="segments and others, or a second label map"
        )
    second_map = labels if other is None else other
    within(second_map, labels.grid)
    first, second = _union(labels, segments), _union(second_map, others)
    result = {
        "union": first | second,
        "intersect": first & second,
        "subtract": first & ~second,
        "xor": first ^ second,
    }[operation]
    return one(result, labels, name or f"{segments or 'first'} {operation} {others or 'second'}", "combine")


def _union(labels: LabelMap, wanted: str) -> Mask:
    found = np.zeros(labels.grid.shape, bool)
    for segment in chosen(labels, wanted):
        found |= mask_of(labels, segment)
    return found


@step("mask-volume", family="segment")
def mask_volume(
    volume: Volume,
    mask: LabelMap,
    *,
    outside: float = 0.0,
    invert: bool = False,
    segments: str = "",
) -> Volume:
    """Keep the values of an image within segments and blank the rest.

    Parameters
    ----------
    volume
        Image.
    mask
        Segments on the same grid.
    outside
        Value of what is blanked, in the unit of the image.
    invert
        Blank the inside instead.
    segments
        Names or numbers, with commas; all where left out.
    """
    values = image(volume)
    within(mask, volume.grid)
    inside = _union(mask, segments) != invert
    kind = np.result_type(values.dtype, np.min_scalar_type(outside if outside % 1 else int(outside)))
    return volume.derive(np.where(inside, values, outside).astype(kind), "mask-volume")

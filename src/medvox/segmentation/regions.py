"""From label maps and volumes to plain arrays, and back: what every method begins and ends with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import MissingError, UsageError
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment
from medvox.core.provenance import Provenance
from medvox.core.volume import Volume

Mask = NDArray[np.bool_]
AnyArray = NDArray[Any]
Mode = Literal["3D", "2D"]
"""Whether the volume is one, or each slice is worked on by itself."""
COLORS = (
    (230, 75, 53), (77, 187, 213), (0, 160, 135), (243, 155, 127), (60, 84, 136), (240, 200, 60),
    (145, 209, 194), (220, 60, 160), (126, 97, 72), (132, 145, 180), (110, 190, 60), (176, 156, 133),
)  # fmt: skip
"""Colors of segments, in turn."""


def color(number: int) -> tuple[int, int, int]:
    """Color of the segment of a number, from 1."""
    return COLORS[(number - 1) % len(COLORS)]


def image(volume: Volume) -> AnyArray:
    """(k, j, i) values of a volume.

    Raises
    ------
    UsageError
        If it has more axes, or holds no finite value.
    """
    if volume.axes != ("k", "j", "i"):
        raise UsageError(
            "one image at a time is segmented",
            got=" ".join(f"{n} {s}" for n, s in zip(volume.axes, volume.shape, strict=True)),
            expected="k j i",
            advice="Take one position first, e.g. volume.at(time=0)",
        )
    values = volume.values()
    if values.dtype.kind == "c":
        raise UsageError("complex values cannot be segmented", advice="Take the magnitude first")
    if values.dtype.kind == "f" and not np.isfinite(values).any():
        raise UsageError("the image holds no finite value")
    return values


def within(mask: LabelMap | None, grid: Grid) -> Mask | None:
    """All segments of a label map as one mask on a grid; None stays None.

    Raises
    ------
    UsageError
        If the mask lies on another grid, or is empty.
    """
    if mask is None:
        return None
    if mask.grid.shape != grid.shape or not mask.grid.is_close(grid, 1e-2):
        raise UsageError(
            "the mask lies on another grid",
            got=repr(mask.grid),
            expected=repr(grid),
            advice="Resample it onto the image first",
        )
    inside: Mask = np.any(mask.data >= (0.5 if mask.fractional else 1), axis=0)
    if not inside.any():
        raise UsageError("the mask is empty")
    return inside


def one(found: Mask, volume: Volume | LabelMap, name: str, operation: str) -> LabelMap:
    """Label map of one segment.

    Parameters
    ----------
    found
        (k, j, i).
    volume
        Where it was found.
    name
        Of the segment.
    operation
        For the history.
    """
    return many(np.asarray(found).view(np.uint8), (Segment(1, name, color=color(1)),), volume, operation)


def many(
    numbers: AnyArray, segments: tuple[Segment, ...], source: Volume | LabelMap, operation: str
) -> LabelMap:
    """Label map of (k, j, i) numbers, in the smallest type that holds them."""
    most = max((s.number for s in segments), default=0)
    kind = np.uint8 if most < 256 else np.uint16 if most < 65536 else np.uint32
    data = numbers.astype(kind, copy=False)
    before: Provenance | None = source.provenance
    made = before.derive(operation, source.grid) if before is not None else None
    return LabelMap(data[None], source.grid, segments, provenance=made)


def chosen(labels: LabelMap, wanted: str) -> tuple[Segment, ...]:
    """Segments by their names or numbers, given with commas; all where nothing is given.

    Raises
    ------
    MissingError
        If one is not there; the error lists those that are.
    UsageError
        If there is no segment at all.
    """
    if not labels.segments:
        raise UsageError("the label map has no segment")
    if not wanted.strip():
        return labels.segments
    found = []
    for word in (w.strip() for w in wanted.split(",")):
        fits = [s for s in labels.segments if word in (s.name, str(s.number))]
        if not fits:
            known = [f"{s.number} {s.name}" for s in labels.segments]
            raise MissingError("no such segment", got=word, expected=known)
        found.append(fits[0])
    return tuple(found)


def mask_of(labels: LabelMap, segment: Segment) -> Mask:
    """(k, j, i) voxels of one segment; fractions count from one half."""
    layer = labels.data[segment.layer]
    return np.asarray(layer >= 0.5 if labels.fractional else layer == segment.number)


def changed(labels: LabelMap, masks: dict[Segment, Mask], operation: str) -> LabelMap:
    """Put new masks in the place of some segments; the others stay as they are.

    Segments that come to overlap get a layer of their own: no voxel is lost.
    """
    data = [_crisp(labels, n) for n in range(len(labels.data))]
    for segment in masks:
        data[segment.layer][data[segment.layer] == segment.number] = 0
    segments = list(labels.segments)
    for segment, mask in masks.items():
        layer = _free_layer(data, segments, segment, mask)
        data[layer][mask] = segment.number
        segments[segments.index(segment)] = replace(segment, layer=layer)
    before = labels.provenance
    made = before.derive(operation, labels.grid) if before is not None else None
    return LabelMap(np.stack(data), labels.grid, tuple(segments), provenance=made)


def _crisp(labels: LabelMap, layer: int) -> AnyArray:
    if not labels.fractional:
        return np.array(labels.data[layer])
    numbers = [s.number for s in labels.segments if s.layer == layer]
    return np.where(labels.data[layer] >= 0.5, numbers[0] if numbers else 0, 0).astype(np.uint16)


def _free_layer(data: list[AnyArray], segments: list[Segment], segment: Segment, mask: Mask) -> int:
    """Layer where a mask meets no other segment and its number is free; a new one if there is none."""
    order = [segment.layer, *(n for n in range(len(data)) if n != segment.layer)]
    for layer in order:
        taken = any(s.layer == layer and s.number == segment.number and s is not segment for s in segments)
        if not taken and not data[layer][mask].any():
            return layer
    data.append(np.zeros_like(data[0]))
    return len(data) - 1

"""Region growing from points: by value range, or by what is usual around the points."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap
from medvox.core.progress import Progress
from medvox.core.steps import Setting, step
from medvox.core.volume import Volume
from medvox.segmentation.components import pieces
from medvox.segmentation.regions import Mask, Mode, image, one, within

Points = tuple[tuple[float, float, float], ...]


def voxels_at(points_mm: Points, grid: Grid) -> NDArray[np.int64]:
    """(n, 3) voxels (k, j, i) that hold points in LPS mm.

    Raises
    ------
    UsageError
        If there is no point, or one lies outside the image.
    """
    if not points_mm:
        raise UsageError("at least one seed point is needed", expected="x,y,z in LPS mm")
    index = grid.to_voxel(np.asarray(points_mm, dtype=np.float64).reshape(-1, 3))
    outside = ~grid.contains(index)
    if outside.any():
        raise UsageError(
            "a seed point lies outside the image",
            got=points_mm[int(outside.argmax())],
            expected=f"within {grid.corners_mm().min(axis=0)} to {grid.corners_mm().max(axis=0)}",
        )
    return np.clip(np.rint(index).astype(np.int64), 0, np.asarray(grid.shape) - 1)


@step("grow", family="segment")
def grow(
    volume: Volume,
    mask: LabelMap | None = None,
    *,
    seeds_mm: Points,
    lower: float | None = None,
    upper: float | None = None,
    mode: Mode = "3D",
    name: str = "region",
) -> LabelMap:
    """Mark the voxels in a range of values that hang together with seed points.

    Parameters
    ----------
    volume
        Image.
    mask
        Only voxels in these segments.
    seeds_mm
        Points in patient space, LPS mm.
    lower, upper
        Range of values, both ends included; open where left out.
    mode
        Whether the region grows in space or in the slices of its points.
    name
        Name of the segment.

    Raises
    ------
    UsageError
        If no seed point has a value in the range.
    """
    values = image(volume)
    seeds = voxels_at(seeds_mm, volume.grid)
    fits = np.ones(values.shape, bool) if lower is None else values >= lower
    if upper is not None:
        fits &= values <= upper
    inside = within(mask, volume.grid)
    if inside is not None:
        fits &= inside
    return one(_from(fits, seeds, values, mode), volume, name, "grow")


def _from(fits: Mask, seeds: NDArray[np.int64], values: NDArray[Any], mode: Mode) -> Mask:
    at = np.zeros(fits.shape, bool)
    at[tuple(seeds.T)] = True
    if not (at & fits).any():
        raise UsageError("no seed point lies in the range of values", got=values[tuple(seeds.T)].tolist())
    found = pieces(fits, mode)
    return found.paint(found.touching(at))


@step("grow-confidence", family="segment")
def grow_confidence(
    volume: Volume,
    mask: LabelMap | None = None,
    *,
    seeds_mm: Points,
    multiplier: Annotated[float, Setting(minimum=0.1, maximum=20)] = 2.5,
    iterations: Annotated[int, Setting(minimum=0, maximum=50)] = 4,
    radius: Annotated[int, Setting(unit="voxels", minimum=0, maximum=20)] = 1,
    progress: Progress | None = None,
) -> LabelMap:
    """Grow from seed points while values are within some standard deviations of the region's mean.

    Parameters
    ----------
    volume
        Image.
    mask
        Only voxels in these segments.
    seeds_mm
        Points in patient space, LPS mm.
    multiplier
        How many standard deviations to both sides.
    iterations
        How often mean and deviation are taken again from the region.
    radius
        The first mean and deviation come from a cube of this radius about each seed.

    Notes
    -----
    As ITK's ConfidenceConnectedImageFilter.
    """
    values = image(volume)
    seeds = voxels_at(seeds_mm, volume.grid)
    inside = within(mask, volume.grid)
    first = [values[tuple(slice(max(0, c - radius), c + radius + 1) for c in seed)].ravel() for seed in seeds]
    known = np.concatenate(first).astype(np.float64)
    found = np.zeros(values.shape, bool)
    for turn in range(iterations + 1):
        if progress:
            progress(turn, iterations + 1, "Growing")
        middle, reach = known.mean(), multiplier * known.std(ddof=1 if known.size > 1 else 0)
        ends = [middle - reach, middle + reach]
        if not turn:  # the seeds always belong to the first region
            at = values[tuple(seeds.T)]
            ends = [min(ends[0], at.min()), max(ends[1], at.max())]
        fits = (values >= ends[0]) & (values <= ends[1])
        if inside is not None:
            fits &= inside
        found = _from(fits, seeds, values, "3D")
        known = values[found].astype(np.float64)
    return one(found, volume, "region", "grow-confidence")

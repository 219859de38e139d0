"""Segments grown from seeds that a label map holds: geodesic, watershed, random walker, graph cut."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import LimitError, UsageError
from medvox.core.labels import LabelMap, Segment
from medvox.core.steps import Setting, step
from medvox.core.volume import Volume
from medvox.segmentation.max_flow import expand, neighbors
from medvox.segmentation.regions import Mask, Mode, image, many, within
from medvox.segmentation.seeded import MOST_LABEL, Method, SeededLabels

MOST_SOLVED = 3_000_000
"""Voxels that methods with equations for every voxel take."""


def _seeds(volume: Volume, seeds: LabelMap) -> tuple[NDArray[np.uint8], tuple[Segment, ...]]:
    within(seeds, volume.grid)
    if len(seeds.segments) > MOST_LABEL:
        raise UsageError("too many seed segments", got=len(seeds.segments), expected=f"at most {MOST_LABEL}")
    flat, _ = seeds.flatten()
    present = np.unique(flat[flat > 0])
    if len(present) < 2:
        raise UsageError(
            "two segments of seeds are needed",
            got=len(present),
            advice="Mark the background as a segment too",
        )
    segments = tuple(
        Segment(n, s.name, 0, s.category, s.kind, s.color) for n, s in enumerate(seeds.segments, 1)
    )
    return flat.astype(np.uint8), segments


@step("grow-from-seeds", family="segment")
def grow_from_seeds(
    volume: Volume,
    seeds: LabelMap,
    mask: LabelMap | None = None,
    *,
    method: Method = "geodesic",
    smoothness: Annotated[int, Setting(minimum=1, maximum=256)] = 4,
    mode: Mode = "3D",
) -> LabelMap:
    """Give every voxel to one of the seeded segments, by the shortest way or by flooding (watershed).

    Parameters
    ----------
    volume
        Image.
    seeds
        Two or more segments of seeds, the background one of them.
    mask
        Only voxels in these segments.
    method
        geodesic: the way that crosses the weakest edges (fast GrowCut); watershed: flooding of the gradient.
    smoothness
        Geodesic only: how much the length of a way counts beside the edges it crosses.
    mode
        In space, or each slice by itself.
    """
    flat, segments = _seeds(volume, seeds)
    words = {"mode": mode, "smoothness": smoothness}
    grown = SeededLabels(image(volume), volume.grid, method, within(mask, volume.grid), **words)  # type: ignore[arg-type]
    grown.edit(flat)
    return many(grown.labels(), segments, volume, "grow-from-seeds")


@step("watershed", family="segment")
def watershed(
    volume: Volume, seeds: LabelMap, mask: LabelMap | None = None, *, mode: Mode = "3D"
) -> LabelMap:
    """Flood the gradient of an image from seeds; where floods meet, segments end.

    Parameters
    ----------
    volume
        Image.
    seeds
        Two or more segments of seeds, the background one of them.
    mask
        Only voxels in these segments.
    mode
        In space, or each slice by itself.
    """
    return grow_from_seeds(volume, seeds, mask, method="watershed", mode=mode)


def _window(inside: Mask | None, shape: tuple[int, ...]) -> Mask:
    found = np.ones(shape, bool) if inside is None else inside
    if found.sum() > MOST_SOLVED:
        raise LimitError(
            "too many voxels for this method",
            got=int(found.sum()),
            expected=f"at most {MOST_SOLVED}",
            advice="Limit it by --mask, or use grow-from-seeds",
        )
    return found


@step("random-walker", family="segment")
def random_walker(
    volume: Volume,
    seeds: LabelMap,
    mask: LabelMap | None = None,
    *,
    beta: Annotated[float, Setting(minimum=0)] = 130.0,
    tolerance: Annotated[float, Setting(minimum=1e-9, maximum=0.1)] = 1e-3,
) -> LabelMap:
    """Give every voxel to the seeds that a random walker from there meets first, most likely.

    Parameters
    ----------
    volume
        Image.
    seeds
        Two or more segments of seeds, the background one of them.
    mask
        Only voxels in these segments; needed for images above 3 million voxels.
    beta
        How hard it is to cross edges.
    tolerance
        Of the solution (conjugate gradients).

    Notes
    -----
    Grady, IEEE TPAMI 28 (2006) 1768; weights are ``exp(-beta d² / (10 s²))`` for a difference d and
    standard deviation s of the image, divided by the distance in mm. scikit-image divides by s, not by its
    square, so that its beta depends on the unit.
    """
    from scipy.sparse import coo_array, diags_array
    from scipy.sparse.linalg import cg

    flat, segments = _seeds(volume, seeds)
    values = image(volume).astype(np.float64)
    inside = _window(within(mask, volume.grid), values.shape)
    one, two, length = neighbors(inside, volume.grid)
    x = values[inside]
    deviation = float(x.std()) or 1.0
    weight = np.exp(-beta * (x[one] - x[two]) ** 2 / (10 * deviation**2)) + 1e-10
    weight *= length.min() / length
    given = flat[inside]
    count = len(x)
    total = np.bincount(one, weight, count) + np.bincount(two, weight, count)
    rows, columns = np.concatenate([one, two]), np.concatenate([two, one])
    links = coo_array((np.tile(weight, 2), (rows, columns)), (count, count)).tocsr()
    free = given == 0
    system = (diags_array(total) - links)[free][:, free]
    scale = diags_array(1 / np.maximum(system.diagonal(), 1e-30))
    chances = np.zeros((len(segments) + 1, count))
    for number in range(1, len(segments) + 1):
        if not (given == number).any():
            continue
        known = (given == number).astype(np.float64)
        chances[number, free], _ = cg(system, (links @ known)[free], rtol=tolerance, maxiter=2000, M=scale)
    best = chances.argmax(axis=0)
    best[chances.max(axis=0) <= 0] = 0
    numbers = np.zeros(values.shape, np.uint8)
    numbers[inside] = np.where(free, best, given)
    return many(numbers, segments, volume, "random-walker")


@step("graph-cut", family="segment")
def graph_cut(
    volume: Volume,
    seeds: LabelMap,
    mask: LabelMap | None = None,
    *,
    smoothness: Annotated[float, Setting(minimum=0, maximum=1000)] = 2.0,
    contrast: Annotated[float, Setting(minimum=0.01, maximum=100)] = 1.0,
) -> LabelMap:
    """Cut an image where values change, so that likelihood of values and area of the cut cost least.

    Parameters
    ----------
    volume
        Image.
    seeds
        Two or more segments of seeds, the background one of them; they stay as they are.
    mask
        Only voxels in these segments; needed for images above 3 million voxels.
    smoothness
        How much the area of the cut costs beside how unlikely the values are.
    contrast
        A cut is cheap where values differ by more than so many standard deviations of the differences.

    Notes
    -----
    Boykov and Jolly, ICCV 2001; for more than two segments alpha expansion (Boykov, Veksler and Zabih, IEEE
    TPAMI 23 (2001) 1222). Values of a segment are taken to be normally distributed about those of its seeds.
    """
    flat, segments = _seeds(volume, seeds)
    values = image(volume).astype(np.float64)
    inside = _window(within(mask, volume.grid), values.shape)
    one, two, length = neighbors(inside, volume.grid)
    x, given = values[inside], flat[inside]
    steps = x[one] - x[two]
    deviation = contrast * float(np.sqrt(np.mean(steps**2))) or 1.0
    edge = smoothness * np.exp(-(steps**2) / (2 * deviation**2)) * length.min() / length
    cost = _unlikely(x, given, len(segments))
    numbers = np.zeros(values.shape, np.uint8)
    numbers[inside] = expand(cost, one, two, edge) + 1
    return many(numbers, segments, volume, "graph-cut")


def _unlikely(x: NDArray[Any], given: NDArray[np.uint8], count: int) -> NDArray[np.float64]:
    """(segments, voxels) minus logarithm of the likelihood; seeds cost 0 where they are, much elsewhere."""
    least = max(float(x.std()), 1e-6) * 0.05
    cost = np.full((count, len(x)), 1e4)
    for number in range(count):
        at = x[given == number + 1]
        if at.size:
            spread = max(float(at.std()), least)
            cost[number] = np.minimum(0.5 * ((x - at.mean()) / spread) ** 2 + np.log(spread / least), 1e3)
    seeded = given > 0
    cost[:, seeded] = 1e6
    cost[given[seeded].astype(np.int64) - 1, np.flatnonzero(seeded)] = 0
    return cost

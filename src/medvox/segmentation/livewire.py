"""Livewire: outlines that snap to edges between a few points."""

from __future__ import annotations

import itertools
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.labels import LabelMap
from medvox.core.steps import Setting, step
from medvox.core.volume import Volume
from medvox.segmentation.components import filled
from medvox.segmentation.growing import Points, voxels_at
from medvox.segmentation.regions import image, one


def edge_cost(
    values: NDArray[Any], spacing_mm: tuple[float, float], sigma_mm: float = 1.0
) -> NDArray[np.float64]:
    """(j, i) cost of a way through each pixel of a slice: 1 where it is flat, 0.01 on the strongest edges."""
    from scipy.ndimage import gaussian_gradient_magnitude

    scale = [sigma_mm / s for s in spacing_mm]
    edges = gaussian_gradient_magnitude(values.astype(np.float64), scale)
    strong = max(float(np.percentile(edges, 98)), 1e-12)
    return np.asarray(0.01 + 0.99 * (1 - np.minimum(edges / strong, 1)) ** 2)


def path(
    cost: NDArray[np.float64],
    begin: tuple[int, int],
    end: tuple[int, int],
    spacing_mm: tuple[float, float] = (1, 1),
) -> NDArray[np.int64]:
    """(n, 2) pixels (j, i) of the cheapest way between two pixels, both included.

    Parameters
    ----------
    cost
        (j, i), above 0; see `edge_cost`.
    begin, end
        Pixels.
    spacing_mm
        Distances of rows and columns.

    Raises
    ------
    UsageError
        If a pixel lies outside.

    Notes
    -----
    Mortensen and Barrett, Graphical Models and Image Processing 60 (1998) 349.
    """
    from medvox.segmentation.kernels import livewire_kernels as kernels

    for pixel in (begin, end):
        if not all(0 <= p < n for p, n in zip(pixel, cost.shape, strict=True)):
            raise UsageError("a pixel lies outside the slice", got=pixel, expected=cost.shape)
    width = cost.shape[1]
    ends = [int(j) * width + int(i) for j, i in (begin, end)]
    flat = kernels.way(np.ascontiguousarray(cost, np.float64), np.array(spacing_mm, float), *ends)
    return np.column_stack(np.divmod(flat, width))


@step("livewire", family="segment")
def livewire(
    volume: Volume,
    *,
    points_mm: Points,
    sigma: Annotated[float, Setting(unit="mm", minimum=0.1, maximum=20)] = 1.0,
) -> LabelMap:
    """Mark what a closed outline encloses that snaps to edges between points on one slice.

    Parameters
    ----------
    volume
        Image.
    points_mm
        Three or more points in patient space, LPS mm, in order around the region, all on one slice.
    sigma
        Edges are looked for at this scale.
    """
    values = image(volume)
    at = voxels_at(points_mm, volume.grid)
    if len(at) < 3 or (at[:, 0] != at[0, 0]).any():
        raise UsageError("three or more points on one slice are needed", got=f"slices {at[:, 0].tolist()}")
    k = int(at[0, 0])
    step_mm = volume.grid.spacing_mm[1:]
    cost = edge_cost(values[k], step_mm, sigma)
    out = np.zeros(values.shape, bool)
    for begin, end in itertools.pairwise([*at[:, 1:], at[0, 1:]]):
        way = path(cost, (int(begin[0]), int(begin[1])), (int(end[0]), int(end[1])), step_mm)
        out[k, way[:, 0], way[:, 1]] = True
    out[k] = filled(out[k : k + 1])[0]
    return one(out, volume, "livewire", "livewire")

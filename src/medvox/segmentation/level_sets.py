"""Level sets: fronts that move until they rest on edges or between two means."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.labels import LabelMap
from medvox.core.steps import Setting, step
from medvox.core.volume import Volume
from medvox.segmentation.distance import signed_distance, within_mm
from medvox.segmentation.regions import Mask, chosen, image, mask_of, one, within

Iterations = Annotated[int, Setting(minimum=1, maximum=5000)]


@step("chan-vese", family="segment")
def chan_vese(
    volume: Volume,
    start: LabelMap,
    *,
    iterations: Iterations = 100,
    sigma: Annotated[float, Setting(unit="mm", minimum=0.01, maximum=50)] = 1.5,
    smoothness: Annotated[float, Setting(minimum=0, maximum=100)] = 0.5,
) -> LabelMap:
    """Move a front until values inside and outside differ most from each other: no edges are needed.

    Parameters
    ----------
    volume
        Image.
    start
        Where the front begins: all its segments as one.
    iterations
        Most steps; it ends when nothing changes.
    sigma
        Scale at which the front is made smooth.
    smoothness
        Weight of the length of the front beside that of values (the image's range is 1).

    Notes
    -----
    The energy of Chan and Vese, IEEE Trans. Image Process. 10 (2001) 266, made small by threshold dynamics:
    Esedoglu and Tsai, J. Comput. Phys. 211 (2006) 367. The mean spacing is used for uneven slices.
    """
    from scipy.ndimage import gaussian_filter

    inside = _start(start, volume)
    values = _unit(image(volume))
    scale = [sigma / s for s in volume.grid.spacing_mm]
    for _ in range(iterations):
        near = gaussian_filter(inside.astype(np.float32), scale)
        high, low = float(values[inside].mean()), float(values[~inside].mean())
        better = (values - low) ** 2 - (values - high) ** 2
        moved = better + smoothness * (2 * near - 1) > 0
        if (moved == inside).all() or not moved.any() or moved.all():
            break
        inside = moved
    return one(inside, volume, "chan-vese", "chan-vese")


@step("geodesic-contour", family="segment")
def geodesic_contour(
    volume: Volume,
    start: LabelMap,
    *,
    iterations: Iterations = 300,
    sigma: Annotated[float, Setting(unit="mm", minimum=0.01, maximum=50)] = 1.0,
    balloon: Annotated[float, Setting(minimum=-50, maximum=50)] = 1.0,
    smoothness: Annotated[float, Setting(minimum=0, maximum=100)] = 1.0,
    attraction: Annotated[float, Setting(minimum=0, maximum=100)] = 2.0,
) -> LabelMap:
    """Blow a front up (or let it shrink) until it rests on edges: geodesic active contour.

    Parameters
    ----------
    volume
        Image.
    start
        Where the front begins: all its segments as one.
    iterations
        Most steps.
    sigma
        Edges are looked for at this scale.
    balloon
        Speed of growing; negative shrinks.
    smoothness
        Weight of the curvature of the front.
    attraction
        Pull of edges.

    Notes
    -----
    Caselles, Kimmel and Sapiro, IJCV 22 (1997) 61. The mean spacing is used for uneven slices.
    """
    import SimpleITK

    inside = _start(start, volume)
    smooth = SimpleITK.GradientMagnitudeRecursiveGaussian(_front(_unit(image(volume)), volume), sigma)
    edges = SimpleITK.GetArrayFromImage(smooth)
    scale = max(float(np.percentile(edges, 95)), 1e-9)
    speed = _front((1 / (1 + (edges / (0.3 * scale)) ** 2)).astype(np.float32), volume)
    work = SimpleITK.GeodesicActiveContourLevelSetImageFilter()
    work.SetNumberOfIterations(iterations)
    work.SetPropagationScaling(balloon)
    work.SetCurvatureScaling(smoothness)
    work.SetAdvectionScaling(attraction)
    work.SetMaximumRMSError(1e-3)
    found = work.Execute(_front(signed_distance(inside, volume.grid), volume), speed)
    return one(SimpleITK.GetArrayFromImage(found) < 0, volume, "geodesic contour", "geodesic-contour")


@step("edge-contour", family="segment")
def edge_contour(
    volume: Volume,
    start: LabelMap,
    *,
    iterations: Iterations = 100,
    smoothness: Annotated[float, Setting(minimum=0, maximum=100)] = 1.0,
    strength: Annotated[float, Setting(minimum=0, maximum=1000)] = 10.0,
) -> LabelMap:
    """Pull a front that is nearly right onto the edges beside it: Laplacian level set.

    Parameters
    ----------
    volume
        Image.
    start
        Where the front begins: all its segments as one.
    iterations
        Most steps.
    smoothness
        Weight of the curvature of the front.
    strength
        Weight of the edges (zero crossings of the Laplacian).
    """
    import SimpleITK

    inside = _start(start, volume)
    work = SimpleITK.LaplacianSegmentationLevelSetImageFilter()
    work.SetNumberOfIterations(iterations)
    work.SetCurvatureScaling(smoothness)
    work.SetPropagationScaling(strength)
    rim = within_mm(inside, volume.grid, 3 * max(volume.grid.spacing_mm)) & ~inside
    values = _unit(image(volume))
    work.SetReverseExpansionDirection(bool(values[inside].mean() > values[rim].mean()))
    work.SetMaximumRMSError(1e-3)
    smooth = SimpleITK.SmoothingRecursiveGaussian(_front(values, volume), max(volume.grid.spacing_mm))
    found = work.Execute(_front(signed_distance(inside, volume.grid), volume), smooth)
    return one(SimpleITK.GetArrayFromImage(found) < 0, volume, "edge contour", "edge-contour")


def _start(start: LabelMap, volume: Volume) -> Mask:
    within(start, volume.grid)
    inside = np.zeros(volume.grid.shape, bool)
    for segment in chosen(start, ""):
        inside |= mask_of(start, segment)
    if not inside.any() or inside.all():
        raise UsageError("the starting segments are empty or fill the image: there is no front to move")
    if min(inside.shape) < 2:
        raise UsageError("a front needs two voxels along every axis", got=inside.shape)
    return inside


def _unit(values: NDArray[Any]) -> NDArray[np.float32]:
    low, high = np.nanpercentile(values, [0.5, 99.5])
    if not high > low:
        raise UsageError("all values are the same: a front finds nothing to rest on")
    return np.asarray(np.nan_to_num(np.clip((values - low) / (high - low), 0, 1)), np.float32)


def _front(values: NDArray[Any], volume: Volume) -> Any:
    import SimpleITK

    made = SimpleITK.GetImageFromArray(np.ascontiguousarray(values, np.float32))
    made.SetSpacing(volume.grid.spacing_mm[::-1])
    return made

"""Level sets: fronts that move until they rest on edges or between two means; by SimpleITK."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.labels import LabelMap
from medvox.core.steps import Setting, step
from medvox.core.volume import Volume
from medvox.segmentation.distance import signed_distance
from medvox.segmentation.regions import Mask, chosen, image, mask_of, one, within

Iterations = Annotated[int, Setting(minimum=1, maximum=5000)]


@step("chan-vese", family="segment")
def chan_vese(
    volume: Volume,
    start: LabelMap,
    *,
    iterations: Iterations = 100,
    smoothness: Annotated[float, Setting(minimum=0, maximum=100)] = 0.2,
) -> LabelMap:
    """Move a front until values inside and outside differ most from each other: no edges are needed.

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

    Notes
    -----
    Chan and Vese, IEEE Trans. Image Process. 10 (2001) 266. Values are brought to the range 0 to 1. The mean
    spacing is used for uneven slices.
    """
    import SimpleITK

    inside = _start(start, volume)
    values = _unit(image(volume))
    low, high = _front(-signed_distance(inside, volume.grid), volume), _front(values, volume)
    work = SimpleITK.ScalarChanAndVeseDenseLevelSetImageFilter()
    work.SetNumberOfIterations(iterations)
    work.SetCurvatureWeight(smoothness)
    work.SetMaximumRMSError(1e-4)
    work.SetLambda1(1.0)
    work.SetLambda2(1.0)
    work.UseImageSpacingOn()
    found = SimpleITK.GetArrayFromImage(work.Execute(low, high)) > 0
    return one(found, volume, "chan-vese", "chan-vese")


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
    work.SetMaximumRMSError(1e-3)
    smooth = SimpleITK.SmoothingRecursiveGaussian(
        _front(_unit(image(volume)), volume), max(volume.grid.spacing_mm)
    )
    found = work.Execute(_front(signed_distance(inside, volume.grid), volume), smooth)
    return one(SimpleITK.GetArrayFromImage(found) < 0, volume, "edge contour", "edge-contour")


def _start(start: LabelMap, volume: Volume) -> Mask:
    within(start, volume.grid)
    inside = np.zeros(volume.grid.shape, bool)
    for segment in chosen(start, ""):
        inside |= mask_of(start, segment)
    if inside.all():
        raise UsageError("the starting segments fill the image: there is no front to move")
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

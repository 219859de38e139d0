"""Islands, holes, margins in mm and smoothing on 256³, beside scipy and SimpleITK."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.harness import Case, Results
from medvox.core import affine as aff
from medvox.core.grid import Grid
from medvox.segmentation.components import filled, without_small
from medvox.segmentation.distance import within_mm
from medvox.segmentation.smoothing import smooth

SPACING = (1.5, 1.0, 1.0)
LEAST, MARGIN_MM, SIGMA_MM = 500, 4.0, 2.0
GOALS = {"scipy": 4.0, "SimpleITK": 2.0}


def phantom(size: int = 256) -> np.ndarray:
    """Blobs of all sizes: smoothed noise above a level; about 160 islands and as many holes."""
    from scipy import ndimage

    random = np.random.default_rng(0)
    rough = ndimage.gaussian_filter(random.normal(size=(size // 2,) * 3).astype(np.float32), 3)
    return ndimage.zoom(rough, 2, order=1) > rough.std()


def _image(mask: np.ndarray) -> object:
    import SimpleITK

    image = SimpleITK.GetImageFromArray(mask.view(np.uint8))
    image.SetSpacing(SPACING[::-1])
    return image


def _array(image: object) -> np.ndarray:
    import SimpleITK

    return SimpleITK.GetArrayFromImage(image).astype(bool)


def scipy_islands(mask: np.ndarray) -> np.ndarray:
    from scipy import ndimage

    numbers, _ = ndimage.label(mask)
    keep = np.bincount(numbers.ravel()) >= LEAST
    keep[0] = False
    return keep[numbers]


def itk_islands(mask: np.ndarray) -> np.ndarray:
    import SimpleITK

    pieces = SimpleITK.ConnectedComponent(_image(mask))
    return _array(SimpleITK.RelabelComponent(pieces, minimumObjectSize=LEAST) > 0)


def scipy_holes(mask: np.ndarray) -> np.ndarray:
    from scipy import ndimage

    return ndimage.binary_fill_holes(mask)


def itk_holes(mask: np.ndarray) -> np.ndarray:
    import SimpleITK

    return _array(SimpleITK.BinaryFillhole(_image(mask)))


def scipy_margin(mask: np.ndarray) -> np.ndarray:
    from scipy import ndimage

    return ndimage.distance_transform_edt(~mask, sampling=SPACING) <= MARGIN_MM


def itk_margin(mask: np.ndarray) -> np.ndarray:
    import SimpleITK

    distance = SimpleITK.SignedMaurerDistanceMap(_image(mask), False, True, True)
    return _array(distance <= MARGIN_MM**2)


def scipy_smooth(mask: np.ndarray) -> np.ndarray:
    from scipy import ndimage

    steps = [SIGMA_MM / s for s in SPACING]
    means = ndimage.gaussian_filter(mask.astype(np.float32), steps, truncate=3)
    at = means.size - int(mask.sum())
    return means >= np.partition(means.ravel(), at)[at]


def itk_smooth(mask: np.ndarray) -> np.ndarray:
    """At one half: SimpleITK has no level that keeps the volume."""
    import SimpleITK

    means = SimpleITK.SmoothingRecursiveGaussian(
        SimpleITK.Cast(_image(mask), SimpleITK.sitkFloat32), SIGMA_MM
    )
    return _array(means >= 0.5)


def _same(results: Results) -> None:
    for name, mask in results.items():
        differing = int((mask != results["ours"]).sum())
        assert differing == 0, f"{name}: {differing} voxels differ"


def _alike(results: Results, volume: int) -> None:
    ours = results["ours"]
    assert abs(int(ours.sum()) - volume) < volume * 1e-4, "the volume is not kept"
    overlap = {name: 2 * (mask & ours).sum() / (mask.sum() + ours.sum()) for name, mask in results.items()}
    assert overlap["scipy"] > 0.999, overlap
    assert overlap["SimpleITK"] > 0.95, overlap


def cases() -> list[Case]:
    """One case an operation; results equal to the voxel, but smoothing."""
    mask = phantom()
    grid = Grid(mask.shape, aff.compose(SPACING, np.eye(3)[:, ::-1], (0, 0, 0)))
    works: list[tuple[str, Callable[[], np.ndarray], Callable, Callable, Callable]] = [
        ("islands", partial(without_small, mask, LEAST), scipy_islands, itk_islands, _same),
        ("fill holes", partial(filled, mask), scipy_holes, itk_holes, _same),
        ("margin 4 mm", partial(within_mm, mask, grid, MARGIN_MM), scipy_margin, itk_margin, _same),
        (
            "smoothing 2 mm",
            partial(smooth, mask, grid, SIGMA_MM),
            scipy_smooth,
            itk_smooth,
            partial(_alike, volume=int(mask.sum())),
        ),
    ]
    return [
        Case(f"{name} 256³", ours, {"scipy": partial(a, mask), "SimpleITK": partial(b, mask)}, GOALS, check)
        for name, ours, a, b, check in works
    ]

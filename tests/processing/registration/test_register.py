"""Registration: known transforms are found, and failures are told instead of returned."""

from __future__ import annotations

import numpy as np
import pytest

from medvox.core.errors import GeometryError, UsageError
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment
from medvox.core.transform import AffineTransform
from medvox.core.volume import Volume
from medvox.processing.registration import register
from medvox.processing.resample import resample

SHAPE = (60, 72, 64)
AFFINE = np.array([[0, 0, 2.5, -80], [0, 2.5, 0, -90], [2.5, 0, 0, -75], [0, 0, 0, 1.0]])
GRID = Grid(SHAPE, AFFINE)


def head(points, kind="T1"):
    """A head as a function of patient space (..., 3) in mm: shells and blobs of smooth value."""
    x, y, z = np.moveaxis(points, -1, 0)
    radius = np.sqrt((x / 66) ** 2 + (y / 78) ** 2 + (z / 62) ** 2)
    brain = 1 / (1 + np.exp((radius - 0.8) * 30))
    scalp = np.exp(-(((radius - 1) / 0.05) ** 2))
    folds = np.sin(x / 7) * np.sin(y / 8 + 1) * np.cos(z / 9 + 2) + 0.6 * np.sin(x / 17 + y / 23)
    blob = np.exp(-(((x - 20) ** 2 + (y + 25) ** 2 + (z - 10) ** 2) / 300))
    if kind == "T1":
        return 600 * brain + 150 * brain * folds + 500 * scalp - 300 * blob
    return 300 * brain - 120 * brain * folds + 80 * scalp + 500 * blob


def image(transform=None, kind="T1", seed=1, noise=12.0, grid=GRID, gain=1.0):
    """The head seen where `transform` has moved it: value at y is the head at inverse(y)."""
    points = grid.to_patient(np.moveaxis(np.indices(grid.shape, dtype=float), 0, -1))
    if transform is not None:
        points = transform.inverse().apply(points)
    values = gain * head(points, kind) + np.random.default_rng(seed).normal(0, noise, grid.shape)
    return Volume(values.astype(np.float32), grid, unit="1", modality="MR")


def motion(angle=12.0, shift=(9, -6, 5)):
    turn = AffineTransform.rotation((1, 2, -1), angle, (5, 3, -4))
    return turn.then(AffineTransform.translation(shift))


def error_mm(found, true):
    """Root mean square distance over the head between where two transforms put points."""
    rng = np.random.default_rng(5)
    points = rng.normal(size=(500, 3))
    points *= 60 * rng.random((500, 1)) ** (1 / 3) / np.linalg.norm(points, axis=1, keepdims=True)
    return float(np.sqrt(((found.apply(points) - true.apply(points)) ** 2).sum(axis=1).mean()))


@pytest.mark.parametrize(("angle", "shift"), [(0.0, (0, 0, 0)), (3.0, (2, -1, 4)), (18.0, (20, -15, 12))])
def test_known_rigid_motion_is_found(angle, shift):
    true = motion(angle, shift)
    made = register(image(), image(true, seed=2, gain=1.4), "rigid")
    assert made.metric == "squares"
    assert made.converged
    assert error_mm(made.transform, true) < 0.1
    linear = made.transform.matrix[:3, :3]
    np.testing.assert_allclose(linear @ linear.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(linear) == pytest.approx(1)


def test_similarity_and_affine_find_their_freedom():
    scaled = AffineTransform(np.diag([1.08, 1.08, 1.08, 1])).then(motion(8))
    made = register(image(), image(scaled, seed=2), "similarity")
    assert error_mm(made.transform, scaled) < 0.15
    sheared = AffineTransform(
        np.array([[1.05, 0.04, 0, 0], [0, 0.95, 0.03, 0], [0.02, 0, 1.02, 0], [0, 0, 0, 1]])
    )
    true = sheared.then(motion(6))
    made = register(image(), image(true, seed=2), "affine")
    assert error_mm(made.transform, true) < 0.25
    assert error_mm(register(image(), image(true, seed=2), "rigid").transform, true) > 1


def test_other_grid_other_spacing_and_tilted_slices():
    true = motion(7)
    tilted = AFFINE.copy()
    tilted[1, 0] = 0.6
    grid = Grid((50, 60, 55), tilted @ np.diag([1.3, 1.2, 1.1, 1]))
    made = register(image(grid=grid), image(true, seed=4), "rigid")
    assert error_mm(made.transform, true) < 0.2
    laid = made.resampled(image(true, seed=4), image(grid=grid))
    assert laid.grid == grid
    inner = (slice(12, -12),) * 3
    assert np.corrcoef(laid.data[inner].ravel(), image(grid=grid).data[inner].ravel())[0, 1] > 0.97


def test_two_contrasts_are_registered_by_mutual_information():
    true = motion(8, (6, 4, -5))
    made = register(image(), image(true, kind="T2", seed=3), "rigid", metric="mutual-information")
    assert made.metric == "mutual-information"
    assert error_mm(made.transform, true) < 1.0


def test_what_differs_inside_does_not_pull():
    true = motion(5)
    changed = image(true, seed=6)
    values = changed.data.copy()
    values[20:34, 20:34, 20:34] += 900
    made = register(image(), Volume(values, GRID, modality="MR"), "rigid")
    assert error_mm(made.transform, true) < 0.3


def test_a_mask_chooses_what_counts():
    true = motion(5)
    moving = image(true, seed=2).data.copy()
    fixed = image()
    fixed_values = fixed.data.copy()
    fixed_values[:24] = image(seed=9, kind="T2").data[:24]
    mask = np.zeros(SHAPE, np.uint8)
    mask[26:] = 1
    labels = LabelMap(mask[None], GRID, (Segment(1, "upper"),))
    made = register(Volume(fixed_values, GRID), Volume(moving, GRID), "rigid", mask=labels)
    assert error_mm(made.transform, true) < 0.4


def test_failures_are_told_with_their_figures():
    rng = np.random.default_rng(0)
    noise = Volume(rng.normal(size=SHAPE).astype(np.float32), GRID, modality="MR")
    with pytest.raises(GeometryError, match="registration failed"):
        register(image(), noise, "rigid", metric="squares")
    flat = Volume(np.ones(SHAPE, np.float32), GRID)
    with pytest.raises(UsageError, match="constant"):
        register(image(), flat)
    broken = image().data.copy()
    broken[3, 3, 3] = np.inf
    with pytest.raises(UsageError, match="finite"):
        register(Volume(broken, GRID), image())
    with pytest.raises(UsageError, match="two slices"):
        register(Volume(np.ones((1, 8, 8), np.float32), Grid((1, 8, 8), np.eye(4))), image())


def test_a_budget_ends_the_search_and_says_so():
    made = register(image(), image(motion(10), seed=2), "rigid", budget_s=0.0)
    assert not made.converged
    assert [f.code for f in made.findings] == ["not-converged"]


def test_simple_itk_resamples_to_the_same_image_with_the_transform():
    sitk = pytest.importorskip("SimpleITK")
    from medvox.interop.simpleitk_images import from_simpleitk, to_simpleitk
    from medvox.interop.simpleitk_transforms import transform_to_simpleitk

    fixed, moving = image(), image(motion(9), seed=2)
    made = register(fixed, moving, "affine")
    theirs = sitk.Resample(
        to_simpleitk(moving),
        to_simpleitk(fixed),
        transform_to_simpleitk(made.transform),
        sitk.sitkLinear,
        0.0,
    )
    ours = resample(moving, fixed.grid, "linear", made.transform, outside=0.0)
    inner = (slice(8, -8),) * 3
    np.testing.assert_allclose(ours.data[inner], from_simpleitk(theirs).data[inner], atol=0.5)

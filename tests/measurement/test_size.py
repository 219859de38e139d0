"""Sizes of masks against formulas, SimpleITK, and their own claimed uncertainty."""

import numpy as np
import pytest

from measurement.ellipsoids import random_ellipsoid, truth
from medvox.core.errors import GeometryError, MissingError
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment
from medvox.measurement.size.mask import measure_labels, measure_mask


def grid_of(shape, spacing=(1.0, 1.0, 1.0)):
    affine = np.eye(4)
    affine[:3, :3] = np.diag(spacing)[::-1]
    return Grid(shape, affine)


def ball(radius, shape=(60, 60, 60), center=(29.7, 30.2, 29.9), spacing=(1.0, 1.0, 1.0)):
    k, j, i = np.ogrid[: shape[0], : shape[1], : shape[2]]
    c = np.array(center) * spacing
    return (k * spacing[0] - c[0]) ** 2 + (j * spacing[1] - c[1]) ** 2 + (
        i * spacing[2] - c[2]
    ) ** 2 < radius**2


def coverage(seed, count):
    rng = np.random.default_rng(seed)
    errors = {}
    for _ in range(count):
        body = random_ellipsoid(rng)
        found = measure_mask(body.mask, body.grid)
        for name, value in truth(body, found).items():
            errors.setdefault(name, []).append((found[name].value - value, found[name].discretization_95))
    return {name: np.array(pairs) for name, pairs in errors.items()}


def check_coverage(errors, least, most):
    for name, pairs in errors.items():
        error, half = np.abs(pairs[:, 0]), pairs[:, 1]
        covered = float((error <= half).mean())
        assert least <= covered <= most, f"{name}: {covered:.3f}"
        needed = np.quantile(error / half, 0.95)  # what the half-widths had to be multiplied by
        assert 1 / needed <= 1.3, f"{name}: half-widths {1 / needed:.2f} times too wide"
        assert np.median(half) <= 1.3 * np.quantile(error, 0.95), name


def test_intervals_cover_on_200_ellipsoids():
    # 95 % within 3 standard deviations of a share of 200
    check_coverage(coverage(seed=11, count=200), 0.90, 1.0)


@pytest.mark.slow
def test_intervals_cover_on_1000_ellipsoids():
    check_coverage(coverage(seed=7, count=1000), 0.93, 0.97)


def test_volume_is_that_of_the_voxels():
    mask = ball(14.3, spacing=(1.0, 1.0, 1.0))
    assert measure_mask(mask, grid_of(mask.shape))["volume"].value == pytest.approx(mask.sum() / 1000)


def test_uneven_stack_counts_slices_to_the_midpoints():
    origins = np.zeros((4, 3))
    origins[:, 2] = (0, 1, 4, 6)
    grid = Grid.from_origins((4, 5, 5), np.array([[0, 0.5], [0.5, 0], [0, 0]]), origins)
    mask = np.zeros((4, 5, 5), bool)
    mask[2, 1:3, 1:4] = True
    assert measure_mask(mask, grid)["volume"].value == pytest.approx(6 * 0.25 * 2.5 / 1000)


def test_tilted_stack_keeps_volume_and_place():
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0, 0, 1.0], [0.7, 1.0, 0], [3.0, 0, 0]])
    grid = Grid((20, 30, 30), affine)
    center = np.array([15.0, 22.0, 28.0])
    points = grid.to_patient(np.moveaxis(np.indices(grid.shape, dtype=float), 0, -1))
    mask = np.linalg.norm(points - center, axis=-1) < 12
    found = measure_mask(mask, grid)
    for name, value in (("volume", 4 / 3 * np.pi * 12**3 / 1000), ("surface_area", 4 * np.pi * 144)):
        assert abs(found[name].value - value) <= 2 * found[name].discretization_95
    assert np.abs(found.centroid_mm - center).max() < 0.15
    assert abs(found["longest_diameter"].value - 24) <= 2 * found["longest_diameter"].discretization_95


def test_simpleitk_agrees_on_what_is_defined_alike():
    import SimpleITK

    mask = random_ellipsoid(np.random.default_rng(5)).mask
    spacing = (2.0, 0.8, 0.8)
    found = measure_mask(mask, grid_of(mask.shape, spacing))
    image = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(spacing[::-1])
    stats = SimpleITK.LabelShapeStatisticsImageFilter()
    stats.ComputeFeretDiameterOn()
    stats.Execute(image)
    assert found.voxels == stats.GetNumberOfPixels(1)
    assert found["volume"].value * 1000 == pytest.approx(stats.GetPhysicalSize(1))
    assert found.centroid_mm == pytest.approx(stats.GetCentroid(1))
    moments = np.array(stats.GetPrincipalMoments(1))[::-1]
    axes = [found[n].value for n in ("major_axis", "minor_axis", "least_axis")]
    assert axes == pytest.approx(2 * np.sqrt(5 * moments), rel=1e-9)
    centers = np.linalg.norm(np.diff(found.longest.ends_mm, axis=0))
    assert centers == pytest.approx(stats.GetFeretDiameter(1), rel=0.02)


def test_simpleitk_agrees_on_surface_area():
    import SimpleITK

    mask = ball(20)
    stats = SimpleITK.LabelShapeStatisticsImageFilter()
    stats.Execute(SimpleITK.GetImageFromArray(mask.astype(np.uint8)))
    found = measure_mask(mask, grid_of(mask.shape))["surface_area"]
    assert found.value == pytest.approx(stats.GetPerimeter(1), rel=0.02)
    assert found.value == pytest.approx(4 * np.pi * 400, abs=found.discretization_95)


def test_an_empty_segment_is_listed():
    data = np.zeros((1, 4, 5, 6), np.uint8)
    data[0, 1:3, 1:3, 1:3] = 1
    labels = LabelMap(data, grid_of((4, 5, 6)), (Segment(1, "there"), Segment(2, "empty")))
    there, empty = measure_labels(labels)
    assert (there.voxels, empty.voxels, empty.quantities) == (8, 0, ())
    with pytest.raises(MissingError):
        empty["volume"]


def test_a_full_mask_says_that_it_reaches_the_border():
    found = measure_mask(np.ones((5, 6, 7), bool), grid_of((5, 6, 7)))
    assert found.at_border
    assert found["volume"].value == pytest.approx(0.21)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 30, 30), (1, 1, 25), (40, 1, 40)])
def test_flat_and_thin_masks_have_sizes(shape):
    mask = np.zeros((42, 42, 42), bool)
    mask[tuple(slice(1, 1 + n) for n in shape)] = True
    found = measure_mask(mask, grid_of(mask.shape))
    assert found["volume"].value * 1000 == pytest.approx(np.prod(shape))
    assert all(np.isfinite(q.value) and np.isfinite(q.discretization_95) for q in found.quantities)


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(GeometryError, match="does not fit"):
        measure_mask(np.ones((2, 2, 2), bool), grid_of((3, 2, 2)))

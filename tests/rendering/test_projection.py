"""Projections against numpy, and the directions they look in."""

import numpy as np
import pytest

from medvox.core.errors import UsageError
from medvox.rendering.projection import PLANE_CAMERAS, project, projection_image
from medvox.rendering.scene import Camera
from rendering.phantoms import ORIENTATIONS, canonical, stored_as

RANDOM = np.random.default_rng(11)


@pytest.mark.parametrize(("mode", "reduce"), [("mip", np.max), ("minip", np.min), ("mean", np.mean)])
@pytest.mark.parametrize("shape", [(9, 12, 15), (33, 20, 17)])
def test_along_patient_axes_it_is_numpys(mode, reduce, shape):
    values = RANDOM.integers(-1000, 3000, shape).astype(np.int16)
    volume = canonical(values)
    expected = {
        "axial": reduce(values, axis=0),
        "coronal": reduce(values, axis=1)[::-1],
        "sagittal": reduce(values, axis=2)[::-1],
    }
    for plane, truth in expected.items():
        got, pixel, _ = project(volume, mode, PLANE_CAMERAS[plane])
        assert pixel == 1.0
        np.testing.assert_allclose(got, truth, atol=0.1)


@pytest.mark.parametrize(("order", "flips"), ORIENTATIONS[::5])
def test_storage_order_does_not_matter(order, flips):
    volume = canonical(RANDOM.integers(0, 255, (6, 7, 8)).astype(np.uint8))
    for camera in (Camera(0, 0), Camera(30, 20)):
        one, _, _ = project(volume, "mip", camera)
        other, _, _ = project(stored_as(volume, order, flips), "mip", camera)
        both = np.isfinite(one) & np.isfinite(other)
        assert both.sum() >= np.isfinite(one).sum() - 3  # rays that graze a corner may miss it
        np.testing.assert_allclose(one[both], other[both], atol=0.5)


def test_rays_that_miss_are_not_a_number():
    got, _, _ = project(canonical(np.ones((10, 10, 10), np.uint8)), "mip", Camera(45, 0))
    assert np.isnan(got[:, 0]).all() or np.isnan(got[:, -1]).all() or got.shape[1] >= 13
    assert got[5, got.shape[1] // 2] == 1


@pytest.mark.parametrize("mode", ["mip", "minip"])
def test_skipping_blocks_changes_nothing(mode):
    """A turned projection equals the brute force over every sample of every ray."""
    from scipy.ndimage import map_coordinates

    values = RANDOM.random((40, 37, 29)).astype(np.float32) ** 8
    values[:, :15] = 0
    volume = canonical(values)
    camera = Camera(33, 17)
    got, pixel, scene = project(volume, mode, camera)
    right, down, forward = camera.axes
    corners = scene.grid.corners_mm()
    start = (
        (corners @ right).min() * right + (corners @ down).min() * down + (corners @ forward).min() * forward
    )
    step = 1 / np.abs(scene.grid.to_voxel(forward) - scene.grid.to_voxel(np.zeros(3))).max()
    for row, column in ((12, 20), (20, 25), (25, 14), (30, 30)):
        origin = start + pixel * (column * right + row * down)
        direction = scene.grid.to_voxel(origin + forward) - scene.grid.to_voxel(origin)
        base = scene.grid.to_voxel(origin)
        ends = np.sort(np.stack([-base / direction, (np.array(values.shape) - 1 - base) / direction]), axis=0)
        near, far = ends[0].max(), ends[1].min()
        if far < near:
            assert np.isnan(got[row, column])
            continue
        at = base + (near + step * np.arange(int((far - near) / step + 1e-6) + 1))[:, None] * direction
        samples = map_coordinates(values, at.T, order=1, mode="nearest")
        assert got[row, column] == pytest.approx(samples.max() if mode == "mip" else samples.min(), abs=2e-4)


def test_pictures_have_letters_and_a_window_of_their_own():
    values = np.zeros((20, 20, 20), np.float32)
    values[10, 10, 10] = 5
    picture = projection_image(canonical(values), "mip", Camera(90, 0))
    assert picture.letters == ("A", "P", "S", "I")
    assert picture.pixels.max() == 255
    assert (picture.pixels > 0).sum() == 1


def test_unknown_kinds_are_refused():
    with pytest.raises(UsageError, match="no such projection"):
        project(canonical(np.zeros((3, 3, 3))), "median")
    with pytest.raises(UsageError, match="two slices"):
        project(canonical(np.zeros((1, 3, 3))), "mip")

"""Models beside analytic truth and trimesh."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment
from medvox.core.volume import Volume
from medvox.surfaces.model import ModelOptions, label_models, volume_model


def grid(shape, spacing=(1.0, 1.0, 1.0)) -> Grid:
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[0, 0, spacing[2]], [0, spacing[1], 0], [spacing[0], 0, 0]])
    return Grid(shape, matrix)


def uneven_tilted(shape) -> Grid:
    steps = np.cumsum([0, *np.tile([2.0, 3.5, 1.2], shape[0])[: shape[0] - 1]])
    origins = np.stack([np.full(len(steps), 3.0), -0.3 * steps, steps], axis=1)
    return Grid.from_origins(shape, np.array([[0, 0.8], [0.9, 0], [0, 0]]), origins)


def away(shape, at=None):
    index = np.indices(shape)
    middle = [(n - 1) / 2 for n in shape] if at is None else at
    return np.sqrt(sum((i - m) ** 2 for i, m in zip(index, middle, strict=True)))


def as_trimesh(mesh) -> trimesh.Trimesh:
    return trimesh.Trimesh(mesh.vertices_mm.astype(np.float32), mesh.faces, process=True)


def test_a_small_ball_keeps_the_volume_of_its_voxels():
    ball = away((15, 15, 15)) <= 5
    labels = LabelMap(ball.astype(np.uint8)[None], grid(ball.shape), (Segment(1, "ball"),))
    model = label_models(labels, options=ModelOptions(reduction=0.5))[0]
    other = as_trimesh(model.mesh)
    assert other.is_watertight
    assert other.volume == pytest.approx(ball.sum(), rel=0.001)
    assert model.report.volume_error_percent == pytest.approx(0, abs=0.1)
    # the cubes have half as much area again as the ball: smoothing must have taken that away
    assert model.mesh.area_mm2 == pytest.approx(4 * np.pi * 25, rel=0.05)
    assert model.report.distance is not None
    assert model.report.distance.hausdorff_mm < 1


def test_a_gray_ball_has_its_volume_and_area():
    values = (20 - away((49, 49, 49))).astype(np.float32)
    model = volume_model(Volume(values, grid(values.shape)), 0.0, ModelOptions(reduction=0.9, keep="surface"))
    assert model.report.volume_mm3 == pytest.approx(4 / 3 * np.pi * 8000, rel=0.01)
    assert model.report.area_mm2 == pytest.approx(4 * np.pi * 400, rel=0.01)
    assert model.report.euler_number == 2
    assert model.report.parts == 1


def test_a_torus_has_its_hole():
    k, j, i = np.indices((24, 64, 64)) - np.array([11.5, 31.5, 31.5])[:, None, None, None]
    values = (7 - np.sqrt((np.hypot(j, i) - 20) ** 2 + k**2)).astype(np.float32)
    model = volume_model(Volume(values, grid(values.shape)), 0.0, ModelOptions(reduction=0.8, keep="surface"))
    assert model.report.euler_number == 0  # genus 1
    assert model.report.volume_mm3 == pytest.approx(2 * np.pi**2 * 20 * 49, rel=0.01)
    assert model.report.area_mm2 == pytest.approx(4 * np.pi**2 * 20 * 7, rel=0.01)


@pytest.mark.parametrize("kind", ["label", "gray"])
def test_uneven_tilted_stacks_have_the_volume_of_the_stored_grid(kind):
    shape = (20, 40, 44)
    where = uneven_tilted(shape)
    assert not where.is_even
    values = 14 - away(shape, (9.0, 19.0, 20.0)) / np.array(1.0)
    truth = float((values >= 5).sum(axis=(1, 2)) @ where.voxel_volumes_mm3)
    if kind == "label":
        labels = LabelMap((values >= 5).astype(np.uint8)[None], where, (Segment(1, "x"),))
        model = label_models(labels, options=ModelOptions(reduction=0.6))[0]
    else:
        model = volume_model(Volume(values.astype(np.float32), where), 5, ModelOptions(reduction=0.6))
    other = as_trimesh(model.mesh)
    assert other.is_watertight
    assert other.volume == pytest.approx(truth, rel=0.01)
    assert "uneven" in model.report.truth
    assert model.report.voxel_volume_mm3 == pytest.approx(truth)


def seven(shape=(40, 48, 52)):
    seeds = np.random.default_rng(3).uniform(8, 38, (7, 3))
    near = np.argmin([away(shape, seed) for seed in seeds], axis=0) + 1
    near[away(shape) > 18] = 0
    return near.astype(np.uint8)


def test_seven_labels_share_their_boundaries_and_keep_their_volumes():
    data = seven()
    segments = tuple(Segment(n, f"part {n}") for n in range(1, 8))
    models = label_models(
        LabelMap(data[None], grid(data.shape), segments), options=ModelOptions(reduction=0.7)
    )
    assert [m.mesh.name for m in models] == [s.name for s in segments]
    corners = []
    for number, model in enumerate(models, start=1):
        other = as_trimesh(model.mesh)
        assert other.is_watertight
        assert other.volume == pytest.approx((data == number).sum(), rel=0.01)
        corners.append({tuple(p) for p in np.round(model.mesh.vertices_mm, 9).tolist()})
    # all together they enclose the ball, so the walls between them cancel: the same triangles, seen twice
    total = sum(m.mesh.volume_ml for m in models) * 1000
    assert total == pytest.approx((data > 0).sum(), rel=1e-3)
    shared = sum(len(a & b) for n, a in enumerate(corners) for b in corners[n + 1 :])
    assert shared > 500


def test_voxels_that_touch_at_edges_and_corners_become_closed_bodies():
    data = np.zeros((6, 8, 8), np.uint8)
    data[1:3, 1:3, 1:3] = 1
    data[1:3, 3:5, 3:5] = 1  # edge
    data[3:5, 5:7, 5:7] = 1  # corner
    labels = LabelMap(data[None], grid(data.shape), (Segment(1, "x"),))
    for smooth in (0, 20):
        model = label_models(labels, options=ModelOptions(smooth=smooth, reduction=0.0))[0]
        other = as_trimesh(model.mesh)
        assert other.is_watertight
        assert other.volume == pytest.approx(24, rel=0.01)


def test_decimation_keeps_the_topology_of_noise():
    random = np.random.default_rng(1)
    values = random.normal(size=(24, 24, 24)).astype(np.float32)
    raw = volume_model(Volume(values, grid(values.shape)), 0.3, ModelOptions(0, 0.1, 0.0, keep="surface"))
    less = volume_model(Volume(values, grid(values.shape)), 0.3, ModelOptions(0, 0.1, 0.7, keep="surface"))
    assert less.report.faces < raw.report.faces * 0.6
    assert less.report.euler_number == raw.report.euler_number
    assert less.report.parts == raw.report.parts
    assert less.report.is_closed


def test_a_surface_is_closed_at_the_border_of_the_grid():
    values = np.full((6, 7, 8), 10, np.int16)
    values[2:4, 2:4, 2:4] = 0
    model = volume_model(Volume(values, grid(values.shape)), 5, ModelOptions(0, 0.1, 0.0))
    assert model.report.is_closed
    assert model.report.parts == 2
    assert as_trimesh(model.mesh).volume == pytest.approx(6 * 7 * 8 - 8, rel=0.01)


def test_specks_are_left_out_and_counted():
    values = (6 - away((30, 30, 30), (10, 10, 10))).astype(np.float32)
    values[25, 25, 25] = 1
    model = volume_model(Volume(values, grid(values.shape)), 0, ModelOptions(smallest_mm3=20))
    assert model.report.parts == 1
    assert "1 parts below 20 mm3 left out" in model.report.steps


def test_the_same_input_gives_the_same_model():
    data = seven((20, 24, 26))
    labels = LabelMap(data[None], grid(data.shape), tuple(Segment(n, str(n)) for n in range(1, 8)))
    one, two = (label_models(labels, options=ModelOptions(reduction=0.7)) for _ in range(2))
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(a.mesh.vertices_mm, b.mesh.vertices_mm)
        assert np.array_equal(a.mesh.faces, b.mesh.faces)


def test_overlapping_segments_are_made_one_by_one():
    data = np.zeros((2, 12, 12, 12), np.uint8)
    data[0, 2:9, 2:9, 2:9] = 1
    data[1, 4:7, 4:7, 4:7] = 1
    labels = LabelMap(data, grid((12, 12, 12)), (Segment(1, "outer"), Segment(1, "inner", layer=1)))
    outer, inner = label_models(labels, options=ModelOptions(reduction=0.0))
    assert outer.report.volume_mm3 == pytest.approx(343, rel=0.01)
    assert inner.report.volume_mm3 == pytest.approx(27, rel=0.01)


@pytest.mark.parametrize("level", [100.0, -100.0])
def test_empty_and_full_are_refused(level):
    values = np.arange(27, dtype=np.int16).reshape(3, 3, 3)
    with pytest.raises(UsageError):
        volume_model(Volume(values, grid((3, 3, 3))), level)

"""Level sets, livewire, classes, fusion and filling between slices against truth and other libraries."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from medvox.core.errors import MissingError, UsageError
from medvox.core.volume import Volume
from medvox.segmentation import classes, fusion, level_sets, livewire
from medvox.segmentation.between import fill_between_slices, filled_between
from segmentation.phantoms import ball, dice, grid, labels, tilted, uneven, volume


@pytest.fixture(scope="module")
def lump():
    where = grid((28, 32, 32), (1.1, 1.0, 1.0))
    truth = ball(where, (16, 16, 15), 10)
    random = np.random.default_rng(0)
    return volume((truth * 200 + random.normal(0, 20, where.shape)).astype(np.float32), where), truth


@pytest.mark.parametrize(
    ("method", "radius"), [("chan_vese", 6), ("geodesic_contour", 6), ("edge_contour", 9)]
)
def test_fronts_come_to_rest_on_the_ball(lump, method, radius):
    image, truth = lump
    start = labels(ball(image.grid, (16, 16, 15), radius), where=image.grid)
    found = getattr(level_sets, method)(image, start).mask(1)
    assert dice(found, truth) > 0.93
    assert dice(found, truth) > dice(start.mask(1), truth)
    dark = volume(-image.values(), image.grid)
    assert dice(getattr(level_sets, method)(dark, start).mask(1), truth) > 0.93


def test_fronts_that_cannot_move_are_refused(lump):
    image, truth = lump
    with pytest.raises(UsageError, match="fill"):
        level_sets.chan_vese(image, labels(np.ones(truth.shape, bool), where=image.grid))
    with pytest.raises(UsageError, match="same"):
        level_sets.chan_vese(volume(np.ones(truth.shape), image.grid), labels(truth, where=image.grid))


def test_the_cheapest_way_is_scikit_images():
    graph = pytest.importorskip("skimage.graph")
    cost = np.random.default_rng(1).random((30, 40)) + 0.05
    ours = livewire.path(cost, (2, 3), (27, 36))
    theirs, total = graph.route_through_array(cost, (2, 3), (27, 36), fully_connected=True, geometric=True)
    long = np.hypot(*np.diff(ours, axis=0).T)
    at = cost[ours[:, 0], ours[:, 1]]
    assert (long * (at[1:] + at[:-1]) / 2).sum() == pytest.approx(total)
    assert [tuple(p) for p in ours] == [tuple(map(int, p)) for p in theirs]
    with pytest.raises(UsageError, match="outside"):
        livewire.path(cost, (0, 0), (30, 0))


def test_livewire_snaps_to_a_disk_from_four_points(lump):
    image, truth = lump
    points = [image.grid.to_patient((14, 16 + a, 16 + b)) for a, b in ((-10, 0), (0, 10), (10, 0), (0, -10))]
    found = livewire.livewire(image, points_mm=tuple(map(tuple, points))).mask(1)
    assert dice(found[14], truth[14]) > 0.93
    assert not found[:14].any()
    assert not found[15:].any()
    with pytest.raises(UsageError, match="one slice"):
        livewire.livewire(image, points_mm=((1.0, 1.0, 1.0), (2.0, 2.0, 2.0)))


def test_color_classes_are_found_and_learnt_from_samples():
    truth = np.zeros((2, 20, 30), int)
    truth[:, :, 10:20], truth[:, 5:15, 20:] = 1, 2
    colors = np.array([[200, 30, 30], [30, 180, 40], [40, 40, 220]])
    random = np.random.default_rng(0)
    values = np.clip(np.moveaxis(colors[truth], -1, 0) + random.normal(0, 12, (3, *truth.shape)), 0, 255)
    image = Volume(values.astype(np.uint8), grid(truth.shape), axes=("channel", "k", "j", "i"))
    found = classes.color_classes(image, classes=3)
    pairs = np.unique(np.stack([truth.ravel(), found.data[0].ravel()]), axis=1)
    assert pairs.shape[1] == 3  # one to one
    samples = [np.zeros(truth.shape, bool) for _ in range(3)]
    for number, sample in enumerate(samples):
        sample[0, 8:11, 10 * number : 10 * number + 10] = (
            truth[0, 8:11, 10 * number : 10 * number + 10] == number
        )
    learnt = classes.color_classes(image, labels(*samples))
    assert (learnt.data[0] == truth + 1).all()
    with pytest.raises(UsageError, match="color"):
        classes.color_classes(volume(truth))


def test_texture_classes_tell_rough_from_smooth_of_the_same_mean():
    random = np.random.default_rng(0)
    truth = np.zeros((8, 40, 40), bool)
    truth[:, :, 20:] = True
    image = volume(np.where(truth, random.normal(100, 30, truth.shape), random.normal(100, 3, truth.shape)))
    samples = labels(truth & (np.arange(40) > 34), ~truth & (np.arange(40) < 5))
    found = classes.texture_classes(image, samples, radius=2)
    assert dice(found.mask(1), truth) > 0.93
    assert (
        dice(classes.texture_classes(image, classes=2).mask(2), truth) > 0.9
        or dice(classes.texture_classes(image, classes=2).mask(1), truth) > 0.9
    )
    with pytest.raises(UsageError, match="fewer"):
        classes.k_means(np.ones((10, 2)), 2)


@pytest.fixture(scope="module")
def raters():
    truth = ball(grid((20, 24, 24)), (12, 12, 10), 7)
    random = np.random.default_rng(0)
    near = ndimage.binary_dilation(truth, iterations=3)
    return truth, np.stack([truth ^ ((random.random(truth.shape) < p) & near) for p in (0.03, 0.1, 0.25)])


def test_staple_is_simpleitks(raters):
    import SimpleITK

    truth, masks = raters
    work = SimpleITK.STAPLEImageFilter()
    work.SetForegroundValue(1)
    theirs = SimpleITK.GetArrayFromImage(
        work.Execute([SimpleITK.GetImageFromArray(m.astype(np.uint8)) for m in masks])
    )
    likely, sensitivity, specificity = fusion.staple(masks)
    assert likely == pytest.approx(theirs, abs=1e-3)
    assert sensitivity == pytest.approx(work.GetSensitivity(), abs=1e-3)
    assert specificity == pytest.approx(work.GetSpecificity(), abs=1e-3)
    assert dice(likely > 0.5, truth) > dice(masks[1], truth)


def test_majority_is_simpleitks_vote_and_names_match_segments(raters):
    import SimpleITK

    _, masks = raters
    votes = SimpleITK.LabelVoting([SimpleITK.GetImageFromArray(m.astype(np.uint8)) for m in masks])
    maps = [labels(m) for m in masks]
    assert (fusion.fuse(*maps).mask(1) == SimpleITK.GetArrayFromImage(votes).astype(bool)).all()
    assert fusion.fuse(*maps, method="staple").mask(1).any()
    with pytest.raises(MissingError):
        fusion.fuse(labels(masks[0], ~masks[0]), maps[1])
    with pytest.raises(UsageError, match="nothing to fuse"):
        fusion.staple(np.zeros((2, 3, 3, 3), bool))


def test_a_cone_is_filled_between_its_ends_by_true_depth():
    where = uneven((6, 40, 40), [1.0, 1.0, 4.0, 2.0, 2.0])
    j, i = np.indices((40, 40))
    away = np.hypot(j - 20, i - 20)
    mask = np.zeros(where.shape, bool)
    mask[0], mask[5] = away <= 16, away <= 6
    found = filled_between(mask, where)
    for k, depth in enumerate(where.depths_mm - where.depths_mm[0]):
        assert np.sqrt(found[k].sum() / np.pi) == pytest.approx(16 - depth, abs=0.5)
    assert (found[[0, 5]] == mask[[0, 5]]).all()
    with pytest.raises(UsageError, match="two drawn"):
        fill_between_slices(labels(mask & (np.arange(6) == 0)[:, None, None], where=where))


def test_filling_goes_straight_up_in_a_tilted_stack():
    where = tilted((11, 60, 30), 1.0)
    truth = np.zeros(where.shape, bool)
    for k in range(11):  # a column along the normal: it moves over the rows
        truth[k, 40 - k : 50 - k, 10:20] = True
    mask = truth & np.isin(np.arange(11), (0, 10))[:, None, None]
    assert dice(filled_between(mask, where), truth) > 0.99

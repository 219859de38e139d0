"""Labels from seeds: edits against computing anew, random walker and cuts against other libraries."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from medvox.core.errors import LimitError, UsageError
from medvox.segmentation import from_seeds, max_flow
from medvox.segmentation.growing import grow, grow_confidence
from medvox.segmentation.seeded import SeededLabels, gradient
from segmentation.phantoms import ball, dice, grid, labels, uneven, volume


@pytest.fixture(scope="module")
def scene():
    """A ball (2) in a ball (1) in the dark, noisy; seeds of all three."""
    where = grid((32, 40, 40), (1.2, 1.0, 1.0))
    truth = np.zeros(where.shape, np.int64)
    truth[ball(where, (20, 20, 19), 14)] = 1
    truth[ball(where, (20, 20, 19), 7)] = 2
    random = np.random.default_rng(0)
    values = (truth * 300 + ndimage.gaussian_filter(random.normal(0, 60, where.shape), 0.7)).astype(np.int16)
    seeds = [np.zeros(where.shape, bool) for _ in range(3)]
    seeds[0][1:31:29, 1:39:37, 1:39:37] = seeds[1][16, 20, 9:11] = seeds[1][16, 20, 30:32] = True
    seeds[2][15:17, 19:21, 19:21] = True
    return volume(values, where), labels(*seeds, where=where), truth + 1


@pytest.mark.parametrize("method", ["geodesic", "watershed"])
@pytest.mark.parametrize("mode", ["3D", "2D"])
@pytest.mark.parametrize("seed", range(6))
def test_any_edits_give_what_computing_anew_gives(method, mode, seed):
    random = np.random.default_rng(seed)
    shape = (7, 11, 9)
    where = grid(shape, (2.0, 1.0, 1.0)) if seed % 3 else uneven(shape, [1, 2, 1, 3, 1, 1.0])
    values = random.integers(0, 4, shape) if seed % 2 else ndimage.gaussian_filter(random.random(shape), 1)
    mask = random.random(shape) < 0.9 if seed > 2 else None
    ours = SeededLabels(values, where, method, mask, mode=mode)
    seeds = np.zeros(shape, np.uint8)
    for _ in range(8):
        window = tuple(slice(at := int(random.integers(0, n - 3)), at + 3) for n in shape)
        seeds[window] = random.choice([0, 0, 0, 0, 1, 2, 3], size=(3, 3, 3))
        ours.edit(seeds[window], window)
        anew = SeededLabels(values, where, method, mask, mode=mode)
        anew.edit(seeds)
        assert (ours.labels() == anew.labels()).all()
    ours.edit(np.zeros(shape, np.uint8))
    assert not ours.labels().any()


def test_geodesic_labels_are_those_of_the_nearest_seed_by_dijkstra():
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra

    random = np.random.default_rng(4)
    where = grid((5, 7, 6), (1.0, 1.0, 1.0))
    values = random.integers(0, 1024, where.shape).astype(np.float64)
    values.ravel()[:2] = 0, 1023
    seeds = np.zeros(where.shape, np.uint8)
    seeds[0, 0, 0], seeds[4, 6, 5], seeds[2, 3, 0] = 1, 2, 3
    one, two, _ = max_flow.neighbors(np.ones(where.shape, bool), where)
    low, high = np.percentile(values, [0.1, 99.9])
    gray = np.floor(np.clip((values - low) * 1023 / (high - low), 0, 1023) + 0.5).ravel()
    weight = 4 + np.minimum((gray[one] - gray[two]) ** 2 // 64, 1500)
    graph = coo_array((weight, (one, two)), (values.size,) * 2).tocsr()
    at = np.flatnonzero(seeds.ravel())
    away = dijkstra(graph, directed=False, indices=at)
    ours = SeededLabels(values, where)
    ours.edit(seeds)
    nearest = seeds.ravel()[at][away.argmin(axis=0)]
    clear = np.diff(np.sort(away, axis=0)[:2], axis=0)[0] > 0
    assert (ours.labels().ravel() == nearest)[clear].all()
    assert clear.mean() > 0.9


@pytest.mark.parametrize(
    ("method", "least"),
    [("geodesic", 0.95), ("watershed", 0.95), ("random walker", 0.95), ("graph cut", 0.97)],
)
def test_every_method_finds_the_balls(scene, method, least):
    image, seeds, truth = scene
    made = {
        "geodesic": from_seeds.grow_from_seeds,
        "watershed": from_seeds.watershed,
        "random walker": from_seeds.random_walker,
        "graph cut": from_seeds.graph_cut,
    }[method](image, seeds)
    found = [dice(made.mask(n), truth == n) for n in (1, 2, 3)]
    assert min(found) > least, found
    assert [s.name for s in made.segments] == [s.name for s in seeds.segments]


def test_our_watershed_is_as_good_as_simpleitks(scene):
    import SimpleITK

    image, seeds, truth = scene
    edges = SimpleITK.GetImageFromArray(gradient(image.values(), image.grid))
    theirs = SimpleITK.GetArrayFromImage(
        SimpleITK.MorphologicalWatershedFromMarkers(
            edges, SimpleITK.GetImageFromArray(seeds.data[0]), markWatershedLine=False
        )
    )
    ours = from_seeds.watershed(image, seeds)
    for number in (1, 2, 3):
        assert dice(ours.mask(number), truth == number) >= dice(theirs == number, truth == number) - 0.005


def test_our_random_walker_is_scikit_images(scene):
    segmentation = pytest.importorskip("skimage.segmentation")
    image, seeds, _ = scene
    part = (slice(8, 24), slice(8, 32), slice(5, 35))
    flat = seeds.data[0][part].copy()
    flat[0, 0, 0] = 1
    values = image.values()[part].astype(float)
    beta = 130 / values.std()  # scikit-image divides squared differences by the deviation, not by its square
    theirs = segmentation.random_walker(values, flat, beta=beta, mode="cg_j", tol=1e-8, prob_tol=1)
    where = grid(values.shape)
    ours = from_seeds.random_walker(
        volume(values, where), labels(*(flat == n for n in (1, 2, 3)), where=where), tolerance=1e-8
    )
    assert (ours.data[0] == theirs).mean() > 0.999


def test_seeds_that_cannot_work_are_refused(scene):
    image, seeds, _ = scene
    with pytest.raises(UsageError, match="two segments"):
        from_seeds.watershed(image, labels(seeds.data[0] == 1, where=image.grid))
    with pytest.raises(UsageError, match="window"):
        SeededLabels(image.values(), image.grid).edit(np.zeros((2, 2, 2), np.uint8))
    with pytest.raises(UsageError, match="out of range"):
        SeededLabels(image.values(), image.grid).edit(np.full(image.grid.shape, 255))
    big = grid((160, 160, 160))
    marks = np.zeros((2, 160, 160, 160), bool)
    marks[0, 0, 0, 0] = marks[1, 9, 9, 9] = True
    with pytest.raises(LimitError, match="mask"):
        from_seeds.random_walker(volume(np.zeros(big.shape, np.uint8), big), labels(*marks, where=big))


def test_a_cut_costs_what_the_flow_says_and_no_choice_costs_less():
    random = np.random.default_rng(3)
    where = grid((2, 2, 3))
    one, two, _ = max_flow.neighbors(np.ones(where.shape, bool), where)
    for _ in range(20):
        cost = random.integers(0, 50, (2, 12))
        forth, back = random.integers(0, 20, (2, len(one)))
        choice, flow = max_flow.cut(cost, one, two, forth, back)

        def total(x, cost=cost, forth=forth, back=back):
            pairs = forth @ ((x[one] == 0) & (x[two] == 1)) + back @ ((x[one] == 1) & (x[two] == 0))
            return cost[x, np.arange(12)].sum() + pairs

        every = min(total((np.arange(12) * 0 + (n >> np.arange(12))) & 1) for n in range(4096))
        assert total(choice.astype(int)) == every == flow + cost.min(axis=0).sum()


def test_expansion_of_three_labels_is_near_the_best_of_all():
    random = np.random.default_rng(5)
    where = grid((2, 2, 2))
    one, two, _ = max_flow.neighbors(np.ones(where.shape, bool), where)
    every = np.stack(np.meshgrid(*[range(3)] * 8, indexing="ij"), -1).reshape(-1, 8)
    for _ in range(10):
        cost, edge = random.random((3, 8)), random.random(len(one))
        totals = cost[every, np.arange(8)].sum(axis=1) + (edge * (every[:, one] != every[:, two])).sum(axis=1)
        found = max_flow.expand(cost, one, two, edge)
        reached = cost[found, np.arange(8)].sum() + edge[found[one] != found[two]].sum()
        assert totals.min() - 1e-2 <= reached <= totals.min() * 1.1 + 1e-2


def test_growing_from_points_is_simpleitks(scene):
    import SimpleITK

    image, _, truth = scene
    center = (20.0, 20.0, 19.0)
    ours = grow(image, seeds_mm=(center,), lower=450).mask(1)
    at = [int(x) for x in image.grid.to_voxel(center).round()[::-1]]
    theirs = SimpleITK.ConnectedThreshold(SimpleITK.GetImageFromArray(image.values()), [at], 450, 32767)
    assert (ours == SimpleITK.GetArrayFromImage(theirs).astype(bool)).all()
    assert dice(ours, truth == 3) > 0.9
    sure = grow_confidence(image, seeds_mm=(center,), multiplier=2.5, iterations=3, radius=2).mask(1)
    theirs = SimpleITK.ConfidenceConnected(SimpleITK.GetImageFromArray(image.values()), [at], 3, 2.5, 2)
    assert dice(sure, SimpleITK.GetArrayFromImage(theirs).astype(bool)) > 0.999
    with pytest.raises(UsageError, match="outside"):
        grow(image, seeds_mm=((500.0, 0.0, 0.0),), lower=1)
    with pytest.raises(UsageError, match="no seed point"):
        grow(image, seeds_mm=(center,), lower=30000)

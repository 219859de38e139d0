"""Islands, holes, margins, shells, smoothing and booleans against scipy and geometry."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from medvox.core.errors import MissingError, UsageError
from medvox.segmentation import components, masks
from medvox.segmentation.distance import deeper_than_mm, signed_distance, squared_distance, within_mm
from medvox.segmentation.smoothing import smooth
from segmentation.phantoms import ball, grid, labels, noise, points, tilted, uneven, volume

FACES, CORNERS = ndimage.generate_binary_structure(3, 1), np.ones((3, 3, 3), int)
SLICE = np.zeros((3, 3, 3), int)
SLICE[1] = FACES[1]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 0.95), st.sampled_from(["3D", "2D"]), st.booleans())
def test_pieces_are_those_of_scipy(seed, share, mode, corners):
    random = np.random.default_rng(seed)
    mask = random.random(tuple(random.integers(1, 9, 3))) < share
    structure = (CORNERS if corners else FACES).copy()
    if mode == "2D":
        structure[0] = structure[2] = 0
    numbers, count = ndimage.label(mask, structure)
    found = components.pieces(mask, mode, corners=corners)
    assert found.count == count
    pairs = np.unique(np.stack([numbers.ravel(), found.numbers().ravel()]), axis=1)
    assert pairs.shape[1] == len(np.unique(numbers))  # one to one
    assert sorted(found.sizes) == sorted(np.bincount(numbers.ravel())[1:])


@pytest.mark.parametrize("mode", ["3D", "2D"])
def test_holes_are_those_of_scipy_and_filling_twice_changes_nothing(mode):
    mask = noise((20, 40, 40), level=-0.3)
    once = components.filled(mask, mode)
    if mode == "3D":
        assert (once == ndimage.binary_fill_holes(mask)).all()
    else:
        assert all((a == ndimage.binary_fill_holes(b)).all() for a, b in zip(once, mask, strict=True))
    assert once.sum() > mask.sum()
    assert (components.filled(once, mode) == once).all()


def test_the_largest_pieces_are_kept_in_space_or_in_each_slice():
    mask = np.zeros((2, 6, 8), bool)
    mask[0, 0, :3] = mask[0, 2, :2] = mask[0, 4, 0] = mask[1, 3, :4] = mask[1, 5, :2] = True
    assert components.largest(mask).sum() == 4
    assert components.largest(mask, count=2).sum() == 7
    assert components.largest(mask, "2D").sum() == 3 + 4
    found = masks.islands(labels(mask), keep=1)
    assert found.mask(1).sum() == 4
    assert masks.islands(labels(mask), smallest=0.003).mask(1).sum() == 7
    split = masks.islands(labels(mask), split=True)
    assert [int(split.mask(s.number).sum()) for s in split.segments] == [4, 3, 2, 2, 1]
    assert split.segments[0].name == "part 1 1"


def test_millions_of_islands_are_told_in_bounded_time():
    mask = np.zeros((100, 300, 300), bool)
    mask[::2, ::2, ::2] = True
    mask |= np.random.default_rng(0).random(mask.shape) < 0.1
    began = time.perf_counter()
    found = components.pieces(mask)
    assert found.count > 1_000_000
    assert components.largest(mask).sum() == found.sizes.max()
    assert time.perf_counter() - began < 30
    with pytest.raises(UsageError, match="too many pieces"):
        masks.islands(labels(mask), split=True)


@pytest.mark.parametrize("fill", [False, True])
def test_empty_and_full_masks_pass_through_every_operation(fill):
    mask = np.full((5, 6, 7), fill)
    where = grid(mask.shape, (2.0, 1.0, 1.0))
    for made in (
        components.filled(mask),
        components.largest(mask),
        within_mm(mask, where, 3),
        deeper_than_mm(mask, where, 3),
        smooth(mask, where, 1.5),
    ):
        assert (made == mask).all()


@pytest.mark.parametrize("reach", [2.6, 7.0, 40.0])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.5, 0.7, 0.9)])
def test_margins_are_scipys_distances_cut_off(spacing, reach):
    mask = noise((24, 30, 28), seed=3, level=1.6)
    where = grid(mask.shape, spacing)
    grown = ndimage.distance_transform_edt(~mask, sampling=spacing) <= reach
    shrunk = ndimage.distance_transform_edt(~components.filled(~mask), sampling=spacing)
    assert (within_mm(mask, where, reach) == grown).all()
    assert (
        deeper_than_mm(~mask, where, reach)
        == (ndimage.distance_transform_edt(~mask, sampling=spacing) > reach)
    ).all()
    assert shrunk.shape == mask.shape


def test_distances_on_uneven_slices_are_those_between_the_points():
    where = uneven((7, 9, 8), [1.0, 4.0, 1.5, 1.5, 0.5, 3.0])
    mask = np.random.default_rng(1).random(where.shape) < 0.02
    mask[3, 4, 4] = True
    at, to = points(where).reshape(-1, 3), points(where)[mask]
    truth = ((at[:, None] - to[None]) ** 2).sum(axis=-1).min(axis=1).reshape(where.shape)
    assert squared_distance(mask, where) == pytest.approx(truth, rel=1e-5)
    for reach in (1.6, 4.2):
        assert (within_mm(mask, where, reach) == (truth <= reach**2 * (1 + 1e-6))).all()


def test_margins_in_a_tilted_stack_are_round_in_space():
    where = tilted((30, 50, 30))
    seed = np.zeros(where.shape, bool)
    seed[15, 25, 15] = True
    truth = ball(where, where.to_patient([15, 25, 15]), 8.0)
    assert (
        2 * (within_mm(seed, where, 8.0) & truth).sum() / (within_mm(seed, where, 8.0).sum() + truth.sum())
        > 0.97
    )


def test_growing_a_ball_then_shrinking_gives_it_back_within_a_voxel():
    where = grid((40, 40, 40), (1.5, 1.0, 1.0))
    mask = ball(where, (20, 20, 30), 10)
    grown = within_mm(mask, where, 5)
    assert grown.sum() == pytest.approx(ball(where, (20, 20, 30), 15).sum(), rel=0.06)
    back = deeper_than_mm(grown, where, 5)
    assert (mask & ~back).sum() == 0
    assert (back & ~within_mm(mask, where, 1.5)).sum() == 0


def test_signed_distance_is_half_a_step_on_both_sides():
    mask = np.zeros((1, 5, 9), bool)
    mask[:, :, :4] = True
    assert signed_distance(mask, grid(mask.shape))[0, 2, 3:5].tolist() == [-0.5, 0.5]


def test_smoothing_keeps_the_volume_and_takes_spikes_off():
    where = grid((40, 60, 60), (1.6, 0.8, 0.8))
    mask = ball(where, (24, 24, 32), 15)
    rough = mask ^ (
        (np.random.default_rng(0).random(mask.shape) < 0.2)
        & within_mm(mask, where, 2)
        & ~deeper_than_mm(mask, where, 2)
    )
    made = smooth(rough, where, 2.0)
    assert made.sum() == pytest.approx(rough.sum(), rel=1e-3)
    assert components.pieces(made).count == 1 < components.pieces(rough).count
    assert 2 * (made & mask).sum() / (made.sum() + mask.sum()) > 0.97
    thin = ball(where, (24, 24, 32), 3)
    assert smooth(thin, where, 3.0, keep_volume=False).sum() < 0.5 * thin.sum()
    assert smooth(thin, where, 3.0).sum() == pytest.approx(thin.sum(), rel=0.1)


def test_smoothing_weighs_as_scipy_does():
    mask = noise((20, 30, 30), seed=5)
    steps = (2.0, 1.0, 1.0)
    theirs = ndimage.gaussian_filter(
        mask.astype(float), [1.5 / s for s in steps], truncate=3, mode="constant"
    )
    weight = ndimage.gaussian_filter(
        np.ones(mask.shape), [1.5 / s for s in steps], truncate=3, mode="constant"
    )
    ours = smooth(mask, grid(mask.shape, steps), 1.5, keep_volume=False)
    sure = np.abs(theirs / weight - 0.5) > 0.01
    assert (ours == (theirs / weight >= 0.5))[sure].all()


def test_a_shell_is_the_difference_of_two_balls():
    where = grid((40, 40, 40))
    mask = ball(where, (20, 20, 20), 12)
    inside = masks.hollow(labels(mask, where=where), thickness=3.0).mask(1)
    assert inside.sum() == pytest.approx(4.18879 * (12**3 - 9**3), rel=0.1)
    assert not (inside & ~mask).any()
    both = masks.hollow(labels(mask, where=where), thickness=4.0, side="both").mask(1)
    assert (both & mask).any()
    assert (both & ~mask).any()


def test_opening_cuts_a_bridge_and_closing_fills_a_gap():
    where = grid((20, 20, 60))
    mask = ball(where, (15, 10, 10), 7) | ball(where, (45, 10, 10), 7)
    mask[10, 10, 15:45] = True
    opened = masks.morphology(labels(mask, where=where), operation="open", radius=3.0).mask(1)
    assert components.pieces(opened).count == 2
    gap = mask.copy()
    gap[:, :, 14:16] = False
    closed = masks.morphology(labels(gap, where=where), operation="close", radius=2.0).mask(1)
    assert not (gap & ~closed).any()
    assert closed[10, 10, 14]
    assert (
        masks.morphology(labels(mask, where=where), operation="erode", radius=1.0, mode="2D").mask(1).sum()
        < mask.sum()
    )


def test_booleans_between_segments_and_between_label_maps():
    first, second = np.zeros((2, 1, 4, 6), bool)
    first[:, :, :4], second[:, :, 3:] = True, True
    one, two = labels(first), labels(second)
    counts = {
        op: int(masks.combine(one, two, operation=op).mask(1).sum())
        for op in ("union", "intersect", "subtract", "xor")
    }
    assert counts == {"union": 24, "intersect": 4, "subtract": 12, "xor": 20}
    both = labels(first & ~second, second)
    assert masks.combine(both, operation="union", segments="1", others="part 2").mask(1).sum() == 24
    with pytest.raises(UsageError, match="which segments"):
        masks.combine(both)
    with pytest.raises(MissingError, match="part 1"):
        masks.combine(both, segments="9", others="1")


def test_a_grown_segment_overlaps_its_neighbor_in_a_layer_of_its_own():
    first, second = np.zeros((2, 3, 4, 8), bool)
    first[:, :, :4], second[:, :, 4:] = True, True
    made = masks.margin(labels(first, second), distance=1.0, segments="part 1")
    assert made.mask("part 1").sum() == 60
    assert made.mask("part 2").sum() == 48
    assert made.overlaps


def test_masking_keeps_values_inside_and_their_type():
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    made = masks.mask_volume(volume(values), labels(values > 20), outside=-1000)
    assert made.values().min() == -1000
    assert made.values().max() == 23
    assert made.dtype == np.int16
    assert masks.mask_volume(volume(values), labels(values > 20), invert=True).values().max() == 20
    other = labels(np.ones((2, 3, 5), bool))
    with pytest.raises(UsageError, match="another grid"):
        masks.mask_volume(volume(values), other)


def test_distances_that_are_none_are_refused():
    mask = np.ones((2, 2, 2), bool)
    with pytest.raises(UsageError):
        within_mm(mask, grid(mask.shape), -1)
    with pytest.raises(UsageError):
        smooth(mask, grid(mask.shape), 0)

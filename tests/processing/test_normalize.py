"""Intensities on one scale, beside MedPy and formulas."""

from __future__ import annotations

import numpy as np
import pytest

from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment
from medvox.core.volume import Volume
from medvox.processing.normalize import (
    LANDMARKS,
    match_histogram,
    percentile,
    standard_scale,
    standardize,
    white_stripe,
    window,
    z_score,
)

SHAPE = (12, 20, 24)
GRID = Grid(SHAPE, np.eye(4))


def brain(gain=1.0, offset=0.0, seed=0):
    """Grey matter, white matter and CSF as three normal distributions in one box; 0 around."""
    rng = np.random.default_rng(seed)
    values = np.zeros(SHAPE)
    inner = rng.choice([300.0, 600.0, 900.0], (10, 16, 20), p=[0.15, 0.4, 0.45])
    values[1:-1, 2:-2, 2:-2] = (inner + rng.normal(0, 30, inner.shape)) * gain + offset
    return Volume(values.astype(np.float32), GRID, unit="1", modality="MR")


def inside(volume):
    return volume.data[volume.data != 0].astype(np.float64)


def test_z_score_has_mean_0_and_deviation_1_inside():
    made = z_score(brain(3.0, 50))
    chosen = made.data[brain().data != 0]
    assert chosen.mean() == pytest.approx(0, abs=1e-4)
    assert chosen.std() == pytest.approx(1, abs=1e-4)
    assert made.unit == "1"
    mask = LabelMap((brain().data > 750)[None].astype(np.uint8), GRID, (Segment(1, "white"),))
    assert z_score(brain(), mask).data[mask.mask(1)].mean() == pytest.approx(0, abs=1e-4)


def test_percentiles_go_to_0_and_1():
    volume = brain()
    low, high = np.percentile(inside(volume), (2, 98))
    made = percentile(volume, lower=2, upper=98, clip=False)
    np.testing.assert_allclose(made.data, (volume.data - low) / (high - low), atol=1e-5)
    assert percentile(volume).data.min() == 0
    assert percentile(volume).data.max() == 1


def test_a_window_is_the_linear_exact_function_of_the_standard():
    volume = Volume(
        np.array([-1000, -160, 40, 240, 3000], np.int16).reshape(1, 1, 5),
        Grid((1, 1, 5), np.eye(4)),
        unit="HU",
    )
    assert window(volume).data.ravel().tolist() == [0, 0, 0.5, 1, 1]


def test_standard_histograms_equal_medpy():
    medpy = pytest.importorskip("medpy.filter")
    images = [brain(gain, offset, seed) for seed, (gain, offset) in enumerate([(1, 0), (2, 40), (0.5, 10)])]
    theirs = medpy.IntensityRangeStandardization(landmarkp=list(LANDMARKS[1:-1]), stdrange=(0, 100))
    theirs = theirs.train([inside(image) for image in images])
    ours = standard_scale(images)
    for image in images:
        wanted = theirs.transform(inside(image), surpress_mapping_check=True)
        made = standardize(image, ours).data[image.data != 0]
        np.testing.assert_allclose(made, wanted, atol=1e-3)


def test_images_of_other_gain_become_alike():
    one, other = brain(), brain(2.5, 100)
    made = match_histogram(other, one)
    where = one.data != 0
    for percent in (5, 25, 50, 75, 95):
        wanted = np.percentile(one.data[where], percent)
        assert np.percentile(made.data[where], percent) == pytest.approx(wanted, rel=0.02)


def test_white_stripe_puts_white_matter_at_0():
    made = white_stripe(brain(1.7, 20))
    white = made.data[(brain().data > 800)]
    assert np.median(white) == pytest.approx(0, abs=1.0)
    dark = white_stripe(brain(1.7, 20), tissue_is_dark=True)
    assert np.abs(dark.data[brain().data > 800]).mean() < np.abs(dark.data[brain().data.clip(1) < 450]).mean()


def test_what_has_no_scale_is_refused():
    flat = Volume(np.full(SHAPE, 5, np.int16), GRID)
    for work in (z_score, percentile, white_stripe):
        with pytest.raises(UsageError):
            work(flat)
    with pytest.raises(UsageError, match="fall together"):
        standard_scale([flat])
    empty = LabelMap(np.zeros((1, *SHAPE), np.uint8), GRID, (Segment(1, "x"),))
    with pytest.raises(UsageError, match="no voxel"):
        z_score(brain(), empty)
    with pytest.raises(UsageError, match="rising"):
        standard_scale([])

"""Thresholds against scikit-image and scipy."""

from __future__ import annotations

import numpy as np
import pytest

from medvox.core.errors import UsageError
from medvox.segmentation.threshold import hysteresis, otsu, otsu_limits, threshold
from segmentation.phantoms import labels, volume

skimage_filters = pytest.importorskip("skimage.filters")


@pytest.fixture(scope="module")
def image():
    random = np.random.default_rng(2)
    means = np.repeat([10.0, 60.0, 130.0, 200.0], [9000, 6000, 5000, 7000])
    return np.clip(random.normal(means, 9), 0, 255).round().astype(np.uint8).reshape(27, 40, 25)


def test_a_range_includes_both_ends_and_keeps_to_the_mask():
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    assert threshold(volume(values), lower=5, upper=7).mask(1).sum() == 3
    only = labels(values == 6)
    assert threshold(volume(values), only, lower=5, upper=7).mask(1).sum() == 1
    with pytest.raises(UsageError, match="above"):
        threshold(volume(values), lower=8, upper=7)
    with pytest.raises(UsageError, match="needs"):
        threshold(volume(values))
    with pytest.raises(UsageError, match="empty"):
        threshold(volume(values), labels(values < 0), lower=1)


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_otsu_limits_are_those_of_scikit_image(image, classes):
    theirs = skimage_filters.threshold_multiotsu(image, classes=classes)
    ours = otsu_limits(image, classes)
    for low, high in zip(sorted(ours), theirs, strict=True):  # any limit in an empty stretch is as good
        assert abs(int((image <= low).sum()) - int((image <= high).sum())) == 0


def test_otsu_makes_a_segment_of_each_class_but_the_darkest(image):
    found = otsu(volume(image), classes=4)
    assert [s.number for s in found.segments] == [1, 2, 3]
    assert [found.mask(n).sum() for n in (1, 2, 3)] == pytest.approx([6000, 5000, 7000], rel=0.01)
    assert len(otsu(volume(image), classes=4, background=True).segments) == 4
    with pytest.raises(UsageError, match="same"):
        otsu(volume(np.ones((2, 3, 4))))
    with pytest.raises(UsageError, match="fewer"):
        otsu(volume(np.arange(2).repeat(6).reshape(2, 2, 3)), classes=3)


def test_otsu_of_fractions_with_holes_in_the_data(image):
    values = image / 7.0
    values[0, 0, 0] = np.nan
    found = otsu(volume(values))
    assert found.mask(1).sum() == pytest.approx((image > otsu_limits(image)[0]).sum(), rel=0.001)
    assert not found.mask(1)[0, 0, 0]


def test_hysteresis_is_that_of_scikit_image(image):
    ours = hysteresis(volume(image), low=120, high=225).mask(1)
    weak, strong = image >= 120, image >= 225
    from scipy import ndimage

    numbers, _ = ndimage.label(weak, np.ones((3, 3, 3)))
    theirs = np.isin(numbers, np.unique(numbers[strong & weak])) & weak
    assert (ours == theirs).all()
    with pytest.raises(UsageError, match="above"):
        hysteresis(volume(image), low=3, high=2)


def test_images_with_more_axes_or_nothing_in_them_are_refused(image):
    from medvox.core.volume import Volume
    from segmentation.phantoms import grid

    with pytest.raises(UsageError, match="one image"):
        threshold(Volume(image[None], grid(image.shape), axes=("time", "k", "j", "i")), lower=1)
    with pytest.raises(UsageError, match="finite"):
        threshold(volume(np.full((2, 2, 2), np.nan)), lower=1)

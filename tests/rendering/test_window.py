"""Windows against the formulas of PS3.3 C.11.2, written out here once more."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.core.lazy import FrameArray
from medvox.core.rescale import Rescale
from medvox.core.volume import Display, Volume, Window
from medvox.rendering.window import automatic, table_gray, to_gray, windows


def linear(x, c, w):
    """PS3.3 C.11.2.1.2.1, ymin 0, ymax 255."""
    if x <= c - 0.5 - (w - 1) / 2:
        return 0.0
    if x > c - 0.5 + (w - 1) / 2:
        return 255.0
    return ((x - (c - 0.5)) / (w - 1) + 0.5) * 255


def exact(x, c, w):
    """PS3.3 C.11.2.1.3.2."""
    if x <= c - w / 2:
        return 0.0
    if x > c + w / 2:
        return 255.0
    return ((x - c) / w + 0.5) * 255


def sigmoid(x, c, w):
    """PS3.3 C.11.2.1.3.1."""
    return 255 / (1 + math.exp(-4 * (x - c) / w))


@pytest.mark.parametrize(
    ("name", "formula"), [("linear", linear), ("linear_exact", exact), ("sigmoid", sigmoid)]
)
@given(c=st.integers(-2000, 4000), w=st.integers(1, 4000), x=st.lists(st.integers(-5000, 8000), min_size=1))
def test_functions_are_the_standards(name, formula, c, w, x):
    got = to_gray(np.array(x, np.int16), Window(c, w), function=name)
    expected = [formula(v, c, w) if abs(v - c) / w < 10 or name != "sigmoid" else 255.0 * (v > c) for v in x]
    np.testing.assert_allclose(got, expected, atol=0.5001)


@pytest.mark.parametrize(
    ("c", "w", "first", "last"),
    # the examples of PS3.3 C.11.2.1.2.1: input range that is not clamped
    [(2048, 4096, 0, 4095), (2048, 1, 2048, 2048), (0, 100, -50, 49), (0, 1, 0, 0)],
)
def test_the_standards_examples(c, w, first, last):
    edge = to_gray(np.array([first - 1, first, last, last + 1]), Window(c, w)).tolist()
    assert edge[0] == 0
    assert edge[3] == 255
    if w > 1:
        assert edge[1] == 0
        assert edge[2] == 255
    else:
        assert edge[1] == 255  # x > c - 0.5


def test_inverted_swaps_black_and_white_but_leaves_nothing_black():
    values = np.array([-100.0, np.nan, 100.0], np.float32)
    assert to_gray(values, Window(0, 50)).tolist() == [0, 0, 255]
    assert to_gray(values, Window(0, 50), inverted=True).tolist() == [255, 0, 0]


def test_impossible_widths_are_refused():
    for width, function in ((0.5, "linear"), (0, "linear_exact"), (-3, "sigmoid"), (math.nan, "linear")):
        with pytest.raises(UsageError, match="window width"):
            to_gray([1], Window(0, width), function=function)


def test_voi_tables_clamp_at_both_ends():
    assert table_gray([-5, 10, 11, 12, 99], (10, (0.0, 0.5, 1.0))).tolist() == [0, 0, 128, 255, 255]


def volume_of(values, **fields):
    values = np.asarray(values)
    return Volume(values, Grid.pixels(values.shape[-3:]), **fields)


def test_the_files_windows_come_first_if_they_show_anything():
    values = np.arange(-1000, 1000, dtype=np.int16).reshape(2, 25, 40)
    display = Display((Window(9000, 10, "beyond"), Window(40, 0.0, "bad"), Window(50, 350, "file")))
    found = windows(volume_of(values, modality="CT", unit="HU", display=display))
    assert found[0].name == "file"
    assert found[1].name == "soft tissue"
    assert found[-1].name == "auto"
    assert all(w.name not in ("beyond", "bad") for w in found)


def test_presets_are_only_for_their_unit():
    values = np.arange(-1000, 1000, dtype=np.int16).reshape(2, 25, 40)
    assert [w.name for w in windows(volume_of(values, modality="CT", unit="1"))] == ["auto"]
    names = [w.name for w in windows(volume_of(np.abs(values) / 100.0, modality="PT", unit="SUVbw"))]
    assert names[0] == "auto"
    assert "SUV 0–5" in names


def test_automatic_ignores_background_and_outliers():
    random = np.random.default_rng(0)
    values = np.zeros((5, 100, 100), np.float32)
    values[:, 30:70, 30:70] = random.normal(500, 50, (5, 40, 40))
    values[:, 0, 0] = 1e6
    low, high = automatic(volume_of(values, modality="MR")).range
    assert low < 400
    assert 600 < high < 900


@pytest.mark.parametrize(
    "values", [np.zeros((3, 4, 5)), np.full((1, 1, 1), np.nan), np.full((2, 2, 2), -7, np.int16)]
)
def test_flat_and_empty_volumes_still_have_a_window(values):
    found = windows(volume_of(values))
    assert len(found) == 1
    assert found[0].width > 0


def test_windows_read_a_few_slices_only():
    seen = []

    def read(frames, out, progress=None):
        seen.extend(frames)
        out[:] = np.arange(16).reshape(4, 4)

    data = FrameArray((200,), (4, 4), np.dtype(np.int16), read)
    windows(Volume(data, Grid.pixels((200, 4, 4)), rescale=Rescale.of(2.0, -1.0)))
    assert 0 < len(seen) <= 5

"""Requests, montages, thumbnails and notebooks."""

import base64
import re

import numpy as np
import pytest

from medvox.core.errors import MissingError, UsageError
from medvox.core.grid import Grid
from medvox.core.lazy import FrameArray
from medvox.core.volume import Volume, Window
from medvox.rendering.look import Look
from medvox.rendering.montage import montage
from medvox.rendering.presets import PRESETS, default_presets
from medvox.rendering.render import MODES, RenderRequest, render
from medvox.rendering.thumbnail import preview, thumbnail
from rendering.phantoms import ball, canonical


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_makes_a_picture(mode):
    picture = render(ball(), RenderRequest(mode, size=(160, 120)))
    assert picture.size[0] <= 160
    assert picture.size[1] <= 120
    assert np.ptp(picture.pixels) > 100


def test_annotation_is_optional():
    plain = render(ball(), RenderRequest("slice", annotated=False))
    drawn = render(ball(), RenderRequest("slice"))
    assert plain.size == drawn.size
    assert (plain.pixels != drawn.pixels).any()
    np.testing.assert_array_equal(plain.pixels, plain.pixels[::-1])


def test_bad_requests_are_refused():
    with pytest.raises(UsageError, match="no such kind"):
        render(ball(), RenderRequest("hologram"))
    with pytest.raises(MissingError, match="no such volume preset"):
        render(ball(), RenderRequest("volume", preset="ct-heart"))
    with pytest.raises(UsageError, match="cannot be rendered as a volume"):
        render(canonical(np.zeros((1, 8, 8))), RenderRequest("volume"))


def test_a_montage_shows_slices_in_order():
    values = np.repeat(np.arange(0, 240, 20, dtype=np.uint8), 64 * 64).reshape(12, 64, 64)
    sheet = montage(canonical(values), 2, 3, look=Look(Window(128, 256)))
    assert sheet.size == (192, 128)
    centers = sheet.pixels[[32, 32, 32, 96, 96, 96], [32, 96, 160] * 2]
    np.testing.assert_allclose(centers, [20, 60, 100, 140, 180, 220], atol=1)
    assert montage(canonical(values[:2]), 4, 5).size == (128, 64)
    with pytest.raises(UsageError, match="rows and columns"):
        montage(canonical(values), 0, 3)


def test_a_thumbnail_reads_one_slice_once():
    seen = []

    def read(frames, out, progress=None):
        seen.extend(frames)
        out[:] = np.arange(400 * 300).reshape(400, 300) % 1000

    data = FrameArray((4, 30), (400, 300), np.dtype(np.int16), read)
    grid = Grid((30, 400, 300), canonical(np.zeros((2, 2, 2))).grid.affine)
    volume = Volume(data, grid, ("time", "k", "j", "i"), modality="MR")
    picture = thumbnail(volume)
    assert picture.size == (120, 160)
    assert seen == [2 * 30 + 15]
    assert max(preview(volume, 768).size) == 400


def test_thumbnails_of_colour_photos():
    values = np.random.default_rng(0).integers(0, 256, (3, 1, 40, 30)).astype(np.uint8)
    picture = thumbnail(Volume(values, Grid.pixels((1, 40, 30)), ("channel", "k", "j", "i")))
    np.testing.assert_array_equal(picture.pixels, np.moveaxis(values[:, 0], 0, -1))


def test_presets_that_suit_a_volume():
    cube = np.zeros((4, 4, 4), np.int16)
    assert default_presets(canonical(cube, modality="CT", unit="HU"))[0] == "ct-bone"
    assert default_presets(canonical(cube, modality="MR"))[0] == "mr-brain"
    assert default_presets(canonical(cube, modality="MR", label="TOF head"))[0] == "mr-angio"
    assert default_presets(canonical(cube, modality="PT"))[0] == "pet-mip"
    assert default_presets(canonical(cube)) == ("surface", "mip")
    assert default_presets(canonical(cube[:1], modality="CT", unit="HU")) == ()
    for modality in ("CT", "MR", "PT", "NM", "US", "OT"):
        assert set(default_presets(canonical(cube, modality=modality, unit="HU"))) <= set(PRESETS)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda p: p.name)
def test_presets_are_well_formed(preset):
    for points in (preset.color, preset.opacity):
        xs = [p[0] for p in points]
        assert xs == sorted(xs)
        assert len(xs) >= 2
        assert all(0 <= part <= 1 for p in points for part in p[1:])
        if preset.scale == "relative":
            assert min(xs) >= 0
            assert max(xs) <= 1


def test_notebooks_get_a_picture():
    html = ball()._repr_html_()
    match = re.search(r"data:image/png;base64,([^\"]+)", html)
    assert match is not None
    assert base64.b64decode(match.group(1)).startswith(b"\x89PNG")

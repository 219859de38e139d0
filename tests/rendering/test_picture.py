"""Pictures: files read back, shrinking, text."""

import numpy as np
import pytest

from medvox.core.errors import UsageError, WriteError
from medvox.rendering.annotate import STROKES, annotate, draw_text
from medvox.rendering.colormap import COLORMAPS, colormap
from medvox.rendering.picture import Picture
from medvox.rendering.resize import shrink

RANDOM = np.random.default_rng(0)
GRAY = RANDOM.integers(0, 256, (37, 53)).astype(np.uint8)
COLOUR = RANDOM.integers(0, 256, (37, 53, 3)).astype(np.uint8)


@pytest.mark.parametrize("pixels", [GRAY, COLOUR, np.zeros((1, 1), np.uint8)])
def test_png_is_read_back_by_another_reader(pixels, tmp_path):
    import SimpleITK

    Picture(pixels).save(tmp_path / "a.png")
    back = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(tmp_path / "a.png"))
    np.testing.assert_array_equal(back, pixels)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_jpeg_is_close(tmp_path):
    import SimpleITK

    smooth = np.tile(np.arange(200, dtype=np.uint8), (50, 1))
    Picture(smooth).save(tmp_path / "a.jpg")
    back = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(tmp_path / "a.jpg"))
    assert np.abs(back.astype(int) - smooth).max() <= 4


def test_what_is_no_picture_is_refused(tmp_path):
    for pixels in (np.zeros((4, 4)), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4), np.uint8)):
        with pytest.raises(UsageError, match="no picture"):
            Picture(pixels)
    with pytest.raises(UsageError, match="cannot write this kind"):
        Picture(GRAY).save(tmp_path / "a.gif")
    with pytest.raises(WriteError, match="cannot write a picture here"):
        Picture(GRAY).save(tmp_path / "absent" / "a.png")


@pytest.mark.parametrize("size", [1, 7, 26, 53])
def test_shrinking_keeps_the_mean_and_the_scale(size):
    small = shrink(Picture(COLOUR, 0.5), size)
    assert max(small.size) == size
    assert small.pixel_mm == pytest.approx(0.5 * 53 / size)
    assert small.pixels.mean() == pytest.approx(COLOUR.mean(), abs=1)


def test_shrinking_by_two_is_the_mean_of_four():
    pixels = GRAY[:36, :52]
    expected = pixels.reshape(18, 2, 26, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(shrink(Picture(pixels), 26).pixels, expected, atol=0.5001)
    same = Picture(pixels)
    assert shrink(same, 52) is same


def test_text_is_drawn_light_on_dark_and_dark_on_light():
    dark, light = np.zeros((40, 200), np.uint8), np.full((40, 200, 3), 255, np.uint8)
    for pixels in (dark, light):
        draw_text(pixels, "S 12.5 mm", (5, 5))
    assert dark.max() == 235
    assert light.min() < 40
    assert (dark[:, 120:] == 0).all()


def test_every_character_looks_different():
    seen = {}
    for character in STROKES:
        pixels = np.zeros((40, 24), np.uint8)
        draw_text(pixels, character, (2, 2), 20)
        assert pixels.max() > 200
        seen.setdefault(pixels.tobytes(), []).append(character)
    same = [characters for characters in seen.values() if len(characters) > 1]
    assert same == [["O", "0"], ["-", "–"]]


def test_text_at_and_beyond_the_edge_is_cut():
    pixels = np.zeros((10, 10), np.uint8)
    draw_text(pixels, "WIDE", (-5, -5), 12)
    draw_text(pixels, "W", (50, 50), 12)
    assert pixels.shape == (10, 10)


def test_the_scale_bar_has_its_length():
    plain = Picture(np.zeros((300, 400), np.uint8), pixel_mm=0.5, letters=("R", "L", "A", "P"), label="x")
    drawn = annotate(plain)
    assert not plain.pixels.any()
    bar = max((row > 200).sum() for row in drawn.pixels[-12:])
    assert bar == 100  # 50 mm is the roundest length within a quarter of the 200 mm shown
    assert drawn.pixels[140:160, :30].max() > 200  # the letter on the left
    bare = annotate(Picture(np.zeros((300, 400), np.uint8)))
    assert not bare.pixels.any()


def test_color_maps_rise_in_lightness():
    for name in COLORMAPS:
        colors = colormap(name).astype(float)
        assert colors.shape == (256, 3)
        linear = np.where(colors <= 10, colors / 3294.6, ((colors / 255 + 0.055) / 1.055) ** 2.4)
        lightness = 116 * np.cbrt(linear @ (0.2126, 0.7152, 0.0722)) - 16  # CIE L*
        lightness = lightness[::-1] if name == "inverted" else lightness
        assert lightness[0] < 1, name
        assert lightness[-1] > 90, name
        assert (np.diff(lightness[8:]) > -0.5).all(), name
    with pytest.raises(UsageError, match="no such color map"):
        colormap("jet")

"""Numbered pictures as one stack."""

import imagecodecs
import numpy as np
import pytest

from medvox.core.errors import FormatError, UsageError
from medvox.core.grid import Space
from medvox.core.study import Kind
from medvox.formats import stack
from medvox.formats.stack import stack_images
from medvox.testing.volumes import ramp


def write(folder, names, shape=(6, 5), dtype="uint8"):
    paths = []
    for n, name in enumerate(names):
        path = folder / name
        path.write_bytes(imagecodecs.png_encode((ramp(shape, dtype) + n).astype(dtype)))
        paths.append(path)
    return paths


def test_order_is_that_of_the_numbers(tmp_path):
    files = write(tmp_path, ["s1.png", "s10.png", "s2.png", "s9.png"][:3])
    (image,), _, _ = stack_images(files, (2.0, 0.5, 0.25))
    volume = image.open()
    base = ramp((6, 5), "uint8")
    assert image.kind is Kind.VOLUME
    assert [int(volume.data[k, 0, 0]) - int(base[0, 0]) for k in range(3)] == [0, 2, 1]
    assert image.grid.spacing_mm == pytest.approx((2.0, 0.5, 0.25))
    assert image.grid.space is Space.LOCAL
    assert volume.source_of((2, 0, 0)).file == str(tmp_path / "s10.png")


def test_reading_a_slice_opens_its_file_alone(tmp_path):
    files = write(tmp_path, [f"s{n}.png" for n in range(4)])
    volume = stack_images(files).images[0].open()
    for path in files[:2] + files[3:]:
        path.unlink()
    assert np.array_equal(volume.data[2], ramp((6, 5), "uint8") + 2)


def test_without_spacing_distances_are_in_pixels_and_asked_for(tmp_path):
    (image,), _, _ = stack_images(write(tmp_path, ["a1.png", "a2.png"]))
    assert image.grid.space is Space.PIXEL
    assert any(f.code == "no-spacing" and "state slice" in f.text for f in image.findings)


def test_gaps_are_told(tmp_path):
    (image,), _, _ = stack_images(write(tmp_path, [f"x{n:03}.png" for n in (10, 20, 30, 50, 60)]))
    (gap,) = [f for f in image.findings if f.code == "missing-slice"]
    assert "(40)" in gap.text
    assert image.shape[0] == 5


def test_even_steps_are_no_gap(tmp_path):
    (image,), _, _ = stack_images(write(tmp_path, ["x10.png", "x20.png", "x30.png"]))
    assert "missing-slice" not in [f.code for f in image.findings]


def test_pictures_of_different_size_are_not_joined(tmp_path):
    files = write(tmp_path, ["x1.png", "x2.png"]) + write(tmp_path, ["x3.png"], (9, 5))
    stacks = stack_images(files)
    assert stacks.images == ()
    assert stacks.left == tuple(files)
    assert [f.code for f in stacks.findings] == ["irregular-stack"]


def test_names_without_a_common_part_stay_apart(tmp_path):
    files = write(tmp_path, ["photo.png", "b10.png", "a1.png"])
    assert stack_images(files) == ((), (files[2], files[1], files[0]), ())


def test_a_broken_file_leaves_the_others_as_they_are(tmp_path):
    files = write(tmp_path, ["x1.png", "x2.png"])
    files[1].write_bytes(b"")
    stacks = stack_images(files)
    assert stacks.left == tuple(files)
    assert str(files[1]) in stacks.findings[0].where


def test_colour_stack(tmp_path):
    (image,), _, _ = stack_images(write(tmp_path, ["c1.png", "c2.png"], (6, 5, 3)))
    volume = image.open()
    assert volume.axes == ("channel", "k", "j", "i")
    expected = np.stack([ramp((6, 5, 3), "uint8"), (ramp((6, 5, 3), "uint8") + 1).astype("uint8")])
    assert np.array_equal(np.asarray(volume.data), expected.transpose(3, 0, 1, 2))


@pytest.mark.parametrize("spacing", [(1, 1), (1, 1, 0), (1, float("nan"), 1)])
def test_unusable_spacing_is_a_usage_error(tmp_path, spacing):
    with pytest.raises(UsageError, match="slice distance, row distance"):
        stack_images(write(tmp_path, ["a1.png", "a2.png"]), spacing)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("colour", [False, True])
def test_large_stacks_are_what_libpng_says(tmp_path, monkeypatch, dtype, colour):
    """Every filter of PNG, rows of an odd length, one palette picture among the grey ones."""
    monkeypatch.setattr(stack, "MANY_BYTES", 1)
    rng = np.random.default_rng(5)
    shape = (9, 31, 3) if colour else (9, 31)
    files, expected = [], []
    for n, level in enumerate([0, 8, 16, 32, 64, 128, 248]):  # libpng's numbers of the filters
        values = (
            (rng.integers(0, 40, shape) + np.arange(31)[:, None] * 7).astype(dtype)
            if colour
            else (rng.integers(0, 40, shape) + np.arange(31) * 7).astype(dtype)
        )
        path = tmp_path / f"x{n}.png"
        path.write_bytes(imagecodecs.png_encode(values, filter=level))
        files.append(path)
        expected.append(values)
    volume = stack_images(files).images[0].open()
    shown = np.asarray(volume.data)
    assert np.array_equal(np.moveaxis(shown, 0, -1) if colour else shown, expected)


def test_a_damaged_file_of_a_large_stack_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(stack, "MANY_BYTES", 1)
    files = write(tmp_path, ["x1.png", "x2.png", "x3.png"], (60, 50))
    volume = stack_images(files).images[0].open()
    raw = files[1].read_bytes()
    files[1].write_bytes(raw[:60] + b"damaged" + raw[67:])
    with pytest.raises(FormatError, match=r"x2\.png"):
        volume.load()
    files[1].write_bytes(raw[: len(raw) // 2])
    with pytest.raises(FormatError, match=r"x2\.png"):
        volume.load()

"""Numbered pictures as one stack."""

import imagecodecs
import numpy as np
import pytest

from medvox.core.errors import UsageError
from medvox.core.grid import Space
from medvox.core.study import Kind
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

"""Slices: where things of the patient end up on the picture."""

import numpy as np
import pytest

from medvox.core import affine as aff
from medvox.core.axes import LETTERS
from medvox.core.errors import UsageError
from medvox.core.grid import Grid, Space
from medvox.core.lazy import FrameArray
from medvox.core.transform import AffineTransform
from medvox.core.volume import Display, Volume, Window
from medvox.rendering.look import Look
from medvox.rendering.reslice import direction_letters, slice_image, slice_positions
from rendering.phantoms import ORIENTATIONS, canonical, stored_as

LOOK = Look(Window(128, 256))


def patient():
    """Distinct values everywhere, and a marker at left-anterior-superior."""
    values = np.random.default_rng(5).integers(1, 120, (5, 6, 7)).astype(np.uint8)
    values[-1, 0, -1] = 255
    return canonical(values)


PLANES = {
    # plane: slice that holds the marker, its pixel, letters left right top bottom
    "axial": (4, (0, 6), ("R", "L", "A", "P")),
    "coronal": (0, (0, 6), ("R", "L", "S", "I")),
    "sagittal": (6, (0, 0), ("A", "P", "S", "I")),
}


@pytest.mark.parametrize(("order", "flips"), ORIENTATIONS)
def test_every_way_of_storing_gives_the_radiological_picture(order, flips):
    reference = patient()
    volume = stored_as(reference, order, flips)
    for plane, (index, marker, letters) in PLANES.items():
        picture = slice_image(volume, plane, index, look=LOOK)
        expected = slice_image(reference, plane, index, look=LOOK)
        np.testing.assert_array_equal(picture.pixels, expected.pixels)
        assert np.unravel_index(picture.pixels.argmax(), picture.pixels.shape) == marker
        assert picture.letters == letters
        assert picture.pixel_mm == 1.0


def test_planes_are_the_arrays_faces():
    volume = patient()
    np.testing.assert_array_equal(slice_image(volume, "axial", 2, look=LOOK).pixels, volume.data[2])
    np.testing.assert_array_equal(slice_image(volume, "coronal", 3, look=LOOK).pixels, volume.data[::-1, 3])
    np.testing.assert_array_equal(
        slice_image(volume, "sagittal", 4, look=LOOK).pixels, volume.data[::-1, :, 4]
    )
    np.testing.assert_array_equal(slice_image(volume, "stored", 1, look=LOOK).pixels, volume.data[1])


def test_pixels_are_square_in_mm():
    volume = canonical(np.zeros((11, 21, 31), np.uint8), (3.0, 0.5, 1.0))
    for plane, size in {
        "axial": (61, 21),
        "coronal": (31, 31),
        "sagittal": (21, 61),
        "stored": (61, 21),
    }.items():
        picture = slice_image(volume, plane, look=LOOK)
        assert picture.size == size, plane
        assert picture.pixel_mm == (1.0 if plane == "coronal" else 0.5)


def test_oblique_volumes_are_cut_along_the_patient():
    turn = AffineTransform.rotation((0.3, 1, 0.2), 25, (20, 20, 20)).matrix
    grid = Grid((40, 40, 40), turn @ aff.compose((1, 1, 1), np.eye(3)[:, ::-1], (0, 0, 0)))
    points = grid.to_patient(np.moveaxis(np.indices(grid.shape, dtype=float), 0, -1))
    volume = Volume(points[..., 0].astype(np.float32), grid)  # value = x
    positions = slice_positions(grid, "axial")
    picture = slice_image(volume, "axial", position_mm=float(positions.mean()), look=Look(Window(20, 100)))
    middle = picture.pixels[picture.size[1] // 2, picture.size[0] // 2 - 8 : picture.size[0] // 2 + 8]
    assert (np.diff(middle.astype(int)) > 0).all()  # x grows to the right
    column = picture.pixels[picture.size[1] // 2 - 8 : picture.size[1] // 2 + 8, picture.size[0] // 2]
    assert np.ptp(column) == 0  # and only to the right
    assert picture.pixels[0, 0] == 0  # outside the volume


def test_positions_of_uneven_stacks_are_those_stored():
    z = np.array([0, 2, 3, 7.0])
    in_plane = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    grid = Grid.from_origins((4, 5, 6), in_plane, np.stack([0 * z, 0 * z, z], axis=1))
    np.testing.assert_allclose(slice_positions(grid, "axial"), z)
    values = np.arange(4 * 30, dtype=np.uint8).reshape(4, 5, 6)
    for k in range(4):
        picture = slice_image(Volume(values, grid), "axial", k, look=LOOK)
        np.testing.assert_array_equal(picture.pixels, values[k])
    coronal = slice_image(Volume(values.astype(np.float32), grid), "coronal", 0, look=LOOK).pixels
    expected = np.interp(np.arange(7, -1, -1), z, [0, 30, 60, 90])
    np.testing.assert_allclose(coronal[:, 0], expected, atol=0.6)


def test_only_the_needed_slice_of_a_lazy_volume_is_read():
    seen = []

    def read(frames, out, progress=None):
        seen.extend(frames)
        out[:] = 9

    data = FrameArray((3, 50), (8, 8), np.dtype(np.int16), read)
    grid = Grid((50, 8, 8), aff.compose((2, 1, 1), np.eye(3)[:, ::-1], (0, 0, 0)))
    volume = Volume(data, grid, ("time", "k", "j", "i"))
    slice_image(volume, "axial", 7, lead=(2,), look=LOOK)
    slice_image(volume, "stored", 9, lead=(1,), look=LOOK)
    assert seen == [107, 59]


def test_colour_stays_as_it_is():
    values = np.random.default_rng(0).integers(0, 256, (3, 1, 5, 6)).astype(np.uint8)
    volume = Volume(values, Grid.pixels((1, 5, 6)), ("channel", "k", "j", "i"))
    picture = slice_image(volume, "stored")
    np.testing.assert_array_equal(picture.pixels, np.moveaxis(values[:, 0], 0, -1))


def test_no_letters_and_no_scale_without_a_place_in_the_patient():
    volume = Volume(np.zeros((1, 5, 6), np.uint8), Grid.pixels((1, 5, 6)))
    picture = slice_image(volume, "stored")
    assert picture.letters == ("", "", "", "")
    assert picture.pixel_mm is None
    grid = Grid((1, 5, 6), aff.compose((1, 0.2, 0.2), np.eye(3)[:, ::-1], (0, 0, 0)), space=Space.DETECTOR)
    assert slice_image(Volume(np.zeros((1, 5, 6), np.uint8), grid), "stored").pixel_mm is None


def test_monochrome1_is_white_for_low_values_but_black_beside_the_volume():
    values = np.full((1, 4, 4), 0, np.uint8)
    turn = AffineTransform.rotation((0, 0, 1), 45).matrix
    grid = Grid((1, 4, 4), turn @ aff.compose((1, 1, 1), np.eye(3)[:, ::-1], (0, 0, 0)))
    volume = Volume(values, grid, display=Display(inverted=True))
    picture = slice_image(volume, "axial", look=LOOK)
    assert picture.pixels[0, 0] == 0
    assert picture.pixels.max() == 255


def test_wrong_planes_and_indices_are_refused():
    with pytest.raises(UsageError, match="no such plane"):
        slice_image(patient(), "diagonal")
    with pytest.raises(UsageError, match="no such slice"):
        slice_image(patient(), "axial", 5)


def test_direction_letters_name_the_strongest_first():
    assert direction_letters((0, 0, 1)) == "S"
    assert direction_letters((-1, 0.5, 0)) == "RP"
    assert direction_letters((0.1, -1, -0.1)) == "A"
    assert {direction_letters(s * np.eye(3)[n]) for n in range(3) for s in (1, -1)} == {
        letter for pair in LETTERS for letter in pair
    }

"""Grid and affine algebra, as properties over any usable affine, and by hand where a hand can."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvox.core import affine as aff
from medvox.core import axes
from medvox.core.errors import GeometryError, UsageError
from medvox.core.grid import Grid, Space

finite = st.floats(-500, 500, allow_nan=False)
angle = st.floats(-np.pi, np.pi)
step = st.floats(0.05, 20)


@st.composite
def affines(draw, shear=True):
    """Rotation · spacing (· shear of k), anywhere in space, either handedness."""
    a, b, c = draw(angle), draw(angle), draw(angle)
    turn = (
        np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
        @ np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
        @ np.array([[np.cos(c), 0, np.sin(c)], [0, 1, 0], [-np.sin(c), 0, np.cos(c)]])
    )
    matrix = np.eye(4)
    matrix[:3, :3] = turn * [draw(step), draw(step), draw(step)]
    if draw(st.booleans()):
        matrix[:3, 0] *= -1
    if shear:
        matrix[:3, 0] += matrix[:3, 1] * draw(st.floats(-0.5, 0.5))
    matrix[:3, 3] = [draw(finite), draw(finite), draw(finite)]
    return matrix


shapes = st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 6))
points = st.tuples(finite, finite, finite)


@given(affines(), shapes, points)
def test_to_voxel_undoes_to_patient(matrix, shape, index):
    grid = Grid(shape, matrix)
    assert np.allclose(grid.to_voxel(grid.to_patient(index)), index, atol=1e-6)


@given(affines())
def test_lps_and_ras_are_two_names_of_one_place(matrix):
    """The corner (i, j, k) of a RAS matrix is the corner (k, j, i) of ours, x and y negated."""
    ras = axes.ras_from_lps(matrix)
    assert np.allclose(axes.lps_from_ras(ras), matrix)
    for k, j, i in [(0, 0, 0), (1, 2, 3)]:
        x, y, z = (ras @ (i, j, k, 1))[:3]
        assert np.allclose(Grid((2, 3, 4), matrix).to_patient((k, j, i)), (-x, -y, z))


@given(affines(), st.data())
def test_a_crop_leaves_every_voxel_where_it_was(matrix, data):
    grid = Grid((5, 6, 7), matrix)
    window = tuple(
        data.draw(
            st.tuples(st.integers(0, n - 1), st.integers(0, n - 1), st.sampled_from([1, 2, -1])).map(
                lambda t: slice(min(t[:2]), max(t[:2]) + 1, t[2]) if t[2] > 0 else slice(None, None, -1)
            )
        )
        for n in grid.shape
    )
    cropped = grid.crop(window)
    kept = [range(n)[w] for n, w in zip(grid.shape, window, strict=True)]
    for corner in [(0, 0, 0), (-1, -1, -1), (0, -1, 0)]:
        old = tuple(kept[axis][corner[axis]] for axis in range(3))
        new = tuple(corner[axis] % cropped.shape[axis] for axis in range(3))
        assert np.allclose(cropped.to_patient(new), grid.to_patient(old), atol=1e-6)


@given(
    affines(shear=False),
    st.lists(st.floats(0.2, 9), min_size=2, max_size=7),
    st.floats(-0.4, 0.4),
)
def test_uneven_and_tilted_stacks_keep_every_slice_and_regular_grids_cover_them(matrix, gaps, tilt):
    depths = np.concatenate([[0], np.cumsum(gaps)])
    normal = aff.normal(matrix)
    column = matrix[:3, 1] / np.linalg.norm(matrix[:3, 1])
    origins = matrix[:3, 3] + np.outer(depths, normal + column * tilt)
    grid = Grid.from_origins((len(depths), 4, 5), matrix[:3, 1:3], origins)
    assert np.allclose(
        grid.to_patient([(k, 0, 0) for k in range(len(depths))]), origins, atol=1e-2 * max(gaps)
    )
    assert np.allclose(grid.to_voxel(grid.to_patient((0.5, 1.5, 2.5))), (0.5, 1.5, 2.5), atol=1e-5)
    regular = grid.regular()
    assert regular.is_regular
    inside = regular.to_voxel(grid.corners_mm())
    assert (inside > -1e-3).all()
    assert (inside < np.array(regular.shape) - 1 + 1e-3).all()


@given(st.lists(st.floats(0.2, 9), min_size=1, max_size=7))
def test_slice_extents_add_up_to_the_depth_covered(gaps):
    depths = np.concatenate([[0], np.cumsum(gaps)])
    origins = np.stack([np.zeros_like(depths), np.zeros_like(depths), depths], axis=1)
    grid = Grid.from_origins((len(depths), 2, 2), np.array([[0, 0.5], [2, 0], [0, 0]]), origins)
    covered = depths[-1] + (gaps[0] + gaps[-1]) / 2
    assert grid.slice_extents_mm.sum() == pytest.approx(covered, rel=0.02)
    assert grid.voxel_volumes_mm3 == pytest.approx(grid.slice_extents_mm * 1.0)


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((4, 4)),
        np.full((4, 4), np.nan),
        np.eye(3),
        np.diag([1, 1, 0, 1]),
        np.diag([1.0, 1, 1, 2]),
        [["a"] * 4] * 4,
    ],
)
def test_unusable_affines_are_refused(bad):
    with pytest.raises(GeometryError):
        Grid((2, 2, 2), bad)


def test_slices_that_turn_back_are_refused():
    with pytest.raises(GeometryError, match="advance"):
        Grid((3, 2, 2), np.eye(4), slice_origins_mm=np.array([[0, 0, 0], [2, 0, 0], [1, 0, 0]]))


def test_empty_windows_are_refused():
    with pytest.raises(UsageError):
        Grid((3, 2, 2), np.eye(4)).crop((slice(2, 1), slice(None), slice(None)))


def test_letters_name_the_direction_of_each_index():
    """Standing axial: k to Superior, j to Posterior, i to Left."""
    assert (
        Grid((2, 2, 2), np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1.0]])).letters == "SPL"
    )


def test_grids_of_unknown_scale_say_so():
    grid = Grid.pixels((1, 4, 5))
    assert grid.space is Space.PIXEL
    assert "px" in repr(grid)

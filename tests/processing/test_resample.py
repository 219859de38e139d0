"""Resampling against analytic functions, scipy and SimpleITK."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from medvox.core import affine as aff
from medvox.core.axes import ras_from_lps
from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.core.lazy import FrameArray
from medvox.core.provenance import Provenance, SliceSource
from medvox.core.rescale import Rescale
from medvox.core.transform import AffineTransform, DisplacementField, TransformChain
from medvox.core.volume import Volume
from medvox.processing.resample import regular_copy, resample

LPS = np.eye(3)[:, ::-1]


def grid_of(shape, spacing=(1.0, 1.0, 1.0), origin=(0.0, 0.0, 0.0), rotation=None):
    matrix = aff.compose(spacing, LPS, origin)
    return Grid(shape, matrix if rotation is None else rotation.matrix @ matrix)


def points_of(grid):
    return grid.to_patient(np.moveaxis(np.indices(grid.shape, dtype=float), 0, -1))


def volume_of(function, grid, dtype=np.float64):
    return Volume(function(points_of(grid)).astype(dtype), grid)


def ramp(p):
    return 3.0 + 0.5 * p[..., 0] - 0.25 * p[..., 1] + 2.0 * p[..., 2]


def cubic(p):
    x, y, z = (p[..., n] / 10 for n in range(3))
    return x**3 - 2 * y**3 + z**3 + x * y * z + x**2 - z


def tilted(count=12, degrees=20.0, step=3.0):
    """A gantry-tilted stack: slices shifted along y, stacked along z."""
    origins = np.array([[0, k * step * np.tan(np.radians(degrees)), k * step] for k in range(count)])
    in_plane = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    return Grid.from_origins((count, 40, 36), in_plane, origins)


def uneven():
    z = np.array([0, 2, 4, 6, 7, 11, 15, 16.5, 18, 20, 24, 28.0])
    in_plane = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    return Grid.from_origins((12, 40, 36), in_plane, np.stack([0 * z, 0.3 * z, z], axis=1))


TURN = AffineTransform.rotation((1, 2, 3), 25, (10, 10, 10))
SOURCES = {
    "plain": grid_of((20, 24, 28), (2.0, 1.0, 1.5)),
    "oblique": grid_of((20, 24, 28), (2.0, 1.0, 1.5), rotation=TURN),
    "tilted": tilted(),
    "uneven": uneven(),
}


def inside(source, target, margin):
    index = source.to_voxel(points_of(target))
    last = np.asarray(source.shape) - 1
    return ((index >= margin) & (index <= last - margin)).all(axis=-1)


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("turned", [False, True])
def test_linear_reproduces_a_ramp_on_any_stack(name, turned):
    source = SOURCES[name]
    center = source.corners_mm().mean(axis=0)
    target = grid_of((9, 10, 11), (1.1, 0.9, 1.3), center - 5, TURN if turned else None)
    result = resample(volume_of(ramp, source), target, "linear", outside=np.nan)
    known = inside(source, target, 0)
    assert known.sum() > 100
    np.testing.assert_allclose(result.data[known], ramp(points_of(target))[known], atol=1e-9)
    far = ~inside(source, target, -0.51)
    assert np.isnan(result.data[far]).all()


@pytest.mark.parametrize("name", SOURCES)
def test_cubic_reproduces_a_cubic_polynomial_away_from_the_ends(name):
    source = SOURCES[name]
    center = source.corners_mm().mean(axis=0)
    target = grid_of((5, 6, 7), (0.7, 0.9, 1.1), center - (3, 2, 1))
    result = resample(volume_of(cubic, source), target, "cubic")
    assert inside(source, target, 3).all()
    truth = cubic(points_of(target))
    spread = np.ptp(truth)
    np.testing.assert_allclose(result.data, truth, atol=0.004 * spread)
    linear = resample(volume_of(cubic, source), target, "linear")
    assert np.abs(result.data - truth).max() < np.abs(linear.data - truth).max()


@pytest.mark.parametrize(("order", "number"), [("nearest", 0), ("linear", 1), ("cubic", 3)])
@pytest.mark.parametrize("transform", [None, TURN])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.uint8])
def test_agrees_with_scipy(order, number, transform, dtype):
    from scipy.ndimage import map_coordinates

    random = np.random.default_rng(7)
    values = (random.uniform(0, 200, (14, 18, 22))).astype(dtype)
    source = grid_of(values.shape, (2.0, 1.0, 1.0))
    target = grid_of((11, 13, 17), (2.3, 0.9, 1.1), (1.03, 2.07, 3.01))
    result = resample(Volume(values, source), target, order, transform, outside=0, dtype=np.float64)
    points = points_of(target) if transform is None else transform.apply(points_of(target))
    index = source.to_voxel(points)
    expected = map_coordinates(values.astype(float), np.moveaxis(index, -1, 0), order=number, mode="mirror")
    known = ((index >= 0) & (index <= np.array(values.shape) - 1)).all(axis=-1)
    assert known.mean() > 0.5
    np.testing.assert_allclose(result.data[known], expected[known], atol=2e-3, rtol=1e-5)


@pytest.mark.parametrize("order", ["nearest", "linear", "cubic"])
def test_agrees_with_simpleitk(order):
    import SimpleITK

    random = np.random.default_rng(3)
    values = random.normal(0, 100, (12, 16, 20)).astype(np.float32)
    source = grid_of(values.shape, (2.5, 1.25, 0.75), (-3, 4, 5), TURN)
    target = grid_of((10, 14, 18), (2.0, 1.0, 1.0), (0.51, 4.03, 6.07), TURN)

    def image_of(grid, array):
        image = SimpleITK.GetImageFromArray(array)
        image.SetSpacing(grid.spacing_mm[::-1])
        image.SetOrigin(grid.origin_mm.tolist())
        image.SetDirection(grid.direction[:, ::-1].ravel().tolist())
        return image

    reference = image_of(target, np.zeros(target.shape, np.float32))
    kind = {
        "nearest": SimpleITK.sitkNearestNeighbor,
        "linear": SimpleITK.sitkLinear,
        "cubic": SimpleITK.sitkBSpline3,
    }
    made = SimpleITK.Resample(image_of(source, values), reference, SimpleITK.Transform(), kind[order], -7.0)
    expected = SimpleITK.GetArrayFromImage(made)
    result = resample(Volume(values, source), target, order, outside=-7.0).data
    known = inside(source, target, 0.01)
    assert known.sum() > 500
    np.testing.assert_allclose(result[known], expected[known], atol=0.02)
    if order != "cubic":  # SimpleITK mirrors beyond the outer centres there, we hold the edge
        np.testing.assert_allclose(result, expected, atol=0.02)


def test_identity_returns_the_values_themselves():
    values = np.random.default_rng(1).integers(-1000, 3000, (6, 7, 8)).astype(np.int16)
    volume = Volume(values, grid_of(values.shape, (3.0, 0.7, 0.7), (1.5, -2.25, 8.125)))
    for order in ("nearest", "linear", "cubic"):
        result = resample(volume, volume.grid, order)
        assert result.dtype == np.int16
        np.testing.assert_array_equal(result.data, values)


@settings(max_examples=30, deadline=None)
@given(
    hnp.arrays(np.float64, st.tuples(*[st.integers(1, 7)] * 3), elements=st.floats(-100, 100)),
    st.sampled_from(["nearest", "linear", "cubic"]),
)
def test_any_size_passes_through_its_samples(values, order):
    volume = Volume(values, grid_of(values.shape, (2.0, 1.0, 0.5)))
    np.testing.assert_allclose(resample(volume, volume.grid, order).data, values, atol=1e-9)


def test_half_a_voxel_beyond_the_centres_belongs_to_the_volume():
    volume = Volume(np.array([[[1.0, 2.0]]]), grid_of((1, 1, 2)))
    target = grid_of((1, 1, 6), (1, 1, 0.5), (-0.6, 0, 0))  # at -0.6, -0.1, 0.4, 0.9, 1.4, 1.9
    result = resample(volume, target, "linear", outside=9.0).data.ravel()
    np.testing.assert_allclose(result, [9.0, 1.0, 1.4, 1.9, 2.0, 9.0])


def test_outside_is_by_default_the_lowest_value():
    volume = Volume(np.array([[[-1000, 40]]], np.int16), grid_of((1, 1, 2)), unit="HU")
    assert resample(volume, grid_of((1, 1, 2), origin=(50, 0, 0))).data.tolist() == [[[-1000, -1000]]]


def test_displacements_and_chains_move_points():
    source = SOURCES["plain"]
    field_grid = grid_of((4, 4, 4), (20, 20, 20), (-10, -10, -10))
    shift = np.zeros((3, 4, 4, 4))
    shift[0] = 2.0
    target = grid_of((6, 6, 6), origin=(10, 10, 10))
    moved = resample(volume_of(ramp, source), target, "linear", DisplacementField(field_grid, shift))
    np.testing.assert_allclose(moved.data, ramp(points_of(target) + np.array([2, 0, 0])), atol=1e-9)
    chain = TransformChain((AffineTransform.translation((1, 0, 0)), AffineTransform.translation((0, 1, 0))))
    both = resample(volume_of(ramp, source), target, "linear", chain)
    np.testing.assert_allclose(both.data, ramp(points_of(target) + np.array([1, 1, 0])), atol=1e-9)


def test_uneven_targets_keep_their_slices():
    target = uneven()
    source = grid_of((40, 60, 60), origin=(-5, -5, -5))
    result = resample(volume_of(ramp, source), target)
    np.testing.assert_allclose(result.data, ramp(points_of(target)), atol=1e-9)


def test_time_and_colour_axes_and_rescale_per_slice():
    stored = np.arange(2 * 3 * 4 * 4, dtype=np.int16).reshape(2, 3, 4, 4)
    slopes = np.arange(1, 7, dtype=float).reshape(2, 3)
    grid = grid_of((3, 4, 4))
    volume = Volume(stored, grid, ("time", "k", "j", "i"), rescale=Rescale.of(slopes, np.zeros((2, 3))))
    result = resample(volume, grid)
    np.testing.assert_array_equal(result.data, volume.values())
    assert result.rescale.is_identity
    colour = Volume(
        np.arange(3 * 8, dtype=np.uint8).reshape(3, 2, 2, 2), grid_of((2, 2, 2)), ("channel", "k", "j", "i")
    )
    flipped = grid_of((2, 2, 2)).crop((slice(None, None, -1), slice(None), slice(None)))
    np.testing.assert_array_equal(resample(colour, flipped, "nearest").data, colour.data[:, ::-1])


@pytest.mark.parametrize("function", [ramp, lambda p: np.sin(p[..., 2] / 9) + np.cos(p[..., 1] / 12)])
@pytest.mark.parametrize("name", ["tilted", "uneven"])
def test_regular_copy_shows_the_patient_not_the_stack(name, function):
    stored = volume_of(function, SOURCES[name])
    copy = regular_copy(stored)
    assert copy.grid.is_regular
    known = inside(stored.grid, copy.grid, 0)
    assert known.mean() > 0.4
    np.testing.assert_allclose(copy.data[known], function(points_of(copy.grid))[known], atol=0.06)


def test_regular_copy_says_so_and_leads_back_to_the_source_slices():
    grid = SOURCES["tilted"]
    sources = tuple(SliceSource(f"{k}.dcm", sop_instance_uid=f"1.2.{k}") for k in range(12))
    values = np.zeros(grid.shape, np.int16)
    volume = Volume(values, grid, provenance=Provenance(grid, sources))
    copy = regular_copy(volume)
    assert [f.code for f in copy.findings] == ["regular-copy"]
    assert "tilted by 20.0°" in copy.findings[0].text
    assert copy.known_provenance.history == ("read", "regular(order=linear)")
    stored_index = (4, 20, 18)
    index = copy.grid.to_voxel(grid.to_patient(stored_index))
    source = copy.source_of(index)
    assert source is not None
    assert source.sop_instance_uid == "1.2.4"


def test_regular_volumes_are_their_own_copy():
    volume = Volume(np.zeros((3, 4, 5)), grid_of((3, 4, 5)))
    assert regular_copy(volume) is volume


def test_regular_copy_of_one_time_point_reads_that_one_only():
    grid = SOURCES["tilted"]
    seen = []

    def read(frames, out, progress=None):
        seen.extend(frames)
        out[:] = 1

    data = FrameArray((2, 12), (40, 36), np.dtype(np.int16), read)
    copy = regular_copy(Volume(data, grid, ("time", "k", "j", "i")), lead=(1,))
    assert copy.axes == ("k", "j", "i")
    assert seen == list(range(12, 24))


def test_progress_is_told_and_unknown_orders_are_refused():
    volume = Volume(np.zeros((2, 3, 4, 5)), grid_of((3, 4, 5)), ("time", "k", "j", "i"))
    told = []
    resample(volume, volume.grid, progress=lambda done, total, text: told.append((done, total)))
    assert told == [(0, 2), (1, 2), (2, 2)]
    with pytest.raises(UsageError, match="no such interpolation"):
        resample(volume, volume.grid, "quintic")


def test_ras_bridge_is_not_needed():
    """The target's affine alone says where it is: a NIfTI-like flipped grid gets the same patient."""
    source = SOURCES["plain"]
    flipped = Grid(
        (5, 5, 5),
        source.affine
        @ np.diag([1, -1, -1, 1])
        @ np.array([[1, 0, 0, 3], [0, 1, 0, -12], [0, 0, 1, -12], [0, 0, 0, 1.0]]),
    )
    assert ras_from_lps(flipped.affine)[0, 0] > 0
    result = resample(volume_of(ramp, source), flipped)
    np.testing.assert_allclose(result.data, ramp(points_of(flipped)), atol=1e-9)

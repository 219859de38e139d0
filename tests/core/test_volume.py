"""Volume: rescaled values, parts, and the way back to the source slice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.core.lazy import FrameArray
from medvox.core.provenance import Provenance, SliceSource
from medvox.core.rescale import LookupTable, Rescale
from medvox.core.transform import AffineTransform
from medvox.core.volume import Volume

GRID = Grid((3, 4, 5), np.array([[0, 0, 0.5, 1], [0, 0.7, 0, 2], [2.0, 0, 0, 3], [0, 0, 0, 1]]))


def sources(count):
    return tuple(SliceSource(f"{n}.dcm", 1, f"1.2.{n}") for n in range(count))


def series(lead=(), rescale=None, dtype=np.int16):
    shape = (*lead, *GRID.shape)
    data = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
    provenance = Provenance(GRID, sources(int(np.prod(lead, dtype=int)) * 3))
    axes = ("time", "k", "j", "i")[-len(shape) :]
    return Volume(data, GRID, axes, "HU", rescale or Rescale(), provenance=provenance)


@given(
    st.lists(st.floats(0.001, 50), min_size=3, max_size=3),
    st.lists(st.floats(-2000, 2000), min_size=3, max_size=3),
)
def test_each_slice_has_its_own_line(slopes, intercepts):
    volume = series(rescale=Rescale.of(slopes, intercepts), dtype=np.uint16)
    for k in range(3):
        truth = volume.data[k].astype(float) * slopes[k] + intercepts[k]
        assert np.allclose(volume.values(np.float64)[k], truth)
        assert np.allclose(volume.slice_values(k, dtype=np.float64), truth)


@pytest.mark.parametrize(
    ("dtype", "slope", "intercept", "expected"),
    [
        (np.uint16, 1, -1024, np.int32),
        (np.int16, 1, 0, np.int16),
        (np.uint8, 1, -128, np.int16),
        (np.uint8, 2, 0, np.int16),
        (np.int16, 0.5, 0, np.float32),
        (np.int32, 0.5, 0, np.float64),
        (np.float32, 2, 0, np.float32),
    ],
)
def test_the_type_of_values_holds_every_value(dtype, slope, intercept, expected):
    volume = series(rescale=Rescale.of(slope, intercept), dtype=dtype)
    assert volume.value_dtype == expected
    assert np.allclose(volume.values(), volume.data.astype(float) * slope + intercept)


def test_modality_tables_map_and_clamp():
    """PS3.3 C.11.1: values below the first take the first entry, above the last the last."""
    table = LookupTable(10, np.array([100, 200, 300], np.uint16))
    assert table.apply(np.array([0, 10, 11, 12, 99])).tolist() == [100, 100, 200, 300, 300]


def test_a_slope_of_zero_or_nan_is_refused():
    for slope in (0.0, np.nan):
        with pytest.raises(UsageError):
            Rescale.of(slope, 0)


def test_values_that_do_not_fit_the_grid_are_refused():
    with pytest.raises(UsageError):
        Volume(np.zeros((3, 4, 6)), GRID)
    with pytest.raises(UsageError):
        Volume(np.zeros(GRID.shape), GRID, ("j", "k", "i"))
    with pytest.raises(UsageError):
        Volume(np.zeros((2, *GRID.shape)), GRID, ("time", "k", "j", "i"), coordinates={"time": (0.0,)})


def test_every_voxel_knows_its_instance_also_over_time():
    volume = series((2,))
    for t in range(2):
        for k in range(3):
            source = volume.source_of((k, 1, 1), (t,))
            assert source is not None
            assert source.sop_instance_uid == f"1.2.{3 * t + k}"
    assert volume.source_of((7, 0, 0)) is None


def test_one_time_point_keeps_its_own_sources_and_lines():
    slopes = np.arange(1.0, 7.0).reshape(2, 3)
    second = series((2,), Rescale.of(slopes, 0)).at(time=1)
    assert second.axes == ("k", "j", "i")
    assert np.allclose(second.values(np.float64)[2], second.data[2] * 6.0)
    source = second.source_of((2, 0, 0))
    assert source is not None
    assert source.sop_instance_uid == "1.2.5"


def test_derived_volumes_answer_through_their_parents_in_space():
    volume = series()
    half = Grid((5, 4, 5), GRID.affine @ np.diag([0.5, 1, 1, 1]))
    derived = volume.derive(np.zeros(half.shape), "resample", half)
    again = derived.crop((slice(1, 5), slice(1, 3), slice(None)))
    source = again.source_of((3, 0, 0))  # k = 4 of the half-step grid = slice 2
    assert source is not None
    assert source.sop_instance_uid == "1.2.2"
    assert again.known_provenance.history == ("read", "resample", again.known_provenance.history[2])
    assert len(list(again.known_provenance.contributing())) == 3


def test_derivation_through_a_transform_maps_points_to_the_parent():
    volume = series()
    shift = AffineTransform.translation((0, 0, 2.0))
    moved = volume.known_provenance.derive("register", GRID, shift)
    source = moved.source_at((0, 0, 0))
    assert source is not None
    assert source.sop_instance_uid == "1.2.1"


def test_a_lazy_volume_reads_one_frame_for_one_slice():
    read = []

    def reader(frames, out, progress=None):
        read.extend(frames)
        out[:] = 7

    volume = Volume(FrameArray((3,), (4, 5), np.dtype(np.int16), reader), GRID)
    assert volume.is_lazy
    assert volume.slice_values(1).tolist() == np.full((4, 5), 7).tolist()
    assert read == [1]
    assert not volume.load().is_lazy


def test_other_scalings_are_offered_by_name():
    volume = Volume(np.ones(GRID.shape, np.int16), GRID, scalings={"precise": Rescale.of(0.25, 0)})
    assert volume.scaled("precise").values()[0, 0, 0] == 0.25
    with pytest.raises(UsageError, match="precise"):
        volume.scaled("other")

"""Lazy arrays: the same answers as numpy, reading no frame too many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvox.core.lazy import FrameArray, LazyArray, as_array


def lazy(lead, frame):
    """A lazy array over known values, and the list of frames that were read."""
    count = int(np.prod(lead))
    values = np.arange(count * int(np.prod(frame)), dtype=np.int32).reshape(count, *frame)
    read = []

    def reader(frames, out, progress=None):
        read.extend(frames)
        for n, number in enumerate(frames):
            out[n] = values[number]

    full = values.reshape(*lead, *frame)
    if len(frame) == 3:
        full = np.moveaxis(full, -1, len(lead) - 1)
    return FrameArray(tuple(lead), tuple(frame), np.dtype(np.int32), reader), full, read


def keys(shape):
    part = [
        st.one_of(st.integers(0, n - 1), st.slices(n).filter(lambda s: s.step is None or s.step != 0))
        for n in shape
    ]
    return st.integers(0, len(shape)).flatmap(lambda count: st.tuples(*part[:count]))


@pytest.mark.parametrize(
    ("lead", "frame"), [((3,), (4, 5)), ((2, 3), (4, 5)), ((3,), (4, 5, 3)), ((2, 3), (4, 5, 3))]
)
@given(data=st.data())
def test_indexing_equals_numpy(lead, frame, data):
    array, truth, _ = lazy(lead, frame)
    assert isinstance(array, LazyArray)
    assert array.shape == truth.shape
    key = data.draw(keys(truth.shape))
    assert np.array_equal(array[key], truth[key])
    assert array[key].shape == truth[key].shape
    assert np.array_equal(array[..., 1:3], truth[..., 1:3])


def test_a_slice_reads_its_frame_only():
    array, truth, read = lazy((4, 10), (6, 7))
    assert np.array_equal(array[2, 3], truth[2, 3])
    assert read == [23]


def test_reading_everything_tells_progress_and_equals_numpy():
    array, truth, _ = lazy((2, 3), (4, 5, 3))
    assert np.array_equal(as_array(array), truth)
    assert np.array_equal(np.asarray(array), truth)


@pytest.mark.parametrize("key", [np.array([0, 1]), "a", (0,) * 9])
def test_other_keys_are_refused_like_numpy_does(key):
    array, _, _ = lazy((3,), (4, 5))
    with pytest.raises(IndexError):
        array[key]

"""Blocks of values in files as lazy arrays."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvox.core.errors import TruncatedError
from medvox.formats.values.block import Block, kept
from medvox.testing.volumes import ramp


def block_of(path, stored, lead_shape, frame_shape, **options):
    path.write_bytes(b"head" + stored.tobytes())
    return Block(path, 4, lead_shape, frame_shape, stored.dtype, **options)


@pytest.mark.parametrize("dtype", ["<i2", ">i2", ">f8", "u1"])
def test_values_are_in_native_order(tmp_path, dtype):
    values = ramp((4, 3, 5), dtype.strip("<>")).astype(dtype)
    array = block_of(tmp_path / "x", values, (4,), (3, 5)).array()
    assert array.dtype.isnative
    assert np.array_equal(np.asarray(array), values)
    assert np.array_equal(array[2, 1:, ::2], values[2, 1:, ::2])


def test_axes_are_shown_in_the_order_asked_for(tmp_path):
    stored = ramp((2, 3, 4, 5, 6), "int32")  # channel, time, k, j, i
    for packing in (None, "gzip"):
        block = block_of(tmp_path / "x", stored, (3, 2, 4), (5, 6), stored_order=(1, 0, 2))
        if packing:
            (tmp_path / "x").write_bytes(gzip.compress(b"head" + stored.tobytes()))
            block = Block(tmp_path / "x", 4, (3, 2, 4), (5, 6), stored.dtype, "gzip", None, (1, 0, 2))
        array = block.array()
        assert np.array_equal(np.asarray(array), stored.transpose(1, 0, 2, 3, 4))
        assert np.array_equal(array[2, 1, 3], stored[1, 2, 3])


def test_channels_may_be_left_out(tmp_path):
    stored = ramp((2, 3, 5, 6, 4), "uint8")
    array = block_of(tmp_path / "x", stored, (2, 3), (5, 6, 4), kept=3).array()
    assert np.array_equal(np.asarray(array), np.moveaxis(stored[..., :3], -1, 1))


@given(data=st.data())
def test_any_part_equals_numpy(tmp_path_factory, data):
    values = ramp((3, 4, 5, 6), "int16")
    array = block_of(tmp_path_factory.mktemp("block") / "x", values, (3, 4), (5, 6)).array()
    key = tuple(
        data.draw(
            st.one_of(
                st.integers(-n, n - 1),
                st.slices(n).filter(lambda s, n=n: len(range(*s.indices(n))) > 0),
            )
        )
        for n in values.shape
    )
    assert np.array_equal(array[key], values[key])


def test_only_the_frames_asked_for_are_read(tmp_path):
    """The rest of the file is gone when a frame is read."""
    values = ramp((4, 3, 5), "int16")
    array = block_of(tmp_path / "x", values, (4,), (3, 5)).array()
    with (tmp_path / "x").open("r+b") as file:
        file.truncate(4 + 2 * 30)
    assert np.array_equal(array[1], values[1])
    with pytest.raises(TruncatedError, match="within its values"):
        array[2]


def test_claims_are_checked_before_memory_is_taken(tmp_path):
    block = block_of(tmp_path / "x", ramp((1, 2, 2), "uint8"), (1 << 20,), (1 << 15, 1 << 15))
    with pytest.raises(TruncatedError, match="sizes"):
        block.check("sizes")


def test_packed_values_are_read_once():
    reads = []
    array = kept((2, 3), np.dtype("u1"), lambda: reads.append(1) or np.zeros((2, 3), np.uint8))
    assert array[0].tolist() == [0, 0, 0]
    assert np.asarray(array).shape == (2, 3)
    assert reads == [1]

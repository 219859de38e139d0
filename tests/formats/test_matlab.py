"""Numeric arrays of MATLAB files: equal to scipy's, and no bytes break the parser."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvox.core.errors import FormatError
from medvox.formats.analyze.matlab import numeric_arrays

ARRAYS = {
    "mat": np.arange(16.0).reshape(4, 4),
    "M": np.arange(8, dtype=np.int16).reshape(2, 4),
    "bytes": np.arange(5, dtype=np.uint8)[None],
    "complex": np.array([[1 + 2j, 3 - 4j]]),
    "empty": np.zeros((0, 3)),
}


def saved(level: str, packed: bool = False, **more: object) -> bytes:
    from scipy.io import savemat

    file = io.BytesIO()
    savemat(file, {**ARRAYS, **more}, format=level, do_compression=packed)
    return file.getvalue()


@pytest.mark.parametrize(("level", "packed"), [("4", False), ("5", False), ("5", True)])
def test_arrays_are_those_of_scipy(level, packed):
    from scipy.io import loadmat

    data = saved(level, packed)
    theirs = loadmat(io.BytesIO(data))
    ours = numeric_arrays(data)
    assert set(ours) == set(ARRAYS)
    for name, values in ours.items():
        np.testing.assert_array_equal(values, np.real(theirs[name]), err_msg=name)


def test_more_dimensions_and_other_classes():
    data = saved(
        "5", cube=np.arange(24.0).reshape(2, 3, 4), text="no number", cell=np.array([{"a": 1}], object)
    )
    found = numeric_arrays(data)
    np.testing.assert_array_equal(found["cube"], np.arange(24.0).reshape(2, 3, 4))
    assert "text" not in found


def test_big_endian_level_4():
    values = np.arange(6, dtype=">f8").reshape(2, 3)
    head = np.array([1000, 2, 3, 0, 2], ">i4").tobytes()
    data = head + b"x\0" + values.tobytes(order="F")
    np.testing.assert_array_equal(numeric_arrays(data)["x"], values)


@given(
    st.sampled_from(["4", "5"]),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), max_size=8),
    st.integers(0, 1000),
)
def test_damaged_bytes_end_in_arrays_or_our_error(level, packed, changes, length):
    data = bytearray(saved(level, packed and level == "5"))
    for place, value in changes:
        data[place % len(data)] = value
    try:
        found = numeric_arrays(bytes(data[:length]))
    except FormatError:
        return
    assert all(values.dtype == np.float64 for values in found.values())


def test_a_packed_array_that_never_ends_is_refused():
    import zlib

    bomb = zlib.compress(bytes(64 << 20), 9)
    data = bytes(126) + b"IM" + np.array([15, len(bomb)], "<u4").tobytes() + bomb
    with pytest.raises(FormatError, match="large"):
        numeric_arrays(data)

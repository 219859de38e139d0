"""Packing and unpacking against the standard library."""

import bz2
import gzip
import io
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvox.core import settings
from medvox.core.errors import CancelledError, FormatError, TruncatedError
from medvox.formats.values.compression import pack, unpack, unpack_start

RNG = np.random.default_rng(1)
NOISY = RNG.integers(0, 40, 5_000_000, dtype=np.uint8)


def packed(parts, container="gzip", level=None, **options):
    file = io.BytesIO()
    count = pack([np.frombuffer(part, np.uint8) for part in parts], file, container, level, **options)
    assert count == len(file.getvalue())
    return file.getvalue()


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("level", [None, 1, 6])
def test_the_standard_library_reads_it(threads, level):
    raw = NOISY.tobytes()
    with settings.using(threads=threads):
        assert gzip.decompress(packed([raw[:352], raw], level=level)) == raw[:352] + raw
        assert zlib.decompress(packed([raw], "zlib", level)) == raw


@given(parts=st.lists(st.binary(max_size=300), max_size=4))
def test_any_bytes_come_back(parts):
    assert gzip.decompress(packed(parts)) == b"".join(parts)


def test_same_input_same_bytes():
    raw = NOISY[:3_000_000].tobytes()
    with settings.using(threads=1):
        first = packed([raw])
    with settings.using(threads=4):
        assert packed([raw]) == first


def test_level_makes_it_smaller():
    raw = np.repeat(NOISY[:400_000], 3).tobytes()
    assert len(packed([raw], level=9)) < len(packed([raw]))


def test_size_is_about_that_of_zlib_level_1():
    smooth = (np.cumsum(RNG.normal(0, 3, 2_000_000)) % 4096).astype("<i2").tobytes()
    assert len(packed([smooth])) < 1.02 * len(gzip.compress(smooth, 1))


def test_packing_can_be_stopped():
    def stop(done, total, text):
        if done:
            raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        packed([NOISY.tobytes()], progress=stop)


PACKERS = {"gzip": gzip.compress, "zlib": zlib.compress, "bzip2": bz2.compress}


@pytest.mark.parametrize("container", PACKERS)
@pytest.mark.parametrize("skip", [0, 7, 352])
@pytest.mark.parametrize("start", [0, 13])
def test_unpacking_into_place(tmp_path, container, skip, start):
    raw = NOISY[:100_000].tobytes()
    (tmp_path / "x").write_bytes(b"#" * start + PACKERS[container](raw))
    values = unpack(tmp_path / "x", container, 50_000, start, skip)
    assert values.tobytes() == raw[skip : skip + 50_000]
    assert values.ctypes.data % 64 == 0


@pytest.mark.parametrize("container", ["gzip", "bzip2"])
def test_members_one_after_another(tmp_path, container):
    raw = NOISY[:100_000].tobytes()
    members = [PACKERS[container](raw[n : n + 9_000]) for n in range(0, len(raw), 9_000)]
    (tmp_path / "x").write_bytes(b"".join(members))
    assert unpack(tmp_path / "x", container, len(raw)).tobytes() == raw


@pytest.mark.parametrize("container", PACKERS)
@pytest.mark.parametrize("part", [0.0, 0.3, 0.99])
def test_missing_bytes(tmp_path, container, part):
    whole = PACKERS[container](NOISY[:100_000].tobytes())
    (tmp_path / "x").write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(TruncatedError, match=str(tmp_path / "x")):
        unpack(tmp_path / "x", container, 100_000)


@pytest.mark.parametrize("container", PACKERS)
def test_damaged_bytes(tmp_path, container):
    whole = bytearray(PACKERS[container](NOISY[:100_000].tobytes()))
    whole[len(whole) // 2] ^= 0x55
    (tmp_path / "x").write_bytes(whole)
    with pytest.raises(FormatError):
        unpack(tmp_path / "x", container, 100_000)


def test_more_than_any_stream_can_hold_is_refused_at_once(tmp_path):
    (tmp_path / "x").write_bytes(gzip.compress(b"small"))
    with pytest.raises(TruncatedError, match="claims"):
        unpack(tmp_path / "x", "gzip", 1 << 40)


def test_start_of_a_stream():
    whole = gzip.compress(b"abcdef" * 100)
    assert unpack_start(whole, 8) == b"abcdefab"
    assert unpack_start(whole[:-5], 8) == b"abcdefab"
    assert unpack_start(b"\x1f\x8b\x08nonsense", 8) == b""

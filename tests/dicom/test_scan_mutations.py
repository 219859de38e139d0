"""Broken bytes: whatever they are, a header or one of our errors comes out, soon and in little memory."""

import contextlib
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dicom.scan_bytes import BIG, DEFLATED, EXPLICIT, IMPLICIT, UNDEFINED, body, el, file_of, meta
from dicom.scan_truth import shipped_files
from medvox.core.errors import FormatError
from medvox.dicom.elements.wanted import WANTED
from medvox.dicom.header import Header
from medvox.dicom.scan import is_dicom, read_header

SEEDS = [path for path in shipped_files() if 300 < path.stat().st_size < 200_000 and path.suffix == ".dcm"]

mutation = st.tuples(
    st.sampled_from(["set", "ff", "00", "cut", "insert", "double"]), st.integers(0), st.binary(max_size=8)
)


def mutate(content: bytes, changes: list[tuple[str, int, bytes]]) -> bytes:
    data = bytearray(content)
    for kind, number, value in changes:
        place = 128 + number % max(1, min(len(data), 6000) - 128)
        if kind == "set":
            data[place : place + len(value)] = value
        elif kind == "insert":
            data[place:place] = value
        elif kind == "double":
            data[place:place] = data[place : place + 64]
        elif kind == "cut":
            del data[place : place + 1 + len(value)]
        else:
            data[place : place + 4] = bytes.fromhex(kind * 4)
    return bytes(data)


def use(header: Header) -> None:
    """Ask for every value that is there, in every way."""
    for tag in header.tags():
        header.raw(tag)
        header.text(tag)
        header.texts(tag)
        header.ints(tag)
        header.integer(tag)
        header.vr(tag)
    if header.pixel:
        assert header.pixel.offset >= 0
        assert header.pixel.length >= -1
        if not header.encoding.deflated:
            assert header.pixel.offset + header.pixel.length <= header.size
    with contextlib.suppress(FormatError):
        header.dataset()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.sampled_from(SEEDS), changes=st.lists(mutation, min_size=1, max_size=8))
def test_mutated_files(seed: Path, changes: list[tuple[str, int, bytes]], tmp_path: Path) -> None:
    with contextlib.suppress(FormatError):
        use(read_header(file_of(mutate(seed.read_bytes(), changes), tmp_path)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.sampled_from([b"", *(meta(style) for style in (EXPLICIT, IMPLICIT, BIG, DEFLATED))]),
    rest=st.binary(max_size=400),
)
def test_any_bytes(start: bytes, rest: bytes, tmp_path: Path) -> None:
    with contextlib.suppress(FormatError):
        use(read_header(file_of(start + rest, tmp_path)))


@given(first=st.binary(max_size=300))
def test_sniffing_never_fails(first: bytes) -> None:
    assert is_dicom(first) in (True, False)
    assert is_dicom(b"\x08\0\x05\0" + first) in (True, False)


CLAIM = 2_000_000_000


@pytest.mark.parametrize(
    "content",
    [
        meta() + el(0x00080005, "UT", b"x", length=CLAIM),
        meta() + body() + el(0x7FE00010, "OW", b"x", length=CLAIM),
        meta() + body() + el(0x00281201, "OW", b"x", length=CLAIM),
        meta() + body() + el(0x00081140, "SQ", el(0xFFFEE000, "", length=CLAIM), length=UNDEFINED),
        meta() + body() + el(0x00081140, "SQ", b"", length=UNDEFINED) * 50,
        meta(IMPLICIT) + el(0x00080005, "CS", b"x", length=CLAIM, style=IMPLICIT),
        meta() + body() + bytes(3_000_000),
        meta() + body() + el(0x00200013, "IS", b"1 ") * 300_000,
        meta()
        + body()
        + el(
            0x00081140,
            "SQ",
            el(0xFFFEE000, "", el(0x00080060, "CS", b"") * 60_000, length=UNDEFINED),
            length=UNDEFINED,
        ),
    ],
    ids=["charset", "pixels", "palette", "item", "depth", "implicit", "zeros", "repeats", "endless"],
)
def test_time_and_memory_are_bounded(content: bytes, tmp_path: Path) -> None:
    file = file_of(content, tmp_path)
    tracemalloc.start()
    began = time.perf_counter()
    with contextlib.suppress(FormatError):
        use_little(read_header(file))
    took, (_, peak) = time.perf_counter() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert took < 30  # a guard against hanging; what is measured is in the benchmarks
    assert peak < 8 << 20


def use_little(header: Header) -> None:
    for tag in WANTED:
        header.text(tag)

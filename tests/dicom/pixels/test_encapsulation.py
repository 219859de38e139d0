"""Fragments and frames: with tables, without, crossing, missing."""

import struct

import imagecodecs
import numpy as np
import pytest
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import UID

from medvox.core.errors import FormatError, TruncatedError
from medvox.dicom.pixels import check_length, frame_reader, present_frames
from medvox.testing.dicom_builder import instance

JLS, J2K = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"
ITEM, END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"


def item(value: bytes) -> bytes:
    return ITEM + struct.pack("<L", len(value)) + value


@pytest.fixture
def frames(noise):
    return np.stack([noise(0, 4000, seed=n) for n in range(4)]).astype("u2")


@pytest.fixture
def streams(frames):
    encoded = [imagecodecs.jpegls_encode(frame) for frame in frames]
    return [s + b"\0" * (len(s) % 2) for s in encoded]


@pytest.fixture
def put(save):
    """Write a file whose pixel data value is exactly these bytes."""

    def write(value: bytes, frames, uid=JLS, **attributes):
        data = instance(frames, transfer_syntax=UID(uid), **attributes)
        data.PixelData = encapsulate([b"MARK"])
        data["PixelData"].is_undefined_length = True
        path = save(data)
        content = path.read_bytes()
        marker = data.PixelData
        path.write_bytes(content.replace(marker[: marker.index(b"MARK") + 4] + END, value))
        return path

    return write


def split(stream: bytes, size: int) -> list[bytes]:
    return [stream[at : at + size] for at in range(0, len(stream), size)]


def test_one_fragment_a_frame_without_table(put, streams, frames, load):
    np.testing.assert_array_equal(load(put(item(b"") + b"".join(map(item, streams)) + END, frames)), frames)


def test_basic_offset_table_with_several_fragments_a_frame(put, streams, frames, load):
    pieces = [[item(part) for part in split(s, 200)] for s in streams]
    offsets = np.cumsum([0, *[sum(map(len, group)) for group in pieces[:-1]]]).astype("<u4")
    value = item(offsets.tobytes()) + b"".join(b"".join(group) for group in pieces) + END
    np.testing.assert_array_equal(load(put(value, frames)), frames)


def test_table_of_a_truncated_file_still_tells_frames(put, streams, frames, refs):
    """Half of the eight fragments are there: as many as frames, but two of them make one."""
    pieces = [[item(s[: len(s) // 4 * 2]), item(s[len(s) // 4 * 2 :])] for s in streams]
    offsets = np.cumsum([0, *[sum(map(len, group)) for group in pieces[:-1]]]).astype("<u4")
    path = put(item(offsets.tobytes()) + b"".join(b"".join(group) for group in pieces[:2]), frames)
    known = refs(path)
    out = np.zeros((2, *frames.shape[1:]), "u2")
    frame_reader(known)([0, 1], out)
    np.testing.assert_array_equal(out, frames[:2])
    with pytest.raises(TruncatedError, match="frame 3"):
        frame_reader(known)([2], out[:1])


def test_several_fragments_a_frame_without_table(put, streams, frames, load):
    value = item(b"") + b"".join(item(part) for s in streams for part in split(s, 300)) + END
    np.testing.assert_array_equal(load(put(value, frames)), frames)


def test_extended_offset_table(save, streams, frames, load):
    data = instance(frames, transfer_syntax=UID(JLS))
    data.PixelData, data.ExtendedOffsetTable, data.ExtendedOffsetTableLengths = encapsulate_extended(streams)
    data["PixelData"].is_undefined_length = True
    np.testing.assert_array_equal(load(save(data)), frames)


@pytest.mark.parametrize("size", [250, 1000, 10_000_000])
def test_fragments_that_cross_frames(size, put, streams, frames, load):
    value = item(b"") + b"".join(item(part) for part in split(b"".join(streams), size)) + END
    np.testing.assert_array_equal(load(put(value, frames)), frames)


def test_fragments_that_cross_frames_of_jpeg_2000(put, frames, load):
    streams = [imagecodecs.jpeg2k_encode(f, 0, codecformat="j2k") for f in frames]
    value = item(b"") + b"".join(item(part) for part in split(b"".join(streams), 700)) + END
    np.testing.assert_array_equal(load(put(value, frames, J2K)), frames)


def test_wrong_offset_table_is_not_believed(put, streams, frames, load):
    table = np.array([0, 10, 20, 30], "<u4").tobytes()
    np.testing.assert_array_equal(load(put(item(table) + b"".join(map(item, streams)) + END, frames)), frames)
    value = item(table) + b"".join(item(part) for s in streams for part in split(s, 300)) + END
    np.testing.assert_array_equal(load(put(value, frames)), frames)


def test_single_frame_of_many_fragments(put, streams, frames, load):
    value = item(b"") + b"".join(item(part) for part in split(streams[0], 64)) + END
    np.testing.assert_array_equal(load(put(value, frames[0]))[0], frames[0])


def test_missing_sequence_delimiter(put, streams, frames, load):
    np.testing.assert_array_equal(load(put(item(b"") + b"".join(map(item, streams)), frames)), frames)


def test_truncated_last_fragment(put, streams, frames, load, refs, header):
    value = item(b"") + b"".join(map(item, streams))
    path = put(value[:-50], frames)
    known = refs(path)
    out = np.zeros((3, *frames.shape[1:]), "u2")
    frame_reader(known)([0, 1, 2], out)
    np.testing.assert_array_equal(out, frames[:3])
    with pytest.raises(TruncatedError, match="frame 4"):
        load(path)
    assert present_frames(header(path), known[0].format) == 3
    assert [f.code for f in check_length(header(path), known[0].format)] == ["truncated-pixel-data"]


def test_missing_frames_are_named(put, streams, frames, load, refs, header):
    path = put(item(b"") + b"".join(map(item, streams[:2])) + END, frames)
    with pytest.raises(TruncatedError, match="frame 3"):
        load(path)
    assert present_frames(header(path), refs(path)[0].format) == 2


def test_no_fragment(put, frames, load):
    with pytest.raises(FormatError, match="no fragment"):
        load(put(item(b"") + END, frames))


def test_native_bytes_in_a_compressed_syntax(frames, save, load):
    data = instance(frames, transfer_syntax=UID(JLS))
    data["PixelData"].is_undefined_length = False
    path = save(instance(frames))
    content = path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0")
    path.write_bytes(content)
    with pytest.raises(FormatError):
        load(path)


def test_a_thousand_fragments_are_found_by_their_headers_alone(put, noise, load, refs):
    small = np.stack([noise(0, 200, (4, 4), seed=n) for n in range(600)]).astype("u1")
    streams = [imagecodecs.jpegls_encode(f) for f in small]
    value = item(b"") + b"".join(item(s + b"\0" * (len(s) % 2)) for s in streams) + END
    np.testing.assert_array_equal(load(put(value, small)), small)

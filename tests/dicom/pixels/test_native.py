"""Uncompressed pixel data: bit depths, byte orders, packing, colours."""

import struct
import zlib

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from medvox.core.errors import FormatError, TruncatedError
from medvox.testing.dicom_builder import instance

GE_PRIVATE = b"1.2.840.113619.5.2"


def set_raw(data, raw: bytes, vr: str = "OW", **attributes):
    data["PixelData"].value = raw
    data["PixelData"].VR = vr
    for name, value in attributes.items():
        setattr(data, name, value)
    return data


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian]
)
@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "u4", "i4", "i1"])
def test_every_type_comes_back(syntax, kind, noise, save, load):
    info = np.iinfo(kind)
    frames = np.stack([noise(info.min, info.max, seed=n) for n in range(2)]).astype(kind)
    got = load(save(instance(frames, transfer_syntax=syntax)))
    assert got.dtype == frames.dtype
    np.testing.assert_array_equal(got, frames)


@pytest.mark.parametrize("kind", ["u2", "i2", "u4"])
def test_big_endian(kind, noise, save, load):
    frames = np.stack([noise(0, 30000, seed=n) for n in range(2)]).astype(kind)
    data = instance(frames, transfer_syntax=ExplicitVRBigEndian)
    set_raw(data, frames.astype(frames.dtype.newbyteorder(">")).tobytes())
    np.testing.assert_array_equal(load(save(data)), frames)


@pytest.mark.parametrize("vr", ["OB", "OW"])
def test_big_endian_bytes_lie_swapped_in_words(vr, save, load):
    """PS3.5 8.1.1: OW of 8-bit values in big endian; frames of odd length share a word."""
    frames = np.arange(3 * 5 * 5, dtype=np.uint8).reshape(3, 5, 5)
    raw = np.append(frames.ravel(), np.uint8(0))
    if vr == "OW":
        raw = raw.reshape(-1, 2)[:, ::-1].ravel()
    data = instance(frames, transfer_syntax=ExplicitVRBigEndian)
    np.testing.assert_array_equal(load(save(set_raw(data, raw.tobytes(), vr))), frames)


def test_ge_private_syntax_has_big_endian_pixels_in_a_little_endian_file(noise, save, load):
    frame = noise(-1000, 3000).astype("i2")
    path = save(
        set_raw(instance(frame, transfer_syntax=ImplicitVRLittleEndian), frame.astype(">i2").tobytes())
    )
    old, new = b"UI\x12\x001.2.840.10008.1.2\0", b"UI\x12\x00" + GE_PRIVATE
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new))
    np.testing.assert_array_equal(load(path)[0], frame)


@pytest.mark.parametrize("shape", [(3, 8, 8), (5, 3, 5), (4, 1, 5)])
def test_one_bit_frames_follow_each_other_without_a_gap(shape, save, load):
    """PS3.5 8.1.1: a frame may begin inside a byte."""
    frames = np.random.default_rng(1).integers(0, 2, shape).astype(np.uint8)
    raw = np.packbits(frames.ravel(), bitorder="little").tobytes()
    data = instance(frames)
    set_raw(data, raw + b"\0" * (len(raw) % 2), "OB", BitsAllocated=1, BitsStored=1, HighBit=0)
    path = save(data)
    np.testing.assert_array_equal(load(path), frames)
    np.testing.assert_array_equal(load(path), pydicom.dcmread(path).pixel_array.reshape(shape))


@pytest.mark.parametrize("shape", [(1, 4, 4), (3, 3, 5)])
def test_twelve_bits_packed(shape, save, load):
    """Two values in three bytes, the first in the low bits (PS3.5 8.1.1, figure 8.1.1-1)."""
    frames = np.random.default_rng(2).integers(0, 4096, shape).astype(np.uint16)
    values = np.append(frames.ravel(), np.zeros(frames.size % 2, np.uint16)).astype(int)
    a, b = values[::2], values[1::2]
    raw = np.stack([a & 255, a >> 8 | (b & 15) << 4, b >> 4], axis=1).astype(np.uint8).tobytes()
    data = instance(frames, NumberOfFrames=shape[0])
    set_raw(data, raw + b"\0" * (len(raw) % 2), BitsAllocated=12, BitsStored=12, HighBit=11)
    got = load(save(data))
    assert got.dtype == np.uint16
    np.testing.assert_array_equal(got, frames)


@pytest.mark.parametrize(("tag", "vr", "kind"), [(0x7FE00008, "OF", "f4"), (0x7FE00009, "OD", "f8")])
def test_float_pixel_data(tag, vr, kind, save, load):
    frames = np.random.default_rng(4).normal(0, 1e3, (2, 5, 6)).astype(kind)
    data = instance(np.zeros(frames.shape, "u2"))
    del data.PixelData, data.BitsStored, data.HighBit, data.PixelRepresentation
    data.BitsAllocated = frames.itemsize * 8
    data.add_new(tag, vr, frames.astype(frames.dtype.newbyteorder("<")).tobytes())
    got = load(save(data))
    assert got.dtype == frames.dtype
    np.testing.assert_array_equal(got, frames)


def test_colour_by_plane(noise, save, load):
    frame = noise(0, 255, (20, 31, 3)).astype("u1")
    data = set_raw(instance(frame), np.moveaxis(frame, -1, 0).tobytes(), "OB", PlanarConfiguration=1)
    np.testing.assert_array_equal(load(save(data))[0], frame)


@pytest.mark.parametrize("name", ["YBR_FULL", "YBR_FULL_422"])
def test_luminance_and_chrominance_equal_pydicom(name, noise, save, load):
    frame = noise(0, 255, (20, 30, 3)).astype("u1")
    raw = frame.tobytes()
    if name == "YBR_FULL_422":
        pairs = frame.reshape(20, 15, 2, 3)
        raw = np.concatenate([pairs[..., 0], pairs[..., :1, 1], pairs[..., :1, 2]], axis=2).tobytes()
    path = save(set_raw(instance(frame), raw, "OB", PhotometricInterpretation=name))
    np.testing.assert_array_equal(load(path)[0], pydicom.dcmread(path).pixel_array)


def test_partial_range_spans_black_to_white(save, load):
    """Luminance 16 is black and 235 white, chrominance 128 is grey (PS3.3 C.7.6.3.1.2)."""
    raw = bytes([16, 235, 128, 128])
    data = set_raw(
        instance(np.zeros((1, 2, 3), "u1")), raw, "OB", PhotometricInterpretation="YBR_PARTIAL_422"
    )
    np.testing.assert_array_equal(load(save(data))[0], [[[0, 0, 0], [255, 255, 255]]])


def test_odd_columns_cannot_share_chrominance(save, load):
    data = instance(np.zeros((2, 3, 3), "u1"), PhotometricInterpretation="YBR_FULL_422")
    with pytest.raises(FormatError, match="even number of columns"):
        load(save(data))


def test_overlay_bits_above_the_value_are_taken_out(noise, save, load, refs):
    values = noise(0, 4095).astype("u2")
    data = instance(values | 1 << 12 | (values & 1) << 15, BitsStored=12, HighBit=11)
    data.add_new(0x60000100, "US", 16)
    data.add_new(0x60000102, "US", 12)
    path = save(data)
    np.testing.assert_array_equal(load(path)[0], values)
    assert "overlay-bits" in [f.code for f in refs(path)[0].format.findings]


@pytest.mark.parametrize("fill", [0, 0xF000])
def test_sign_is_taken_from_bits_stored(fill, noise, save, load):
    truth = noise(-2048, 2047).astype("i2")
    raw = (truth.view("u2") & 0x0FFF) | np.uint16(fill)
    path = save(instance(raw.view("i2"), BitsStored=12, HighBit=11))
    np.testing.assert_array_equal(load(path)[0], truth)


@pytest.mark.parametrize("signed", [False, True])
def test_value_in_the_high_bits_is_shifted_down(signed, noise, save, load, refs):
    """High Bit 15 with 12 bits stored, as ACR-NEMA files have it."""
    truth = noise(-2048, 2047).astype("i2") if signed else noise(0, 4095).astype("u2")
    path = save(instance(truth << 4 | 5, BitsStored=12, HighBit=15))
    np.testing.assert_array_equal(load(path)[0], truth)
    assert [f.code for f in refs(path)[0].format.findings] == ["high-bit-repaired"]


def test_frames_that_are_there_are_read_from_truncated_data(noise, save, load, refs):
    from medvox.dicom.pixels import frame_reader

    frames = np.stack([noise(0, 4000, seed=n) for n in range(3)]).astype("u2")
    path = save(instance(frames))
    path.write_bytes(path.read_bytes()[:-100])
    known = refs(path)
    out = np.zeros((2, 33, 47), "u2")
    frame_reader(known)([0, 1], out)
    np.testing.assert_array_equal(out, frames[:2])
    with pytest.raises(TruncatedError, match="frame 3"):
        load(path)


def test_frame_beyond_four_gigabytes(noise, tmp_path, save, refs):
    """A sparse file: offsets are 64 bits wide."""
    from dataclasses import replace

    from medvox.dicom.pixels import FrameRef, frame_reader

    frame = noise(0, 4000, (1024, 1024)).astype("u2")
    path = save(instance(frame))
    ref = refs(path)[0]
    count = 2500  # 5.2 GB
    with path.open("r+b") as stream:
        stream.truncate(ref.span.offset + count * frame.nbytes)
        stream.seek(ref.span.offset + (count - 1) * frame.nbytes)
        stream.write(frame.tobytes())
    span = replace(ref.span, length=count * frame.nbytes)
    form = replace(ref.format, frames=count)
    out = np.empty((1, 1024, 1024), "u2")
    frame_reader([FrameRef(ref.file, count - 1, span, form)])([0], out)
    np.testing.assert_array_equal(out[0], frame)


def test_deflated_rubbish_is_refused(noise, save, load):
    path = save(instance(noise(0, 99).astype("u1"), transfer_syntax=DeflatedExplicitVRLittleEndian))
    content = path.read_bytes()
    start = 144 + struct.unpack_from("<L", content, 140)[0]
    assert zlib.decompressobj(-15).decompress(content[start:])
    from medvox.dicom.pixels.source import open_pixels

    path.write_bytes(content[:start] + b"\xff" * 50)
    with (
        pytest.raises(FormatError, match="deflated"),
        open_pixels(str(path), str(DeflatedExplicitVRLittleEndian)),
    ):
        pass

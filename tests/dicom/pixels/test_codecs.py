"""Every transfer syntax, on frames compressed by independent encoders; lossless ones return every bit."""

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.pixels.encoders import RLELosslessEncoder

from medvox.core.errors import FormatError, TruncatedError, UnsupportedError

J = "1.2.840.10008.1.2.4."
RLE = "1.2.840.10008.1.2.5"


def rle(frame):
    colour = frame.ndim == 3
    bits = frame.itemsize * 8
    return RLELosslessEncoder.encode(
        frame,
        rows=frame.shape[0],
        columns=frame.shape[1],
        samples_per_pixel=3 if colour else 1,
        bits_allocated=bits,
        bits_stored=bits,
        pixel_representation=int(frame.dtype.kind == "i"),
        number_of_frames=1,
        photometric_interpretation="RGB" if colour else "MONOCHROME2",
        planar_configuration=0,
        encoding_plugin="pydicom",
    )


def unsigned(frame):
    return frame.view(f"u{frame.itemsize}")


LOSSLESS = {
    "rle": (RLE, rle),
    "jpeg 57": (J + "57", lambda a: imagecodecs.jpeg8_encode(unsigned(a), lossless=True, predictor=4)),
    "jpeg 70": (J + "70", lambda a: imagecodecs.ljpeg_encode(unsigned(a))),
    "jpeg-ls": (J + "80", lambda a: imagecodecs.jpegls_encode(unsigned(a))),
    "jpeg 2000": (J + "90", lambda a: imagecodecs.jpeg2k_encode(a, 0, codecformat="j2k")),
    "jpeg 2000 part 2": (J + "92", lambda a: imagecodecs.jpeg2k_encode(a, 0, codecformat="j2k")),
    "htj2k": (J + "201", imagecodecs.htj2k_encode),
    "htj2k rpcl": (J + "202", imagecodecs.htj2k_encode),
    "htj2k lossy syntax": (J + "203", imagecodecs.htj2k_encode),
    "jpeg xl": (J + "110", lambda a: imagecodecs.jpegxl_encode(unsigned(a), lossless=True)),
}


@pytest.mark.parametrize("codec", LOSSLESS)
@pytest.mark.parametrize(("kind", "low", "high"), [("u1", 0, 255), ("u2", 0, 65535), ("i2", -32768, 32767)])
def test_lossless_codecs_return_every_value(codec, kind, low, high, noise, pack, save, load):
    uid, encode = LOSSLESS[codec]
    frames = np.stack([noise(low, high, seed=n) for n in range(3)]).astype(kind)
    path = save(pack([encode(frame) for frame in frames], frames, uid))
    got = load(path)
    assert got.dtype == frames.dtype
    np.testing.assert_array_equal(got, frames)


@pytest.mark.parametrize("codec", [c for c in LOSSLESS if c != "jpeg 70"])
def test_lossless_codecs_return_colours(codec, noise, pack, save, load):
    uid, encode = LOSSLESS[codec]
    frame = noise(0, 255, (31, 45, 3)).astype("u1")
    np.testing.assert_array_equal(load(save(pack([encode(frame)], frame, uid)))[0], frame)


@pytest.mark.parametrize("codec", ["jpeg 57", "jpeg-ls", "jpeg 2000", "htj2k", "rle"])
@pytest.mark.parametrize("signed", [False, True])
def test_twelve_bits_in_sixteen_keep_sign_and_range(codec, signed, noise, pack, save, load):
    uid, encode = LOSSLESS[codec]
    truth = noise(-2048, 2047).astype("i2") if signed else noise(0, 4095).astype("u2")
    frame = truth
    if codec in ("jpeg 57", "jpeg-ls"):  # encoded as 12 bits, as encoders of scanners do
        bits = truth.view("u2") & 0xFFF
        encoded = (
            imagecodecs.jpeg8_encode(bits, lossless=True, bitspersample=12)
            if codec == "jpeg 57"
            else imagecodecs.jpegls_encode(bits)
        )
    else:
        encoded = encode(frame)
    path = save(pack([encoded], truth, uid, BitsStored=12, HighBit=11))
    np.testing.assert_array_equal(load(path)[0], truth)


def test_jpeg_2000_stream_unsigned_where_header_says_signed(noise, pack, save, load):
    """The bits count, read as the header says (pydicom's J2K_pixelrep_mismatch.dcm is such a file)."""
    truth = noise(-4096, 4095).astype("i2")
    bits = (truth.view("u2") & 0x1FFF).astype("u2")
    encoded = imagecodecs.jpeg2k_encode(bits, 0, codecformat="j2k", bitspersample=13)
    np.testing.assert_array_equal(
        load(save(pack([encoded], truth, J + "90", BitsStored=13, HighBit=12)))[0], truth
    )


@pytest.mark.parametrize("uid", [J + "50", J + "51"])
def test_jpeg_grey_8_bit_equals_pydicom(uid, noise, pack, save, load):
    frame = noise(0, 255, (64, 80)).astype("u1")
    path = save(pack([imagecodecs.jpeg8_encode(frame, 90)], frame, uid))
    np.testing.assert_array_equal(load(path)[0], pydicom.dcmread(path).pixel_array)


def test_jpeg_12_bit_stays_near_the_original(noise, pack, save, load):
    frame = noise(0, 4095, (64, 80)).astype("u2")
    encoded = imagecodecs.jpeg8_encode(frame, 100, bitspersample=12)
    got = load(save(pack([encoded], frame, J + "51", BitsStored=12, HighBit=11)))[0]
    assert got.dtype == np.uint16
    assert np.abs(got.astype(int) - frame).max() <= 8


def test_near_lossless_jpeg_ls_keeps_its_bound(noise, pack, save, load):
    frame = noise(0, 4095).astype("u2")
    got = load(save(pack([imagecodecs.jpegls_encode(frame, 3)], frame, J + "81", BitsStored=12, HighBit=11)))[
        0
    ]
    assert 0 < np.abs(got.astype(int) - frame).max() <= 3


@pytest.mark.parametrize(
    ("photometric", "stored", "why"),
    [
        ("RGB", "RGB", "no marker: the header tells"),
        ("YBR_FULL_422", "YCBCR", "JFIF"),
        ("YBR_FULL", "YCBCR", "JFIF"),
        ("RGB", "YCBCR", "JFIF contradicts the header: the stream is right"),
        ("YBR_FULL", "RGB", "Adobe marker says RGB: the stream is right"),
    ],
)
def test_jpeg_colour_transform_follows_the_markers(photometric, stored, why, noise, pack, save, load):
    frame = noise(30, 220, (48, 64, 3)).astype("u1")
    encoded = imagecodecs.jpeg8_encode(frame, 98, colorspace="RGB", outcolorspace=stored, subsampling="444")
    got = load(save(pack([encoded], frame, J + "50", PhotometricInterpretation=photometric)))[0]
    assert np.abs(got.astype(int) - frame).mean() < 2, why


def _without_segment(stream: bytes, marker: int) -> bytes:
    at = stream.index(bytes((0xFF, marker)))
    return stream[:at] + stream[at + 2 + int.from_bytes(stream[at + 2 : at + 4], "big") :]


@pytest.mark.parametrize(
    ("photometric", "stored", "marker"), [("RGB", "RGB", 0xEE), ("YBR_FULL", "YCBCR", 0xE0)]
)
def test_jpeg_without_markers_is_what_the_header_says(photometric, stored, marker, noise, pack, save, load):
    frame = noise(30, 220, (48, 64, 3)).astype("u1")
    encoded = imagecodecs.jpeg8_encode(frame, 98, colorspace="RGB", outcolorspace=stored, subsampling="444")
    bare = _without_segment(encoded, marker)
    bare = bare.replace(b"\x03R\x11\x00G\x11\x00B\x11\x00", b"\x03\x01\x11\x00\x02\x11\x00\x03\x11\x00")
    bare = bare.replace(b"\x03R\x00G\x00B\x00", b"\x03\x01\x00\x02\x00\x03\x00")
    got = load(save(pack([bare], frame, J + "50", PhotometricInterpretation=photometric)))[0]
    assert np.abs(got.astype(int) - frame).mean() < 2


def test_jpeg_without_end_marker_is_read_if_complete_and_refused_if_not(noise, pack, save, load):
    frame = noise(0, 255, (64, 80)).astype("u1")
    whole = imagecodecs.jpeg8_encode(frame, 90)
    expected = imagecodecs.jpeg8_decode(whole)
    path = save(pack([whole[:-2]], frame, J + "50"))
    np.testing.assert_array_equal(load(path)[0], expected)
    with pytest.raises(TruncatedError, match="frame 1"):
        load(save(pack([whole[: len(whole) // 2]], frame, J + "50")))


@pytest.mark.parametrize("codec", ["jpeg 57", "jpeg-ls", "jpeg 2000", "htj2k", "rle", "jpeg xl"])
def test_truncated_stream_is_refused_with_file_frame_and_transfer_syntax(codec, noise, pack, save, load):
    uid, encode = LOSSLESS[codec]
    frame = noise(0, 4000).astype("u2")
    good = encode(frame)
    path = save(pack([good, good[: len(good) // 3]], np.stack([frame, frame]), uid))
    with pytest.raises(FormatError, match=r"image\.dcm frame 2"):
        load(path)


def test_stream_of_another_size_is_refused_before_decoding(noise, pack, save, load):
    frame = noise(0, 255, (40, 50)).astype("u1")
    for name in ("jpeg-ls", "jpeg 2000", "jpeg 57", "jpeg xl"):
        uid, encode = LOSSLESS[name]
        with pytest.raises(FormatError, match="size"):
            load(save(pack([encode(frame)], frame[:30, :30], uid)))


@pytest.mark.parametrize(
    ("uid", "word"),
    [
        (J + "100", "MPEG2"),
        (J + "104", "H.264"),
        (J + "107", "HEVC"),
        (J + "94", "JPIP"),
        (J + "59", "Hierarchical"),
        ("1.2.3.4.5", "Unknown"),
    ],
)
def test_what_cannot_be_decoded_is_named_in_words_with_advice(uid, word, noise, pack, save, load):
    frame = noise(0, 255).astype("u1")
    with pytest.raises(UnsupportedError, match=word) as caught:
        load(save(pack([b"\0" * 40], frame, uid)))
    assert caught.value.advice


def test_encapsulated_uncompressed_and_deflated_frames(noise, pack, save, load):
    import zlib

    frames = np.stack([noise(-500, 3000, seed=n) for n in range(2)]).astype("i2")
    path = save(pack([f.tobytes() for f in frames], frames, "1.2.840.10008.1.2.1.98"))
    np.testing.assert_array_equal(load(path), frames)
    packer = [zlib.compressobj(wbits=-15) for _ in frames]
    deflated = [c.compress(f.tobytes()) + c.flush() for c, f in zip(packer, frames, strict=True)]
    np.testing.assert_array_equal(load(save(pack(deflated, frames, "1.2.840.10008.1.2.8.1"))), frames)


@pytest.mark.parametrize("tail", [b"\0", b"\0\0\0", b"\x80", b"\x05abcdef", b"\xf0a"])
def test_rle_segments_with_padding_behind_them(tail, noise, pack, save, load):
    import struct

    frame = noise(0, 4095).astype("u2")
    clean = rle(frame)
    _, first, second = struct.unpack_from("<3L", clean)
    parts = [clean[first:second] + tail, clean[second:] + tail]
    padded = struct.pack("<16L", 2, 64, 64 + len(parts[0]), *[0] * 13) + b"".join(parts)
    np.testing.assert_array_equal(load(save(pack([padded], frame, RLE)))[0], frame)


def test_rle_run_beyond_its_segment_is_cut(pack, save, load):
    import struct

    frame = np.full((2, 3), 9, np.uint8)
    stream = struct.pack("<16L", 1, 64, *[0] * 14) + bytes((257 - 20, 9))
    np.testing.assert_array_equal(load(save(pack([stream], frame, RLE)))[0], frame)


def test_rle_with_wrong_number_of_segments_is_refused(noise, pack, save, load):
    frame = noise(0, 255).astype("u1")
    with pytest.raises(FormatError, match="segments"):
        load(save(pack([rle(frame)], frame.astype("u2"), RLE)))


def test_ybr_full_in_rle_equals_pydicom(noise, pack, save, load):
    frame = noise(0, 255, (20, 30, 3)).astype("u1")
    path = save(pack([rle(frame)], frame, RLE, PhotometricInterpretation="YBR_FULL"))
    np.testing.assert_array_equal(load(path)[0], pydicom.dcmread(path).pixel_array)

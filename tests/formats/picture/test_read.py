"""PNG and JPEG read: against imagecodecs' encoders and chunks made by hand."""

import zlib

import imagecodecs
import numpy as np
import pytest

from medvox.core import settings
from medvox.core.errors import FormatError, LimitError, TruncatedError, UnsupportedError
from medvox.core.grid import Space
from medvox.core.study import Kind
from medvox.formats.picture import JpegFormat, PngFormat
from medvox.testing.volumes import ramp

SIZE = (17, 23)


def png(columns, rows, depth, colour, data, *, interlace=0, extra=()):
    """A PNG made chunk by chunk, as in the standard's section 5."""

    def chunk(kind, content):
        check = zlib.crc32(kind + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + kind + content + check

    size = columns.to_bytes(4, "big") + rows.to_bytes(4, "big")
    header = chunk(b"IHDR", size + bytes([depth, colour, 0, 0, interlace]))
    middle = b"".join(chunk(kind, content) for kind, content in extra)
    return b"\x89PNG\r\n\x1a\n" + header + middle + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def opened(form, folder, raw, name="x"):
    path = folder / name
    path.write_bytes(raw)
    (image,) = form.images(path)
    return image, image.open()


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_png_values_are_exact(tmp_path, dtype, channels):
    values = ramp((*SIZE, channels), dtype).squeeze()
    image, volume = opened(PngFormat(), tmp_path, imagecodecs.png_encode(values))
    expected = np.moveaxis(values, -1, 0)[:, None] if channels == 3 else values[None]
    assert np.array_equal(volume.data[...], expected)
    assert volume.dtype == np.dtype(dtype)
    assert image.kind is Kind.PICTURE
    assert image.grid.space is Space.PIXEL


@pytest.mark.parametrize("samples", [2, 4])
def test_png_alpha_is_left_out_and_told(tmp_path, samples):
    values = ramp((*SIZE, samples), "uint8")
    image, volume = opened(PngFormat(), tmp_path, imagecodecs.png_encode(values))
    shown = np.asarray(volume.data)
    assert np.array_equal(
        shown[0] if samples == 2 else shown[:, 0].transpose(1, 2, 0), values[..., : samples - 1].squeeze()
    )
    assert "alpha-dropped" in [finding.code for finding in image.findings]


@pytest.mark.parametrize(("depth", "row"), [(1, 0b10110000), (2, 0b11100100), (4, 0xF3)])
def test_low_depths_keep_the_stored_numbers(tmp_path, depth, row):
    columns = 8 // depth
    _, volume = opened(PngFormat(), tmp_path, png(columns, 1, depth, 0, bytes([0, row])))
    expected = [row >> (8 - depth * (n + 1)) & (2**depth - 1) for n in range(columns)]
    assert volume.data[0, 0].tolist() == expected


def test_palette_is_shown_as_colours(tmp_path):
    table = bytes([255, 0, 0, 0, 255, 0, 10, 20, 30])
    raw = png(3, 1, 8, 3, bytes([0, 2, 0, 1]), extra=[(b"PLTE", table)])
    _, volume = opened(PngFormat(), tmp_path, raw)
    assert volume.axes[0] == "channel"
    assert volume.data[:, 0, 0].T.tolist() == [[10, 20, 30], [255, 0, 0], [0, 255, 0]]


def test_interlaced_png(tmp_path):
    """Adam7 of a 1 x 2 picture: pass 1 holds the first row, pass 7 the second."""
    raw = png(1, 2, 8, 0, bytes([0, 7, 0, 9]), interlace=1)
    _, volume = opened(PngFormat(), tmp_path, raw)
    assert volume.data[0, :, 0].tolist() == [7, 9]


def test_claims_are_refused_before_memory_is_taken(tmp_path):
    huge = png(1 << 20, 1 << 20, 16, 2, b"")
    with pytest.raises(TruncatedError):
        opened(PngFormat(), tmp_path, huge)
    small = imagecodecs.png_encode(ramp(SIZE, "uint8"))
    with settings.using(max_image_bytes=100), pytest.raises(LimitError, match="MEDVOX_MAX_IMAGE_BYTES"):
        opened(PngFormat(), tmp_path, small)


def test_jpeg_equals_the_codec(tmp_path):
    raw = imagecodecs.jpeg8_encode(ramp((*SIZE, 3), "uint8"), level=95)
    image, volume = opened(JpegFormat(), tmp_path, raw)
    assert np.array_equal(np.moveaxis(volume.data[:, 0], 0, -1), imagecodecs.jpeg8_decode(raw))
    assert "lossy-compression" in [finding.code for finding in image.findings]


def test_cmyk_is_refused_with_advice(tmp_path):
    raw = imagecodecs.jpeg8_encode(ramp((*SIZE, 4), "uint8"))
    with pytest.raises(UnsupportedError, match=r"CMYK.*Convert it to RGB"):
        opened(JpegFormat(), tmp_path, raw)


def test_lossless_jpeg_is_refused(tmp_path):
    raw = imagecodecs.ljpeg_encode(ramp(SIZE, "uint16"), bitspersample=16)
    with pytest.raises(UnsupportedError, match="lossless"):
        opened(JpegFormat(), tmp_path, raw)


def test_end_marker_of_a_thumbnail_is_not_the_end(tmp_path):
    raw = imagecodecs.jpeg8_encode(np.zeros((64, 64), np.uint8))
    thumbnail = b"\xff\xe1" + (2 + 6).to_bytes(2, "big") + b"ab\xff\xd9cd"
    cut = raw[:2] + thumbnail + raw[2:-2]
    _, volume = opened(JpegFormat(), tmp_path, cut)
    with pytest.raises(FormatError, match="no end"):
        volume.load()

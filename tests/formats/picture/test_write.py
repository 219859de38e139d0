"""Pictures that medvox writes, opened by Pillow and tifffile's kin; pictures that Pillow writes, read."""

import io
import struct

import numpy as np
import pytest
from PIL import Image as Pillow

from medvox.core import affine as aff
from medvox.core import settings
from medvox.core.axes import CHANNEL, SPATIAL, TIME
from medvox.core.errors import FormatError, LimitError, TruncatedError, UnsupportedError, WriteError
from medvox.core.grid import Grid, Space
from medvox.core.study import Kind
from medvox.core.volume import Volume
from medvox.formats.base import Head
from medvox.formats.picture import (
    BmpFormat,
    GifFormat,
    Jpeg2000Format,
    JpegFormat,
    PngFormat,
    PnmFormat,
    WebpFormat,
)
from medvox.formats.stack import stack_images
from medvox.testing.volumes import axial_grid, ramp, sheared_grid

SIZE = (17, 23)


def opened(form, folder, raw, name="x"):
    path = folder / name
    path.write_bytes(raw)
    (image,) = form.images(path)
    return image, image.open()


def saved(picture, kind, **options):
    into = io.BytesIO()
    picture.save(into, kind, **options)
    return into.getvalue()


# -- stacks ---------------------------------------------------------------------------------------


def test_a_16_bit_volume_becomes_numbered_files_that_come_back_as_it_was(tmp_path):
    volume = Volume(ramp((12, 7, 6), "uint16"), axial_grid((12, 7, 6)))
    report = PngFormat().write(volume, tmp_path / "ct.png")
    assert [path.name for path in report.files][::11] == ["ct_0001.png", "ct_0012.png"]
    for k, path in enumerate(report.files):
        with Pillow.open(path) as picture:
            assert np.array_equal(np.asarray(picture), volume.data[k])
            assert picture.info["dpi"] == pytest.approx((25.4 / 0.5, 25.4 / 0.75), rel=1e-3)
            assert picture.text["spacing_mm"] == "3 0.75 0.5"
    (image,), left, findings = stack_images(report.files)
    assert not left
    assert not findings
    assert image.grid.spacing_mm == pytest.approx((3, 0.75, 0.5))
    assert image.grid.space is Space.LOCAL
    assert np.array_equal(np.asarray(image.open().data), volume.data)
    assert any("place in the patient" in text for text in report.losses)


def test_a_stated_spacing_goes_before_that_of_the_files(tmp_path):
    report = PngFormat().write(Volume(ramp((2, 7, 6), "uint8"), axial_grid((2, 7, 6))), tmp_path / "x.png")
    assert stack_images(report.files, (5, 4, 3)).images[0].grid.spacing_mm == pytest.approx((5, 4, 3))


def test_files_of_a_longer_stack_are_not_joined_in_silence(tmp_path):
    grid = axial_grid((5, 7, 6))
    PngFormat().write(Volume(ramp((5, 7, 6), "uint8"), grid), tmp_path / "ct.png")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    shorter = Volume(ramp((4, 7, 6), "uint8"), axial_grid((4, 7, 6)))
    with pytest.raises(WriteError, match=r"ct_0005\.png"):
        PngFormat().write(shorter, tmp_path / "ct.png")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    PngFormat().write(Volume(np.zeros((5, 7, 6), np.uint8), grid), tmp_path / "ct.png")
    assert not stack_images(sorted(tmp_path.iterdir())).images[0].open().values().any()


def test_a_failure_in_the_middle_leaves_no_file(tmp_path, monkeypatch):
    volume = Volume(ramp((9, 7, 6), "uint8"), axial_grid((9, 7, 6)))

    class Fails(PngFormat):
        def _encode(self, picture, text, path):
            if picture[0, 0] == volume.data[7, 0, 0]:
                raise UnsupportedError("no")
            return super()._encode(picture, text, path)

    with pytest.raises(UnsupportedError):
        Fails().write(volume, tmp_path / "ct.png")
    assert not list(tmp_path.iterdir())


def test_a_tilted_stack_says_that_the_tilt_is_lost(tmp_path):
    report = PngFormat().write(Volume(ramp((5, 7, 6), "uint8"), sheared_grid()), tmp_path / "x.png")
    assert any("shear" in text for text in report.losses)


@pytest.mark.parametrize("values", [ramp((1, 7, 6), "float32"), np.full((1, 7, 6), -1, np.int16)])
@pytest.mark.parametrize("form", [PngFormat(), JpegFormat(), PnmFormat(), BmpFormat(), WebpFormat()])
def test_what_does_not_fit_is_refused_and_the_way_out_is_told(tmp_path, form, values):
    with pytest.raises(UnsupportedError, match=r"not converted in silence.*\.tif.*medvox render"):
        form.write(Volume(values, axial_grid((1, 7, 6))), tmp_path / f"x{form.suffixes[0]}")
    assert not list(tmp_path.iterdir())


def test_sixteen_bits_are_never_brought_down_to_eight(tmp_path):
    volume = Volume(np.array([[[0, 256]]], np.uint16), Grid.pixels((1, 1, 2)))
    with pytest.raises(UnsupportedError, match="fit uint8"):
        JpegFormat().write(volume, tmp_path / "x.jpg")


def test_int16_values_that_fit_uint16_are_written_so_and_that_is_told(tmp_path):
    volume = Volume(np.array([[[0, 4095]]], np.int16), Grid.pixels((1, 1, 2)))
    report = PngFormat().write(volume, tmp_path / "x.png")
    assert any("written as uint16" in text for text in report.losses)
    with Pillow.open(tmp_path / "x.png") as picture:
        assert np.asarray(picture).tolist() == [[0, 4095]]


# -- JPEG -----------------------------------------------------------------------------------------


def test_jpeg_reports_by_how_much_values_changed(tmp_path):
    values = np.random.default_rng(3).integers(0, 256, (1, 40, 50)).astype(np.uint8)
    report = JpegFormat().write(Volume(values, axial_grid((1, 40, 50))), tmp_path / "x.jpg")
    with Pillow.open(tmp_path / "x.jpg") as picture:
        changed = np.abs(np.asarray(picture).astype(int) - values[0]).max()
        assert picture.info["dpi"] == pytest.approx((50.8, 33.0), abs=0.2)  # 20 and 13 dots a cm
        assert picture.info["comment"] == b"spacing_mm 3 0.75 0.5"
    assert changed > 0
    assert any(f"by up to {changed}" in text for text in report.losses)


@pytest.mark.parametrize(("turn", "text"), [(6, "turned right by 90"), (3, "180"), (2, "mirrored")])
@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_orientation_is_told_and_values_stay_as_stored(tmp_path, turn, text, order):
    values = ramp((8, 16), "uint8")
    raw = saved(Pillow.fromarray(values), "JPEG", quality=95)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    tiff = mark + struct.pack(f"{order}IHHHIHHI", 8, 1, 0x0112, 3, 1, turn, 0, 0)
    exif = b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff
    image, volume = opened(JpegFormat(), tmp_path, raw[:2] + exif + raw[2:])
    with Pillow.open(tmp_path / "x") as picture:
        assert picture.getexif()[0x0112] == turn
    assert volume.shape == (1, 8, 16)
    (found,) = [note.text for note in image.findings if note.code == "exif-orientation"]
    assert text in found
    assert any(line.tag == "Exif orientation" for line in JpegFormat().header(tmp_path / "x"))


def test_resolution_of_foreign_pictures_is_told_and_not_believed(tmp_path):
    raw = saved(Pillow.fromarray(ramp(SIZE, "uint8")), "PNG", dpi=(254, 127))
    image, _ = opened(PngFormat(), tmp_path, raw)
    assert image.grid.space is Space.PIXEL
    assert any("0.2 x 0.1 mm" in note.text for note in image.findings)


# -- JPEG 2000 ------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".jp2", ".j2k"])
@pytest.mark.parametrize(("dtype", "colour"), [("uint8", False), ("uint8", True), ("uint16", False)])
def test_pillow_reads_our_jpeg_2000(tmp_path, suffix, dtype, colour):
    shape, axes = ((3, 1, *SIZE), (CHANNEL, *SPATIAL)) if colour else ((1, *SIZE), SPATIAL)
    volume = Volume(ramp(shape, dtype), axial_grid((1, *SIZE)), axes)
    Jpeg2000Format().write(volume, tmp_path / f"x{suffix}")
    with Pillow.open(tmp_path / f"x{suffix}") as picture:
        expected = np.moveaxis(volume.data[:, 0], 0, -1) if colour else volume.data[0]
        assert np.array_equal(np.asarray(picture), expected)


def test_signed_jpeg_2000_keeps_every_value(tmp_path):
    volume = Volume(ramp((1, *SIZE), "int16"), axial_grid((1, *SIZE)))
    report = Jpeg2000Format().write(volume, tmp_path / "x.jp2")
    again = Jpeg2000Format().images(report.files[0])[0].open()
    assert again.dtype == np.int16
    assert np.array_equal(np.asarray(again.data), volume.data)


def test_irreversible_jpeg_2000_is_told(tmp_path):
    raw = saved(Pillow.fromarray(ramp(SIZE, "uint8")), "JPEG2000", irreversible=True, no_jp2=True)
    image, _ = opened(Jpeg2000Format(), tmp_path, raw)
    assert "lossy-compression" in [note.code for note in image.findings]


# -- BMP, PNM, WebP -------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_bmp_of_pillow(tmp_path, mode):
    base = Pillow.fromarray(ramp((*SIZE, 3), "uint8"))
    picture = base.convert(mode)
    _, volume = opened(BmpFormat(), tmp_path, saved(picture, "BMP"))
    if mode in ("1", "L"):
        assert np.array_equal(volume.data[0], np.asarray(picture.convert("L")))
    else:
        assert np.array_equal(np.moveaxis(volume.data[:, 0], 0, -1), np.asarray(picture.convert("RGB")))


def test_packed_bmp_is_refused_by_name(tmp_path):
    raw = bytearray(saved(Pillow.fromarray(ramp(SIZE, "uint8")), "BMP"))
    raw[30:34] = (1).to_bytes(4, "little")
    with pytest.raises(UnsupportedError, match="RLE8"):
        opened(BmpFormat(), tmp_path, bytes(raw))


PNM = {
    "bitmap as text": (b"P1\n# two rows\n3 2\n1 0 1\n010\n", [[1, 0, 1], [0, 1, 0]], np.uint8),
    "grey as text": (b"P2 2 2 300\n0 300\n# half\n7\n150", [[0, 300], [7, 150]], np.uint16),
    "bitmap": (b"P4\n10 1\n\xa0\x40", [[1, 0, 1, 0, 0, 0, 0, 0, 0, 1]], np.uint8),
    "grey": (b"P5 2 1 65535\n\x01\x02\xff\xfe", [[258, 65534]], np.uint16),
    "any": (
        b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nTUPLTYPE GRAYSCALE\nENDHDR\n\x07\x09",
        [[7, 9]],
        np.uint8,
    ),
}
"""Bytes made by hand from Netpbm's pages, and the values they stand for."""


@pytest.mark.parametrize("name", PNM)
def test_pnm_by_hand(tmp_path, name):
    raw, expected, dtype = PNM[name]
    _, volume = opened(PnmFormat(), tmp_path, raw)
    assert volume.data[0].tolist() == expected
    assert volume.dtype == dtype
    assert volume.display.inverted == name.startswith("bitmap")


def test_colours_of_a_text_ppm(tmp_path):
    _, volume = opened(PnmFormat(), tmp_path, b"P3 1 2 255  1 2 3  40 50 60")
    assert volume.data[:, 0, :, 0].T.tolist() == [[1, 2, 3], [40, 50, 60]]


@pytest.mark.parametrize("suffix", [".pgm", ".ppm", ".pnm"])
def test_pillow_reads_our_pnm(tmp_path, suffix):
    colour = suffix == ".ppm"
    shape, axes = ((3, 1, *SIZE), (CHANNEL, *SPATIAL)) if colour else ((1, *SIZE), SPATIAL)
    volume = Volume(ramp(shape, "uint8"), axial_grid((1, *SIZE)), axes)
    PnmFormat().write(volume, tmp_path / f"x{suffix}")
    with Pillow.open(tmp_path / f"x{suffix}") as picture:
        expected = np.moveaxis(volume.data[:, 0], 0, -1) if colour else volume.data[0]
        assert np.array_equal(np.asarray(picture), expected)


@pytest.mark.parametrize(
    "raw", [b"P2 2 2 9 1 2 3", b"P5 4 4 255\n123", b"P3 1 1 255 1 2", b"P7\nWIDTH 2\n", b"P5 2"]
)
def test_short_pnm_is_truncated(tmp_path, raw):
    with pytest.raises(TruncatedError):
        opened(PnmFormat(), tmp_path, raw)[1].load()


@pytest.mark.parametrize("raw", [b"P2 1 1 9 12", b"P2 2 1 9 1 -2", b"P2 2 1 9 1 two", b"P5 0 3 255\n"])
def test_senseless_pnm_is_refused(tmp_path, raw):
    with pytest.raises(FormatError):
        opened(PnmFormat(), tmp_path, raw)[1].load()


def test_webp_without_loss_and_with(tmp_path):
    values = ramp((*SIZE, 3), "uint8")
    _, volume = opened(WebpFormat(), tmp_path, saved(Pillow.fromarray(values), "WEBP", lossless=True))
    assert np.array_equal(np.moveaxis(volume.data[:, 0], 0, -1), values)
    raw = saved(Pillow.fromarray(values), "WEBP", quality=80)
    image, volume = opened(WebpFormat(), tmp_path, raw)
    with Pillow.open(io.BytesIO(raw)) as picture:
        assert np.array_equal(np.moveaxis(volume.data[:, 0], 0, -1), np.asarray(picture))
    assert "lossy-compression" in [note.code for note in image.findings]


def test_animated_webp_is_refused_by_name(tmp_path):
    frames = [Pillow.fromarray(ramp((*SIZE, 3), "uint8") + n) for n in (0, 9)]
    raw = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=100)
    with pytest.raises(UnsupportedError, match="animated"):
        opened(WebpFormat(), tmp_path, raw)


# -- GIF ------------------------------------------------------------------------------------------


def animation(count=4, colour=False):
    shape = (count, 3, 1, *SIZE) if colour else (count, 1, *SIZE)
    axes = (TIME, CHANNEL, *SPATIAL) if colour else (TIME, *SPATIAL)
    data = ramp(shape, "uint8") // 64 * 64 if colour else ramp(shape, "uint8")
    times = tuple(0.25 * n for n in range(count))
    return Volume(data, axial_grid((1, *SIZE)), axes, coordinates={TIME: times})


@pytest.mark.parametrize("colour", [False, True])
def test_pillow_shows_our_animation(tmp_path, colour):
    volume = animation(colour=colour)
    report = GifFormat().write(volume, tmp_path / "x.gif")
    assert not any("colours" in text for text in report.losses)
    with Pillow.open(tmp_path / "x.gif") as picture:
        assert picture.n_frames == 4
        for n in range(4):
            picture.seek(n)
            assert picture.info["duration"] == 250
            shown = np.asarray(picture.convert("RGB"))
            expected = np.moveaxis(volume.data[n, :, 0], 0, -1) if colour else volume.data[n, 0, :, :, None]
            assert np.array_equal(shown, np.broadcast_to(expected, shown.shape))
    image = GifFormat().images(tmp_path / "x.gif")[0]
    assert image.kind is Kind.CINE
    assert image.open().coordinates[TIME] == pytest.approx((0, 0.25, 0.5, 0.75))
    assert np.array_equal(np.asarray(image.open().data), volume.data)


def test_an_animation_of_pillow_with_parts_and_uneven_delays(tmp_path):
    """Pillow stores what changed only: the frames shown are what counts."""
    frames = [np.zeros((20, 30), np.uint8) for _ in range(3)]
    frames[1][4:8, 5:9] = 200
    frames[2][10:, 20:] = 90
    pictures = [Pillow.fromarray(frame) for frame in frames]
    raw = saved(pictures[0], "GIF", save_all=True, append_images=pictures[1:], duration=[100, 30, 70])
    _, volume = opened(GifFormat(), tmp_path, raw)
    shown = np.asarray(volume.data)
    shown = shown[:, 0] if volume.axes[1] == CHANNEL else shown
    assert np.array_equal(shown[:, 0], frames)
    assert volume.coordinates[TIME] == pytest.approx((0, 0.1, 0.13))


def test_more_than_256_colours_are_reported_with_the_largest_change(tmp_path):
    rng = np.random.default_rng(4)
    values = rng.integers(0, 256, (3, 1, 40, 50)).astype(np.uint8)
    report = GifFormat().write(
        Volume(values, axial_grid((1, 40, 50)), (CHANNEL, *SPATIAL)), tmp_path / "x.gif"
    )
    shown = np.asarray(GifFormat().images(tmp_path / "x.gif")[0].open().data).astype(int)
    changed = np.abs(shown - values).max()
    assert 0 < changed < 90
    assert np.abs(shown - values).mean() < 16
    assert any(f"by up to {changed}" in text for text in report.losses)


def test_times_that_delays_cannot_hold_are_reported(tmp_path):
    volume = Volume(
        ramp((2, 1, *SIZE), "uint8"),
        axial_grid((1, *SIZE)),
        (TIME, *SPATIAL),
        coordinates={TIME: (1.0, 1.333)},
    )
    report = GifFormat().write(volume, tmp_path / "x.gif")
    assert any("steps of 10 ms" in text for text in report.losses)


def test_a_small_file_that_claims_a_huge_screen_is_refused(tmp_path):
    raw = bytearray(saved(Pillow.fromarray(ramp(SIZE, "uint8")), "GIF"))
    raw[6:10] = struct.pack("<HH", 65535, 65535)
    with pytest.raises(TruncatedError):
        opened(GifFormat(), tmp_path, bytes(raw))
    small = saved(Pillow.fromarray(ramp(SIZE, "uint8")), "GIF")
    with settings.using(max_image_bytes=100), pytest.raises(LimitError, match="MEDVOX_MAX_IMAGE_BYTES"):
        opened(GifFormat(), tmp_path, small)


# -- sniffing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [PngFormat(), JpegFormat(), GifFormat(), BmpFormat(), PnmFormat()])
def test_a_dicom_file_behind_a_picture_is_dicom(tmp_path, form):
    """A preamble may be anything (PS3.10 7.1), the start of a picture too."""
    start = (form.magic[0] + b"9a\x10\0\x10\0").ljust(128, b"\0")
    head = Head(tmp_path / "x", start + b"DICM" + bytes(300), 432)
    assert form.sniff(head) == 0


def test_spacing_is_kept_to_the_last_digit(tmp_path):
    spacing = (1.1, 0.4882812, 0.4882812)
    matrix = aff.compose(spacing, np.eye(3)[:, ::-1], (0, 0, 0))
    volume = Volume(ramp((1, *SIZE), "uint8"), Grid((1, *SIZE), matrix, space=Space.LOCAL))
    for form, name in [(PngFormat(), "x.png"), (PnmFormat(), "x.pgm"), (Jpeg2000Format(), "x.jp2")]:
        assert form.write(volume, tmp_path / name).losses == ()
        assert form.images(tmp_path / name)[0].grid == volume.grid

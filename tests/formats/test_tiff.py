"""TIFF files that tifffile wrote, read by us, and the other way round."""

from dataclasses import replace

import numpy as np
import pytest
import tifffile

from medvox.core import affine as aff
from medvox.core import settings
from medvox.core.axes import SPATIAL
from medvox.core.errors import FormatError, UnsupportedError
from medvox.core.grid import Grid, Space
from medvox.core.study import Kind
from medvox.core.volume import Volume
from medvox.formats.tiff import TiffFormat
from medvox.formats.tiff.directory import read_directories
from medvox.formats.tiff.pages import page_stack
from medvox.testing.format_contract import FormatContract
from medvox.testing.volumes import SHAPE, axial_grid, ramp


class Foreign(FormatContract):
    """Files of tifffile: what is written is looked at further down."""

    form = TiffFormat()
    suffix = ".tif"

    def sample(self):
        return Volume(ramp((5, 7, 6), "uint16"), Grid.pixels((5, 7, 6)))


class TestPlain(Foreign):
    def make(self, folder):
        path = folder / "sample.tif"
        tifffile.imwrite(path, ramp((5, 7, 6), "uint16"))
        return path


class TestPacked(Foreign):
    def make(self, folder):
        path = folder / "sample.tif"
        tifffile.imwrite(
            path, ramp((5, 7, 6, 3), "uint8"), photometric="rgb", compression="zlib", bigtiff=True
        )
        return path


def opened(path):
    (image,) = TiffFormat().images(path)
    return image, image.open()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64", "bool"])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"byteorder": ">"}, {"bigtiff": True}])
def test_pages_become_slices(tmp_path, dtype, options):
    values = ramp((4, 9, 8), "uint8") > 99 if dtype == "bool" else ramp((4, 9, 8), dtype)
    tifffile.imwrite(tmp_path / "x.tif", values, photometric="minisblack", **options)
    image, volume = opened(tmp_path / "x.tif")
    assert image.kind is Kind.VOLUME
    assert np.array_equal(np.asarray(volume.data), values)
    assert np.array_equal(volume.data[2], values[2])


@pytest.mark.parametrize("shape", [(6, 5, 3), (4, 6, 5, 3)])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("packing", [None, "zlib"])
def test_colour_is_a_channel_axis_before_k(tmp_path, shape, planar, packing):
    values = ramp(shape, "uint8")
    stored = values if planar == "contig" else np.moveaxis(values, -1, -3)
    tifffile.imwrite(tmp_path / "x.tif", stored, photometric="rgb", planarconfig=planar, compression=packing)
    _, volume = opened(tmp_path / "x.tif")
    assert volume.axes == ("channel", "k", "j", "i")
    assert np.array_equal(np.asarray(volume.data), np.moveaxis(values.reshape(-1, 6, 5, 3), -1, 0))


def test_transparency_is_left_out_and_told(tmp_path):
    values = ramp((2, 6, 5, 4), "uint8")
    tifffile.imwrite(tmp_path / "x.tif", values, photometric="rgb", extrasamples=["unassalpha"])
    image, volume = opened(tmp_path / "x.tif")
    assert np.array_equal(np.asarray(volume.data), np.moveaxis(values[..., :3], -1, 0))
    assert "alpha-dropped" in [finding.code for finding in image.findings]


def test_palette_is_shown_as_colours(tmp_path):
    table = np.zeros((3, 256), np.uint16)
    table[:, 7] = 0x1000, 0x2000, 0x3000
    tifffile.imwrite(tmp_path / "x.tif", np.full((4, 5), 7, np.uint8), photometric="palette", colormap=table)
    _, volume = opened(tmp_path / "x.tif")
    assert volume.data[:, 0, 0, 0].tolist() == [0x10, 0x20, 0x30]


def test_inverted_grey_is_shown_inverted_with_values_kept(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", ramp((4, 5), "uint8"), photometric="miniswhite")
    _, volume = opened(tmp_path / "x.tif")
    assert volume.display.inverted
    assert np.array_equal(np.asarray(volume.data)[0], ramp((4, 5), "uint8"))


def test_imagej_hyperstack(tmp_path):
    values = ramp((3, 4, 2, 7, 6), "uint16")  # TZCYX
    tifffile.imwrite(
        tmp_path / "x.tif",
        values,
        imagej=True,
        resolution=(1 / 0.5, 1 / 0.25),
        metadata={"axes": "TZCYX", "spacing": 2.0, "unit": "um", "finterval": 1.5},
    )
    image, volume = opened(tmp_path / "x.tif")
    assert volume.axes == ("time", "channel", "k", "j", "i")
    assert np.array_equal(np.asarray(volume.data), values.transpose(0, 2, 1, 3, 4))
    assert np.array_equal(volume.data[1, 1, 2], values[1, 2, 1])
    assert image.grid.spacing_mm == pytest.approx((0.002, 0.00025, 0.0005))
    assert image.grid.space is Space.LOCAL
    assert volume.coordinates["time"] == pytest.approx((0, 1.5, 3.0))


def test_resolution_of_one_page_is_a_spacing_of_no_known_place(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", ramp((7, 6), "uint8"), resolution=(254, 127), resolutionunit="inch")
    image, _ = opened(tmp_path / "x.tif")
    assert image.kind is Kind.PICTURE
    assert image.grid.space is Space.LOCAL
    assert image.grid.spacing_mm[1:] == pytest.approx((0.2, 0.1))


def test_slice_distance_is_never_made_up(tmp_path):
    tifffile.imwrite(
        tmp_path / "x.tif",
        ramp((4, 7, 6), "uint8"),
        resolution=(254, 127),
        resolutionunit="inch",
        photometric="minisblack",
    )
    image, _ = opened(tmp_path / "x.tif")
    assert image.grid.space is Space.PIXEL
    assert any(f.code == "no-spacing" and "0.2 x 0.1 mm" in f.text for f in image.findings)


def test_series_of_different_size_are_images_of_their_own(tmp_path):
    with tifffile.TiffWriter(tmp_path / "x.tif") as writer:
        writer.write(ramp((7, 6), "uint8"))
        writer.write(ramp((3, 9, 8), "uint16"), photometric="minisblack")
    first, second = TiffFormat().images(tmp_path / "x.tif")
    assert first.shape == (1, 7, 6)
    assert second.shape == (3, 9, 8)
    assert np.array_equal(np.asarray(second.open().data), ramp((3, 9, 8), "uint16"))
    assert first.label != second.label


def test_damaged_directory_is_our_error(tmp_path):
    path = tmp_path / "x.tif"
    path.write_bytes(b"II*\0\xff\xff\xff\x7f" + bytes(50))
    with pytest.raises(FormatError):
        TiffFormat().images(path)


def test_directories_that_lead_in_a_circle_are_refused_at_once(tmp_path):
    path = tmp_path / "circle.tif"
    tifffile.imwrite(path, np.zeros((2, 8, 8), np.uint8), photometric="minisblack", contiguous=False)
    with tifffile.TiffFile(path) as tif:
        first, last = tif.pages[0].offset, tif.pages[1].offset
    raw = bytearray(path.read_bytes())
    entries = int.from_bytes(raw[last : last + 2], "little")
    at = last + 2 + 12 * entries
    raw[at : at + 4] = first.to_bytes(4, "little")
    path.write_bytes(raw)
    with pytest.raises(FormatError, match="circle"):
        TiffFormat().images(path)
    with pytest.raises(FormatError, match="circle"):
        TiffFormat().header(path)


class TestWritten(FormatContract):
    form = TiffFormat()
    suffix = ".tif"
    lazy_slices = False

    def sample(self):
        matrix = aff.compose((3.0, 0.75, 0.5), np.eye(3)[:, ::-1], (0, 0, 0))
        return Volume(ramp((5, 7, 6), "uint8"), Grid((5, 7, 6), matrix, space=Space.LOCAL))


class TestWrittenPacked(TestWritten):
    form = TiffFormat(compression="deflate")


class TestWrittenZstd(TestWritten):
    form = TiffFormat(compression="zstd")


def hyperstack():
    """Time, channels and slices, as uint16."""
    data = ramp((3, 2, 4, 7, 6), "uint16")  # time, channel, k, j, i
    coordinates = {"time": (0.0, 1.5, 3.0)}
    return Volume(data, axial_grid((4, 7, 6)), ("time", "channel", "k", "j", "i"), coordinates=coordinates)


def test_tifffile_sees_a_hyperstack_with_imagej_s_facts(tmp_path):
    volume = hyperstack()
    report = TiffFormat().write(volume, tmp_path / "x.tif")
    with tifffile.TiffFile(tmp_path / "x.tif") as tif:
        facts = tif.imagej_metadata
        assert tif.series[0].axes == "TZCYX"
        assert (facts["slices"], facts["channels"], facts["frames"]) == (4, 2, 3)
        assert (facts["unit"], facts["spacing"], facts["finterval"]) == ("mm", 3.0, 1.5)
        assert tif.pages[0].resolution == pytest.approx((1 / 0.5, 1 / 0.75))
        assert np.array_equal(tif.asarray(), volume.data.transpose(0, 2, 1, 3, 4))
    assert not any("times" in text or "positions along" in text for text in report.losses)
    _, again = opened(tmp_path / "x.tif")
    assert np.array_equal(np.asarray(again.data), volume.data)
    assert again.coordinates["time"] == pytest.approx((0, 1.5, 3))


def test_simpleitk_reads_our_pages(tmp_path):
    import SimpleITK

    for dtype in ("uint8", "int16", "uint16", "float32"):
        volume = Volume(ramp((4, 9, 8), dtype), axial_grid((4, 9, 8)))
        TiffFormat().write(volume, tmp_path / "x.tif")
        image = SimpleITK.ReadImage(str(tmp_path / "x.tif"))
        assert np.array_equal(SimpleITK.GetArrayFromImage(image), volume.data)
        assert image.GetSpacing()[:2] == pytest.approx((0.5, 0.75)) or dtype != "int16"


def test_types_that_imagej_lacks_are_kept_with_their_scale(tmp_path):
    volume = replace(
        Volume(ramp((3, *SHAPE), "int32"), axial_grid(), ("time", *SPATIAL), unit="HU"),
        coordinates={"time": (1.0, 2.0, 9.0)},
    )
    TiffFormat().write(volume, tmp_path / "x.tif")
    _, again = opened(tmp_path / "x.tif")
    assert (again.unit, again.dtype) == ("HU", np.int32)
    assert again.coordinates["time"] == (1.0, 2.0, 9.0)
    assert again.grid.spacing_mm == pytest.approx((3, 0.75, 0.5))


def test_sixteen_bit_rgb(tmp_path):
    volume = Volume(ramp((3, *SHAPE), "uint16"), axial_grid(), ("channel", *SPATIAL))
    TiffFormat().write(volume, tmp_path / "x.tif")
    with tifffile.TiffFile(tmp_path / "x.tif") as tif:
        assert tif.series[0].axes == "ZYXS"
        assert tif.pages[0].photometric == 2
    assert np.array_equal(np.asarray(opened(tmp_path / "x.tif")[1].data), volume.data)


def test_unknown_compression_is_told(tmp_path):
    with pytest.raises(UnsupportedError, match="deflate"):
        TiffFormat(compression="jpeg").write(hyperstack(), tmp_path / "x.tif")
    assert not list(tmp_path.iterdir())


# -- plain pages, read without tifffile -------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"byteorder": ">"},
        {"bigtiff": True},
        {"rowsperstrip": 2},
        {"compression": "zlib", "rowsperstrip": 4},
        {"compression": "lzw", "predictor": 2},
        {"compression": "zlib", "predictor": 2, "byteorder": ">"},
        {"compression": "zstd", "byteorder": ">"},
        {"compression": "packbits"},
    ],
)
@pytest.mark.parametrize("colour", [False, True])
def test_plain_pages_are_what_tifffile_says(tmp_path, dtype, options, colour):
    if colour:
        options = {**options, "photometric": "rgb"}
        dtype = {"int16": "uint8", "int32": "uint16", "float64": "float32"}.get(dtype, dtype)
    path = tmp_path / "x.tif"
    if dtype.startswith("float") and "predictor" in options:
        dtype = "uint32"
    options = dict(options)
    with tifffile.TiffWriter(
        path, bigtiff=options.pop("bigtiff", False), byteorder=options.pop("byteorder", "<")
    ) as writer:
        for page in ramp((6, 9, 8, 3) if colour else (6, 9, 8), dtype):
            writer.write(
                page,
                contiguous=False,
                metadata=None,
                resolution=(20, 40),
                resolutionunit="CENTIMETER",
                **options,
            )
    assert page_stack(path, *read_directories(path)) is not None
    expected = tifffile.imread(path)
    _, volume = opened(path)
    assert np.array_equal(np.asarray(volume.data), np.moveaxis(expected, -1, 0) if colour else expected)
    assert np.array_equal(volume.data[..., 4, 1:3, :], np.asarray(volume.data)[..., 4, 1:3, :])
    assert any("0.25 x 0.5 mm" in note.text for note in volume.findings)


@pytest.mark.parametrize("threads", [1, 2])
def test_large_plain_pages_in_one_thread_and_in_several(tmp_path, threads):
    values = np.arange(70 * 512 * 512, dtype=np.uint16).reshape(70, 512, 512)
    with tifffile.TiffWriter(tmp_path / "x.tif") as writer:
        for page in values:
            writer.write(page, contiguous=False, metadata=None)
    _, volume = opened(tmp_path / "x.tif")
    with settings.using(threads=threads):
        assert np.array_equal(np.asarray(volume.data), values)


def test_a_lost_last_page_is_told(tmp_path):
    path = tmp_path / "x.tif"
    with tifffile.TiffWriter(path) as writer:
        for page in ramp((6, 9, 8), "uint16"):
            writer.write(page, contiguous=False, metadata=None)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FormatError):
        opened(path)[1].load()


def test_damaged_pages_name_their_number(tmp_path):
    path = tmp_path / "x.tif"
    with tifffile.TiffWriter(path) as writer:
        for page in ramp((3, 9, 8), "uint16"):
            writer.write(page, contiguous=False, metadata=None, compression="zlib")
    with tifffile.TiffFile(path) as tif:
        at = tif.pages[1].dataoffsets[0]
    raw = bytearray(path.read_bytes())
    raw[at : at + 8] = b"damaged!"
    path.write_bytes(raw)
    with pytest.raises(FormatError, match="page 2"):
        opened(path)[1].load()


class TestPackedPages(TestPlain):
    def make(self, folder):
        path = folder / "sample.tif"
        with tifffile.TiffWriter(path) as writer:
            for page in ramp((5, 7, 6), "uint16"):
                writer.write(page, contiguous=False, metadata=None, compression="zlib", predictor=2)
        return path


class TestPlainPages(TestPlain):
    def make(self, folder):
        path = folder / "sample.tif"
        with tifffile.TiffWriter(path) as writer:
            for page in ramp((5, 7, 6), "uint16"):
                writer.write(page, contiguous=False, metadata=None)
        return path

"""TIFF files that tifffile wrote, and what ImageJ and OME say of them."""

import numpy as np
import pytest
import tifffile

from medvox.core.errors import FormatError
from medvox.core.grid import Space
from medvox.core.study import Kind
from medvox.formats.tiff import TiffFormat
from medvox.testing.format_contract import FormatContract
from medvox.testing.volumes import ramp


class TestPlain(FormatContract):
    form = TiffFormat()
    suffix = ".tif"

    def make(self, folder):
        path = folder / "sample.tif"
        tifffile.imwrite(path, ramp((5, 7, 6), "uint16"))
        return path


class TestPacked(FormatContract):
    form = TiffFormat()
    suffix = ".tif"

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


def test_ome_axes_spacing_and_times(tmp_path):
    values = ramp((2, 3, 4, 7, 6), "uint8")  # TCZYX
    facts = {
        "axes": "TCZYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25, "PhysicalSizeZ": 2.0,
        "PhysicalSizeXUnit": "µm", "PhysicalSizeYUnit": "µm", "PhysicalSizeZUnit": "µm",
        "TimeIncrement": 250.0, "TimeIncrementUnit": "ms",
    }  # fmt: skip
    tifffile.imwrite(tmp_path / "x.ome.tif", values, metadata=facts, photometric="minisblack")
    image, volume = opened(tmp_path / "x.ome.tif")
    assert volume.axes == ("time", "channel", "k", "j", "i")
    assert np.array_equal(np.asarray(volume.data), values)
    assert image.grid.spacing_mm == pytest.approx((0.002, 0.00025, 0.0005))
    assert volume.coordinates["time"] == pytest.approx((0, 0.25))


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

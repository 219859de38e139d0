"""OME-TIFF beside tifffile, and OME-XML beside what ome-types reads."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from data import data_dir
from medvox.core import affine as aff
from medvox.core.axes import CHANNEL, SPATIAL, TIME
from medvox.core.errors import FormatError, MedvoxError, UnsupportedError
from medvox.core.grid import Grid, Space
from medvox.core.volume import Volume
from medvox.formats.ome import OmeTiffFormat
from medvox.formats.ome.xml import parse
from medvox.formats.registry import detect
from medvox.formats.tiff import TiffFormat
from medvox.testing.format_contract import FormatContract
from medvox.testing.volumes import axial_grid, ramp, sample_volumes

HEAD = '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'


class TestOmeTiff(FormatContract):
    form = OmeTiffFormat()
    suffix = ".ome.tif"
    refused = frozenset({"echoes"}) | {
        name for name, v in sample_volumes().items() if set(v.axes) - {TIME, CHANNEL, *SPATIAL}
    }

    def sample(self):
        matrix = aff.compose((3.0, 0.75, 0.5), np.eye(3)[:, ::-1], (0, 0, 0))
        return Volume(ramp((5, 7, 6), "uint8"), Grid((5, 7, 6), matrix, space=Space.LOCAL))


class TestPacked(TestOmeTiff):
    form = OmeTiffFormat(compression="deflate")


def written(path, values, axes, **facts):
    tifffile.imwrite(path, values, ome=True, metadata={"axes": axes, **facts}, photometric="minisblack")
    return path


def opened(path):
    (image,) = OmeTiffFormat().images(path)
    return image, image.open()


@pytest.mark.parametrize("axes", ["TCZYX", "TZCYX", "CTZYX", "ZTCYX", "CZTYX", "ZCTYX"])
def test_every_order_of_dimensions(tmp_path, axes):
    values = ramp((2, 3, 4, 7, 6), "uint16").reshape(
        [{"T": 2, "C": 3, "Z": 4, "Y": 7, "X": 6}[a] for a in axes]
    )
    path = written(
        tmp_path / "x.ome.tif", values, axes,
        PhysicalSizeX=0.5, PhysicalSizeXUnit="µm", PhysicalSizeY=250, PhysicalSizeYUnit="nm",
        PhysicalSizeZ=2e-6, PhysicalSizeZUnit="m", TimeIncrement=250.0, TimeIncrementUnit="ms",
    )  # fmt: skip
    image, volume = opened(path)
    assert volume.axes == ("time", "channel", "k", "j", "i")
    expected = values.transpose([axes.index(a) for a in "TCZYX"])
    assert np.array_equal(np.asarray(volume.data), expected)
    assert np.array_equal(volume.data[1, 2, 3], expected[1, 2, 3])
    assert image.grid.spacing_mm == pytest.approx((0.002, 0.00025, 0.0005))
    assert volume.coordinates["time"] == pytest.approx((0, 0.25))


def test_ome_goes_before_tiff_and_tiff_stays_tiff(tmp_path):
    ome = written(tmp_path / "a.tif", ramp((4, 7, 6), "uint8"), "ZYX")
    tifffile.imwrite(tmp_path / "b.ome.tif", ramp((4, 7, 6), "uint8"), ome=False, photometric="minisblack")
    tifffile.imwrite(tmp_path / "c.tif", ramp((5, 7, 6), "uint8"), imagej=True)
    assert isinstance(detect(ome), OmeTiffFormat)
    for name in ("b.ome.tif", "c.tif"):
        found = detect(tmp_path / name)
        assert isinstance(found, TiffFormat)
        assert not isinstance(found, OmeTiffFormat)


def test_pixels_are_no_length(tmp_path):
    facts = {f"PhysicalSize{a}": 3 for a in "XY"} | {f"PhysicalSize{a}Unit": "pixel" for a in "XY"}
    path = written(tmp_path / "x.ome.tif", ramp((4, 7, 6), "uint8"), "ZYX", **facts)
    assert opened(path)[0].grid.space is Space.PIXEL


def test_several_images_and_a_pyramid(tmp_path):
    path = tmp_path / "x.ome.tif"
    big = ramp((3, 64, 48), "uint8")
    with tifffile.TiffWriter(path, ome=True) as writer:
        facts = {
            "axes": "ZYX",
            "Name": "first",
            "PhysicalSizeX": 2.0,
            "PhysicalSizeY": 2.0,
            "PhysicalSizeZ": 5.0,
        }
        writer.write(big, subifds=1, metadata=facts, photometric="minisblack", tile=(16, 16))
        writer.write(big[:, ::2, ::2], subfiletype=1, photometric="minisblack", tile=(16, 16))
        writer.write(
            ramp((9, 8), "uint16"), metadata={"axes": "YX", "Name": "label"}, photometric="minisblack"
        )
    first, second = OmeTiffFormat().images(path)
    assert (first.shape, second.shape) == ((3, 64, 48), (1, 9, 8))
    assert "first" in first.label
    assert "label" in second.label
    assert np.array_equal(np.asarray(first.open().data), big)
    assert dict(first.facts)["OME levels"] == "(3, 64, 48), (3, 32, 24)"
    assert first.grid.spacing_mm == pytest.approx((0.005, 0.002, 0.002))


def test_tifffile_reads_what_is_written(tmp_path):
    volume = replace(
        Volume(ramp((3, 2, 4, 7, 6), "float32"), axial_grid((4, 7, 6)), (TIME, CHANNEL, *SPATIAL)),
        coordinates={TIME: (0.5, 1.0, 7.0)},
    )
    OmeTiffFormat().write(volume, tmp_path / "x.ome.tif")
    with tifffile.TiffFile(tmp_path / "x.ome.tif") as tif:
        assert tif.is_ome
        assert tif.series[0].axes == "TCZYX"
        assert np.array_equal(tif.asarray(), volume.data)
        text = tif.ome_metadata
    for word in (
        'PhysicalSizeX="0.5"',
        'PhysicalSizeY="0.75"',
        'PhysicalSizeZ="3.0"',
        'PhysicalSizeZUnit="mm"',
    ):
        assert word in text
    assert opened(tmp_path / "x.ome.tif")[1].coordinates[TIME] == (0.5, 1.0, 7.0)


def test_a_companion_file_is_named(tmp_path):
    text = f'{HEAD}><BinaryOnly MetadataFile="set.companion.ome" UUID="urn:uuid:1"/></OME>'
    tifffile.imwrite(tmp_path / "x.ome.tif", ramp((7, 6), "uint8"), description=text, metadata=None)
    with pytest.raises(UnsupportedError, match=r"set\.companion\.ome"):
        OmeTiffFormat().images(tmp_path / "x.ome.tif")


def test_planes_in_other_files_are_named(tmp_path):
    files = "".join(
        f'<TiffData FirstT="{n}" PlaneCount="1"><UUID FileName="t{n}.ome.tif">urn:uuid:{n}</UUID></TiffData>'
        for n in range(2)
    )
    sizes = 'SizeX="6" SizeY="7" SizeC="1" SizeZ="1" SizeT="2"'
    pixels = f'<Pixels DimensionOrder="XYCZT" Type="uint8" {sizes}>{files}</Pixels>'
    text = f'{HEAD} UUID="urn:uuid:0"><Image ID="Image:0">{pixels}</Image></OME>'
    tifffile.imwrite(tmp_path / "t0.ome.tif", ramp((7, 6), "uint8"), description=text, metadata=None)
    with pytest.raises(UnsupportedError, match=r"t1\.ome\.tif"):
        OmeTiffFormat().images(tmp_path / "t0.ome.tif")


@pytest.mark.parametrize("wrong", ['SizeZ="9"', 'SizeX="60"', 'SizeT="3"'])
def test_sizes_that_are_not_those_of_the_pages_are_refused(tmp_path, wrong):
    name = wrong.split("=", maxsplit=1)[0]
    sizes = {"SizeX": 6, "SizeY": 7, "SizeC": 1, "SizeZ": 2, "SizeT": 1}
    said = " ".join(wrong if key == name else f'{key}="{value}"' for key, value in sizes.items())
    pixels = f'<Pixels DimensionOrder="XYCZT" Type="uint8" {said}><TiffData/></Pixels>'
    text = f'{HEAD}><Image ID="Image:0">{pixels}</Image></OME>'
    tifffile.imwrite(tmp_path / "x.ome.tif", ramp((2, 7, 6), "uint8"), description=text, metadata=None)
    with pytest.raises(FormatError):
        OmeTiffFormat().images(tmp_path / "x.ome.tif")[0].open().load()


@pytest.mark.parametrize(
    "text", ["<OME", f"{HEAD}><Image><Pixels SizeX='-1'/></Image></OME>", "<!DOCTYPE x><OME/>", "<svg/>"]
)
def test_damaged_xml_is_refused(text):
    with pytest.raises(FormatError):
        parse(text, Path("x"))


# -- real OME-XML: numbers read by ome-types 0.7 ----------------------------------------------------

OME_TYPES = {
    "MMStack.ome.xml": [
        ((256, 256, 5, 3, 2), "XYCZT", "uint16", (1.75, 2.0, 2.0), 0.001),
        ((256, 256, 5, 3, 2), "XYCZT", "uint16", (1.75, 2.0, 2.0), 0.001),
    ],
    "OverViewScan.ome.xml": [
        ((7398, 3212, 1, 1, 1), "XYZCT", "uint16", (None, 4.574362612, 4.574362612), None)
    ],
    "ROI.ome.xml": [((6, 4, 1, 3, 1), "XYCZT", "uint8", (None, 10000.0, 10000.0), None)],
    "bad.ome.xml": [((14799, 12464, 1, 3, 1), "XYZCT", "uint16", (None, 0.324999988, 0.324999988), None)],
    "fake-plate-rows-2.ome.xml": [
        ((512, 512, 1, 1, 1), "XYZCT", "uint8", (1.0, 1.0, 1.0), None),
        ((512, 512, 1, 1, 1), "XYZCT", "uint8", (1.0, 1.0, 1.0), None),
    ],
    "filter.ome.xml": [((128, 128, 1, 2, 1), "XYCTZ", "int16", (None, None, None), None)],
    "hcs.ome.xml": [((1024, 1024, 1, 3, 16), "XYCZT", "uint16", (None, 0.207, 0.207), 120.1302)],
    "invalid_xml_annotation.ome.xml": [
        ((171, 196, 5, 2, 11), "XYZTC", "uint16", (1.0, 0.0885, 0.0885), None)
    ],
    "metadata-only.ome.xml": [((18, 24, 5, 1, 5), "XYZCT", "uint8", (None, None, None), None)],
    "minimum-specification.ome.xml": [((2, 2, 2, 2, 2), "XYZCT", "int8", (None, None, None), None)],
    "multi-channel-time-series.ome.xml": [((18, 24, 1, 2, 5), "XYZCT", "uint8", (None, None, None), None)],
    "multi-channel-z-series-time-series.ome.xml": [
        ((18, 24, 5, 2, 5), "XYZCT", "uint8", (None, None, None), None)
    ],
    "multi-channel.ome.xml": [((6, 4, 1, 3, 1), "XYCZT", "uint8", (None, 10000.0, 10000.0), None)],
    "single-image.ome.xml": [((6, 4, 1, 1, 1), "XYCZT", "uint8", (None, 10000.0, 10000.0), None)],
    "small.ome.xml": [((14799, 12464, 1, 3, 1), "XYZCT", "uint16", (None, 0.324999988, 0.324999988), None)],
    "transformations-upgrade.ome.xml": [((6, 4, 1, 3, 1), "XYCZT", "uint8", (None, 10000.0, 10000.0), None)],
    "tubhiswt.ome.xml": [((512, 512, 1, 2, 20), "XYZTC", "uint8", (None, None, None), None)],
    "z-series.ome.xml": [((18, 24, 5, 1, 1), "XYCTZ", "uint8", (None, None, None), None)],
}
"""File, image: sizes X Y Z C T, order, type, micrometers along Z Y X, seconds of the time increment."""


@pytest.mark.parametrize("name", OME_TYPES)
def test_real_ome_xml_says_what_ome_types_reads(name):
    text = (data_dir("ome_xml") / name).read_text("utf-8")
    try:
        images = parse(text, Path(name))
    except UnsupportedError:
        assert "FileName" in text or "BinaryOnly" in text
        return
    found = [
        (
            tuple(image.sizes[letter] for letter in "XYZCT"),
            image.order,
            image.kind,
            tuple(None if v is None else pytest.approx(1000 * v) for v in image.spacing_mm),
            image.step_s,
        )
        for image in images
    ]
    assert found == OME_TYPES[name]


def test_all_ome_xml_is_read_or_refused_by_name():
    read = 0
    for path in data_dir("ome_xml").glob("*.xml"):
        with suppress(MedvoxError):
            parse(path.read_text("utf-8"), path)
            read += 1
    assert read >= 35


def test_the_real_ome_tiff():
    path = data_dir("ome_xml") / "ome.tiff"
    assert isinstance(detect(path), OmeTiffFormat)
    _, volume = opened(path)
    assert volume.shape == (2, 1, 6, 6)
    assert np.array_equal(np.asarray(volume.data)[:, 0], tifffile.imread(path))

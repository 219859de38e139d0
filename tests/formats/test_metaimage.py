"""MetaImage against SimpleITK, both ways, and headers written by hand."""

import zlib

import numpy as np
import pytest
import SimpleITK
from hypothesis import given

from medvox.core.axes import reverse_index_order
from medvox.core.errors import FormatError, MissingError, TruncatedError, UnsupportedError
from medvox.core.grid import Space
from medvox.formats.metaimage import MetaImageFormat
from medvox.testing.format_contract import FormatContract, differences
from medvox.testing.strategies import volumes
from medvox.testing.volumes import ramp, sample_volumes


class TestContractPlain(FormatContract):
    form = MetaImageFormat()
    suffix = ".mha"
    lazy_slices = True
    exact_mm = 1e-9


class TestContractPacked(FormatContract):
    form = MetaImageFormat(compress=True)
    suffix = ".mha"


class TestContractTwoFiles(FormatContract):
    form = MetaImageFormat()
    suffix = ".mhd"
    lazy_slices = True

    def values_file(self, path):
        return path.with_suffix(".raw")


HEADER = {
    "ObjectType": "Image",
    "NDims": "3",
    "BinaryData": "True",
    "BinaryDataByteOrderMSB": "False",
    "ElementSpacing": "1 2 3",
    "DimSize": "4 3 2",
    "ElementType": "MET_SHORT",
    "ElementDataFile": "LOCAL",
}
VALUES = ramp((2, 3, 4), "int16")
RAW = VALUES.tobytes()


def opened(path):
    (image,) = MetaImageFormat().images(path)
    return image, image.open()


def written(folder, values=RAW, **changes):
    keys = {**HEADER, **changes}
    last = keys.pop("ElementDataFile")
    lines = [f"{name} = {value}\n" for name, value in keys.items() if value is not None]
    (folder / "x.mha").write_bytes("".join([*lines, f"ElementDataFile = {last}\n"]).encode() + values)
    return folder / "x.mha"


def itk_affine(image):
    count = image.GetDimension()
    matrix = np.eye(4)
    direction = np.reshape(image.GetDirection(), (count, count))[:3, :3]
    matrix[:3, :3] = direction * np.array(image.GetSpacing())[:3]
    matrix[:3, 3] = image.GetOrigin()[:3]
    return reverse_index_order(matrix)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("suffix", [".mha", ".mhd"])
@pytest.mark.parametrize("name", sorted(sample_volumes()))
def test_simpleitk_reads_what_is_written(tmp_path, name, suffix, compress):
    volume = sample_volumes()[name]
    MetaImageFormat(compress).write(volume, tmp_path / f"x{suffix}")
    image = SimpleITK.ReadImage(str(tmp_path / f"x{suffix}"))
    expected = volume.values()
    if volume.is_colour:
        expected = np.moveaxis(expected, volume.axes.index("channel"), -1)
    assert np.array_equal(SimpleITK.GetArrayFromImage(image), expected)
    np.testing.assert_allclose(itk_affine(image), volume.grid.affine, atol=1e-9)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("suffix", [".mha", ".mhd"])
@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 5), (2, 3, 4, 5)])
def test_what_simpleitk_writes_is_read(tmp_path, shape, suffix, compress):
    values = ramp(shape, "float32")
    image = SimpleITK.GetImageFromArray(values, isVector=False)
    image.SetSpacing((0.5, 0.75, 2.0, 2.5)[: len(shape)])
    image.SetOrigin((5.0, 6.0, 7.0, 8.0)[: len(shape)])
    if len(shape) == 3:
        image.SetDirection((0, 1, 0, 0, 0, -1, 1, 0, 0))
    SimpleITK.WriteImage(image, str(tmp_path / f"x{suffix}"), compress)
    found, volume = opened(tmp_path / f"x{suffix}")
    assert np.array_equal(np.asarray(volume.data).reshape(shape), values)
    if len(shape) > 2:
        np.testing.assert_allclose(found.grid.affine, itk_affine(image), atol=1e-12)
    else:
        assert found.grid.space is Space.LOCAL
        assert found.grid.spacing_mm == (1.0, 0.75, 0.5)
    if len(shape) == 4:
        assert volume.coordinates["time"] == (8.0, 10.5)


@pytest.mark.parametrize("count", [2, 3, 6])
def test_channels_lie_together(tmp_path, count):
    values = ramp((3, 4, 5, count), "uint8")
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values, isVector=True), str(tmp_path / "x.mha"))
    _, volume = opened(tmp_path / "x.mha")
    assert volume.axes == ("channel", "k", "j", "i")
    assert np.array_equal(np.asarray(volume.data), np.moveaxis(values, -1, 0))


def test_companion_of_a_header(tmp_path):
    MetaImageFormat().write(sample_volumes()["oblique"], tmp_path / "x.mhd")
    assert MetaImageFormat().companions(tmp_path / "x.mhd") == (tmp_path / "x.raw",)


def test_big_endian_and_old_names(tmp_path):
    path = written(
        tmp_path,
        VALUES.astype(">i2").tobytes(),
        BinaryDataByteOrderMSB=None,
        ElementByteOrderMSB="True",
        Position="1 2 3",
        Orientation="0 1 0 1 0 0 0 0 1",
    )
    image, volume = opened(path)
    assert np.array_equal(np.asarray(volume.data), VALUES)
    assert image.grid.to_patient((0, 0, 1)).tolist() == [1, 3, 3]


def test_text_values(tmp_path):
    text = " ".join(str(v) for v in VALUES.ravel()).encode()
    _, volume = opened(written(tmp_path, text, BinaryData="False"))
    assert np.array_equal(np.asarray(volume.data), VALUES)
    with pytest.raises(TruncatedError):
        opened(written(tmp_path, text[:40], BinaryData="False"))[1].load()


def test_header_of_a_raw_file_is_skipped(tmp_path):
    (tmp_path / "x.raw").write_bytes(b"123456" + VALUES.tobytes())
    for size in ("6", "-1"):
        _, volume = opened(written(tmp_path, b"", ElementDataFile="x.raw", HeaderSize=size))
        assert np.array_equal(np.asarray(volume.data), VALUES)


def test_zlib_written_elsewhere(tmp_path):
    packed = zlib.compress(VALUES.tobytes())
    _, volume = opened(written(tmp_path, packed, CompressedData="True", CompressedDataSize=str(len(packed))))
    assert np.array_equal(np.asarray(volume.data), VALUES)


def test_intensity_function_is_the_rescale(tmp_path):
    path = written(tmp_path, ElementToIntensityFunctionSlope="2", ElementToIntensityFunctionOffset="-5")
    _, volume = opened(path)
    assert np.array_equal(volume.values(np.float64), VALUES * 2.0 - 5)


@pytest.mark.parametrize("spacing", ["0 1 1", "nan 1 1", "inf 1 1"])
def test_unusable_spacing_is_a_finding(tmp_path, spacing):
    image, _ = opened(written(tmp_path, ElementSpacing=spacing))
    assert image.grid.space is Space.PIXEL
    assert {f.code for f in image.findings} == {"zero-spacing"}


def test_missing_spacing_is_a_finding(tmp_path):
    image, _ = opened(written(tmp_path, ElementSpacing=None))
    assert image.grid.space is Space.PIXEL
    assert [f.code for f in image.findings] == ["no-spacing"]


@pytest.mark.parametrize(
    ("change", "error", "field"),
    [
        ({"NDims": "7"}, UnsupportedError, "NDims"),
        ({"NDims": "x"}, FormatError, "NDims"),
        ({"DimSize": "4 3"}, FormatError, "DimSize"),
        ({"DimSize": "4 -3 2"}, FormatError, "DimSize"),
        ({"DimSize": "4 3 99999999"}, TruncatedError, "DimSize"),
        ({"ElementType": "MET_OTHER"}, UnsupportedError, "ElementType"),
        ({"ElementType": None}, FormatError, "ElementType"),
        ({"ElementDataFile": "LIST"}, UnsupportedError, "ElementDataFile"),
        ({"ElementDataFile": "gone.raw"}, MissingError, "gone.raw"),
        ({"ElementDataFile": "../../etc/passwd"}, FormatError, "outside its folder"),
        ({"ElementDataFile": "/etc/passwd"}, FormatError, "outside its folder"),
        ({"TransformMatrix": "1 0 0"}, FormatError, "TransformMatrix"),
        ({"ElementNumberOfChannels": "0"}, FormatError, "ElementNumberOfChannels"),
    ],
)
def test_bad_headers_name_file_and_field(tmp_path, change, error, field):
    with pytest.raises(error, match=r"x\.mha") as caught:
        opened(written(tmp_path, **change))
    assert field in str(caught.value)


@given(volume=volumes())
def test_round_trip_of_any_volume(tmp_path_factory, volume):
    path = tmp_path_factory.mktemp("meta") / "x.mha"
    report = MetaImageFormat().write(volume, path)
    changed = set(differences(volume, opened(path)[1], 1e-6))
    assert changed <= ({"type"} if report.losses else set())


@pytest.mark.parametrize("name", ["pixels", "local-plain"])
def test_no_place_is_claimed_where_none_is_known(tmp_path, name):
    volume = sample_volumes()[name]
    assert MetaImageFormat().write(volume, tmp_path / "x.mha").losses == ()
    assert opened(tmp_path / "x.mha")[0].grid == volume.grid

"""MRC against mrcfile and SimpleITK, both ways, and headers changed by hand."""

from dataclasses import replace

import mrcfile
import numpy as np
import pytest
import SimpleITK
from hypothesis import given

from medvox.core.errors import FormatError, TruncatedError, UnsupportedError
from medvox.core.grid import Space
from medvox.core.volume import Volume
from medvox.formats.mrc import _BIG, _LITTLE, MrcFormat
from medvox.formats.registry import read_head
from medvox.testing.format_contract import FormatContract, differences
from medvox.testing.strategies import volumes
from medvox.testing.volumes import axial_grid, ramp, sample_volumes

REFUSED = frozenset({"vectors-over-time"})
LOCAL = replace(axial_grid(), space=Space.LOCAL)


class TestContractPlain(FormatContract):
    form = MrcFormat()
    suffix = ".mrc"
    lazy_slices = True
    refused = REFUSED

    def sample(self):
        return Volume(ramp((5, 7, 6), "int16"), LOCAL)


class TestContractPacked(TestContractPlain):
    suffix = ".mrc.gz"
    lazy_slices = False


def opened(path):
    (image,) = MrcFormat().images(path)
    return image, image.open()


@pytest.mark.parametrize("name", sorted(set(sample_volumes()) - REFUSED - {"rgb", "rgb-over-time"}))
def test_mrcfile_reads_what_is_written(tmp_path, name):
    volume, path = sample_volumes()[name], tmp_path / "x.mrc"
    MrcFormat().write(volume, path)
    assert name == "float16" or mrcfile.validate(path)  # mrcfile's own check overflows in half floats
    with mrcfile.open(path) as file:
        assert file.header.mode == {"axial-int8": 0, "axial-uint16": 6, "float16": 12}.get(
            name, file.header.mode
        )
        np.testing.assert_allclose(file.data, volume.values(np.float64), rtol=1e-7)
        assert file.is_volume_stack() == (len(volume.axes) == 4)
        steps = [file.voxel_size[n] for n in ("z", "y", "x")]
        np.testing.assert_allclose(steps, np.array(volume.grid.spacing_mm) * 1e7, rtol=1e-6)
        values = volume.values(np.float64)
        np.testing.assert_allclose(file.header.dmean, values.mean(), rtol=1e-5)
        np.testing.assert_allclose(file.header.rms, values.std(), rtol=1e-5)


@pytest.mark.parametrize("kind", ["int8", "int16", "uint16", "float16", "float32"])
@pytest.mark.parametrize("extension", [b"", b"tilt angles of each section"])
def test_what_mrcfile_writes_is_read(tmp_path, kind, extension):
    values = ramp((3, 4, 5), "float32").astype(kind) if kind == "float16" else ramp((3, 4, 5), kind)
    with mrcfile.new(tmp_path / "x.mrc") as file:
        file.set_data(values)
        file.voxel_size = (2.5, 3.5, 10.0)
        file.nstart = (4, -3, 2)
        file.set_extended_header(np.frombuffer(extension, "S1"))
    found, volume = opened(tmp_path / "x.mrc")
    assert volume.dtype == np.dtype(kind)
    assert np.array_equal(np.asarray(volume.data), values)
    np.testing.assert_allclose(found.grid.spacing_mm, (10e-7, 3.5e-7, 2.5e-7), rtol=1e-6)
    np.testing.assert_allclose(found.grid.origin_mm, (10e-7, -10.5e-7, 20e-7), rtol=1e-6)
    assert found.grid.space is Space.LOCAL


def test_stack_of_volumes(tmp_path):
    values = ramp((2, 3, 4, 5), "float32")
    with mrcfile.new(tmp_path / "x.mrc") as file:
        file.set_data(values)
    image, volume = opened(tmp_path / "x.mrc")
    assert image.axes == ("volume", "k", "j", "i")
    assert np.array_equal(np.asarray(volume.data), values)
    assert "no-spacing" in {f.code for f in image.findings}


def test_what_simpleitk_writes_is_read(tmp_path):
    image = SimpleITK.GetImageFromArray(ramp((3, 4, 5), "float32"))
    image.SetSpacing((0.5, 0.75, 2.0))
    image.SetOrigin((5.0, 6.0, 7.0))
    SimpleITK.WriteImage(image, str(tmp_path / "x.mrc"))
    found, volume = opened(tmp_path / "x.mrc")
    assert np.array_equal(np.asarray(volume.data), ramp((3, 4, 5), "float32"))
    np.testing.assert_allclose(found.grid.spacing_mm, (2e-7, 0.75e-7, 0.5e-7), rtol=1e-6)
    np.testing.assert_allclose(found.grid.origin_mm, (5e-7, 6e-7, 7e-7), rtol=1e-6)
    assert "geometry-assumed" in {f.code for f in found.findings}  # ITK writes space group 0


def changed(path, **fields):
    raw = bytearray(path.read_bytes())
    header = np.frombuffer(raw, _LITTLE, 1).copy()
    for name, value in fields.items():
        header[name] = value
    raw[:1024] = header.tobytes()
    path.write_bytes(raw)
    return path


@pytest.fixture
def path(tmp_path):
    MrcFormat().write(Volume(ramp((5, 7, 6), "int16"), LOCAL), tmp_path / "x.mrc")
    return tmp_path / "x.mrc"


@pytest.mark.parametrize("stamp", [(0x11, 0x11, 0, 0), (0, 0, 0, 0)])
def test_big_endian(path, stamp):
    header = np.frombuffer(path.read_bytes(), _LITTLE, 1).astype(_BIG)
    header["machst"] = stamp
    path.write_bytes(header.tobytes() + ramp((5, 7, 6), ">i2").tobytes())
    image, volume = opened(path)
    assert np.array_equal(np.asarray(volume.data), ramp((5, 7, 6), "int16"))
    assert image.grid.is_close(LOCAL)
    assert MrcFormat().sniff(read_head(path)) == 1.0


def test_map_axes(path):
    """Columns along Z, rows along X, sections along Y: mapc, mapr, maps = 3, 1, 2."""
    changed(path, map_axes=(3, 1, 2), cella=(70, 100, 240), m=(7, 5, 6), origin=(1, 2, 3))
    image, _ = opened(path)
    along = image.grid.affine[:3, :3] * 1e7
    np.testing.assert_allclose(along, [[0, 10, 0], [20, 0, 0], [0, 0, 40]], atol=1e-5)  # columns k, j, i
    np.testing.assert_allclose(image.grid.origin_mm * 1e7, [1, 2, 3], rtol=1e-6)


def test_hexagonal_cell(path):
    changed(path, cellb=(90, 90, 120), cella=(60, 70, 50), origin=(0, 0, 0))
    steps = opened(path)[0].grid.affine[:3, :3] * 1e7
    np.testing.assert_allclose(steps[:, 2], [10, 0, 0], atol=1e-5)  # a
    np.testing.assert_allclose(steps[:, 1], [-5, 10 * np.sqrt(0.75), 0], atol=1e-5)  # b
    np.testing.assert_allclose(steps[:, 0], [0, 0, 10], atol=1e-5)  # c


@pytest.mark.parametrize(("flags", "kind"), [(0, "uint8"), (1, "int8")])
def test_bytes_of_imod(tmp_path, flags, kind):
    path = tmp_path / "x.mrc"
    MrcFormat().write(Volume(ramp((5, 7, 6), "int8"), LOCAL), path)
    changed(path, imod_stamp=1146047817, imod_flags=flags)
    assert opened(path)[1].dtype == np.dtype(kind)


def test_without_map_and_stamp(path):
    """Files of the time before MRC2000 have neither."""
    changed(path, map=b"", machst=0)
    form = MrcFormat()
    assert form.sniff(read_head(path)) == 0.5
    assert np.array_equal(np.asarray(opened(path)[1].data), ramp((5, 7, 6), "int16"))


@pytest.mark.parametrize(
    ("fields", "error", "word"),
    [
        ({"mode": 101}, UnsupportedError, "4-bit"),
        ({"mode": 4}, UnsupportedError, "complex"),
        ({"mode": 55}, FormatError, "mode 55"),
        ({"n": (6, 0, 5)}, FormatError, "make no sense"),
        ({"n": (6, 7, 500)}, TruncatedError, "ends before"),
        ({"nsymbt": -4}, FormatError, "make no sense"),
        ({"nsymbt": 4000}, TruncatedError, "ends before"),
        ({"map_axes": (1, 1, 2)}, FormatError, "make no sense"),
        ({"ispg": 401, "m": (6, 7, 3)}, FormatError, "whole volumes"),
    ],
)
def test_bad_headers(path, fields, error, word):
    with pytest.raises(error, match=word) as caught:
        opened(changed(path, **fields))
    assert "x.mrc" in str(caught.value)


@given(volume=volumes())
def test_round_trip_of_any_volume(tmp_path_factory, volume):
    path = tmp_path_factory.mktemp("mrc") / "x.mrc"
    report = MrcFormat().write(volume, path)
    told = " ".join(report.losses)
    different = set(differences(volume, opened(path)[1], 1e-2))
    rounded = {"type", "values"} if "written as" in told else {"type"} if "rescaled" in told else set()
    assert different <= {"space", "geometry", "axes", "times"} | rounded
    assert ("geometry" not in different) or "orientation" in told

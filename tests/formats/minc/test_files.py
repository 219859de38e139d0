"""MINC files made by hand: netCDF with records, HDF5 that leads elsewhere, labels, units, odd headers."""

import gzip
import os
import struct
import sys
from dataclasses import replace

import h5py
import numpy as np
import pytest
from scipy.io import netcdf_file

from medvox.core.errors import FormatError, LimitError, TruncatedError, UnsupportedError, WriteError
from medvox.core.grid import Grid, Space
from medvox.core.settings import using
from medvox.core.volume import Volume
from medvox.formats.minc import Minc1Format, Minc2Format
from medvox.formats.registry import detect, format_for_name, read_head
from medvox.testing.volumes import ramp, sample_volumes


def opened(form, path):
    (image,) = form.images(path)
    return image, image.open()


def written_by_scipy(path, sizes, values, order, record=None, **attributes):
    """A MINC 1 file by scipy's netCDF writer; `record` names the unlimited dimension."""
    with netcdf_file(path, "w") as file:
        for name in order:
            file.createDimension(name, None if name == record else sizes[name])
            if name.endswith("space"):
                variable = file.createVariable(name, "i", ())
                variable.step, variable.start = 2.0, -3.0
        if record:
            file.createVariable("other", "h", (record,))[:] = np.arange(sizes[record], dtype="h")
        for name, end in (("image-min", values.min()), ("image-max", values.max())):
            file.createVariable(name, "d", ()).data[...] = end
        image = file.createVariable("image", values.dtype.char, order)
        image[:] = values
        image.valid_range = np.array([values.min(), values.max()], "f8")
        for name, value in {"signtype": "signed__", **attributes}.items():
            setattr(image, name, value)
    return path


SIZES = {"time": 3, "zspace": 4, "yspace": 5, "xspace": 6}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("record", [None, "time"])
def test_netcdf_of_scipy(tmp_path, record, packed):
    order = ("time", "zspace", "yspace", "xspace")
    values = ramp((3, 4, 5, 6), "int16")
    path = written_by_scipy(tmp_path / "x.mnc", SIZES, values, order, record)
    with netcdf_file(path, mmap=False) as file:  # scipy 1.17 writes some values of records wrongly
        values = file.variables["image"].data.astype("int16")
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    assert type(detect(path)) is Minc1Format
    _, volume = opened(Minc1Format(), path)
    assert volume.axes == ("time", "k", "j", "i")
    assert np.array_equal(np.asarray(volume.data), values)
    assert np.array_equal(volume.data[1, 2], values[1, 2])


def test_scipy_reads_what_is_written(tmp_path):
    volume = sample_volumes()["rescaled-by-slice"]
    Minc1Format().write(volume, tmp_path / "x.mnc1")
    with netcdf_file(tmp_path / "x.mnc1", mmap=False) as file:
        image = file.variables["image"]
        assert image.dimensions == ("zspace", "yspace", "xspace")
        assert np.array_equal(image.data, volume.data)
        low, high = image.valid_range
        slope = (file.variables["image-max"][:] - file.variables["image-min"][:]) / (high - low)
        np.testing.assert_allclose(slope, volume.rescale.slope)
        assert file.variables["image-max"].units == b"Bq/ml"


def test_a_single_plane(tmp_path):
    values = ramp((5, 6), "int16")
    path = written_by_scipy(tmp_path / "x.mnc", SIZES, values, ("yspace", "xspace"))
    image, volume = opened(Minc1Format(), path)
    assert image.shape == (1, 5, 6)
    assert np.array_equal(np.asarray(volume.data)[0], values)
    assert image.grid.spacing_mm == (1.0, 2.0, 2.0)


@pytest.mark.parametrize("suffix", [".minc1.mnc", ".mnc"])
def test_slices_over_time_are_read_alone(tmp_path, suffix):
    """MINC 1 lets a slice be read of a file cut off behind it; MINC 2 reads the chunks asked for only."""
    form = Minc1Format() if suffix == ".minc1.mnc" else Minc2Format()
    volume, path = sample_volumes()["time"], tmp_path / f"x{suffix}"
    form.write(volume, path)
    _, again = opened(form, path)
    if suffix == ".mnc":
        with h5py.File(path, "r+") as file:
            dataset = file["minc-2.0/image/0/image"]
            place = dataset.id.get_chunk_info_by_coord((2, 4, 0, 0)).byte_offset
        with path.open("r+b") as file:
            file.seek(place)
            file.write(b"\xff" * 8)
    else:
        os.truncate(path, path.stat().st_size - 84)
    assert np.array_equal(again.data[2, 3], volume.data[2, 3])
    assert np.array_equal(again.data[1, 1:4, 2], volume.data[1, 1:4, 2])
    with pytest.raises(FormatError, match="x"):
        again.data[2, 4]


def test_names_do_not_clash(tmp_path):
    assert type(format_for_name("x.mnc")) is Minc2Format
    for name in ("x.minc1.mnc", "x.mnc1", "x.mnc.gz", "minc1"):
        assert type(format_for_name(name)) is Minc1Format
    volume = sample_volumes()["axial-int16"]
    Minc1Format().write(volume, tmp_path / "a.mnc")
    Minc2Format().write(volume, tmp_path / "b.mnc1")
    assert type(detect(tmp_path / "a.mnc")) is Minc1Format
    assert type(detect(tmp_path / "b.mnc1")) is Minc2Format


def test_other_hdf5_and_netcdf_are_not_minc(tmp_path):
    with h5py.File(tmp_path / "x.mnc", "w") as file:
        file["image"] = np.zeros(3)
    assert Minc2Format().sniff(read_head(tmp_path / "x.mnc")) == 0
    with pytest.raises(FormatError, match="no MINC 2 file"):
        Minc2Format().images(tmp_path / "x.mnc")
    with netcdf_file(tmp_path / "y.mnc", "w") as file:
        file.createDimension("longitude", 3)
    assert Minc1Format().sniff(read_head(tmp_path / "y.mnc")) == 0
    with pytest.raises(FormatError, match="no variable image"):
        Minc1Format().images(tmp_path / "y.mnc")


@pytest.fixture
def minc2(tmp_path):
    Minc2Format(compress=False).write(sample_volumes()["axial-int16"], tmp_path / "x.mnc")
    return tmp_path / "x.mnc"


IMAGE = "minc-2.0/image/0/image"


def replaced_image(path, make):
    with h5py.File(path, "r+") as file:
        attributes = dict(file[IMAGE].attrs)
        del file[IMAGE]
        make(file)
        if IMAGE in file:
            file[IMAGE].attrs.update(attributes)


def test_values_outside_the_file_are_not_read(minc2):
    secret = minc2.with_name("secret.raw")
    secret.write_bytes(bytes(420))

    def outside(file):
        file.create_dataset(IMAGE, (5, 7, 6), "i2", external=[(str(secret), 0, 420)])

    replaced_image(minc2, outside)
    with pytest.raises(UnsupportedError, match="other files"):
        Minc2Format().images(minc2)


def test_virtual_values_are_not_read(minc2):
    def virtual(file):
        layout = h5py.VirtualLayout((5, 7, 6), "i2")
        layout[:] = h5py.VirtualSource("other.h5", "x", (5, 7, 6))
        file.create_virtual_dataset(IMAGE, layout)

    replaced_image(minc2, virtual)
    with pytest.raises(UnsupportedError, match="other files"):
        Minc2Format().images(minc2)


@pytest.mark.parametrize("link", [h5py.ExternalLink("other.h5", "/x"), h5py.SoftLink("/minc-2.0/dimensions")])
@pytest.mark.parametrize("name", [IMAGE, "minc-2.0/dimensions/xspace"])
def test_links_are_not_followed(minc2, link, name):
    with h5py.File(minc2, "r+") as file:
        del file[name]
        file[name] = link
    with pytest.raises(UnsupportedError, match="links"):
        Minc2Format().images(minc2)


@pytest.mark.parametrize(
    ("options", "shape", "error"),
    [
        ({"chunks": (1, 7, 6), "compression": "gzip"}, (10**9, 7, 6), TruncatedError),  # nothing written
        ({"chunks": (1, 7, 6), "compression": "lzf"}, (5, 7, 6), UnsupportedError),
    ],
)
def test_bombs_and_unknown_filters(minc2, options, shape, error):
    replaced_image(minc2, lambda file: file.create_dataset(IMAGE, shape, "i2", **options))
    with pytest.raises(error, match=r"x\.mnc"):
        Minc2Format().images(minc2)


@pytest.mark.parametrize("form", [Minc1Format(), Minc2Format()])
def test_limit_is_named(tmp_path, form):
    form.write(sample_volumes()["axial-int16"], tmp_path / "x.mnc")
    with using(max_image_bytes=100), pytest.raises(LimitError, match="MEDVOX_MAX_IMAGE_BYTES"):
        form.images(tmp_path / "x.mnc")


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files there")
@pytest.mark.parametrize("form", [Minc1Format(), Minc2Format(), Minc2Format(compress=False)])
def test_full_disk_is_a_write_error(tmp_path, form):
    import resource

    volume = Volume(
        np.random.default_rng(1).integers(0, 255, (9, 64, 64), np.uint8), Grid.pixels((9, 64, 64))
    )
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(WriteError):
            form.write(volume, tmp_path / "x.mnc")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


def test_positions_of_another_axis_are_reported(tmp_path):
    volume = replace(sample_volumes()["echoes"], coordinates={"echo": (1.0, 2.0, 3.0, 4.0)})
    report = Minc2Format().write(volume, tmp_path / "x.mnc")
    assert "positions along echo" in " ".join(report.losses)
    assert opened(Minc2Format(), tmp_path / "x.mnc")[1].coordinates == {}


def test_order_missing(minc2):
    with h5py.File(minc2, "r+") as file:
        del file[IMAGE].attrs["dimorder"]
    with pytest.raises(FormatError, match="dimensions of the image"):
        Minc2Format().images(minc2)


def test_enumerated_labels(minc2):
    """Label volumes of MINC 2 are HDF5 enumerations."""
    kind = h5py.enum_dtype({"white": 1, "grey": 2}, basetype="u1")
    labels = ramp((5, 7, 6), "uint8") % 3

    def make(file):
        file.create_dataset(IMAGE, data=labels, dtype=kind)
        for name, end in (("image-min", 0.0), ("image-max", 255.0)):
            file[f"minc-2.0/image/0/{name}"][()] = end

    replaced_image(minc2, make)
    with h5py.File(minc2, "r+") as file:
        file[IMAGE].attrs["valid_range"] = [0.0, 255.0]
    _, volume = opened(Minc2Format(), minc2)
    assert volume.dtype == np.uint8
    assert np.array_equal(volume.values(), labels)


@pytest.mark.parametrize(
    ("attribute", "value", "space", "code"),
    [
        ("step", np.nan, Space.PIXEL, "zero-spacing"),
        ("step", 0.0, Space.PIXEL, "zero-spacing"),
        ("direction_cosines", [0.0, 1.0, 0.0], Space.PIXEL, "bad-affine"),
    ],
)
def test_unusable_geometry_is_a_finding(minc2, attribute, value, space, code):
    with h5py.File(minc2, "r+") as file:
        file["minc-2.0/dimensions/xspace"].attrs[attribute] = value
    image, _ = opened(Minc2Format(), minc2)
    assert image.grid.space is space
    assert [f.code for f in image.findings] == [code]


def test_units_of_lengths(minc2):
    with h5py.File(minc2, "r+") as file:
        file["minc-2.0/dimensions/zspace"].attrs["units"] = np.bytes_("cm")
    image, _ = opened(Minc2Format(), minc2)
    assert image.grid.spacing_mm == (30.0, 0.75, 0.5)
    with h5py.File(minc2, "r+") as file:
        file["minc-2.0/dimensions/zspace"].attrs["units"] = np.bytes_("furlong")
    with pytest.raises(FormatError, match="furlong"):
        Minc2Format().images(minc2)


def test_scale_that_is_no_number_is_a_finding(minc2):
    with h5py.File(minc2, "r+") as file:
        file["minc-2.0/image/0/image-max"][()] = np.inf
    image, volume = opened(Minc2Format(), minc2)
    assert [f.code for f in image.findings] == ["bad-rescale"]
    assert np.array_equal(volume.values(), sample_volumes()["axial-int16"].data)


def test_all_values_the_same(minc2):
    """image-min equal to image-max: every value is that number."""
    with h5py.File(minc2, "r+") as file:
        for name in ("image-min", "image-max"):
            file[f"minc-2.0/image/0/{name}"][()] = 12.5
    _, volume = opened(Minc2Format(), minc2)
    assert (volume.values() == 12.5).all()


@pytest.mark.parametrize("form", [Minc1Format(), Minc2Format()])
def test_header_marks_what_identifies(tmp_path, form):
    form.write(sample_volumes()["named"], tmp_path / "x.mnc")
    lines = {line.tag: line for line in form.header(tmp_path / "x.mnc")}
    assert lines["zspace:step"].value == "3.0"
    assert lines[":history"].identifying
    assert lines["study:modality"].value == "CT___"


@pytest.mark.parametrize(
    ("place", "value"),
    [(4, 0xFFFFFFFF), (8, 0x0D), (12, 0x7FFFFFFF), (16, 0x7FFFFFFF)],  # records, tag, count, length of a name
)
def test_damaged_netcdf_headers(tmp_path, place, value):
    path = tmp_path / "x.mnc1"
    Minc1Format().write(sample_volumes()["time"], path)
    raw = bytearray(path.read_bytes())
    raw[place : place + 4] = struct.pack(">I", value)
    path.write_bytes(raw)
    if place == 4:  # there is no unlimited dimension
        assert opened(Minc1Format(), path)[1].shape == (3, 5, 7, 6)
        return
    with pytest.raises(FormatError, match=r"x\.mnc1"):
        Minc1Format().images(path)

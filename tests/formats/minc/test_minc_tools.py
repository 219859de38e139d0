"""MINC against minc-tools: what is written is read by them, what they write is read, values and places."""

import nibabel
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from formats.minc.minc_tools import raw_to_minc, real_values, to_nifti, tool, world
from medvox.core.axes import flip_points
from medvox.formats.minc import Minc1Format, Minc2Format
from medvox.formats.nifti import NiftiFormat
from medvox.testing.format_contract import differences
from medvox.testing.strategies import volumes
from medvox.testing.volumes import ramp, sample_volumes

FORMS = {".minc1.mnc": Minc1Format(), ".mnc": Minc2Format(), ".mnc2": Minc2Format(compress=False)}
VERSION = {".minc1.mnc": [], ".mnc": ["-2"]}


def opened(path, form=None):
    form = form or next(f for s, f in FORMS.items() if path.name.endswith(s))
    (image,) = form.images(path)
    return image, image.open()


def in_file_order(volume):
    values = volume.values(np.float64)
    return np.moveaxis(values, volume.axes.index("channel"), -1) if volume.is_colour else values


@pytest.mark.parametrize("suffix", FORMS)
@pytest.mark.parametrize("name", sorted(sample_volumes()))
def test_minc_tools_read_what_is_written(tmp_path, name, suffix):
    volume, path = sample_volumes()[name], tmp_path / f"x{suffix}"
    FORMS[suffix].write(volume, path)
    assert b"image dimensions" in tool("mincinfo", path)
    expected = in_file_order(volume)
    np.testing.assert_allclose(real_values(path, expected.shape), expected, rtol=1e-12, atol=1e-8)


@pytest.mark.parametrize("suffix", FORMS)
@pytest.mark.parametrize("name", ["axial-int16", "oblique", "left-handed", "sheared", "time", "vectors"])
def test_voxels_lie_where_minc_tools_say(tmp_path, name, suffix):
    volume, path = sample_volumes()[name], tmp_path / f"x{suffix}"
    FORMS[suffix].write(volume, path)
    for voxel in [(0, 0, 0), (4, 0, 0), (0, 6, 0), (0, 0, 5), (3, 2, 1)]:
        expected = flip_points(volume.grid.to_patient(voxel))
        np.testing.assert_allclose(world(path, voxel), expected, atol=1e-9)


@pytest.mark.parametrize("suffix", FORMS)
@pytest.mark.parametrize(
    "name", ["axial-uint8", "axial-float32", "oblique", "left-handed", "sheared", "time"]
)
def test_mnc2nii_gives_the_same_values_at_the_same_places(tmp_path, name, suffix):
    volume, path = sample_volumes()[name], tmp_path / f"x{suffix}"
    FORMS[suffix].write(volume, path)
    (image,) = NiftiFormat().images(to_nifti(path, tmp_path))
    other = image.open()
    places = other.grid.to_patient(np.moveaxis(np.indices(other.grid.shape), 0, -1))
    index = volume.grid.to_voxel(places)
    nearest = np.rint(index).astype(int)
    np.testing.assert_allclose(index, nearest, atol=1e-4)
    k, j, i = np.moveaxis(nearest, -1, 0)
    assert np.array_equal(other.values(np.float64), volume.values(np.float64)[..., k, j, i])


@pytest.mark.parametrize("suffix", FORMS)
def test_uneven_positions(tmp_path, suffix):
    volume, path = sample_volumes()["uneven"], tmp_path / f"x{suffix}"
    report = FORMS[suffix].write(volume, path)
    assert report.losses == ()
    told = [float(word) for word in tool("mincinfo", "-varvalues", "zspace", path).split()]
    np.testing.assert_allclose(told, volume.grid.origins_mm[:, 2], atol=1e-9)
    image, _ = opened(path)
    assert image.grid == volume.grid
    assert [f.code for f in image.findings] == ["uneven-spacing"]


@pytest.mark.parametrize("suffix", FORMS)
def test_mincconvert_to_the_other_version(tmp_path, suffix):
    for name in ("oblique", "uneven", "time", "rgb", "rescaled-by-slice"):
        volume, path = sample_volumes()[name], tmp_path / f"{name}{suffix}"
        FORMS[suffix].write(volume, path)
        back = tmp_path / (f"{name}.out.mnc" if suffix.startswith(".minc1") else f"{name}.out.minc1.mnc")
        tool("mincconvert", *(["-2"] if suffix.startswith(".minc1") else []), path, back)
        changed = differences(volume, opened(back)[1], 1e-9)
        assert changed == [], name


OPTIONS = (
    *("-xstep", -2, "-xstart", 10, "-ystep", 3, "-ystart", -20, "-zstep", 4, "-zstart", 30),
    *("-xdircos", 0.96, 0.28, 0, "-ydircos", -0.28, 0.96, 0, "-zdircos", 0, 0.3, 1),
)


def exact(values):
    """Options of rawtominc that keep every value as it is."""
    ends = (values.min(), values.max())
    return ["-range", *ends, "-real_range", *ends] if values.dtype.kind != "f" else ["-scan_range"]


@pytest.mark.parametrize("suffix", VERSION)
@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "u2", "i4", "u4", "f4", "f8"])
def test_types_of_rawtominc(tmp_path, kind, suffix):
    values = ramp((4, 5, 6), kind)
    path = raw_to_minc(tmp_path / f"x{suffix}", values, *VERSION[suffix], *exact(values), *OPTIONS)
    image, volume = opened(path)
    assert volume.dtype == np.dtype(kind)
    assert np.array_equal(np.asarray(volume.data), values)
    np.testing.assert_allclose(volume.values(np.float64), real_values(path, values.shape), rtol=1e-9)
    np.testing.assert_allclose(volume.values(np.float64), values, rtol=1e-6)
    for voxel in [(0, 0, 0), (3, 0, 0), (0, 4, 0), (0, 0, 5)]:
        expected = flip_points(world(path, voxel))
        np.testing.assert_allclose(image.grid.to_patient(voxel), expected, atol=1e-9)


@pytest.mark.parametrize("suffix", VERSION)
@pytest.mark.parametrize(
    "order", ["xspace,zspace,yspace", "yspace,xspace,zspace", "zspace,xspace,yspace", "zspace,yspace,xspace"]
)
def test_dimension_orders(tmp_path, order, suffix):
    values = ramp((4, 5, 6), "i2")
    path = raw_to_minc(tmp_path / f"x{suffix}", values, *VERSION[suffix], *exact(values), *OPTIONS)
    turned = tmp_path / f"turned{suffix}"
    tool("mincreshape", *VERSION[suffix], "-dimorder", order, path, turned)
    image, volume = opened(turned)
    first, _ = opened(path)
    sizes = {"zspace": 4, "yspace": 5, "xspace": 6}
    assert image.shape == tuple(sizes[name] for name in order.split(","))
    np.testing.assert_allclose(volume.values(), real_values(turned, image.shape), atol=1e-2)
    np.testing.assert_allclose(  # the same places hold the same values
        first.grid.to_voxel(image.grid.to_patient((1, 2, 3))),
        [dict(zip(order.split(","), (1, 2, 3), strict=True))[n] for n in ("zspace", "yspace", "xspace")],
        atol=1e-9,
    )


@pytest.mark.parametrize("suffix", VERSION)
@pytest.mark.parametrize("order", ["-transverse", "-sagittal", "-coronal", "-xyz", "-zxy"])
def test_orientations_of_rawtominc(tmp_path, order, suffix):
    values = ramp((4, 5, 6), "i2")
    path = raw_to_minc(tmp_path / f"x{suffix}", values, *VERSION[suffix], order, *exact(values), *OPTIONS)
    image, volume = opened(path)
    assert np.array_equal(np.asarray(volume.data), values)
    np.testing.assert_allclose(
        image.grid.to_patient((1, 2, 3)), flip_points(world(path, (1, 2, 3))), atol=1e-9
    )


@pytest.mark.parametrize("suffix", VERSION)
@pytest.mark.parametrize(
    "place", ["time,zspace,yspace,xspace", "zspace,time,yspace,xspace", "zspace,yspace,xspace,time"]
)
def test_time_may_be_any_axis(tmp_path, place, suffix):
    names = place.split(",")
    sizes = {"time": 3, "zspace": 4, "yspace": 5, "xspace": 6}
    values = ramp(tuple(sizes[name] for name in names), "i2")
    options = [*exact(values), "-dimorder", place, *OPTIONS]
    path = raw_to_minc(tmp_path / f"x{suffix}", values, *VERSION[suffix], *options)
    _, volume = opened(path)
    assert volume.axes == ("time", "k", "j", "i")
    expected = values.transpose([names.index(n) for n in ("time", "zspace", "yspace", "xspace")])
    assert np.array_equal(np.asarray(volume.data), expected)
    assert np.array_equal(volume.data[1, 2], expected[1, 2])
    np.testing.assert_allclose(volume.values(np.float64), expected, atol=1e-9)
    raw_to_minc(path, values, *VERSION[suffix], "-dimorder", place, "-scan_range")
    turn = [names.index(n) for n in ("time", "zspace", "yspace", "xspace")]
    expected = real_values(path, values.shape).transpose(turn)  # scaled within slices where time is last
    np.testing.assert_allclose(opened(path)[1].values(np.float64), expected, rtol=1e-6)


@pytest.mark.parametrize("suffix", VERSION)
def test_scale_of_each_slice(tmp_path, suffix):
    values = ramp((4, 5, 6), "f4")
    values[2] = 7.0  # a slice that is the same all over
    short = tmp_path / f"short{suffix}"
    raw_to_minc(short, values, *VERSION[suffix], "-oshort", "-osigned", "-scan_range", *OPTIONS)
    _, volume = opened(short)
    assert volume.dtype == np.int16
    assert volume.rescale.slope.shape == (4,)
    np.testing.assert_allclose(volume.values(np.float64), real_values(short, values.shape), rtol=1e-6)
    np.testing.assert_allclose(volume.values(np.float64), values, atol=1e-3)
    np.testing.assert_allclose(volume.slice_values(2), values[2], rtol=1e-6)


@pytest.mark.parametrize("suffix", VERSION)
def test_no_scale_means_nought_to_one(tmp_path, suffix):
    values = ramp((4, 5, 6), "i2")
    path = raw_to_minc(tmp_path / f"x{suffix}", values, *VERSION[suffix], *OPTIONS)
    image, volume = opened(path)
    np.testing.assert_allclose(volume.values(np.float64), real_values(path, values.shape), rtol=1e-5)
    assert "scale-assumed" in {f.code for f in image.findings}


def test_nothing_known_of_the_place(tmp_path):
    path = raw_to_minc(tmp_path / "x.minc1.mnc", ramp((4, 5, 6), "u1"), "-scan_range")
    image, _ = opened(path)
    assert image.grid.space == "unknown"
    assert [f.code for f in image.findings] == ["no-spacing"]
    path = raw_to_minc(tmp_path / "x.minc1.mnc", ramp((4, 5, 6), "u1"), "-scan_range", "-xstep", 2)
    image, _ = opened(path)
    assert image.grid.space == "local"
    assert image.grid.spacing_mm == (1.0, 1.0, 2.0)


def test_modality_of_rawtominc(tmp_path):
    options = ["-scan_range", "-pet", *OPTIONS]
    image, _ = opened(raw_to_minc(tmp_path / "x.mnc", ramp((4, 5, 6), "u1"), "-2", *options))
    assert image.modality == "PT"


@pytest.mark.parametrize("suffix", VERSION)
@pytest.mark.parametrize(
    "name", ["axial-uint8", "axial-int16", "axial-float32", "oblique", "sheared", "rescaled"]
)
def test_nibabel_reads_what_is_written(tmp_path, name, suffix):
    volume, path = sample_volumes()[name], tmp_path / f"x{suffix}"
    FORMS[suffix].write(volume, path)
    image = nibabel.load(path)
    np.testing.assert_allclose(image.get_fdata(), volume.values(np.float64), rtol=1e-9, atol=1e-9)
    expected = flip_points(volume.grid.to_patient((1, 2, 3)))  # nibabel keeps the order of the file
    np.testing.assert_allclose(image.affine @ (1, 2, 3, 1), [*expected, 1], atol=1e-9)


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(volume=volumes())
@pytest.mark.parametrize("suffix", FORMS)
def test_round_trip_of_any_volume(tmp_path_factory, volume, suffix):
    path = tmp_path_factory.mktemp("minc") / f"x{suffix}"
    report = FORMS[suffix].write(volume, path)
    changed = set(differences(volume, opened(path)[1], 1e-6))
    assert changed <= ({"values"} if any("values differ" in text for text in report.losses) else set())


RECORDS = """netcdf records {
dimensions: time = UNLIMITED ; zspace = 2 ; yspace = 3 ; xspace = 5 ;
variables:
 int xspace ; xspace:step = 2. ; xspace:start = 1. ;
 double time(time) ; time:spacing = "irregular" ; time:units = "s" ;
 double image-max(time) ; double image-min(time) ;
 short image(time, zspace, yspace, xspace) ; image:signtype = "signed__" ; image:valid_range = -100., 100. ;
data:
 time = 1, 4, 9 ; image-max = 100, 200, 300 ; image-min = -100, -200, -300 ;
 image = VALUES ;
}"""


def test_records_of_an_unlimited_dimension(tmp_path):
    """Values of all record variables lie mixed, one record after another (netCDF classic format)."""
    values = np.arange(90, dtype="i2").reshape(3, 2, 3, 5)
    (tmp_path / "x.cdl").write_text(RECORDS.replace("VALUES", ", ".join(map(str, values.ravel()))))
    path = tmp_path / "x.minc1.mnc"
    tool("mincgen", "-o", path, tmp_path / "x.cdl")
    _, volume = opened(path)
    assert np.array_equal(np.asarray(volume.data), values)
    assert volume.coordinates["time"] == (1, 4, 9)
    np.testing.assert_allclose(volume.values(np.float64), real_values(path, values.shape))
    np.testing.assert_allclose(volume.slice_values(1, (2,)), values[2, 1] * 3.0)

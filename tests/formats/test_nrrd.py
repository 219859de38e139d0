"""NRRD against SimpleITK, both ways, and headers written by hand from the format's definition."""

import bz2
import gzip

import numpy as np
import pytest
import SimpleITK
from hypothesis import given

from data import data_dir
from medvox.core.axes import reverse_index_order
from medvox.core.errors import FormatError, MissingError, TruncatedError, UnsupportedError
from medvox.core.grid import Space
from medvox.formats.nrrd import NrrdFormat
from medvox.testing.format_contract import FormatContract, differences
from medvox.testing.strategies import volumes
from medvox.testing.volumes import ramp, sample_volumes


class TestContractPacked(FormatContract):
    form = NrrdFormat()
    suffix = ".nrrd"
    exact_mm = 1e-9


class TestContractPlain(FormatContract):
    form = NrrdFormat(encoding="raw")
    suffix = ".nrrd"
    lazy_slices = True
    exact_mm = 1e-9


class TestContractTwoFiles(FormatContract):
    form = NrrdFormat(encoding="raw")
    suffix = ".nhdr"
    lazy_slices = True

    def values_file(self, path):
        return path.with_suffix(".raw")


VALUES = ramp((2, 3, 4), "int16")
RAW = VALUES.tobytes()
FIELDS = {
    "type": "short",
    "dimension": "3",
    "space": "left-posterior-superior",
    "sizes": "4 3 2",
    "space directions": "(1,0,0) (0,2,0) (0,0,3)",
    "kinds": "domain domain domain",
    "endian": "little",
    "encoding": "raw",
    "space origin": "(10,20,30)",
}


def opened(path):
    (image,) = NrrdFormat().images(path)
    return image, image.open()


def written(folder, values=RAW, magic="NRRD0005", pairs=(), **changes):
    fields = {**FIELDS, **{name.replace("_", " "): value for name, value in changes.items()}}
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    (folder / "x.nrrd").write_bytes(
        "\n".join([magic, "# a comment", *lines, *pairs, "", ""]).encode() + values
    )
    return folder / "x.nrrd"


def itk_affine(image):
    count = image.GetDimension()
    matrix = np.eye(4)
    matrix[:3, :3] = (
        np.reshape(image.GetDirection(), (count, count))[:3, :3] * np.array(image.GetSpacing())[:3]
    )
    matrix[:3, 3] = image.GetOrigin()[:3]
    return reverse_index_order(matrix)


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
@pytest.mark.parametrize("suffix", [".nrrd", ".nhdr"])
@pytest.mark.parametrize("name", sorted(set(sample_volumes()) - {"rgb-over-time", "vectors-over-time"}))
def test_simpleitk_reads_what_is_written(tmp_path, name, suffix, encoding):
    """Two axes without space are more than ITK takes; a list axis it takes as a vector."""
    volume = sample_volumes()[name]
    NrrdFormat(encoding).write(volume, tmp_path / f"x{suffix}")
    image = SimpleITK.ReadImage(str(tmp_path / f"x{suffix}"))
    expected = volume.values()
    if expected.ndim == 4:
        expected = np.moveaxis(expected, 0, -1)
    assert np.array_equal(SimpleITK.GetArrayFromImage(image), expected)
    np.testing.assert_allclose(itk_affine(image), volume.grid.affine, atol=1e-9)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("suffix", [".nrrd", ".nhdr"])
@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 5), (2, 3, 4, 5)])
def test_what_simpleitk_writes_is_read(tmp_path, shape, suffix, compress):
    values = ramp(shape, "uint16")
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
        assert found.grid.spacing_mm == (1.0, 0.75, 0.5)
    if len(shape) == 4:
        assert volume.coordinates["time"] == (8.0, 10.5)


def test_real_files_equal_simpleitk():
    paths = sorted(data_dir("pyradiomics_cases").glob("*.nrrd"))
    assert paths
    for path in paths:
        found, volume = opened(path)
        image = SimpleITK.ReadImage(str(path))
        assert np.array_equal(np.asarray(volume.data), SimpleITK.GetArrayFromImage(image))
        np.testing.assert_allclose(found.grid.affine, itk_affine(image), atol=1e-9)


@pytest.mark.parametrize(
    ("space", "origin"),
    [
        ("left-posterior-superior", [10, 20, 30]),
        ("LPS", [10, 20, 30]),
        ("right-anterior-superior", [-10, -20, 30]),
        ("RAS", [-10, -20, 30]),
        ("left-anterior-superior", [10, -20, 30]),
    ],
)
def test_spaces_become_lps(tmp_path, space, origin):
    image, _ = opened(written(tmp_path, space=space))
    assert image.grid.origin_mm.tolist() == origin
    assert image.grid.space is Space.PATIENT
    assert image.grid.spacing_mm == (3, 2, 1)


@pytest.mark.parametrize("space", ["scanner-xyz", "3D-right-handed"])
def test_spaces_without_a_patient(tmp_path, space):
    image, _ = opened(written(tmp_path, space=space))
    assert (image.grid.space is Space.PATIENT) == (space == "scanner-xyz")
    assert ([f.code for f in image.findings] == ["geometry-assumed"]) == (space == "scanner-xyz")


def test_space_units_are_honoured(tmp_path):
    image, _ = opened(written(tmp_path, space_units='"cm" "cm" "cm"'))
    assert image.grid.spacing_mm == (30, 20, 10)
    assert image.grid.origin_mm.tolist() == [100, 200, 300]


def test_spacings_alone_have_no_place(tmp_path):
    changes = {"space": None, "space_directions": None, "space_origin": None, "kinds": None}
    image, _ = opened(written(tmp_path, spacings="1 2 3", **changes))
    assert image.grid.spacing_mm == (3, 2, 1)
    assert image.grid.space is Space.LOCAL
    image, _ = opened(written(tmp_path, **changes))
    assert image.grid.space is Space.PIXEL
    assert [f.code for f in image.findings] == ["no-spacing"]


PLACES = [
    (["list", "domain", "domain", "domain"], "fast"),
    (["domain", "domain", "domain", "list"], "slow"),
    (["domain", "domain", "list", "domain"], "between slices"),
    (["domain", "list", "domain", "domain"], "between rows"),
]


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
@pytest.mark.parametrize(("kinds", "place"), PLACES, ids=[p for _, p in PLACES])
def test_list_axis_anywhere(tmp_path, kinds, place, encoding):
    """Whatever the order in the file, the list comes before k."""
    shown = ramp((5, 2, 3, 4), "int16")  # list, k, j, i
    letters = iter(["i", "j", "k"])
    names = ["list" if kind == "list" else next(letters) for kind in kinds]
    stored = shown.transpose([("list", "k", "j", "i").index(n) for n in reversed(names)])
    sizes = {"list": 5, "k": 2, "j": 3, "i": 4}
    vectors = iter(["(1,0,0)", "(0,2,0)", "(0,0,3)"])
    raw = stored.tobytes()
    path = written(
        tmp_path,
        gzip.compress(raw) if encoding == "gzip" else raw,
        dimension="4",
        sizes=" ".join(str(sizes[n]) for n in names),
        kinds=" ".join(kinds),
        space_directions=" ".join("none" if k == "list" else next(vectors) for k in kinds),
        encoding=encoding,
    )
    image, volume = opened(path)
    assert image.axes == ("list", "k", "j", "i")
    assert np.array_equal(np.asarray(volume.data), shown)
    assert np.array_equal(volume.data[3, 1], shown[3, 1])


def test_rgba_loses_alpha_and_says_so(tmp_path):
    values = ramp((2, 3, 4, 4), "uint8")
    path = written(
        tmp_path, values.tobytes(), type="uchar", dimension="4", sizes="4 4 3 2",
        kinds="RGBA-color domain domain domain", space_directions="none (1,0,0) (0,2,0) (0,0,3)",
    )  # fmt: skip
    image, volume = opened(path)
    assert np.array_equal(np.asarray(volume.data), np.moveaxis(values[..., :3], -1, 0))
    assert "alpha-dropped" in [f.code for f in image.findings]


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("gz", gzip.compress),
        ("bzip2", bz2.compress),
        ("hex", lambda raw: raw.hex().encode()),
        ("ascii", lambda raw: " ".join(str(v) for v in np.frombuffer(raw, "i2")).encode()),
    ],
)
def test_encodings(tmp_path, encoding, pack):
    _, volume = opened(written(tmp_path, pack(VALUES.tobytes()), encoding=encoding))
    assert np.array_equal(np.asarray(volume.data), VALUES)


def test_detached_with_lines_and_bytes_to_skip(tmp_path):
    (tmp_path / "x.raw").write_bytes(b"first\nsecond\nabc" + VALUES.astype(">i2").tobytes())
    path = written(tmp_path, b"", data_file="x.raw", line_skip="2", byte_skip="3", endian="big")
    _, volume = opened(path)
    assert np.array_equal(np.asarray(volume.data), VALUES)
    assert NrrdFormat().companions(path) == (tmp_path / "x.raw",)
    path = written(tmp_path, b"", data_file="x.raw", byte_skip="-1", endian="big")
    assert np.array_equal(np.asarray(opened(path)[1].data), VALUES)


def test_segments_are_readable_lines(tmp_path):
    pairs = ("Segment0_Name:=Left lung", "Segment0_LabelValue:=1", "patient name:=Nobody")
    lines = {line.tag: line for line in NrrdFormat().header(written(tmp_path, pairs=pairs))}
    assert lines["Segment0_Name"].value == "Left lung"
    assert not lines["Segment0_Name"].identifying
    assert lines["patient name"].identifying


def test_unit_comes_back(tmp_path):
    _, volume = opened(written(tmp_path, sample_units='"HU"'))
    assert volume.unit == "HU"


@pytest.mark.parametrize(
    "vectors", ["(0,0,0) (0,2,0) (0,0,3)", "(nan,0,0) (0,2,0) (0,0,3)", "(1,0,0) (1,0,0) (0,0,3)"]
)
def test_unusable_directions_are_a_finding(tmp_path, vectors):
    image, _ = opened(written(tmp_path, space_directions=vectors))
    assert image.grid.space is Space.PIXEL
    assert {f.code for f in image.findings} <= {"zero-spacing", "bad-affine"}
    assert image.findings


@pytest.mark.parametrize(
    ("change", "error", "field"),
    [
        ({"dimension": "99"}, FormatError, "dimension"),
        ({"sizes": "4 3"}, FormatError, "sizes"),
        ({"sizes": "4 0 2"}, FormatError, "sizes"),
        ({"sizes": "4 3 99999999"}, TruncatedError, "sizes"),
        ({"type": "block"}, UnsupportedError, "type"),
        ({"endian": None}, FormatError, "endian"),
        ({"endian": "middle"}, FormatError, "endian"),
        ({"encoding": "lzma"}, UnsupportedError, "encoding"),
        ({"encoding": None}, FormatError, "encoding"),
        ({"space": "upside-down"}, UnsupportedError, "space"),
        ({"space_origin": "(1,2)"}, FormatError, "space origin"),
        ({"space_directions": "(1,0,0) (0,2,0)"}, FormatError, "space directions"),
        ({"data_file": "LIST"}, UnsupportedError, "several files"),
        ({"data_file": "gone.raw"}, MissingError, "gone.raw"),
        ({"data_file": "../secret"}, FormatError, "outside its folder"),
        ({"byte_skip": "-5"}, FormatError, "byte skip"),
        ({"line_skip": "5"}, FormatError, "line skip"),
    ],
)
def test_bad_headers_name_file_and_field(tmp_path, change, error, field):
    with pytest.raises(error, match=r"x\.nrrd") as caught:
        opened(written(tmp_path, **change))
    assert field in str(caught.value)


@given(volume=volumes())
def test_round_trip_of_any_volume(tmp_path_factory, volume):
    path = tmp_path_factory.mktemp("nrrd") / "x.nrrd"
    report = NrrdFormat("raw").write(volume, path)
    changed = set(differences(volume, opened(path)[1], 1e-6))
    assert changed <= ({"type"} if report.losses else set())

"""RAW files: numpy writes and reads the values, the description says the rest."""

import json
import tomllib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medvox.core.axes import ras_from_lps
from medvox.core.errors import FormatError, MedvoxError, UsageError
from medvox.core.grid import Grid, Space
from medvox.core.lazy import FrameArray
from medvox.core.volume import Volume
from medvox.formats.raw import RawDescription, RawFormat
from medvox.formats.raw.description import EXAMPLE
from medvox.formats.registry import detect, format_for_name, read_head
from medvox.testing.format_contract import FormatContract, differences
from medvox.testing.volumes import axial_grid, oblique_grid, ramp, sample_volumes


class TestContract(FormatContract):
    form = RawFormat()
    suffix = ".raw"
    lazy_slices = True
    exact_mm = 1e-12

    def make(self, folder):
        super().make(folder)
        return folder / "sample.raw.json"

    def values_file(self, path):
        return path.with_suffix("")


EXACT = sorted(set(sample_volumes()) - {"bool"})


@pytest.mark.parametrize("name", EXACT)
def test_what_is_written_reads_back_exactly(tmp_path, name):
    volume = sample_volumes()[name]
    report = RawFormat().write(volume, tmp_path / "x.raw")
    (image,) = RawFormat().images(tmp_path / "x.raw")
    again = image.open()
    assert differences(volume, again, exact_mm=0) == []
    assert np.array_equal(again.grid.affine, volume.grid.affine)
    assert np.array_equal(again.data, volume.data)
    assert all("instance" in loss for loss in report.losses)
    plain = np.fromfile(tmp_path / "x.raw", volume.dtype)
    last = np.moveaxis(volume.data, volume.axes.index("channel"), -1) if volume.is_colour else volume.data
    assert np.array_equal(plain, last.ravel())


VALUES = ramp((3, 4, 5), "int16")
WORDS = "columns=5 rows=4 slices=3 type=int16"


def described(folder, words=WORDS, values=VALUES, before=b"", after=b""):
    (folder / "x.raw").write_bytes(before + values.tobytes() + after)
    (image,) = RawFormat(RawDescription.from_text(words)).images(folder / "x.raw")
    return image.open()


@pytest.mark.parametrize(
    ("words", "values", "before"),
    [
        ("", VALUES, b""),
        ("order=big", VALUES.astype(">i2"), b""),
        ("offset=100", VALUES, bytes(100)),
        ("offset = 7 , byte_order = big ; ", VALUES.astype(">i2"), bytes(7)),
        ("stored_axes=rows/slices/columns", VALUES.transpose(1, 0, 2), b""),
        ("axes=columns,rows,slices", VALUES.transpose(2, 1, 0), b""),
    ],
)
def test_words_of_the_command_line(tmp_path, words, values, before):
    volume = described(tmp_path, f"{WORDS} {words}", values, before)
    assert np.array_equal(volume.data, VALUES)
    assert volume.grid.space is Space.PIXEL
    assert np.array_equal(volume.data[1:, 2], VALUES[1:, 2])


@pytest.mark.parametrize(
    "kind", ["uint8", "int8", "uint16", "uint32", "int64", "float16", "float32", "float64"]
)
def test_types(tmp_path, kind):
    values = ramp((3, 4, 5), "uint8").astype(kind)
    assert described(tmp_path, WORDS.replace("int16", kind), values).dtype == kind


def test_times_and_channels(tmp_path):
    values = ramp((2, 3, 4, 5, 3), "uint8")  # time, slice, row, column, channel
    words = "columns=5 rows=4 slices=3 times=2 channels=3 type=uchar"
    volume = described(tmp_path, words, values)
    assert volume.axes == ("time", "channel", "k", "j", "i")
    assert np.array_equal(volume.data, np.moveaxis(values, -1, 1))
    planes = np.moveaxis(values, -1, 0)  # channel after channel
    volume = described(tmp_path, words + " axes=channels/times/slices/rows/columns", planes)
    assert np.array_equal(volume.data, np.moveaxis(values, -1, 1))
    assert isinstance(volume.data, FrameArray)


def test_spacing_and_scale(tmp_path):
    volume = described(tmp_path, WORDS + " spacing=0.5x0.75x3 slope=2 intercept=-1000 unit=HU")
    assert volume.grid.spacing_mm == (3, 0.75, 0.5)
    assert volume.grid.space is Space.LOCAL
    assert np.array_equal(volume.values(np.float64), VALUES * 2.0 - 1000)
    assert volume.unit == "HU"
    volume = described(tmp_path, WORDS + " column_spacing=0.5 row_spacing=0.75")
    assert volume.grid.spacing_mm == (1, 0.75, 0.5)


def test_affines_both_ways(tmp_path):
    grid = oblique_grid((3, 4, 5))
    ras = ras_from_lps(grid.affine)[:3].ravel().tolist()
    words = " ".join(map(repr, ras))
    volume = described(tmp_path, f"{WORDS} affine_ras={words}")
    assert np.allclose(volume.grid.affine, grid.affine, atol=1e-12)
    assert volume.grid.space is Space.PATIENT
    # column 0, row 0, slice 0 lies at the last column of the matrix; a step of one column is its first
    volume = described(tmp_path, f"{WORDS} affine_lps=0,2,0,10/0,0,3,20/4,0,0,30")
    assert volume.grid.to_patient((0, 0, 1)) == pytest.approx((10, 20, 34))
    assert volume.grid.to_patient((1, 0, 0)) == pytest.approx((10, 23, 30))


@pytest.mark.parametrize("name", ["x.raw.json", "x.json", "x.raw.toml", "x.toml"])
def test_descriptions_beside_the_file(tmp_path, name):
    (tmp_path / "x.raw").write_bytes(VALUES.tobytes())
    known = {"columns": 5, "rows": 4, "slices": 3, "type": "int16", "spacing_mm": [1.5, 2, 3]}
    toml = "columns = 5\nrows = 4\nslices = 3\ntype = 'int16'\nspacing_mm = [1.5, 2, 3]\n"
    assert tomllib.loads(toml) == known
    (tmp_path / name).write_text(json.dumps(known) if name.endswith("json") else toml)
    for path in (tmp_path / "x.raw", tmp_path / name):
        form = detect(path, ["raw", "nifti", "png"])
        (image,) = form.images(path)
        assert np.array_equal(image.open().data, VALUES)
        assert image.grid.spacing_mm == (3, 2, 1.5)
    assert form.companions(tmp_path / name) == (tmp_path / "x.raw",)
    assert {line.tag for line in form.header(tmp_path / "x.raw")} >= {"columns", "type", "byte_order"}


def test_other_json_beside_is_no_description(tmp_path):
    (tmp_path / "x.raw").write_bytes(VALUES.tobytes())
    (tmp_path / "x.json").write_text('{"EchoTime": 0.03, "rows": 3}')
    assert RawFormat().sniff(read_head(tmp_path / "x.raw")) <= 0.3
    assert RawFormat().sniff(read_head(tmp_path / "x.json")) == 0


def test_nothing_is_guessed(tmp_path):
    (tmp_path / "x.raw").write_bytes(VALUES.tobytes())
    with pytest.raises(FormatError, match=r"--raw.*x\.raw\.json|--raw.*medvox raw propose"):
        RawFormat().images(tmp_path / "x.raw")
    with pytest.raises(FormatError, match=r"medvox raw propose"):
        detect(tmp_path / "x.raw", ["raw", "nifti"]).images(tmp_path / "x.raw")
    assert isinstance(format_for_name("x.raw"), RawFormat)


@pytest.mark.parametrize("name", ["../y.raw", "/etc/passwd", "y.raw", "x\0.raw"])
def test_a_description_shows_no_files_elsewhere(tmp_path, name):
    (tmp_path / "y.raw").write_bytes(bytes(120))
    folder = tmp_path / "in"
    folder.mkdir()
    known = {"columns": 5, "rows": 4, "slices": 3, "type": "int16", "file": name}
    (folder / "x.json").write_text(json.dumps(known))
    with pytest.raises(MedvoxError):
        RawFormat().images(folder / "x.json")


def test_too_short_and_too_long(tmp_path):
    with pytest.raises(FormatError, match="ends before"):
        described(tmp_path, WORDS.replace("slices=3", "slices=4"))
    volume = described(tmp_path, after=bytes(9))
    (note,) = (f for f in volume.findings if f.code == "wrong-pixel-length")
    assert "9 bytes more" in note.text


def test_packed_values(tmp_path):
    import gzip

    (tmp_path / "x.raw.gz").write_bytes(gzip.compress(bytes(10) + VALUES.tobytes()))
    form = RawFormat(RawDescription.from_text(WORDS + " compression=gzip offset=10"))
    assert np.array_equal(form.images(tmp_path / "x.raw.gz")[0].open().data, VALUES)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "5x4x3 int16",
        "rows=4 slices=3 type=int16",
        "columns=5 rows=4",
        WORDS + " colums=5",
        WORDS + " rows=4",
        WORDS + " width=5",
        WORDS.replace("5", "0"),
        WORDS.replace("5", "-5"),
        WORDS.replace("5", "5.5"),
        WORDS.replace("5", "99999999999999999999"),
        WORDS.replace("int16", "int12"),
        WORDS + " order=middle",
        WORDS + " offset=-1",
        WORDS + " offset=abc",
        WORDS + " spacing=1x2",
        WORDS + " spacing=0",
        WORDS + " spacing=nan",
        WORDS + " spacing=1 row_spacing=2",
        WORDS + " row_spacing=2",
        WORDS + " slope=0",
        WORDS + " slope=inf",
        WORDS + " affine_lps=1,2,3",
        WORDS + " axes=rows/columns",
        WORDS + " axes=rows/rows/columns",
        WORDS + " compression=rar",
        WORDS + " space=mars",
    ],
)
def test_bad_words_are_usage_errors(words):
    with pytest.raises(UsageError):
        RawDescription.from_text(words)


def test_the_example_is_a_description():
    description = RawDescription.from_text(EXAMPLE.strip('"'))
    assert description.shape == (300, 512, 512)
    assert description.spacing_mm == (1.5, 0.7, 0.7)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = [
    "columns", "rows", "slices", "times", "channels", "other_axes", "type", "byte_order", "offset_bytes",
    "stored_axes", "spacing_mm", "affine_lps_mm", "affine_ras_mm", "slice_origins_lps_mm", "space", "slope",
    "intercept", "unit", "positions", "windows", "voi_table", "frame_rate", "file", "compression", "label",
]  # fmt: skip


@given(changes=st.dictionaries(st.sampled_from(KEYS), JSON, min_size=1, max_size=3))
@settings(deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))
def test_any_values_give_only_our_errors(tmp_path, changes):
    known = {"columns": 5, "rows": 4, "slices": 3, "type": "int16", "file": "x.raw"} | changes
    (tmp_path / "x.raw").write_bytes(VALUES.tobytes())
    (tmp_path / "x.json").write_text(json.dumps(known))
    try:
        for image in RawFormat().images(tmp_path / "x.json"):
            image.open().load()
        RawFormat().header(tmp_path / "x.json")
    except MedvoxError:
        return


def test_sheared_and_rescaled_by_slice_in_the_json(tmp_path):
    volume = sample_volumes()["rescaled-by-slice"]
    RawFormat().write(volume, tmp_path / "x.raw")
    said = json.loads((tmp_path / "x.raw.json").read_text())
    assert said["slope"] == volume.rescale.slope.tolist()
    assert said["unit"] == "Bq/ml"
    assert (said["columns"], said["rows"], said["slices"]) == (6, 7, 5)


def test_pixels_stay_pixels(tmp_path):
    RawFormat().write(Volume(VALUES, Grid.pixels(VALUES.shape)), tmp_path / "x.raw")
    assert "affine_lps_mm" not in json.loads((tmp_path / "x.raw.json").read_text())
    assert RawFormat().images(tmp_path / "x.raw")[0].grid == Grid.pixels(VALUES.shape)
    RawFormat().write(Volume(VALUES, axial_grid(VALUES.shape)), tmp_path / "x.raw")
    assert RawFormat().images(tmp_path / "x.raw")[0].grid.space is Space.PATIENT

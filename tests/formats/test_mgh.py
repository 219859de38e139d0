"""MGH and MGZ against nibabel, both ways."""

import gzip

import nibabel
import numpy as np
import pytest
from hypothesis import given

from medvox.core.axes import ras_from_lps
from medvox.core.errors import FormatError, LimitError, TruncatedError, UnsupportedError
from medvox.core.grid import Space
from medvox.core.settings import using
from medvox.formats.mgh import FOOTER, HEADER, START, MghFormat
from medvox.testing.format_contract import FormatContract, differences
from medvox.testing.strategies import volumes
from medvox.testing.volumes import ramp, sample_volumes

TOO_MANY_AXES = frozenset({"rgb-over-time", "vectors-over-time"})


class TestContractPlain(FormatContract):
    form = MghFormat()
    suffix = ".mgh"
    refused = TOO_MANY_AXES

    def test_a_slice_needs_only_its_bytes(self, tmp_path):
        """The footer lies behind the values, so that two slices are cut off."""
        path = self.make(tmp_path)
        _, volume = opened(path)
        whole = np.asarray(volume.data)
        with path.open("r+b") as file:
            file.truncate(START + whole[:-1].nbytes)
        assert np.array_equal(volume.data[0], whole[0])
        with pytest.raises(TruncatedError):
            volume.data[-1]


class TestContractPacked(FormatContract):
    form = MghFormat()
    suffix = ".mgz"
    refused = TOO_MANY_AXES


def by_nibabel(path):
    raw = path.read_bytes()
    return nibabel.MGHImage.from_bytes(gzip.decompress(raw) if path.suffix == ".mgz" else raw)


def opened(path):
    (image,) = MghFormat().images(path)
    return image, image.open()


NAMES = sorted(set(sample_volumes()) - TOO_MANY_AXES)


@pytest.mark.parametrize("suffix", [".mgh", ".mgz"])
@pytest.mark.parametrize("name", NAMES)
def test_nibabel_reads_what_is_written(tmp_path, name, suffix):
    volume, path = sample_volumes()[name], tmp_path / f"x{suffix}"
    MghFormat().write(volume, path)
    image = by_nibabel(path)
    expected = volume.values(np.float64).transpose()  # (k, j, i) to (i, j, k), frames last
    np.testing.assert_allclose(image.get_fdata(), expected, rtol=1e-7)
    np.testing.assert_allclose(image.affine, ras_from_lps(volume.grid.affine), atol=2e-4)


@pytest.mark.parametrize("suffix", [".mgh", ".mgz"])
@pytest.mark.parametrize("kind", ["uint8", "int16", "uint16", "int32", "float32"])
def test_what_nibabel_writes_is_read(tmp_path, kind, suffix):
    values = ramp((4, 5, 6, 2), kind)
    affine = np.array([[-2, 0.1, 0, 10], [0, 1.5, 0.2, -20], [0.3, 0, 3, 30], [0, 0, 0, 1]])
    image = nibabel.MGHImage(values, affine)
    image.header["tr"], image.header["te"], image.header["flip_angle"] = 2500, 3.5, 0.25
    nibabel.save(image, tmp_path / f"x{suffix}")
    found, volume = opened(tmp_path / f"x{suffix}")
    assert volume.dtype == np.dtype(kind)
    assert np.array_equal(np.asarray(volume.data), values.transpose())
    np.testing.assert_allclose(ras_from_lps(found.grid.affine), affine, atol=1e-5)
    assert volume.coordinates["time"] == (0.0, 2.5)
    facts = {"repetition_time_ms": "2500", "flip_angle_rad": "0.25", "echo_time_ms": "3.5"}
    assert dict(volume.known_provenance.parameters) == facts


@pytest.mark.parametrize("suffix", [".mgh", ".mgz"])
def test_footer_goes_through(tmp_path, suffix):
    image = nibabel.MGHImage(ramp((4, 5, 6), "int16"), np.eye(4))
    image.header["tr"], image.header["te"], image.header["ti"] = 2300, 2.98, 900
    nibabel.save(image, tmp_path / "a.mgz")
    MghFormat().write(opened(tmp_path / "a.mgz")[1], tmp_path / f"b{suffix}")
    again = by_nibabel(tmp_path / f"b{suffix}").header
    assert [again[name] for name in ("tr", "te", "ti")] == [2300, np.float32(2.98), 900]
    lines = {line.tag: line.value for line in MghFormat().header(tmp_path / f"b{suffix}")}
    assert lines["ti"] == "900.0"


def test_without_footer_and_without_a_place(tmp_path):
    MghFormat().write(sample_volumes()["axial-int16"], tmp_path / "x.mgh")
    raw = bytearray((tmp_path / "x.mgh").read_bytes()[: -FOOTER.itemsize])
    raw[28:30] = b"\0\0"  # goodRASFlag
    (tmp_path / "x.mgh").write_bytes(raw)
    image, volume = opened(tmp_path / "x.mgh")
    assert volume.known_provenance.parameters == ()
    assert [f.code for f in image.findings] == ["geometry-assumed"]
    assert image.grid.space is Space.PIXEL
    # i to the left, j to inferior, k to anterior: FreeSurfer's coronal default (mri.h, MRI_CORONAL);
    # nibabel turns j and k the other way
    columns = ras_from_lps(image.grid.affine)[:3]
    assert columns.T.tolist() == [[-1, 0, 0], [0, 0, -1], [0, 1, 0], [3, -2.5, 3.5]]
    assert np.array_equal(volume.data, sample_volumes()["axial-int16"].data)


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("version", 2, FormatError),
        ("dims", (6, 0, 5, 1), FormatError),
        ("dims", (6, 7, 5, -1), FormatError),
        ("dims", (6, 7, 50, 1), TruncatedError),
        ("type", 9, UnsupportedError),
        ("type", 77, UnsupportedError),
    ],
)
@pytest.mark.parametrize("suffix", [".mgh", ".mgz"])
def test_bad_headers(tmp_path, field, value, error, suffix):
    MghFormat().write(sample_volumes()["axial-int16"], tmp_path / "x.mgh")
    raw = bytearray((tmp_path / "x.mgh").read_bytes())
    header = np.frombuffer(raw, HEADER, 1).copy()
    header[field] = value
    raw[: HEADER.itemsize] = header.tobytes()
    path = tmp_path / f"y{suffix}"
    path.write_bytes(gzip.compress(raw) if suffix == ".mgz" else raw)
    with pytest.raises(error, match=r"y\.mg"):
        opened(path)[1].load()


def test_bomb_is_refused(tmp_path):
    path = tmp_path / "x.mgz"
    MghFormat().write(sample_volumes()["axial-int16"], path)
    with using(max_image_bytes=100), pytest.raises(LimitError, match="MEDVOX_MAX_IMAGE_BYTES"):
        MghFormat().images(path)


@given(volume=volumes())
def test_round_trip_of_any_volume(tmp_path_factory, volume):
    path = tmp_path_factory.mktemp("mgh") / "x.mgh"
    report = MghFormat().write(volume, path)
    changed = set(differences(volume, opened(path)[1], 1e-2))
    words = " ".join(report.losses)
    allowed = (
        {"type", "values"} if "rounded" in words or "rescaled" in words or "written as" in words else set()
    )
    assert changed <= allowed | ({"axes"} if volume.is_colour else set())

"""GIPL against SimpleITK, both ways, and IRTK's extension from a header built by its description."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK
from hypothesis import given

from medvox.core.axes import flip_points
from medvox.core.errors import FormatError, TruncatedError, UnsupportedError
from medvox.core.grid import Space
from medvox.core.volume import Volume
from medvox.formats.gipl import HEADER, GiplFormat
from medvox.testing.format_contract import FormatContract, differences
from medvox.testing.strategies import volumes
from medvox.testing.volumes import axial_grid, ramp, sample_volumes

REFUSED = frozenset({"rgb-over-time", "vectors-over-time"})
NOT_ITK = {"axial-int32", "axial-uint32", "int64"}  # ITK reads 8 and 16 bits and floats only


class TestContractPlain(FormatContract):
    form = GiplFormat()
    suffix = ".gipl"
    lazy_slices = True
    refused = REFUSED

    def sample(self):
        return Volume(ramp((5, 7, 6), "uint8"), replace(axial_grid(), space=Space.LOCAL))


class TestContractPacked(TestContractPlain):
    suffix = ".gipl.gz"
    lazy_slices = False


def opened(path):
    (image,) = GiplFormat().images(path)
    return image, image.open()


@pytest.mark.parametrize("suffix", [".gipl", ".gipl.gz"])
@pytest.mark.parametrize("name", sorted(set(sample_volumes()) - REFUSED - NOT_ITK))
def test_simpleitk_reads_what_is_written(tmp_path, name, suffix):
    volume, path = sample_volumes()[name], tmp_path / f"x{suffix}"
    GiplFormat().write(volume, path)
    image = SimpleITK.ReadImage(str(path))
    assert np.array_equal(SimpleITK.GetArrayFromImage(image), volume.values())
    np.testing.assert_allclose(image.GetSpacing()[:3], volume.grid.spacing_mm[::-1], rtol=1e-6)
    np.testing.assert_allclose(image.GetOrigin()[:3], volume.grid.affine[:3, 3])


@pytest.mark.parametrize("suffix", [".gipl", ".gipl.gz"])
@pytest.mark.parametrize("kind", ["uint8", "int8", "int16", "uint16", "float32", "float64"])
def test_what_simpleitk_writes_is_read(tmp_path, kind, suffix):
    values = ramp((3, 4, 5), kind)
    image = SimpleITK.GetImageFromArray(values)
    image.SetSpacing((0.5, 0.75, 2.0))
    image.SetOrigin((5.0, 6.0, 7.0))
    SimpleITK.WriteImage(image, str(tmp_path / f"x{suffix}"))
    found, volume = opened(tmp_path / f"x{suffix}")
    assert volume.dtype == np.dtype(kind)
    assert np.array_equal(np.asarray(volume.data), values)
    assert found.grid.spacing_mm == (2.0, 0.75, 0.5)
    assert found.grid.origin_mm.tolist() == [5, 6, 7]
    assert found.grid.space is Space.LOCAL


def changed(path, **fields):
    raw = bytearray(path.read_bytes())
    header = np.frombuffer(raw, HEADER, 1).copy()
    for name, value in fields.items():
        header[name] = value
    raw[: HEADER.itemsize] = header.tobytes()
    path.write_bytes(raw)
    return path


def test_extension_of_irtk(tmp_path):
    """Origin in the middle; third axis from the first two (MIRTK, GIPLImageReader)."""
    path = tmp_path / "x.gipl"
    GiplFormat().write(sample_volumes()["axial-int16"], path)
    matrix = np.zeros(20)
    matrix[:3], matrix[4:7] = (0, 1, 0), (0, 0, 1)
    changed(path, extension=815, matrix=matrix, origin=(1, 2, 3, 0), steps=(0.5, 0.75, 3, 1))
    image, _ = opened(path)
    assert image.grid.space is Space.PATIENT
    middle = flip_points(image.grid.to_patient((2, 3, 2.5)))
    np.testing.assert_allclose(middle, [1, 2, 3])
    step = flip_points(image.grid.to_patient((3, 4, 3.5))) - middle
    np.testing.assert_allclose(step, [3, 0.5, 0.75])  # k to x, i to y, j to z


def test_patient_text_is_marked(tmp_path):
    path = tmp_path / "x.gipl"
    GiplFormat().write(sample_volumes()["axial-int16"], path)
    changed(path, patient=b"DOE^JANE")
    marked = [line.tag for line in GiplFormat().header(path) if line.identifying]
    assert marked == ["patient"]


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("magic", 1, FormatError),
        ("dims", (0, 7, 5, 1), FormatError),
        ("dims", (6, 7, 500, 1), TruncatedError),
        ("type", 192, UnsupportedError),
        ("type", 99, UnsupportedError),
    ],
)
def test_bad_headers(tmp_path, field, value, error):
    path = tmp_path / "x.gipl"
    GiplFormat().write(sample_volumes()["axial-int16"], path)
    with pytest.raises(error, match=r"x\.gipl"):
        opened(changed(path, **{field: value}))


def test_unusable_steps_are_a_finding(tmp_path):
    path = tmp_path / "x.gipl"
    GiplFormat().write(sample_volumes()["axial-int16"], path)
    image, _ = opened(changed(path, steps=(0, np.nan, 1, 1)))
    assert image.grid.space is Space.PIXEL
    assert "zero-spacing" in {f.code for f in image.findings}


@given(volume=volumes(colour=False))
def test_round_trip_of_any_volume(tmp_path_factory, volume):
    path = tmp_path_factory.mktemp("gipl") / "x.gipl"
    report = GiplFormat().write(volume, path)
    different = set(differences(volume, opened(path)[1], 1e-2))
    told = " ".join(report.losses)
    assert different <= {"space", "geometry"} | ({"type"} if "rescaled" in told else set())
    if "geometry" in different:
        assert "orientation" in told

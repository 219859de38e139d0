"""Analyze 7.5 and SPM: the contract, nibabel, SimpleITK and MedCon as peers, .mat files, sides, scales."""

import gzip
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medcon import medcon, run_medcon
from medvox.core.axes import CHANNEL, SPATIAL, TIME, ras_from_lps
from medvox.core.errors import MedvoxError, MissingError, UnsupportedError, WriteError
from medvox.core.grid import Grid, Space
from medvox.core.rescale import Rescale
from medvox.core.volume import Volume
from medvox.formats.analyze import AnalyzeFormat
from medvox.formats.nifti import NiftiFormat
from medvox.formats.registry import detect, format_for_name, read_head
from medvox.testing.format_contract import FormatContract
from medvox.testing.volumes import SHAPE, axial_grid, oblique_grid, ramp, sheared_grid

nibabel = pytest.importorskip("nibabel")
FORM = AnalyzeFormat()


def las_grid() -> Grid:
    """i to the left, j to anterior, k to superior: the order that is written."""
    matrix = axial_grid().affine.copy()
    matrix[:3, 1] *= -1
    return Grid(SHAPE, matrix)


class TestAnalyzeContract(FormatContract):
    form = FORM
    suffix = ".hdr"
    lazy_slices = True
    refused = frozenset({"vectors", "vectors-over-time"})

    def sample(self) -> Volume:
        return Volume(ramp(SHAPE, "uint8"), las_grid())

    def values_file(self, path: Path) -> Path:
        return path.with_suffix(".img")


def read(path: Path) -> Volume:
    (image,) = FORM.images(path)
    return image.open()


def save(folder: Path, kind: str = "Spm2AnalyzeImage", dtype: str = "<i2", **header: Any) -> Path:
    """Write a pair with nibabel, without a .mat file."""
    order = ">" if dtype[0] == ">" else "<"
    cls = getattr(nibabel, kind)
    head = cls.header_class(endianness=order)
    head.set_data_dtype(np.dtype(dtype).newbyteorder(order))
    head.set_data_shape(SHAPE[::-1])
    head.set_zooms((0.5, 0.75, 3.0))
    for name, value in header.items():
        head[name] = value
    path = folder / "x.hdr"
    path.write_bytes(head.binaryblock)
    (folder / "x.img").write_bytes(ramp(SHAPE, "int16").astype(dtype).tobytes())
    return path


def same_as_nibabel(path: Path) -> Volume:
    """Check values and affine against nibabel, and return the volume."""
    image, volume = nibabel.load(path), read(path)
    assert np.allclose(np.asarray(image.dataobj).T, volume.values())
    assert np.allclose(ras_from_lps(volume.grid.affine), image.affine, atol=1e-4)
    return volume


@pytest.mark.parametrize("dtype", ["u1", "<i2", ">i2", ">i4", "<f4", ">f8"])
def test_types_and_byte_orders(tmp_path: Path, dtype: str) -> None:
    """As nibabel reads them; without a .mat file the sides are assumed and this is said."""
    volume = same_as_nibabel(save(tmp_path, "AnalyzeImage", dtype))
    assert volume.grid.space is Space.LOCAL
    assert [f.code for f in volume.findings] == ["left-right-assumed"]


def test_spm_scale_and_origin(tmp_path: Path) -> None:
    """funused1 scales, SPM2's funused2 shifts; originator is the voxel at 0 mm, counted from 1."""
    path = save(tmp_path, scl_slope=0.5, scl_inter=-3, origin=[3, 4, 2, 0, 0])
    volume = same_as_nibabel(path)
    assert np.allclose(volume.grid.to_patient([1, 3, 2]), 0)


def test_far_origin_is_left_out(tmp_path: Path) -> None:
    """An origin far outside the image is the middle, as nibabel takes it."""
    volume = read(save(tmp_path, origin=[300, 4, 2, 0, 0]))
    assert np.allclose(volume.grid.to_patient([2, 3, 2.5]), 0)


def test_scale_from_ranges(tmp_path: Path) -> None:
    """Without a scale SPM2 takes it from the ranges before and after; this is said."""
    volume = same_as_nibabel(save(tmp_path, scl_slope=0, glmax=110, glmin=10, cal_max=0.8, cal_min=0.2))
    assert "private-scaling" in {f.code for f in volume.findings}


@pytest.mark.parametrize(("orient", "letters"), [(1, "ASL"), (2, "LSA"), (3, "SPL"), (4, "AIL"), (5, "LIA")])
def test_orient_byte(tmp_path: Path, orient: int, letters: str) -> None:
    """The orientations of dbh.h; `letters` are those of k, j, i."""
    path = save(tmp_path)
    raw = bytearray(path.read_bytes())
    raw[252] = orient
    path.write_bytes(raw)
    volume = read(path)
    assert volume.grid.letters == letters
    assert {f.code for f in volume.findings} == {"geometry-assumed", "left-right-assumed"}


@pytest.mark.parametrize("version", ["4", "5"])
@pytest.mark.parametrize("names", [("mat",), ("M",), ("M", "mat")])
def test_mat_file(tmp_path: Path, version: str, names: tuple[str, ...]) -> None:
    """mat and M as nibabel reads them, oblique too; the place is known then."""
    from scipy.io import savemat

    path = save(tmp_path)
    mat = ras_from_lps(oblique_grid().affine)
    both = {"mat": mat, "M": np.diag([-1.0, 1, 1, 1]) @ mat}
    savemat(tmp_path / "x.mat", {name: both[name] for name in names}, format=version)
    volume = same_as_nibabel(path)
    assert volume.grid.space is Space.PATIENT
    assert volume.findings == ()
    assert set(FORM.companions(path)) == {tmp_path / "x.img", tmp_path / "x.mat"}


def test_mat_file_for_each_image(tmp_path: Path) -> None:
    """Of several matrices that differ the first is used, with a Finding."""
    from scipy.io import savemat

    path = save(tmp_path)
    several = np.stack([np.diag([2.0, 2, 2, 1]), np.diag([3.0, 2, 2, 1])], axis=-1)
    savemat(tmp_path / "x.mat", {"mat": several})
    volume = read(path)
    assert volume.grid.spacing_mm == (2.0, 2.0, 2.0)
    assert [f.code for f in volume.findings] == ["affine-conflict"]


def damaged_mats() -> dict[str, bytes]:
    from scipy.io import savemat

    made = {"empty": b"", "text": b"not a mat file " * 20, "zeros": bytes(300)}
    for name, content in {
        "shape": np.eye(3),
        "singular": np.zeros((4, 4)),
        "nan": np.full((4, 4), np.nan),
    }.items():
        file = io.BytesIO()
        savemat(file, {"mat": content})
        made[name] = file.getvalue()
    return made


@pytest.mark.parametrize("name", damaged_mats())
def test_damaged_mat_file_is_said(tmp_path: Path, name: str) -> None:
    """A .mat file that cannot be used is left out with a Finding."""
    path = save(tmp_path)
    (tmp_path / "x.mat").write_bytes(damaged_mats()[name])
    volume = read(path)
    assert {f.code for f in volume.findings} == {"bad-affine", "left-right-assumed"}


@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=8))
def test_any_bytes_in_the_mat_file(tmp_path: Path, changes: list[tuple[int, int]]) -> None:
    """Changed bytes of a .mat file end in a volume or one of our errors."""
    path = save(tmp_path)
    raw = bytearray(damaged_mats()["singular"].ljust(401, b"\0"))
    for place, value in changes:
        raw[place] = value
    (tmp_path / "x.mat").write_bytes(raw)
    try:
        assert np.isfinite(read(path).grid.affine).all()
    except MedvoxError:
        return


def test_packed_pair(tmp_path: Path) -> None:
    """Header and values may be gzip."""
    path = save(tmp_path)
    plain = read(path).values()
    for name in ("x.hdr", "x.img"):
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress((tmp_path / name).read_bytes()))
        (tmp_path / name).unlink()
    path = tmp_path / "x.hdr.gz"
    assert FORM.sniff(read_head(path)) >= 0.5
    assert np.array_equal(read(path).values(), plain)


def test_time_without_a_unit(tmp_path: Path) -> None:
    """pixdim[4] may be ms or s: time points have no times, and this is said."""
    image = nibabel.Spm2AnalyzeImage(np.stack([ramp(SHAPE, "int16").T] * 2, -1), np.diag([-2.0, 2, 2, 1]))
    image.header["pixdim"][4] = 2.5
    nibabel.save(image, tmp_path / "x.hdr")
    volume = read(tmp_path / "x.hdr")
    assert volume.axes == (TIME, *SPATIAL)
    assert volume.coordinates == {}
    assert [f.code for f in volume.findings] == ["ambiguous-4d"]


def test_either_of_the_pair_opens(tmp_path: Path) -> None:
    """The .img leads to its header; one without the other is a clear error."""
    save(tmp_path)
    assert np.array_equal(read(tmp_path / "x.img").values(), read(tmp_path / "x.hdr").values())
    assert FORM.companions(tmp_path / "x.img") == ()
    (tmp_path / "x.img").rename(tmp_path / "y.img")
    for name in ("x.hdr", "y.img"):
        with pytest.raises(MissingError):
            FORM.images(tmp_path / name)


def test_told_from_nifti(tmp_path: Path) -> None:
    """The same suffixes: the magic decides when reading; a name ending in .hdr alone names no format."""
    pair = nibabel.Nifti1Pair(ramp(SHAPE, "int16").T, np.eye(4))
    nibabel.save(pair, tmp_path / "n.hdr")
    save(tmp_path)
    assert detect(tmp_path / "x.hdr").name == detect(tmp_path / "x.img").name == "Analyze"
    assert detect(tmp_path / "n.hdr").name == detect(tmp_path / "n.img").name == NiftiFormat.name
    assert format_for_name("x.analyze.hdr").name == format_for_name("analyze").name == "Analyze"
    with pytest.raises(UnsupportedError):
        format_for_name("x.hdr")


# -- writing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [axial_grid, oblique_grid, sheared_grid, las_grid])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_nibabel_reads_what_is_written(tmp_path: Path, make: Any, dtype: str) -> None:
    """nibabel finds the same value at the same place."""
    volume = Volume(ramp(SHAPE, dtype), make())
    report = FORM.write(volume, tmp_path / "x.hdr")
    assert {p.suffix for p in report.files} == {".hdr", ".img", ".mat"}
    image = nibabel.load(tmp_path / "x.hdr")
    theirs = np.asarray(image.dataobj)
    for kji in ((0, 0, 0), (4, 6, 5), (3, 1, 2)):
        x, y, z = volume.grid.to_patient(kji)
        i, j, k = np.rint(np.linalg.solve(image.affine, [-x, -y, z, 1])[:3]).astype(int)
        assert theirs[i, j, k] == volume.values()[kji]


def test_without_the_mat_file_the_origin_holds(tmp_path: Path) -> None:
    """The header alone puts the voxels within half a voxel of where they are: SPM's origin is whole."""
    matrix = las_grid().affine.copy()
    matrix[:3, 3] = (-1.0, 2.0, -5.0)
    grid = Grid(SHAPE, matrix)
    FORM.write(Volume(ramp(SHAPE, "int16"), grid), tmp_path / "x.hdr")
    (tmp_path / "x.mat").unlink()
    apart = np.abs(read(tmp_path / "x.hdr").grid.origin_mm - grid.origin_mm)
    assert (apart <= np.array(grid.spacing_mm[::-1]) / 2 + 1e-6).all()


def test_unit_slope_and_colour(tmp_path: Path) -> None:
    """cal_units and the slope come back; colours lie together."""
    volume = Volume(ramp(SHAPE, "int16"), las_grid(), rescale=Rescale.of(0.25, 0), unit="Bq/ml")
    assert FORM.write(volume, tmp_path / "x.img").losses == ()
    again = read(tmp_path / "x.img")
    assert (again.unit, float(again.rescale.slope)) == ("Bq/ml", 0.25)
    colour = Volume(ramp((3, *SHAPE), "uint8"), las_grid(), (CHANNEL, *SPATIAL))
    FORM.write(colour, tmp_path / "c.hdr")
    assert np.array_equal(read(tmp_path / "c.hdr").values(), colour.values())
    assert (tmp_path / "c.img").read_bytes()[:3] == colour.values()[:, 0, 0, 0].tobytes()


def test_large_whole_numbers(tmp_path: Path) -> None:
    """uint32 has no type of its own: float64 holds every value; 64 bits may not fit."""
    FORM.write(Volume(np.full(SHAPE, 2**32 - 1, "uint32"), las_grid()), tmp_path / "x.hdr")
    assert read(tmp_path / "x.hdr").values().max() == 2**32 - 1
    with pytest.raises(UnsupportedError):
        FORM.write(Volume(np.full(SHAPE, 2**63, "uint64"), las_grid()), tmp_path / "y.hdr")


def test_a_foreign_mat_file_stops_the_writer(tmp_path: Path) -> None:
    """An image of unknown place must not get the place of another."""
    (tmp_path / "x.mat").write_bytes(b"another")
    local = Volume(ramp(SHAPE, "uint8"), replace(las_grid(), space=Space.LOCAL))
    with pytest.raises(WriteError):
        FORM.write(local, tmp_path / "x.hdr")


@medcon
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32"])
def test_medcon_both_ways(tmp_path: Path, dtype: str) -> None:
    """MedCon reads what is written here, and writes what is read here, with the same values and spacing."""
    FORM.write(Volume(ramp(SHAPE, dtype), las_grid()), tmp_path / "x.hdr")
    for words in (["x.hdr", "-c", "nifti", "-o", "y"], ["y.nii", "-c", "anlz", "-o", "z"]):
        run_medcon(tmp_path, "-f", *words, "-w", "-noprefix", "-n")
    theirs = nibabel.load(tmp_path / "y.nii")
    assert np.allclose(np.asarray(theirs.dataobj).squeeze().T, ramp(SHAPE, dtype), rtol=1e-6)
    again = read(tmp_path / "z.hdr")
    assert np.allclose(again.values().squeeze(), ramp(SHAPE, dtype), rtol=1e-6)
    assert np.allclose(again.grid.spacing_mm, (3.0, 0.75, 0.5))


def test_simpleitk_reads_the_values(tmp_path: Path) -> None:
    """SimpleITK reads values and spacing; it takes the axes for L, P, S."""
    sitk = pytest.importorskip("SimpleITK")
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    FORM.write(Volume(ramp(SHAPE, "float32"), las_grid()), tmp_path / "x.hdr")
    image = sitk.ReadImage(str(tmp_path / "x.hdr"))
    assert np.array_equal(sitk.GetArrayFromImage(image), ramp(SHAPE, "float32"))
    assert np.allclose(image.GetSpacing(), (0.5, 0.75, 3.0))
    assert image.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)

"""NIfTI against nibabel and SimpleITK."""

import gzip
import struct
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
from hypothesis import given

from data import data_dir
from medvox.core import settings
from medvox.core.axes import lps_from_ras, ras_from_lps
from medvox.core.errors import FormatError, LimitError, MissingError, TruncatedError, UnsupportedError
from medvox.core.grid import Grid, Space
from medvox.core.study import Kind
from medvox.core.volume import Volume
from medvox.formats.nifti import NiftiFormat
from medvox.formats.nifti.header import STRUCTURES
from medvox.testing.format_contract import FormatContract, differences
from medvox.testing.strategies import volumes
from medvox.testing.volumes import oblique_grid, ramp, sample_volumes, sheared_grid


class TestContractPlain(FormatContract):
    form = NiftiFormat()
    suffix = ".nii"
    lazy_slices = True


class TestContractGzip(FormatContract):
    form = NiftiFormat()
    suffix = ".nii.gz"


class TestContractSmall(FormatContract):
    form = NiftiFormat(level=9)
    suffix = ".nii.gz"


def opened(path):
    (image,) = NiftiFormat().images(path)
    return image, image.open()


def codes(image):
    return [finding.code for finding in image.findings]


def saved(path, values=None, affine=None, kind=nib.Nifti1Image, **changes):
    """A file by nibabel, header fields changed; values are (i, j, k, …)."""
    values = ramp((6, 7, 5), "int16") if values is None else values
    image = kind(values, np.diag([2.0, 3.0, 4.0, 1.0]) if affine is None else affine)
    for name, value in changes.items():
        image.header[name] = value
    nib.save(image, path)
    return path


def changed(path, version=1, **fields):
    """Change header fields of an uncompressed file in place, in ways nibabel would refuse."""
    raw = bytearray(path.read_bytes())
    header = np.frombuffer(raw, STRUCTURES[version], count=1)[0]
    for name, value in fields.items():
        header[name] = value
    path.write_bytes(raw)
    return path


# -- what others wrote ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "f4", "f8", ">i2", ">f4"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_values_and_affine_are_nibabels(tmp_path, kind, dtype, suffix):
    values = ramp((6, 7, 5), dtype.strip(">")).astype(dtype)
    header = kind.header_class(endianness=">" if ">" in dtype else "<")
    header.set_data_dtype(dtype)
    image = kind(values, ras_from_lps(oblique_grid().affine), header)
    nib.save(image, tmp_path / f"x{suffix}")
    _, volume = opened(tmp_path / f"x{suffix}")
    again = nib.load(tmp_path / f"x{suffix}")
    assert np.array_equal(np.asarray(volume.data), np.asanyarray(again.dataobj).T)
    assert volume.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_allclose(ras_from_lps(volume.grid.affine), again.affine, atol=1e-5)


def test_fourteen_orientations_are_one_patient():
    folder = data_dir("niivue_orientation_test") / "nifti_space"
    paths = sorted(folder.glob("*.nii.gz"))
    assert len(paths) == 14
    points = None
    for path in paths:
        _, volume = opened(path)
        brightest = np.argwhere(np.asarray(volume.data) >= 150)
        centre = volume.grid.to_patient(brightest).mean(axis=0)
        np.testing.assert_allclose(ras_from_lps(volume.grid.affine), nib.load(path).affine, atol=1e-5)
        points = centre if points is None else points
        np.testing.assert_allclose(centre, points, atol=1.5)


def test_orientations_made_here_are_one_patient(tmp_path):
    """Twin of the above: nibabel turns one image in all 48 ways; a voxel stays where it was."""
    values = ramp((4, 5, 6), "int16")
    image = nib.Nifti1Image(values, ras_from_lps(oblique_grid().affine))
    seen = set()
    for order in ([0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]):
        for signs in np.ndindex(2, 2, 2):
            turned = image.as_reoriented(
                np.array([[a, 1 - 2 * s] for a, s in zip(order, signs, strict=True)])
            )
            nib.save(turned, tmp_path / "x.nii")
            _, volume = opened(tmp_path / "x.nii")
            at = np.argwhere(np.asarray(volume.data) == values[3, 1, 2])[0]
            seen.add(tuple(np.round(volume.grid.to_patient(at), 2) + 0.0))
    assert len(seen) == 1


def test_real_series_equal_nibabel():
    """4D, int16 and uint16, written by dcm2niix."""
    paths = sorted(data_dir("dcm_qa_uih").glob("Ref/**/*.nii*")) + sorted(
        data_dir("dcm_qa_nih").glob("Ref/**/*.nii*")
    )
    assert paths
    for path in paths:
        image, volume = opened(path)
        theirs = nib.load(path)
        assert np.array_equal(volume.values(np.float64), np.asanyarray(theirs.dataobj, dtype=float).T)
        np.testing.assert_allclose(ras_from_lps(image.grid.affine), theirs.affine, atol=1e-4)


@pytest.mark.parametrize("code", [(1, 1000.0), (2, 1.0), (3, 0.001), (0, 1.0)])
def test_units_of_length(tmp_path, code):
    path = saved(tmp_path / "x.nii", xyzt_units=code[0])
    image, _ = opened(path)
    assert image.grid.spacing_mm == pytest.approx(np.array([4, 3, 2]) * code[1], rel=1e-6)
    assert ("geometry-assumed" in codes(image)) == (code[0] == 0)


@pytest.mark.parametrize(("code", "seconds"), [(8, 1.0), (16, 1e-3), (24, 1e-6)])
def test_units_of_time(tmp_path, code, seconds):
    path = saved(tmp_path / "x.nii", ramp((6, 7, 5, 3), "int16"), xyzt_units=2 | code, toffset=4)
    changed(path, pixdim=[1, 2, 3, 4, 2.5, 1, 1, 1])
    image, volume = opened(path)
    assert image.axes == ("time", "k", "j", "i")
    assert volume.coordinates["time"] == pytest.approx([(4 + 2.5 * n) * seconds for n in range(3)])


def test_fifth_dimension_is_channels_behind_time(tmp_path):
    values = ramp((6, 7, 5, 2, 3), "float32")
    _, volume = opened(saved(tmp_path / "x.nii", values))
    assert volume.axes == ("time", "channel", "k", "j", "i")
    assert np.array_equal(np.asarray(volume.data), values.transpose(3, 4, 2, 1, 0))
    assert np.array_equal(volume.data[1, 2, 4], values[:, :, 4, 1, 2].T)


def test_rgb_is_channels(tmp_path):
    values = ramp((6, 7, 5, 3), "uint8")
    packed = values.view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0]
    _, volume = opened(saved(tmp_path / "x.nii.gz", packed))
    assert np.array_equal(np.asarray(volume.data), values.transpose(3, 2, 1, 0))


def test_rgba_loses_alpha_and_says_so(tmp_path):
    values = ramp((6, 7, 5, 4), "uint8")
    packed = values.view([("R", "u1"), ("G", "u1"), ("B", "u1"), ("A", "u1")])[..., 0]
    image, volume = opened(saved(tmp_path / "x.nii", packed))
    assert np.array_equal(np.asarray(volume.data), values[..., :3].transpose(3, 2, 1, 0))
    assert "alpha-dropped" in codes(image)


def test_complex_is_two_channels(tmp_path):
    values = (ramp((6, 7, 5), "float32") + 1j * ramp((6, 7, 5), "float32")[::-1]).astype(np.complex64)
    _, volume = opened(saved(tmp_path / "x.nii", values))
    assert np.array_equal(volume.data[0] + 1j * volume.data[1], values.T)


def test_scale_is_kept_apart_from_stored_values(tmp_path):
    path = changed(saved(tmp_path / "x.nii"), scl_slope=0.5, scl_inter=-10)
    _, volume = opened(path)
    assert volume.dtype == np.int16
    assert np.array_equal(np.asarray(volume.data), ramp((6, 7, 5), "int16").T)
    np.testing.assert_allclose(volume.values(), np.asanyarray(nib.load(path).dataobj).T)


@pytest.mark.parametrize("slope", [0.0, np.nan, np.inf])
def test_slope_that_scales_nothing(tmp_path, slope):
    image, volume = opened(changed(saved(tmp_path / "x.nii"), scl_slope=slope, scl_inter=7))
    assert volume.rescale.is_identity
    assert ("bad-rescale" in codes(image)) == (slope != 0)


def test_pair_is_found_from_either_file(tmp_path):
    values = ramp((6, 7, 5), "int16")
    nib.save(nib.Nifti1Pair(values, np.eye(4)), tmp_path / "x.img")
    for name, others in (("x.hdr", (tmp_path / "x.img",)), ("x.img", ())):
        _, volume = opened(tmp_path / name)
        assert np.array_equal(np.asarray(volume.data), values.T)
        assert NiftiFormat().companions(tmp_path / name) == others
    (tmp_path / "x.img").unlink()
    with pytest.raises(MissingError, match="img"):
        opened(tmp_path / "x.hdr")


def test_packed_pair(tmp_path):
    values = ramp((6, 7, 5), "int16")
    nib.save(nib.Nifti1Pair(values, np.eye(4)), tmp_path / "x.img.gz")
    _, volume = opened(tmp_path / "x.hdr.gz")
    assert np.array_equal(np.asarray(volume.data), values.T)


def test_extensions_are_listed_and_private(tmp_path):
    image = nib.Nifti1Image(ramp((6, 7, 5), "int16"), np.eye(4))
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"hello there"))
    for name in ("x.nii", "x.nii.gz"):
        nib.save(image, tmp_path / name)
        last = NiftiFormat().header(tmp_path / name)[-1]
        assert last.keyword == "comment"
        assert "hello there" in last.value
        assert last.identifying
        assert np.array_equal(np.asarray(opened(tmp_path / name)[1].data), ramp((6, 7, 5), "int16").T)


# -- which matrix ----------------------------------------------------------------------------------


def test_forms_that_disagree_are_told(tmp_path):
    image = nib.Nifti1Image(ramp((6, 7, 5), "int16"), None)
    image.set_sform(np.diag([2.0, 3.0, 4.0, 1.0]), 2)
    image.set_qform(np.diag([2.0, 3.0, 4.5, 1.0]), 2)
    nib.save(image, tmp_path / "x.nii")
    found, _ = opened(tmp_path / "x.nii")
    assert found.grid.spacing_mm == pytest.approx((4, 3, 2))
    (note,) = [f for f in found.findings if f.code == "affine-conflict"]
    assert note.level == "warning"
    assert "2 mm" in note.text  # 4 steps of 0.5 mm


def test_qform_alone(tmp_path):
    affine = ras_from_lps(oblique_grid((5, 7, 6)).affine)
    image = nib.Nifti1Image(ramp((6, 7, 5), "int16"), None)
    image.set_qform(affine, 1)
    nib.save(image, tmp_path / "x.nii")
    found, _ = opened(tmp_path / "x.nii")
    np.testing.assert_allclose(ras_from_lps(found.grid.affine), affine, atol=1e-4)


def test_no_form_is_nibabels_default(tmp_path):
    image = nib.Nifti1Image(ramp((6, 7, 5), "int16"), None)
    image.header.set_zooms((2, 3, 4))
    nib.save(image, tmp_path / "x.nii")
    found, _ = opened(tmp_path / "x.nii")
    np.testing.assert_allclose(ras_from_lps(found.grid.affine), nib.load(tmp_path / "x.nii").affine)
    assert found.grid.space is Space.LOCAL
    assert "geometry-assumed" in codes(found)


# -- bad input -------------------------------------------------------------------------------------


def test_zero_spacing_is_a_finding(tmp_path):
    path = changed(saved(tmp_path / "x.nii"), pixdim=[1, 2, 0, 4, 0, 0, 0, 0], sform_code=0)
    image, volume = opened(path)
    assert image.grid.space is Space.PIXEL
    assert "zero-spacing" in codes(image)
    assert volume.load().shape == (5, 7, 6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_unusable_sform_falls_back_to_qform(tmp_path, bad):
    path = saved(tmp_path / "x.nii", qform_code=1, pixdim=[1, 2, 3, 4, 0, 0, 0, 0])
    changed(path, srow_x=[bad] * 4)
    image, _ = opened(path)
    assert "bad-affine" in codes(image)
    assert image.grid.spacing_mm == pytest.approx((4, 3, 2))


@pytest.mark.parametrize(
    "dim", [[3, 6, -7, 5, 1, 1, 1, 1], [3, 0, 7, 5, 1, 1, 1, 1], [9, 6, 7, 5, 1, 1, 1, 1]]
)
def test_impossible_sizes_name_the_field(tmp_path, dim):
    with pytest.raises(FormatError, match=r"dim\["):
        opened(changed(saved(tmp_path / "x.nii"), dim=dim))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_huge_claims_take_no_memory(tmp_path, suffix):
    """2**45 bytes claimed by a file of some hundred: refused from the header alone."""
    path = changed(saved(tmp_path / "x.nii"), dim=[5, 32767, 32767, 32767, 1, 1, 1, 1])
    if suffix == ".nii.gz":
        path.with_suffix(".nii.gz").write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(TruncatedError, match="claims"):
        opened(path.with_suffix(suffix))


def test_limit_is_kept_and_named(tmp_path):
    with settings.using(max_image_bytes=100), pytest.raises(LimitError, match="MEDVOX_MAX_IMAGE_BYTES"):
        opened(saved(tmp_path / "x.nii"))


@pytest.mark.parametrize("offset", [-1.0, 10.0, np.nan, 1e30])
def test_impossible_offset(tmp_path, offset):
    with pytest.raises(FormatError):
        opened(changed(saved(tmp_path / "x.nii"), vox_offset=offset))


@pytest.mark.parametrize("datatype", [0, 1, 1536, 2048, 999])
def test_types_that_cannot_be_read(tmp_path, datatype):
    with pytest.raises(UnsupportedError, match=str(datatype)):
        opened(changed(saved(tmp_path / "x.nii"), datatype=datatype))


def test_damaged_gzip_names_file_and_place(tmp_path):
    path = saved(tmp_path / "x.nii.gz", np.random.default_rng(0).normal(size=(40, 40, 40)).astype("f4"))
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    path.write_bytes(raw)
    _, volume = opened(path)
    with pytest.raises(FormatError, match=r"x\.nii\.gz.*damaged"):
        volume.load()


def test_gzip_of_several_members_is_read(tmp_path):
    raw = saved(tmp_path / "x.nii").read_bytes()
    (tmp_path / "x.nii.gz").write_bytes(
        b"".join(gzip.compress(raw[n : n + 200]) for n in range(0, len(raw), 200))
    )
    _, volume = opened(tmp_path / "x.nii.gz")
    assert np.array_equal(np.asarray(volume.data), ramp((6, 7, 5), "int16").T)


# -- what we write ---------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("name", sorted(sample_volumes()))
def test_nibabel_reads_what_is_written(tmp_path, name, suffix):
    volume = sample_volumes()[name]
    path = tmp_path / f"x{suffix}"
    NiftiFormat().write(volume, path)
    image = nib.load(path)
    values = np.asanyarray(image.dataobj)
    if values.dtype.fields:
        values = np.stack([values[c] for c in "RGB"], axis=-1)
        expected = volume.values().transpose(*_reversed(volume, last="channel"))
    else:
        expected = volume.values().transpose(*_reversed(volume))
        values = values.reshape(expected.shape)
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    if volume.grid.space is Space.PATIENT:
        np.testing.assert_allclose(image.affine, ras_from_lps(volume.grid.affine), atol=1e-4)
        assert int(image.header["sform_code"]) == 1


def _reversed(volume, last=None):
    """Axes as nibabel has them: i, j, k, time or other, channel."""
    lead = [n for n in volume.axes[:-3] if n != "channel"] + [n for n in volume.axes if n == "channel"]
    names = ["i", "j", "k", *[n for n in lead if n != last], *([last] if last else [])]
    return [volume.axes.index(name) for name in names]


def test_simpleitk_reads_what_is_written(tmp_path):
    volume = sample_volumes()["oblique"]
    NiftiFormat().write(volume, tmp_path / "x.nii.gz")
    image = SimpleITK.ReadImage(str(tmp_path / "x.nii.gz"))
    assert np.array_equal(SimpleITK.GetArrayFromImage(image), volume.data)
    for kji in [(0, 0, 0), (4, 6, 5), (1, 2, 3)]:
        point = image.TransformIndexToPhysicalPoint(kji[::-1])
        np.testing.assert_allclose(point, volume.grid.to_patient(kji), atol=1e-4)


def test_qform_only_where_axes_are_at_right_angles(tmp_path):
    for grid, code in ((oblique_grid(), 1), (sheared_grid(), 0)):
        NiftiFormat().write(
            replace(sample_volumes()["axial-int16"], grid=grid, provenance=None), tmp_path / "x.nii"
        )
        header = nib.load(tmp_path / "x.nii").header
        assert int(header["qform_code"]) == code
        if code:
            np.testing.assert_allclose(header.get_qform(), ras_from_lps(grid.affine), atol=1e-4)


def test_long_axis_makes_nifti_2(tmp_path):
    values = ramp((1, 2, 40000), "uint8")
    grid = Grid(values.shape, lps_from_ras(np.eye(4)))
    NiftiFormat().write(Volume(values, grid), tmp_path / "x.nii")
    assert (tmp_path / "x.nii").read_bytes()[4:7] == b"n+2"
    assert np.array_equal(np.asanyarray(nib.load(tmp_path / "x.nii").dataobj).T, values)


def test_written_gzip_is_one_member_for_any_tool(tmp_path):
    values = np.random.default_rng(3).integers(0, 50, (40, 200, 200), dtype=np.int16)
    volume = Volume(values, Grid(values.shape, lps_from_ras(np.eye(4))))
    with settings.using(threads=4):
        NiftiFormat().write(volume, tmp_path / "x.nii.gz")
    raw = (tmp_path / "x.nii.gz").read_bytes()
    unpacked = gzip.decompress(raw)
    assert unpacked[352:] == values.tobytes()
    assert struct.unpack("<I", raw[-4:])[0] == len(unpacked)
    assert raw.count(b"\x1f\x8b\x08\0\0\0\0\0") == 1


def test_xform_of_the_source_is_kept(tmp_path):
    path = saved(tmp_path / "x.nii", sform_code=4, qform_code=0)
    _, volume = opened(path)
    NiftiFormat().write(volume, tmp_path / "y.nii")
    assert int(nib.load(tmp_path / "y.nii").header["sform_code"]) == 4


def test_too_many_axes_are_refused(tmp_path):
    values = ramp((2, 2, 2, 2, 2, 3, 4), "uint8")
    volume = Volume(values, Grid((2, 3, 4), np.eye(4)), ("a", "b", "c", "time", "k", "j", "i"))
    with pytest.raises(UnsupportedError, match="seven axes"):
        NiftiFormat().write(volume, tmp_path / "x.nii")
    assert not list(tmp_path.iterdir())


@given(volume=volumes())
def test_round_trip_of_any_volume(tmp_path_factory, volume):
    path = tmp_path_factory.mktemp("nifti") / "x.nii"
    NiftiFormat().write(volume, path)
    _, again = opened(path)
    extent = float(np.abs(volume.grid.corners_mm()).max())
    assert set(differences(volume, again, 1e-6 * extent + 1e-5)) <= {"type"}


def test_kinds(tmp_path):
    assert opened(saved(tmp_path / "a.nii", ramp((6, 7), "uint8")))[0].kind is Kind.PICTURE
    assert opened(saved(tmp_path / "b.nii", ramp((6, 7, 1, 4), "uint8")))[0].kind is Kind.CINE
    assert opened(saved(tmp_path / "c.nii", ramp((6, 7, 2), "uint8")))[0].kind is Kind.VOLUME


@pytest.mark.parametrize("step", [1e30, 1e308, -np.inf])
def test_absurd_lengths_are_a_finding(tmp_path, step):
    values = ramp((6, 7, 5), "int16")
    nib.save(nib.Nifti2Image(values, np.eye(4)), tmp_path / "x.nii")
    path = changed(
        tmp_path / "x.nii", 2, srow_x=[step, 0, 0, 0], pixdim=[1, step, 1, 1, 0, 0, 0, 0], xyzt_units=1
    )
    image, _ = opened(path)
    assert image.grid.space is Space.PIXEL
    assert {"bad-affine", "zero-spacing"} <= set(codes(image))

"""ECAT 7: the contract on files built from nibabel's tables, nibabel and MedCon as peers."""

import io
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medcon import medcon, run_medcon
from medvox.core.axes import PHASE, SPATIAL, TIME
from medvox.core.errors import FormatError, MedvoxError, UnsupportedError
from medvox.core.grid import Space
from medvox.core.volume import Volume
from medvox.formats.ecat import EcatFormat
from medvox.formats.ecat.header import MAIN, SUBHEADER
from medvox.testing.format_contract import FormatContract
from medvox.testing.volumes import ramp

nibabel = pytest.importorskip("nibabel")
FORM = EcatFormat()
SHAPE = (3, 5, 4)
ORIENTATION_AT = 330


def build(folder: Path, frames: int = 1, gates: int = 1, beds: int = 1, **main: Any) -> Path:
    """Make a file of 16-bit volumes, each with a scale of its own; headers in nibabel's layout."""
    head = np.zeros((), nibabel.ecat.hdr_dtype.newbyteorder(">"))
    head["magic_number"], head["sw_version"], head["file_type"] = b"MATRIX72v", 74, 7
    head["ecat_calibration_factor"], head["patient_orientation"] = 2.0, 3
    head["data_units"], head["patient_name"] = b"Bq/cc", b"Doe^John"
    head["num_frames"], head["num_gates"], head["num_planes"] = frames, gates, SHAPE[0]
    for name, value in main.items():
        head[name] = value
    cells = [(b, g, f) for b in range(beds) for g in range(1, gates + 1) for f in range(1, frames + 1)]
    nbytes = int(np.prod(SHAPE)) * 2
    each = 1 + -(-nbytes // 512)
    directory = np.zeros((32, 4), ">i4")
    directory[0] = 31 - len(cells), 2, 0, len(cells)
    body = b""
    for n, (bed, gate, frame) in enumerate(cells):
        block = 3 + n * each
        directory[n + 1] = frame | bed << 12 | 1 << 16 | gate << 24, block, block + each - 1, 1
        body += _subheader(n, frame) + (ramp(SHAPE, "int16") + n).astype(">i2").tobytes()
        body += bytes(-len(body) % 512) if n + 1 < len(cells) else b""
    path = folder / "x.v"
    path.write_bytes(head.tobytes() + directory.tobytes() + body)
    return path


def _subheader(n: int, frame: int) -> bytes:
    sub = np.zeros((), nibabel.ecat.subhdr_dtype.newbyteorder(">"))
    sub["data_type"], sub["num_dimensions"] = 6, 3
    sub["x_dimension"], sub["y_dimension"], sub["z_dimension"] = SHAPE[::-1]
    sub["x_pixel_size"], sub["y_pixel_size"], sub["z_pixel_size"] = 0.2, 0.25, 0.3125
    sub["scale_factor"] = 0.5 * (n + 1)
    sub["frame_start_time"], sub["frame_duration"] = 60000 * frame, 60000
    return sub.tobytes()[:512].ljust(512, b"\0")


def nibabel_image(path: Path) -> Any:
    """Image of nibabel on bytes in memory: it never closes a file."""
    files = nibabel.ecat.EcatImage.make_file_map()
    for holder in files.values():
        holder.fileobj = io.BytesIO(path.read_bytes())
    return nibabel.ecat.EcatImage.from_file_map(files)


def read(path: Path) -> Volume:
    (image,) = FORM.images(path)
    return image.open()


class TestEcatContract(FormatContract):
    form = FORM
    suffix = ".v"

    def make(self, folder: Path) -> Path:
        return build(folder)


@pytest.mark.parametrize(("mine", "theirs"), [(MAIN, "hdr_dtype"), (SUBHEADER, "subhdr_dtype")])
def test_fields_lie_where_nibabel_finds_them(mine: np.dtype[Any], theirs: str) -> None:
    """Offsets and sizes of the fields are those of nibabel's tables."""
    table = getattr(nibabel.ecat, theirs)
    for mine_name, their_name in zip(mine.names or (), table.names, strict=False):
        assert mine.fields[mine_name][1] == table.fields[their_name][1], mine_name
        assert mine[mine_name].itemsize == table[their_name].itemsize, mine_name


def test_frames_scales_times_and_unit(tmp_path: Path) -> None:
    """Each frame has its scale, times the calibration; times are seconds, cc is ml."""
    volume = read(build(tmp_path, frames=3))
    stored = np.stack([ramp(SHAPE, "int16") + n for n in range(3)])
    scale = 2.0 * 0.5 * np.arange(1, 4)[:, None, None, None]
    assert np.allclose(volume.values(), stored * scale)
    assert volume.axes == (TIME, *SPATIAL)
    assert volume.coordinates == {TIME: (60.0, 120.0, 180.0)}
    assert (volume.unit, volume.modality) == ("Bq/ml", "PT")
    assert dict(volume.known_provenance.parameters)["frame_duration_s"] == "60 60 60"
    assert np.allclose(volume.slice_values(2, (1,)), stored[1, 2].astype(float) * 2)


def test_gates_and_beds(tmp_path: Path) -> None:
    """Gates are phases; each bed position is an image of its own."""
    volume = read(build(tmp_path, frames=2, gates=2))
    assert volume.axes == (PHASE, TIME, *SPATIAL)
    images = FORM.images(build(tmp_path, frames=2, beds=2))
    assert [image.label for image in images] == ["x.v bed 1", "x.v bed 2"]
    assert np.array_equal(np.asarray(images[1].open().data)[0], ramp(SHAPE, "int16") + 2)


@pytest.mark.parametrize("frames", [1, 3])
def test_head_first_supine_is_nibabels(tmp_path: Path, frames: int) -> None:
    """Voxel by voxel, at the same place: nibabel reverses the axes, its space is RAS."""
    path = build(tmp_path, frames=frames)
    image = nibabel_image(path)
    volume = read(path)
    theirs = np.asarray(image.get_fdata())
    values = volume.values().reshape(frames, *SHAPE)
    for kji in ((0, 0, 0), (2, 1, 3), (1, 4, 0)):
        x, y, z = volume.grid.to_patient(kji)
        i, j, k = np.rint(np.linalg.solve(image.affine, [-x, -y, z, 1])[:3]).astype(int)
        assert np.allclose(theirs[i, j, k], values[(slice(None), *kji)])
    assert volume.grid.space is Space.PATIENT


def test_tiny_pet_of_nibabel() -> None:
    """A real file (nibabel's test data): values and spacing; its orientation is unknown and this is said."""
    path = Path(nibabel.__file__).parent / "tests" / "data" / "tinypet.v"
    if not path.is_file():
        pytest.skip("nibabel is installed without its test data")
    image, volume = nibabel_image(path), read(path)
    assert np.allclose(volume.values().T, image.get_fdata()[..., 0])
    assert np.allclose(volume.grid.spacing_mm[::-1], image.get_subheaders().get_zooms()[:3])
    assert volume.unit == "Bq/ml"
    assert volume.grid.space is Space.LOCAL
    assert {f.code for f in volume.findings} == {"geometry-assumed"}


@pytest.mark.parametrize("kind", [1, 3, 4, 11, 13, 99])
def test_no_images_are_named(tmp_path: Path, kind: int) -> None:
    """Sinograms, attenuation and normalization are named in the error; their header can be looked at."""
    path = build(tmp_path, file_type=kind)
    with pytest.raises(UnsupportedError, match=f"file type {kind}"):
        FORM.images(path)
    assert any(line.tag == "file_type" and line.value == str(kind) for line in FORM.header(path))


def test_identity_is_marked(tmp_path: Path) -> None:
    """The patient's name is marked, the orientation is not."""
    lines = {line.tag: line for line in FORM.header(build(tmp_path))}
    assert lines["patient_name"].identifying
    assert not lines["patient_orientation"].identifying
    assert lines["scale_factor"].depth == 1


def test_unusable_scales_are_said(tmp_path: Path) -> None:
    """A calibration of 0 leaves values uncalibrated, with a Finding."""
    volume = read(build(tmp_path, ecat_calibration_factor=0))
    assert "bad-rescale" in {f.code for f in volume.findings}
    assert np.allclose(volume.values(), ramp(SHAPE, "int16") * 0.5)


def test_directory_in_a_circle(tmp_path: Path) -> None:
    """A directory that leads back to a block read before is refused."""
    path = build(tmp_path)
    raw = bytearray(path.read_bytes())
    raw[516:520] = struct.pack(">i", 3)
    raw[1024:1040] = struct.pack(">4i", 31, 3, 0, 0)
    path.write_bytes(raw)
    with pytest.raises(FormatError, match="circle"):
        FORM.images(path)


@settings(suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1600), st.integers(0, 255)), min_size=1, max_size=12))
def test_any_bytes(tmp_path: Path, changes: list[tuple[int, int]]) -> None:
    """Changed bytes of headers, directory and subheaders end in images or one of our errors."""
    path = build(tmp_path, frames=2)
    raw = bytearray(path.read_bytes())
    for place, value in changes:
        raw[place] = value
    path.write_bytes(raw)
    try:
        FORM.header(path)
        for image in FORM.images(path):
            image.open().values()
    except MedvoxError:
        return


# -- MedCon ------------------------------------------------------------------------------------------------


@medcon
@pytest.mark.parametrize("frames", [1, 3])
def test_reads_what_medcon_writes(tmp_path: Path, frames: int) -> None:
    """A NIfTI file that MedCon turned into ECAT 7: same values (it rescales them), spacing and frames."""
    values = ramp((frames, *SHAPE), "int16") // 4
    image = nibabel.Nifti1Image(values.T if frames > 1 else values[0].T, np.diag([2.0, 2.5, 3.0, 1.0]))
    nibabel.save(image, tmp_path / "y.nii")
    run_medcon(tmp_path, "-f", "y.nii", "-c", "ecat7", "-o", "x", "-w", "-noprefix", "-n")
    volume = read(tmp_path / "x.v")
    assert np.allclose(volume.values().reshape(values.shape), values, atol=1)
    assert np.allclose(volume.grid.spacing_mm, (3.0, 2.5, 2.0))


@medcon
@pytest.mark.parametrize("code", range(8))
def test_positions_are_those_of_medcon(tmp_path: Path, code: int) -> None:
    """MedCon's first positions have the signs that the ways of rows, columns and slices give them."""
    image = nibabel.Nifti1Image(ramp(SHAPE, "int16").T, np.diag([2.0, 2.5, 3.0, 1.0]))
    nibabel.save(image, tmp_path / "y.nii")
    run_medcon(tmp_path, "-f", "y.nii", "-c", "ecat7", "-o", "x", "-w", "-noprefix", "-n")
    path = tmp_path / "x.v"
    raw = bytearray(path.read_bytes())
    raw[ORIENTATION_AT : ORIENTATION_AT + 2] = struct.pack(">h", code)
    path.write_bytes(raw)
    told = run_medcon(tmp_path, "-d", "-f", "x.v")
    places = np.array([float(v) for v in re.findall(r"image_pos_pat\[\d\]\s*: (\S+)", told)]).reshape(-1, 3)
    grid = read(path).grid
    assert np.allclose(places[1] - places[0], grid.affine[:3, 0], atol=1e-3)
    row_and_column = grid.affine[:3, 1:3].sum(axis=1)
    assert (np.sign(places[0][:2]) == -np.sign(row_and_column[:2])).all()

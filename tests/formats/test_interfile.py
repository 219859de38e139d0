"""Interfile: the contract, STIR's and MedCon's headers, geometry, scales, sinograms, writing."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfile_headers import DYNAMIC, SINOGRAM, SPECT, STIR, VALUES, added, put, with_keys
from medvox.core import affine as aff
from medvox.core.axes import SPATIAL, TIME
from medvox.core.errors import FormatError, MedvoxError, MissingError, TruncatedError, UnsupportedError
from medvox.core.grid import Grid, Space
from medvox.core.rescale import Rescale
from medvox.core.study import Kind
from medvox.core.volume import Volume
from medvox.formats.gantry import POSITIONS, scanner_axes
from medvox.formats.interfile import InterfileFormat
from medvox.formats.registry import format_for_name
from medvox.testing.format_contract import FormatContract
from medvox.testing.volumes import SHAPE, axial_grid, ramp

FORM = InterfileFormat()


def scanner_grid(position: str = "HFS", shape: tuple[int, int, int] = SHAPE) -> Grid:
    return Grid(shape, aff.compose((3.0, 0.75, 0.5), scanner_axes(position)[:, ::-1], (-12.5, 30.25, -500.0)))


class TestInterfileContract(FormatContract):
    form = FORM
    suffix = ".hv"
    lazy_slices = True
    refused = frozenset({"rgb", "rgb-over-time", "vectors", "vectors-over-time"})

    def sample(self) -> Volume:
        return Volume(ramp(SHAPE, "uint8"), scanner_grid())

    def values_file(self, path: Path) -> Path:
        return path.with_suffix(".v")


# -- reading ------------------------------------------------------------------------------------------


def read(path: Path) -> Volume:
    (image,) = FORM.images(path)
    return image.open()


def test_stir_image_lies_where_stir_puts_it(tmp_path: Path) -> None:
    """STIR: x, y, z with the first pixel offset; head first, supine: x to L, y to P, z to I."""
    volume = read(put(tmp_path, STIR))
    assert np.array_equal(volume.values(), VALUES)
    assert volume.grid.space is Space.PATIENT
    assert volume.modality == "PT"
    assert np.allclose(volume.grid.to_patient([0, 0, 0]), (-4, -2.5, -7))
    assert np.allclose(volume.grid.to_patient([1, 2, 3]), (-4 + 6, -2.5 + 5, -7 - 3.375))
    assert volume.findings == ()


def test_no_offset_is_said(tmp_path: Path) -> None:
    """STIR's origin without an offset: voxel n // 2 of x and y, the first slice."""
    text = "\n".join(line for line in STIR.split("\n") if "offset (mm)" not in line)
    volume = read(put(tmp_path, text))
    assert np.allclose(volume.grid.to_patient([0, 1, 2]), 0)
    assert [f.code for f in volume.findings] == ["geometry-assumed"]


def test_no_patient_position_is_no_place(tmp_path: Path) -> None:
    """Without orientation and rotation the place in the patient is not known."""
    volume = read(put(tmp_path, with_keys(STIR, patient_rotation="unknown")))
    assert volume.grid.space is Space.LOCAL
    assert "geometry-assumed" in {f.code for f in volume.findings}


def test_no_spacing_is_pixels(tmp_path: Path) -> None:
    """Without a scaling factor distances are in pixels."""
    text = "\n".join(line for line in STIR.split("\n") if "scaling factor" not in line)
    volume = read(put(tmp_path, text))
    assert volume.grid.space is Space.PIXEL
    assert [f.code for f in volume.findings] == ["no-spacing"]


def test_separation_is_in_pixels_of_the_plane(tmp_path: Path) -> None:
    """Interfile 3.3: slices are 1.6 times the mean pixel size of 2.5 mm apart; values are big-endian."""
    volume = read(put(tmp_path, SPECT, VALUES.astype(">u2")))
    assert volume.grid.spacing_mm == (4.0, 3.0, 2.0)
    assert np.array_equal(volume.values(), VALUES)
    assert volume.modality == "NM"


def test_identity_is_marked(tmp_path: Path) -> None:
    """Name and number of the patient are marked, orientation and rotation are not."""
    lines = FORM.header(put(tmp_path, SPECT))
    marked = {line.tag for line in lines if line.identifying}
    assert marked == {"patient name", "!patient ID"}


@pytest.mark.parametrize(
    ("form", "size", "dtype"),
    [
        ("signed integer", 2, "<i2"), ("unsigned integer", 1, "u1"), ("short float", 4, "<f4"),
        ("long float", 8, "<f8"), ("float", 8, "<f8"), ("unsigned integer", 4, "<u4"),
    ],
)  # fmt: skip
def test_number_formats(tmp_path: Path, form: str, size: int, dtype: str) -> None:
    """Each number format is read in its own type."""
    text = with_keys(STIR, number_format=form, number_of_bytes=str(size))
    volume = read(put(tmp_path, text, VALUES.astype(dtype)))
    assert volume.dtype == np.dtype(dtype).newbyteorder("=")
    assert np.array_equal(volume.values(), VALUES)


def test_bits_and_text(tmp_path: Path) -> None:
    """One bit a voxel, each slice beginning with a byte of its own; and numbers as text."""
    bits = np.packbits((VALUES % 3 == 0).reshape(2, 12), axis=1)
    text = with_keys(STIR, number_format="bit", number_of_bytes="1")
    assert np.array_equal(read(put(tmp_path, text, bits)).values(), VALUES % 3 == 0)
    words = " ".join(str(v) for v in VALUES.ravel()).encode()
    text = with_keys(STIR, number_format="ASCII", number_of_bytes="1")
    assert np.array_equal(read(put(tmp_path, text, words)).values(), VALUES)


def test_offset_and_starting_block(tmp_path: Path) -> None:
    """Values begin at an offset in bytes, or in blocks of 2048."""
    text = added(STIR, "data offset in bytes := 7")
    assert np.array_equal(read(put(tmp_path, text, bytes(7) + VALUES.tobytes())).values(), VALUES)
    text = added(STIR, "data starting block := 1")
    assert np.array_equal(read(put(tmp_path, text, bytes(2048) + VALUES.tobytes())).values(), VALUES)


def test_frames_with_offsets_times_and_scales(tmp_path: Path) -> None:
    """Time frames lie where their offsets say, in seconds from the start, each with its scale."""
    text = added(
        STIR,
        "number of time frames := 2",
        "image relative start time (sec)[1] := 10",
        "image relative start time (sec)[2] := 70.5",
        "image duration (sec)[1] := 60",
        "image duration (sec)[2] := 120",
        "image scaling factor[1] := 2",
        "image scaling factor[2] := {3, 4}",
        "data offset in bytes[1] := 100",
        "data offset in bytes[2] := 0",
    )
    values = (VALUES + 100).tobytes() + bytes(4) + VALUES.tobytes()
    volume = read(put(tmp_path, text, values))
    assert volume.axes == (TIME, *SPATIAL)
    assert volume.coordinates == {TIME: (10.0, 70.5)}
    second = (VALUES + 100) * np.array([3, 4])[:, None, None]
    assert np.array_equal(volume.values(), np.stack([VALUES * 2, second]))
    assert np.array_equal(volume.slice_values(1, (1,)), second[1])
    FORM.write(volume, tmp_path / "y.hv")
    again = read(tmp_path / "y.hv")
    assert dict(again.known_provenance.parameters)["frame_duration_s"] == "60 120"
    assert np.array_equal(again.values(), volume.values())
    assert again.coordinates == volume.coordinates


def test_quantification_units_scale_or_name(tmp_path: Path) -> None:
    """A number is a scale for all images (STIR, MedCon), a word is the unit (Siemens)."""
    volume = read(put(tmp_path, added(STIR, "quantification units := 0.25")))
    assert np.array_equal(volume.values(), VALUES / 4)
    volume = read(put(tmp_path, added(STIR, "quantification units := Bq/cc")))
    assert volume.unit == "Bq/ml"
    assert volume.rescale.is_identity
    text = added(STIR, "quantification units := 3", "image scaling factor[1] := 2")
    volume = read(put(tmp_path, text))
    assert np.array_equal(volume.values(), VALUES * 2)
    assert [f.code for f in volume.findings] == ["bad-rescale"]


def test_planar_dynamic_study(tmp_path: Path) -> None:
    """Frame groups of planar images: starts from durations and pauses (0, 11; 21 + 5, then every 20 s)."""
    (image,) = FORM.images(put(tmp_path, DYNAMIC, bytes(range(30))))
    volume = image.open()
    assert image.kind is Kind.CINE
    assert volume.shape == (5, 1, 2, 3)
    assert volume.coordinates[TIME] == (0.0, 11.0, 26.0, 46.0, 66.0)


def test_gated_study(tmp_path: Path) -> None:
    """Images of the heart's cycle are a phase axis."""
    text = with_keys(DYNAMIC, type_of_data="Gated").replace("frame group", "time window")
    text = added(text, "number of time windows := 1", "number of images in time window := 5")
    volume = read(put(tmp_path, text, bytes(range(30))))
    assert volume.axes == ("phase", *SPATIAL)
    assert volume.shape == (5, 1, 2, 3)


def test_energy_windows(tmp_path: Path) -> None:
    """More images than slices: one volume an energy window."""
    text = with_keys(SPECT, total_number="4")
    text = added(text, "number of energy windows := 2")
    volume = read(put(tmp_path, text, np.arange(48, dtype=">u2")))
    assert volume.axes == ("energy_window", *SPATIAL)
    assert volume.shape == (2, 2, 3, 4)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"matrix_size": "0"}, FormatError),
        ({"number_format": "roman numerals"}, UnsupportedError),
        ({"name_of_data": "/etc/hostname"}, MissingError),
        ({"name_of_data": "../../secret"}, MissingError),
        ({"name_of_data": ""}, FormatError),
        ({"matrix_size": "100000"}, TruncatedError),
        ({"type_of_data": "Curve"}, UnsupportedError),
        ({"number_of_bytes": "3"}, UnsupportedError),
        ({"GENERAL_DATA": "\ndata compression := wavelets"}, UnsupportedError),
    ],
)
def test_clear_errors(tmp_path: Path, change: dict[str, str], error: type[MedvoxError]) -> None:
    """What cannot be read says so, with the file."""
    path = put(tmp_path, with_keys(STIR, **change))
    with pytest.raises(error) as caught:
        FORM.images(path)
    assert "x.hv" in str(caught.value) or "x.v" in str(caught.value)


def test_data_file_of_another_machine(tmp_path: Path) -> None:
    """Of a path that leads elsewhere the last part is looked for beside the header."""
    path = put(tmp_path, with_keys(STIR, name_of_data="/home/someone/recon/x.v"))
    assert np.array_equal(read(path).values(), VALUES)
    assert FORM.companions(path) == ((tmp_path / "x.v").resolve(),)


def test_image_of_siemens(tmp_path: Path) -> None:
    """The vendor's own keys: position as DICOM names it, 'scale factor', values packed by gzip."""
    text = STIR.replace("scaling factor", "scale factor").replace("patient rotation := supine\n", "")
    text = with_keys(text, PET_data="Emission").replace(
        "patient orientation := head_in", "%patient orientation := FFS"
    )
    volume = read(put(tmp_path, text, gzip.compress(VALUES.tobytes())))
    assert np.array_equal(volume.values(), VALUES)
    assert volume.grid.spacing_mm == (3.375, 2.5, 2.0)
    assert volume.grid.letters == "SPR"
    assert volume.grid.space is Space.PATIENT


# -- sinograms -------------------------------------------------------------------------------------------


def test_segments_are_images_of_their_own(tmp_path: Path) -> None:
    """Segments lie one after the other; each is a stack in pixels that says it is no volume."""
    images = FORM.images(put(tmp_path, SINOGRAM, bytes(range(56)), "x.hs"))
    assert [image.shape for image in images] == [(2, 3, 4), (2, 2, 4), (2, 2, 4)]
    assert [image.open().values().ravel()[0] for image in images] == [0, 24, 40]
    for image in images:
        assert image.kind is Kind.STACK
        assert image.grid.space is Space.PIXEL
        assert [f.code for f in image.findings] == ["projection-data"]
    volume = images[2].open()
    told = dict(volume.known_provenance.parameters)
    assert (told["k"], told["j"], told["i"]) == ("view", "axial coordinate", "tangential coordinate")
    assert (told["segment"], told["ring_difference"]) == ("3", "-1 to -1")
    assert "k is the view" in volume.meaning


def test_spect_projections(tmp_path: Path) -> None:
    """Acquired projections are no volume either."""
    text = with_keys(SPECT, process_status="Acquired").replace("number of slices", "number of projections")
    (image,) = FORM.images(put(tmp_path, text, VALUES.astype(">u2")))
    assert image.kind is Kind.STACK
    assert image.grid.space is Space.PIXEL
    assert np.array_equal(image.open().values(), VALUES)


# -- writing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("position", POSITIONS)
def test_every_position_comes_back(tmp_path: Path, position: str) -> None:
    """The eight patient positions: axes, origin and values are kept without a loss."""
    volume = Volume(ramp(SHAPE, "int16"), scanner_grid(position))
    report = FORM.write(volume, tmp_path / "x.hv")
    again = read(tmp_path / "x.hv")
    assert report.losses == ()
    assert again.grid.is_close(volume.grid)
    assert again.grid.space is Space.PATIENT
    assert np.array_equal(again.values(), volume.values())


def test_axial_slices_are_turned_in_place(tmp_path: Path) -> None:
    """Slices from feet to head are written from head to feet; each value keeps its position."""
    slopes = Rescale.of(np.arange(1, 6) / 4, np.zeros(5))
    volume = Volume(ramp(SHAPE, "int16"), axial_grid(), rescale=slopes, modality="NM")
    report = FORM.write(volume, tmp_path / "x.h33")
    again = read(tmp_path / "x.h33")
    assert [text for text in report.losses if "order" in text]
    assert again.modality == "NM"
    assert not again.rescale.is_uniform
    for kji in ((0, 0, 0), (4, 6, 5), (2, 1, 3)):
        k, j, i = np.rint(again.grid.to_voxel(volume.grid.to_patient(kji))).astype(int)
        assert again.values()[k, j, i] == volume.values()[kji]


@given(st.binary(max_size=300))
def test_any_bytes_behind_the_first_line(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    """Any header ends in images or one of our errors."""
    folder = tmp_path_factory.mktemp("any")
    path = put(folder, "")
    path.write_bytes(STIR.encode()[:-22] + raw + b"\n!END OF INTERFILE :=\n")
    try:
        for image in FORM.images(path):
            image.open().load()
        FORM.header(path)
    except MedvoxError:
        return


LINES = [line for text in (STIR, SPECT, DYNAMIC, SINOGRAM) for line in text.split("\n") if ":=" in line]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(LINES),
            st.sampled_from(
                ["0", "-1", "1e99", "nan", "inf", "{1,2}", "{}", "x", "", "3", "99999999999", "1e-9"]
            ),
        ),
        max_size=6,
    ),
    st.sampled_from([STIR, SPECT, DYNAMIC, SINOGRAM]),
)
def test_any_values_of_keys(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, str]], text: str
) -> None:
    """Any value of any key ends in images or one of our errors."""
    folder = tmp_path_factory.mktemp("any")
    for line, value in changes:
        text = added(text, f"{line.split(':=')[0]}:= {value}") if "END" not in line else text
    path = put(folder, text, bytes(500))
    try:
        for image in FORM.images(path):
            image.open().load()
            assert np.isfinite(image.grid.affine).all()
        FORM.header(path)
    except MedvoxError:
        return


def test_written_by_name() -> None:
    """The suffixes lead here, .hdr does not."""
    assert format_for_name("x.hv").name == format_for_name("x.h33").name == "Interfile"
    assert ".hdr" not in FORM.names_written

"""Volumes of any kind written as DICOM: valid by dciodvfy, and read back the same."""

import shutil
import subprocess
from dataclasses import replace
from datetime import datetime

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import medvox as mv
from medvox.core.axes import SPATIAL, TIME
from medvox.core.errors import UnsupportedError, UsageError, WriteError
from medvox.core.grid import Grid, Space
from medvox.core.rescale import Rescale
from medvox.core.volume import Volume, Window
from medvox.dicom.writing import DicomWriteOptions, write_instance, write_series
from medvox.testing.strategies import volumes
from medvox.testing.volumes import axial_grid, ramp, sample_volumes, sheared_grid, uneven_grid

SHAPE = (5, 7, 6)
UNITS = {"CT": "HU", "MR": "1", "PT": "Bq/ml", "OT": "1"}
NOON = datetime(2026, 3, 1, 12)  # noqa: DTZ001 (DICOM times are local)


def known_grid(shape=SHAPE):
    return replace(axial_grid(shape), frame_of_reference="1.2.3.4")


def read(path):
    (image,) = mv.scan(path).images()
    return image.volume()


def errors_of(file):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian package dicom3tools)")
    result = subprocess.run(["dciodvfy", "-new", str(file)], capture_output=True, text=True)
    return [line for line in (result.stdout + result.stderr).splitlines() if line.startswith("Error")]


# -- valid ---------------------------------------------------------------------------------------

VALID = [
    *((modality, kind, name) for modality in ("CT", "MR") for kind in ("classic", "enhanced")
      for name in ("int16", "float32", "time", "sheared", "uneven", "by-slice", "one-slice", "window")),
    *(("PT", "classic", name) for name in ("int16", "float32", "time", "by-slice")),
    *(("OT", "classic", name) for name in ("int16", "float32", "time", "rgb", "pixels", "local", "by-slice")),
    *(("OT", "enhanced", name) for name in ("uint8", "uint16", "rgb", "rgb-time", "uint8-time", "one-slice")),
    ("US", "classic", "picture"), ("US", "classic", "cine"), ("US", "classic", "rgb-cine"),
    ("US", "classic", "region"), ("DX", "classic", "detector"),
]  # fmt: skip


def example(modality, name):
    samples, grid = sample_volumes(), known_grid()
    flat = Grid.pixels((1, 7, 6))
    int16 = Volume(ramp(SHAPE, "int16"), grid)
    made = {
        "int16": int16,
        "uint8": samples["axial-uint8"],
        "uint16": samples["axial-uint16"],
        "float32": Volume(ramp(SHAPE, "float32") + 20, grid),
        "time": Volume(ramp((3, *SHAPE), "uint16"), grid, (TIME, *SPATIAL), coordinates={TIME: (0, 2.5, 5)}),
        "uint8-time": Volume(ramp((3, *SHAPE), "uint8"), grid, (TIME, *SPATIAL)),
        "sheared": replace(int16, grid=sheared_grid(), provenance=None),
        "uneven": replace(int16, grid=uneven_grid(), provenance=None),
        "by-slice": replace(int16, rescale=Rescale.of(np.linspace(1, 2, 5), np.zeros(5))),
        "one-slice": samples["one-slice"],
        "window": replace(int16, display=replace(int16.display, windows=(Window(40, 400, "SOFT"),))),
        "rgb": samples["rgb"],
        "rgb-time": samples["rgb-over-time"],
        "pixels": samples["pixels"],
        "local": samples["local"],
        "picture": Volume(ramp((1, 7, 6), "uint8"), flat),
        "region": Volume(ramp((1, 7, 6), "uint8"), replace(flat, space=Space.REGION)),
        "cine": Volume(ramp((3, 1, 7, 6), "uint8"), flat, (TIME, *SPATIAL), coordinates={TIME: (0, 1, 2)}),
        "rgb-cine": Volume(ramp((4, 3, 1, 7, 6), "uint8"), flat, (TIME, "channel", *SPATIAL)),
        "detector": Volume(ramp((1, 7, 6), "uint16"), replace(flat, space=Space.DETECTOR)),
    }[name]  # fmt: skip
    if modality == "DX":
        made = replace(made, display=replace(made.display, windows=(Window(2000, 4000),)))
    return replace(made, modality=modality, unit=UNITS.get(modality, "1"))


@pytest.mark.parametrize(("modality", "kind", "name"), VALID)
def test_dciodvfy_finds_no_error(tmp_path, modality, kind, name):
    told = {"PatientOrientation": ["L", "F"], "ImageLaterality": "U"} if modality == "DX" else {}
    report = write_series(example(modality, name), tmp_path, DicomWriteOptions(kind=kind, attributes=told))
    for file in (report.files[0], report.files[-1]):
        assert errors_of(file) == []


@pytest.mark.parametrize(("modality", "kind", "name"), VALID)
def test_files_read_strictly(tmp_path, modality, kind, name, monkeypatch):
    monkeypatch.setattr(pydicom.config.settings, "reading_validation_mode", pydicom.config.RAISE)
    for file in write_series(example(modality, name), tmp_path, DicomWriteOptions(kind=kind)).files:
        assert all(
            element.value is not None or element.is_empty for element in pydicom.dcmread(file).iterall()
        )


@pytest.mark.parametrize(("modality", "kind", "name"), [v for v in VALID if v[0] not in ("US", "DX")])
def test_values_and_places_come_back(tmp_path, modality, kind, name):
    volume = example(modality, name)
    write_series(volume, tmp_path, DicomWriteOptions(kind=kind))
    if name in ("pixels", "local"):
        slices = [image.volume() for image in mv.scan(tmp_path).images()]
        np.testing.assert_array_equal(np.concatenate([s.data for s in slices]), volume.data)
        return
    again = read(tmp_path)
    assert again.grid.is_close(volume.grid, 1e-4)
    exact = name != "float32"
    allowed = 0 if exact else 0.5 * np.ptp(volume.data) / 65535 * (1 + 1e-3) * (2 if modality == "PT" else 1)
    worst = np.abs(again.values(np.float64) - volume.values(np.float64)).max()
    assert worst <= allowed + 1e-4 * (not exact)
    assert (again.unit, again.modality) == (volume.unit, modality)


# -- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["classic", "enhanced"])
@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_the_largest_error_is_the_one_reported(tmp_path, modality, kind):
    if (modality, kind) == ("PT", "enhanced"):
        pytest.skip("enhanced PET needs facts of the scanner")
    rng = np.random.default_rng(5)
    values = rng.gamma(2, 300, (3, 8, 9)) * np.array([1, 10, 1000])[:, None, None]
    volume = Volume(values, known_grid((3, 8, 9)), modality=modality)
    report = write_series(volume, tmp_path, DicomWriteOptions(kind=kind))
    files = [pydicom.dcmread(f) for f in report.files]
    if kind == "classic":
        read_back = np.stack(
            [d.pixel_array * float(d.RescaleSlope) + float(d.RescaleIntercept) for d in files]
        )
    else:
        lines = [g.PixelValueTransformationSequence[0] for g in files[0].PerFrameFunctionalGroupsSequence]
        slopes, intercepts = (
            [float(x[n].value) for x in lines] for n in ("RescaleSlope", "RescaleIntercept")
        )
        read_back = np.stack(
            [f * s + i for f, s, i in zip(files[0].pixel_array, slopes, intercepts, strict=True)]
        )
    error = np.abs(read_back - values).max()
    said = next(text for text in report.losses if "largest error" in text)
    assert f"{error:.3g}" in said
    steps = 65535
    if kind == "enhanced" or modality == "PT":  # each frame has a line of its own
        low = values.min(axis=(1, 2)) if modality != "PT" else 0
        best = (values.max(axis=(1, 2)) - low) / steps / 2
        assert (np.abs(read_back - values).max(axis=(1, 2)) <= best * (1 + 1e-6)).all()
    else:
        assert error <= np.ptp(values) / steps / 2 * (1 + 1e-6)


def test_floats_that_are_whole_numbers_are_exact(tmp_path):
    volume = Volume(ramp(SHAPE, "int16").astype(np.float32), known_grid(), modality="CT", unit="HU")
    report = write_series(volume, tmp_path)
    np.testing.assert_array_equal(read(tmp_path).values(), volume.data)
    assert "every value kept" in report.losses[0]


def test_no_numbers_and_infinities_are_counted(tmp_path):
    values = ramp(SHAPE, "float32").copy()
    values[0, 0, 0], values[1, 1, 1] = np.nan, np.inf
    report = write_series(Volume(values, known_grid(), modality="MR"), tmp_path)
    assert any(text.startswith("2 values were no finite numbers") for text in report.losses)
    again = read(tmp_path).values()
    finite = np.isfinite(values)
    assert again[0, 0, 0] == pytest.approx(values[finite].min(), abs=1e-3)
    assert again[1, 1, 1] == pytest.approx(values[finite].max(), abs=1e-3)


@pytest.mark.parametrize("value", [0.0, 0.1, -3.25, 70000.0])
def test_a_constant_volume(tmp_path, value):
    volume = Volume(np.full(SHAPE, value), known_grid(), modality="CT", unit="HU")
    write_series(volume, tmp_path)
    np.testing.assert_allclose(read(tmp_path).values(), value, rtol=1e-6)


# -- properties ----------------------------------------------------------------------------------


CLOSEST_MM = 0.1
"""The reader takes slices less than 0.05 mm apart for one position."""


def right_handed(volume):
    """What readers make of it: slices ascend along row x column."""
    if np.linalg.det(volume.grid.affine[:3, 2::-1]) > 0:
        return volume
    return volume.crop((slice(None, None, -1), slice(None), slice(None)))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(volume=volumes(), modality=st.sampled_from(["CT", "MR", "PT", "OT"]))
def test_any_volume_comes_back_within_the_error(tmp_path_factory, volume, modality):
    assume(volume.grid.slice_extents_mm.min() > CLOSEST_MM)
    folder = tmp_path_factory.mktemp("any")
    report = write_series(replace(volume, modality=modality), folder)
    wanted, again = right_handed(volume), read(folder)
    assert again.grid.is_close(wanted.grid, 1e-3)
    error = next(
        (float(t.split("value is ")[1].split()[0].rstrip(".")) for t in report.losses if "largest" in t), 0
    )
    scale = max(1.0, float(np.abs(wanted.values(np.float64)).max()))
    difference = np.abs(again.values(np.float64) - wanted.values(np.float64)).max()
    assert difference <= error * 1.01 + 1e-9 * scale


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(volume=volumes(colour=False), modality=st.sampled_from(["CT", "MR"]))
def test_any_volume_comes_back_from_one_file(tmp_path_factory, volume, modality):
    assume(volume.grid.slice_extents_mm.min() > CLOSEST_MM)
    file = tmp_path_factory.mktemp("any") / "x.dcm"
    report = write_instance(replace(volume, modality=modality), file, DicomWriteOptions(kind="enhanced"))
    wanted, again = right_handed(volume), read(file)
    assert again.grid.is_close(wanted.grid, 1e-3)
    error = next(
        (float(t.split("value is ")[1].split()[0].rstrip(".")) for t in report.losses if "largest" in t), 0
    )
    scale = max(1.0, float(np.abs(wanted.values(np.float64)).max()))
    assert np.abs(again.values(np.float64) - wanted.values(np.float64)).max() <= error * 1.01 + 1e-9 * scale


# -- options -------------------------------------------------------------------------------------


def test_nothing_is_invented_of_an_unknown_patient(tmp_path):
    data = pydicom.dcmread(write_series(example("CT", "int16"), tmp_path).files[0])
    for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
                 "StudyID", "AccessionNumber", "ReferringPhysicianName", "KVP"):  # fmt: skip
        assert name in data
        assert not data[name].value


def test_random_uids_differ_and_seeded_ones_do_not(tmp_path):
    volume, seeded = example("MR", "int16"), DicomWriteOptions(uid_seed="scan 7", created=NOON)
    first, second = (write_series(volume, tmp_path / n, seeded).files for n in ("a", "b"))
    assert [f.read_bytes() for f in first] == [f.read_bytes() for f in second]
    uids = {str(pydicom.dcmread(f).SOPInstanceUID) for f in write_series(volume, tmp_path / "c").files}
    assert len(uids) == 5
    assert uids.isdisjoint(str(pydicom.dcmread(f).SOPInstanceUID) for f in first)


def test_attributes_of_the_caller_count(tmp_path):
    given = {
        "PatientID": "P-17",
        "StudyDescription": "phantom",
        "ScanningSequence": "GR",
        "SequenceVariant": "SP",
    }
    report = write_series(example("MR", "int16"), tmp_path, DicomWriteOptions(attributes=given))
    data = pydicom.dcmread(report.files[2])
    assert (data.PatientID, data.StudyDescription, data.ScanningSequence) == ("P-17", "phantom", "GR")
    assert report.notes == ()


@pytest.mark.parametrize(
    ("attributes", "text"),
    [({"Rows": 3}, "follows from the volume"), ({"NoSuchThing": 1}, "no such DICOM keyword")],
)
def test_attributes_that_cannot_be_are_refused(tmp_path, attributes, text):
    with pytest.raises(UsageError, match=text):
        write_series(example("MR", "int16"), tmp_path / "x", DicomWriteOptions(attributes=attributes))
    assert not (tmp_path / "x").exists()


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(UsageError, match="classic, enhanced, legacy-enhanced"):
        DicomWriteOptions(kind="modern")
    with pytest.raises(UsageError, match="jpeg-lossless"):
        DicomWriteOptions(compression="mp3")


def test_a_place_that_is_not_known_can_be_assumed(tmp_path):
    volume = replace(sample_volumes()["local-plain"], modality="MR")
    report = write_series(volume, tmp_path, DicomWriteOptions(assume_patient_space=True))
    again = read(tmp_path)
    assert again.grid.is_close(volume.grid)
    assert any("the place is assumed" in text for text in report.losses)


def test_rows_and_columns_that_are_not_square_are_refused(tmp_path):
    matrix = axial_grid().affine.copy()
    matrix[1, 2] = 0.05
    with pytest.raises(UnsupportedError, match="right angle"):
        write_series(replace(example("CT", "int16"), grid=Grid(SHAPE, matrix), provenance=None), tmp_path)


def test_files_that_are_there_are_kept(tmp_path):
    volume = example("CT", "int16")
    first = [f.read_bytes() for f in write_series(volume, tmp_path).files]
    with pytest.raises(WriteError, match="there already"):
        write_series(volume, tmp_path)
    assert [f.read_bytes() for f in sorted(tmp_path.iterdir())] == first
    write_series(volume, tmp_path, DicomWriteOptions(overwrite=True))
    assert [f.read_bytes() for f in sorted(tmp_path.iterdir())] != first


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    from medvox.dicom.writing.files import compress

    def fail(frame):
        if frame[0, 0] == volume.data[3, 0, 0]:
            raise OSError(28, "No space left on device")
        return right(frame)

    volume, right = example("CT", "int16"), compress._ENCODERS["rle"]
    monkeypatch.setitem(compress._ENCODERS, "rle", fail)
    with pytest.raises(WriteError, match="No space left"):
        write_series(volume, tmp_path / "x", DicomWriteOptions(compression="rle"))
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("kind", ["classic", "enhanced"])
def test_times_of_the_time_axis(tmp_path, kind):
    uneven = replace(example("MR", "time"), coordinates={TIME: (0.0, 2.5, 7.0)})
    options = DicomWriteOptions(kind=kind, acquired=NOON)
    report = write_series(uneven, tmp_path, options)
    assert read(tmp_path).coordinates[TIME] == pytest.approx((0.0, 2.5, 7.0))
    assert not any("along time" in text for text in report.losses)


def test_even_times_need_no_clock_and_uneven_ones_do(tmp_path):
    even = example("MR", "time")
    assert not any("along time" in t for t in write_series(even, tmp_path / "even").losses)
    assert read(tmp_path / "even").coordinates[TIME] == pytest.approx((0.0, 2.5, 5.0))
    uneven = replace(even, coordinates={TIME: (0.0, 2.5, 7.0)})
    assert any("along time" in t for t in write_series(uneven, tmp_path / "uneven").losses)


def test_enhanced_pet_without_facts_of_the_scanner_is_refused_with_the_choices(tmp_path):
    with pytest.raises(UnsupportedError, match=r"TimeOfFlightInformationUsed.*legacy-enhanced"):
        write_series(example("PT", "int16"), tmp_path, DicomWriteOptions(kind="enhanced"))


@pytest.mark.parametrize("unit", ["SUVbw", "SUVlbm", "SUVbsa", "Bq/ml", "counts", "%"])
def test_units_of_pet(tmp_path, unit):
    volume = replace(example("PT", "int16"), unit=unit)
    report = write_series(volume, tmp_path)
    assert read(tmp_path).unit == unit
    assert not any("unit" in text for text in report.losses)

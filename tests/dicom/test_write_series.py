"""Written series read back by pydicom and SimpleITK, and checked by dciodvfy where it is installed."""

import shutil
import subprocess
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pydicom
import pytest
import SimpleITK

from medvox.core.errors import UsageError, WriteError
from medvox.core.grid import Grid
from medvox.core.labels import Code
from medvox.core.volume import Volume
from medvox.dicom.writing.facts import (
    CtFacts,
    EquipmentFacts,
    MrFacts,
    PatientFacts,
    PetFacts,
    SeriesFacts,
    StudyFacts,
    UltrasoundFacts,
    XrayFacts,
    stable_uid,
)
from medvox.dicom.writing.modules import decimal
from medvox.dicom.writing.series import write_series

NOON = datetime(2026, 3, 1, 12, 0, 0)  # noqa: DTZ001 (DICOM times are local)
DETAILS = {
    "CT": CtFacts(),
    "MR": MrFacts(500, 10),
    "PT": PetFacts(
        NOON - timedelta(hours=1), 300e6, 6586.2, 0.9673, 120.0,
        Code("35321007", "SCT", "Fluorodeoxyglucose F^18^"), Code("77004003", "SCT", "^18^Fluorine"),
    ),
    "DX": XrayFacts("PA", "CHEST", ("L", "F"), 1800.0, Code("51185008", "SCT", "Chest"),
                    Code("399348003", "SCT", "postero-anterior")),
    "US": UltrasoundFacts(40.0, (0, 0, 59, 47), 0.5),
}  # fmt: skip

TYPES = {
    "CT": ("ORIGINAL", "PRIMARY", "AXIAL"),
    "MR": ("ORIGINAL", "PRIMARY", "OTHER"),
    "PT": ("ORIGINAL", "PRIMARY"),
    "DX": ("DERIVED", "PRIMARY", ""),
    "US": ("ORIGINAL", "PRIMARY"),
}


def facts(modality, **changes):
    spatial = modality in ("CT", "MR", "PT")
    return SeriesFacts(
        modality, PatientFacts("Doe^Test", "T-1", date(1970, 1, 2), "F", 56, 60.0, 1.6),
        StudyFacts(stable_uid("test", "study"), NOON - timedelta(minutes=5), "test study"),
        EquipmentFacts("medvox", "test"), stable_uid("test", modality), 4, f"test {modality}", NOON,
        DETAILS[modality],
        stable_uid("test", "frame") if spatial else "",
        TYPES[modality],
        **{"body_part": "CHEST", "windows": ((100.0, 400.0, "TEST"),) if modality != "US" else (), **changes},
    )  # fmt: skip


def oblique(shape):
    from medvox.simulation.phantom.shapes import rotation

    affine = np.eye(4)
    axes = (rotation("x", 20) @ rotation("z", -12))[:, ::-1]
    affine[:3, :3] = axes * (3.3, 1.1, 0.9)
    affine[:3, 3] = (-31.25, 12.5, 107.0)
    return Grid(shape, affine)


def ramp(shape, low, high):
    return np.linspace(low, high, np.prod(shape)).reshape(shape).astype(np.float32)


def read_sitk(files):
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(f) for f in files])
    return reader.Execute()


@pytest.mark.parametrize(
    ("modality", "low", "high"), [("CT", -1000, 2000), ("MR", 0, 4000), ("PT", 0, 52345.6)]
)
def test_place_and_values_come_back(tmp_path, modality, low, high):
    volume = Volume(ramp((7, 9, 11), low, high), oblique((7, 9, 11)))
    files = write_series(volume, tmp_path, facts(modality))
    image = read_sitk(files)
    for k, j, i in ((0, 0, 0), (6, 8, 10), (3, 2, 7)):
        there = image.TransformIndexToPhysicalPoint((i, j, k))
        assert np.abs(np.array(there) - volume.grid.to_patient((k, j, i))).max() < 1e-4
    for k, file in enumerate(files):
        ds = pydicom.dcmread(file)
        slope = float(ds.get("RescaleSlope", 1))
        values = ds.pixel_array * slope + float(ds.get("RescaleIntercept", 0))
        assert np.abs(values - volume.data[k]).max() <= slope / 2 * (1 + 1e-6)


def test_every_pet_slice_has_its_own_slope(tmp_path):
    volume = Volume(ramp((4, 6, 5), 0, 8000), oblique((4, 6, 5)))
    slopes = [float(pydicom.dcmread(f).RescaleSlope) for f in write_series(volume, tmp_path, facts("PT"))]
    assert slopes == pytest.approx([float(s.max()) / 32767 for s in volume.data], rel=1e-9)
    assert len(set(slopes)) == 4


def test_suv_by_the_textbook_from_the_written_header(tmp_path):
    """SUVbw = activity · weight / dose left at the start of the scan, as QIBA's FDG-PET profile has it."""
    volume = Volume(np.full((2, 4, 4), 5000.0, np.float32), oblique((2, 4, 4)))
    ds = pydicom.dcmread(write_series(volume, tmp_path, facts("PT"))[0])
    assert (ds.Units, ds.DecayCorrection) == ("BQML", "START")
    drug = ds.RadiopharmaceuticalInformationSequence[0]
    injected = datetime.strptime(drug.RadiopharmaceuticalStartDateTime, "%Y%m%d%H%M%S.%f")  # noqa: DTZ007
    started = datetime.strptime(ds.SeriesDate + ds.SeriesTime, "%Y%m%d%H%M%S.%f")  # noqa: DTZ007
    left = float(drug.RadionuclideTotalDose) * 0.5 ** (
        (started - injected).total_seconds() / float(drug.RadionuclideHalfLife)
    )
    suv = ds.pixel_array * float(ds.RescaleSlope) * float(ds.PatientWeight) * 1000 / left
    truth = 5000.0 * 60_000 / (300e6 * 2 ** (-3600 / 6586.2))
    assert suv == pytest.approx(np.full((4, 4), truth), rel=1e-4)


def test_time_points_are_numbered_and_timed(tmp_path):
    data = np.arange(3 * 2 * 4 * 5, dtype=np.uint16).reshape(3, 2, 4, 5)
    volume = Volume(
        data, oblique((2, 4, 5)), ("time", "k", "j", "i"), coordinates={"time": (0.0, 7.5, 20.25)}
    )
    read = [pydicom.dcmread(f) for f in write_series(volume, tmp_path, facts("MR"))]
    assert [d.TemporalPositionIdentifier for d in read] == [1, 1, 2, 2, 3, 3]
    assert {d.NumberOfTemporalPositions for d in read} == {3}
    assert [d.AcquisitionTime for d in read[::2]] == ["120000.000000", "120007.500000", "120020.250000"]
    np.testing.assert_array_equal(np.stack([d.pixel_array for d in read]).reshape(data.shape), data)


def cine():
    frames = np.zeros((3, 3, 1, 48, 60), np.uint8)
    frames[:, 0, 0, :, :30] = 200
    frames[:, 2, 0, :, 30:] = 180
    frames[1] //= 2
    affine = np.eye(4)[:, [2, 1, 0, 3]]
    return Volume(frames, Grid((1, 48, 60), affine), ("time", "channel", "k", "j", "i"))


def test_a_colour_cine_is_jpeg_that_decodes_to_the_picture(tmp_path):
    (file,) = write_series(cine(), tmp_path, facts("US"))
    ds = pydicom.dcmread(file)
    assert ds.file_meta.TransferSyntaxUID == pydicom.uid.JPEGBaseline8Bit
    assert (ds.NumberOfFrames, ds.PhotometricInterpretation, ds.LossyImageCompression) == (
        3,
        "YBR_FULL_422",
        "01",
    )
    frames = np.moveaxis(ds.pixel_array.astype(int), -1, 1)
    wrong = np.abs(frames - cine().data[:, :, 0].astype(int))[..., 3:-3]
    assert np.delete(wrong, range(24, 31), axis=-1).max() <= 6


def test_all_instances_of_a_series_share_what_they_must_and_no_more(tmp_path):
    volume = Volume(ramp((5, 4, 4), -100, 100), oblique((5, 4, 4)))
    read = [pydicom.dcmread(f) for f in write_series(volume, tmp_path, facts("CT"))]
    for name in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "PatientID", "Rows"):
        assert len({str(d[name].value) for d in read}) == 1
    assert len({d.SOPInstanceUID for d in read}) == 5
    assert [d.InstanceNumber for d in read] == [1, 2, 3, 4, 5]
    assert all(d.SOPInstanceUID.is_valid and d.SOPInstanceUID.startswith("2.25.") for d in read)
    assert all(d.file_meta.MediaStorageSOPInstanceUID == d.SOPInstanceUID for d in read)


def written(tmp_path, modality):
    if modality == "US":
        return write_series(cine(), tmp_path, facts("US"))
    if modality == "DX":
        picture = np.arange(48 * 60, dtype=np.uint16).reshape(1, 48, 60)
        return write_series(Volume(picture, cine().grid), tmp_path, facts("DX"))
    return write_series(Volume(ramp((3, 8, 8), 0, 1000), oblique((3, 8, 8))), tmp_path, facts(modality))


@pytest.mark.parametrize("modality", ["CT", "MR", "PT", "DX", "US"])
def test_files_read_strictly(tmp_path, modality, monkeypatch):
    monkeypatch.setattr(pydicom.config.settings, "reading_validation_mode", pydicom.config.RAISE)
    for file in written(tmp_path, modality):
        ds = pydicom.dcmread(file)
        assert len(list(ds.iterall())) > 40
        for element in ds.iterall():
            assert element.value is not None or element.is_empty


@pytest.mark.parametrize("modality", ["CT", "MR", "PT", "DX", "US"])
def test_dciodvfy_finds_no_error(tmp_path, modality):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian package dicom3tools)")
    file = written(tmp_path, modality)[0]
    result = subprocess.run(["dciodvfy", "-new", str(file)], capture_output=True, text=True)
    lines = (result.stdout + result.stderr).splitlines()
    assert [line for line in lines if line.startswith("Error")] == []


def test_the_same_series_is_written_with_the_same_bytes(tmp_path):
    one, two = (written(tmp_path / name, "PT") for name in ("a", "b"))
    assert [f.read_bytes() for f in one] == [f.read_bytes() for f in two]


@pytest.mark.parametrize(
    "value",
    [0.1, -1 / 3, 1e-12 / 7, 123456789.123456789, -9.999999999999999e-5, 3.0, 6.02e23, -179.99999999999997],
)
def test_decimal_strings_fit_and_are_as_exact_as_fits(value):
    text = decimal(value)
    assert len(text) <= 16
    assert float(text) == pytest.approx(value, rel=1e-9)


def test_what_cannot_be_written_is_refused(tmp_path):
    volume = Volume(ramp((3, 4, 4), 0, 9), oblique((3, 4, 4)))
    with pytest.raises(UsageError, match="another modality"):
        write_series(volume, tmp_path, replace(facts("CT"), details=DETAILS["MR"]))
    with pytest.raises(UsageError, match="cannot be written"):
        write_series(volume, tmp_path, replace(facts("CT"), modality="NM"))
    with pytest.raises(UsageError, match="one slice"):
        write_series(volume, tmp_path, facts("DX"))
    tilted = volume.grid.affine.copy()
    tilted[1, 0] += 1.0
    with pytest.raises(UsageError, match="window"):
        write_series(volume.crop((slice(1), slice(4), slice(4))), tmp_path, replace(facts("DX"), windows=()))
    with pytest.raises(UsageError, match="untilted"):
        write_series(replace(volume, grid=Grid((3, 4, 4), tilted)), tmp_path, facts("CT"))
    assert list(tmp_path.iterdir()) == []


def test_a_refused_write_leaves_nothing_half_done(tmp_path):
    (tmp_path / "CT00002.dcm").mkdir()
    volume = Volume(ramp((3, 4, 4), 0, 9), oblique((3, 4, 4)))
    with pytest.raises(WriteError):
        write_series(volume, tmp_path, facts("CT"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["CT00001.dcm", "CT00002.dcm"]

"""Series that continue a source: whose patient and study they are, what they reference, where they lie."""

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pydicom
import pytest

import medvox as mv
from data import data_dir
from medvox.core.errors import FormatError, MissingError, UsageError
from medvox.core.volume import Volume
from medvox.dicom.writing import DicomWriteOptions, write_instance, write_series
from medvox.testing import dicom_builder
from medvox.testing.volumes import ramp

SHAPE = (4, 8, 6)


def source_files(folder, modality="CT", **attributes):
    given = {
        "PatientName": "Müller^Jürgen", "SpecificCharacterSet": "ISO_IR 100", "PatientBirthDate": "19700102",
        "StudyID": "S-1", "AccessionNumber": "A-1", "StudyDescription": "Thorax", "PatientWeight": 71.5,
        "StudyTime": "101112", "BodyPartExamined": "CHEST", "Manufacturer": "Scanner Works", "KVP": 120,
        "AcquisitionDate": "20260101", "AcquisitionTime": "101500", "PatientPosition": "HFS",
        "RescaleSlope": 1, "RescaleIntercept": -1024, "RescaleType": "HU",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], **attributes,
    }  # fmt: skip
    made = dicom_builder.stack(ramp(SHAPE, "uint16") // 32, modality=modality, series="original", **given)
    return dicom_builder.save(made, folder)


def opened(folder):
    (series,) = mv.scan(folder).series()
    (image,) = series.images
    return series, image.volume()


def instances(report):
    return [pydicom.dcmread(file) for file in report.files]


@pytest.fixture
def source(tmp_path):
    source_files(tmp_path / "source")
    return tmp_path / "source"


def test_patient_and_study_are_copied(tmp_path, source):
    series, volume = opened(source)
    for data in instances(write_series(volume, tmp_path / "out", DicomWriteOptions(source=series))):
        original = pydicom.dcmread(source / "0001.dcm")
        for name in ("PatientID", "PatientBirthDate", "StudyInstanceUID", "StudyID", "AccessionNumber",
                     "StudyDate", "StudyTime", "StudyDescription", "PatientWeight", "BodyPartExamined", "KVP",
                     "PatientPosition"):  # fmt: skip
            assert data[name].value == original[name].value, name
        assert str(data.PatientName) == "Müller^Jürgen"
        assert data.SeriesInstanceUID != original.SeriesInstanceUID
        assert data.Manufacturer == "medvox"
        assert data.ContributingEquipmentSequence[0].Manufacturer == "Scanner Works"


@pytest.mark.parametrize("kind", ["classic", "enhanced"])
def test_every_slice_references_its_source_instance(tmp_path, source, kind):
    series, volume = opened(source)
    made = instances(write_series(volume, tmp_path / "out", DicomWriteOptions(source=series, kind=kind)))
    by_height = {
        float(d.ImagePositionPatient[2]): d.SOPInstanceUID for d in map(pydicom.dcmread, source.iterdir())
    }
    if kind == "classic":
        found = {
            float(d.ImagePositionPatient[2]): d.SourceImageSequence[0].ReferencedSOPInstanceUID for d in made
        }
        assert [str(t) for t in made[0].ImageType[:2]] == ["DERIVED", "SECONDARY"]
        referenced = made[0].ReferencedSeriesSequence[0].ReferencedInstanceSequence
    else:
        found = {
            float(g.PlanePositionSequence[0].ImagePositionPatient[2]): g.DerivationImageSequence[0]
            .SourceImageSequence[0]
            .ReferencedSOPInstanceUID
            for g in made[0].PerFrameFunctionalGroupsSequence
        }
        referenced = made[0].SourceImageEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert found == by_height
    assert {r.ReferencedSOPInstanceUID for r in referenced} == set(by_height.values())


def test_a_derived_volume_references_the_slices_it_was_made_from(tmp_path, source):
    series, volume = opened(source)
    half = volume.crop((slice(1, 3), slice(None), slice(None)))
    doubled = half.derive(half.values(np.float32) * 2, "double")
    made = instances(write_series(doubled, tmp_path / "out", DicomWriteOptions(source=series)))
    originals = sorted(map(pydicom.dcmread, source.iterdir()), key=lambda d: d.ImagePositionPatient[2])
    wanted = [d.SOPInstanceUID for d in originals[1:3]]
    assert [d.SourceImageSequence[0].ReferencedSOPInstanceUID for d in made] == wanted
    assert made[0].DerivationDescription.endswith("double")
    assert "crop" in made[0].DerivationDescription


def test_the_frame_of_reference_goes_on_only_where_the_grid_is_in_it(tmp_path, source):
    series, volume = opened(source)
    theirs = volume.grid.frame_of_reference
    stranger = replace(volume, grid=replace(volume.grid, frame_of_reference="1.2.3"))
    unknown = replace(volume, grid=replace(volume.grid, frame_of_reference=None))
    cases = [
        (volume, {}, theirs), (stranger, {}, "1.2.3"), (unknown, {"same_space": True}, theirs),
        (stranger, {"same_space": True}, theirs),
    ]  # fmt: skip
    for number, (one, extra, wanted) in enumerate(cases):
        options = DicomWriteOptions(source=series, **extra)
        made = instances(write_series(one, tmp_path / str(number), options))
        assert {str(d.FrameOfReferenceUID) for d in made} == {wanted}
    for number, (one, extra) in enumerate([(unknown, {}), (volume, {"same_space": False})]):
        report = write_series(one, tmp_path / f"new{number}", DicomWriteOptions(source=series, **extra))
        (made,) = {str(d.FrameOfReferenceUID) for d in instances(report)}
        assert made not in (theirs, "1.2.3")
        assert any("frame of reference" in text for text in report.losses)


@pytest.mark.parametrize("form", ["series", "study", "folder", "files", "instance", "instances"])
def test_the_source_may_be_named_in_many_ways(tmp_path, source, form):
    (study,) = mv.scan(source).studies
    series, volume = opened(source)
    given = {
        "series": series, "study": study, "folder": source, "files": sorted(source.iterdir()),
        "instance": series.instances[0], "instances": list(series.instances),
    }[form]  # fmt: skip
    made = instances(write_series(volume, tmp_path / "out", DicomWriteOptions(source=given)))
    assert {d.StudyInstanceUID for d in made} == {study.uid}
    assert all(d.AccessionNumber == "A-1" for d in made)


def test_sources_that_cannot_be_are_refused(tmp_path, source):
    _, volume = opened(source)
    (tmp_path / "text.txt").write_text("no image")
    for wrong, text in ((tmp_path / "gone.dcm", "not there"), (tmp_path / "text.txt", "no source file")):
        with pytest.raises(MissingError, match=text):
            write_series(volume, tmp_path / "out", DicomWriteOptions(source=wrong))
    made = dicom_builder.stack(ramp((1, 4, 4), "uint16"), modality="CT", study="another", series="x")
    other = dicom_builder.save(made, tmp_path / "other")
    with pytest.raises(FormatError, match="several studies"):
        write_series(volume, tmp_path / "out", DicomWriteOptions(source=[*source.iterdir(), *other]))
    assert not (tmp_path / "out").exists()


def test_facts_of_another_modality_are_not_copied(tmp_path, source):
    series, volume = opened(source)
    report = write_series(volume, tmp_path / "out", DicomWriteOptions(source=series, modality="MR"))
    assert "KVP" not in instances(report)[0]


# -- legacy conversion ---------------------------------------------------------------------------


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_legacy_conversion_carries_every_attribute_along(tmp_path, modality):
    extra = {"Units": "BQML", "DecayCorrection": "START"} if modality == "PT" else {}
    if modality != "CT":
        extra |= {"RescaleIntercept": 0, "RescaleType": None}
    source_files(tmp_path / "source", modality, OperatorsName="Op^One", **extra)
    files = sorted((tmp_path / "source").iterdir())
    for n, file in enumerate(files):  # something that differs from slice to slice
        data = pydicom.dcmread(file)
        data.ContentTime, data.TablePosition = f"10200{n}", float(n)
        data.private_block(0x0029, "MAKER", create=True).add_new(1, "LO", f"slice {n}")
        data.save_as(file, enforce_file_format=True)
    series, volume = opened(tmp_path / "source")
    options = DicomWriteOptions(kind="legacy-enhanced", source=series)
    report = write_instance(volume, tmp_path / "x.dcm", options)
    (made,) = instances(report)
    assert made.SOPClassUID.name.startswith("Legacy Converted Enhanced")
    shared = made.SharedFunctionalGroupsSequence[0].UnassignedSharedConvertedAttributesSequence[0]
    assert str(shared.OperatorsName) == "Op^One"
    originals = sorted(map(pydicom.dcmread, files), key=lambda d: d.ImagePositionPatient[2])
    for original, group in zip(originals, made.PerFrameFunctionalGroupsSequence, strict=True):
        own = group.UnassignedPerFrameConvertedAttributesSequence[0]
        assert own.TablePosition == original.TablePosition
        assert own[0x0029, 0x1001].value == original[0x0029, 0x1001].value
        origin = group.ConversionSourceAttributesSequence[0]
        assert origin.ReferencedSOPInstanceUID == original.SOPInstanceUID
    (image,) = mv.scan(tmp_path / "x.dcm").images()
    again = image.volume()
    np.testing.assert_array_equal(again.values(), volume.values())
    assert again.grid.is_close(volume.grid)
    assert again.unit == volume.unit
    if shutil.which("dciodvfy"):
        shown = subprocess.run(["dciodvfy", "-new", report.files[0]], capture_output=True, text=True)
        errors = [e for e in (shown.stdout + shown.stderr).splitlines() if e.startswith("Error")]
        assert [e for e in errors if "Private" not in e] == []


def test_legacy_conversion_needs_its_source(tmp_path, source):
    series, volume = opened(source)
    with pytest.raises(UsageError, match="classic series that it converts"):
        write_series(volume, tmp_path / "out", DicomWriteOptions(kind="legacy-enhanced"))
    foreign = Volume(volume.values(), volume.grid, modality="CT")
    with pytest.raises(UsageError, match="each slice"):
        write_series(foreign, tmp_path / "out", DicomWriteOptions(kind="legacy-enhanced", source=series))


# -- real series ---------------------------------------------------------------------------------


def real_series(name):
    found = [s for s in mv.scan(data_dir(name)).series() if s.images and s.modality in ("CT", "MR", "PT")]
    return [(s, s.images[0]) for s in found if len(s.images) == 1 and not s.images[0].choices]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dcm_qa_nih", "dcm_qa_enh", "dcm_qa_philips", "ct_head_ge_tilt"])
@pytest.mark.parametrize("kind", ["classic", "enhanced"])
def test_real_series_are_written_validly_and_come_back(tmp_path, name, kind):
    from medvox.core.errors import UnsupportedError

    written = 0
    for number, (series, image) in enumerate(real_series(name)[:6]):
        volume = image.volume().load()
        folder = tmp_path / str(number)
        try:
            report = write_series(volume, folder, DicomWriteOptions(kind=kind, source=series))
        except UnsupportedError:  # diffusion, or no place
            continue
        written += 1
        if shutil.which("dciodvfy"):
            shown = subprocess.run(["dciodvfy", "-new", report.files[0]], capture_output=True, text=True)
            assert [e for e in (shown.stdout + shown.stderr).splitlines() if e.startswith("Error")] == []
        (again,) = mv.scan(folder).images()
        copy = again.volume()
        assert copy.grid.is_close(volume.grid)
        np.testing.assert_array_equal(copy.values(np.float64), volume.values(np.float64))
        assert copy.unit == volume.unit
    assert written

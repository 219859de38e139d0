"""Names, sidecars and files of `convert`, on series whose truth is known."""

import csv
import json

import nibabel
import numpy as np
import pytest
from pydicom.datadict import dictionary_VR

from medvox.core.errors import UsageError
from medvox.core.study import Patient
from medvox.testing import dicom_builder as build
from medvox.workflows import names
from medvox.workflows.convert import ConvertOptions, convert

VALUES = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
IDENTITY = {
    "PatientName": "Garibaldi^Giuseppe",
    "PatientID": "ID-77-1807",
    "PatientBirthDate": "18070704",
    "PatientAge": "075Y",
    "PatientAddress": "Caprera",
    "OtherPatientIDs": "OTHER-99",
    "AccessionNumber": "ACC-4711",
    "StudyID": "STUDY-12",
    "StudyDate": "20190203",
    "SeriesDate": "20190204",
    "AcquisitionDate": "20190205",
    "ContentDate": "20190206",
    "StudyTime": "112233.44",
    "AcquisitionDateTime": "20190205112244",
    "InstitutionName": "Ospedale Maggiore",
    "InstitutionAddress": "Via Roma 1",
    "InstitutionalDepartmentName": "Radiologia Nord",
    "StationName": "STATION-5",
    "DeviceSerialNumber": "SERIAL-31415",
    "ReferringPhysicianName": "Mazzini^G",
    "PerformingPhysicianName": "Cavour^C",
    "OperatorsName": "Bixio^N",
    "RequestingPhysician": "Pisacane^C",
    "ImageComments": "comment about him",
    "PatientComments": "more about him",
    "StudyDescription": "Garibaldi follow up",
    "RequestedProcedureDescription": "request of Mazzini",
    "PerformedProcedureStepDescription": "step by Cavour",
    "AdditionalPatientHistory": "wounded at Aspromonte",
    "DetectorID": "DETECTOR-8",
    "ProtocolName": "HEAD garibaldi",
}
"""Attributes that the basic profile of PS3.15 table E.1-1 removes, replaces or empties."""
SECRETS = (
    "Garibaldi", "Giuseppe", "ID-77", "1807", "075Y", "Caprera", "OTHER-99", "4711", "STUDY-12", "201902",
    "112233", "Ospedale", "Via Roma", "Radiologia", "STATION-5", "31415", "Mazzini", "Cavour", "Bixio",
    "Pisacane", "about him", "Aspromonte", "DETECTOR-8", "2.25.",
)  # fmt: skip


def folder_of(tmp_path, **attributes):
    build.save(build.stack(VALUES, **attributes), tmp_path / "in")
    return tmp_path / "in"


def identified(tmp_path):
    slices = build.stack(VALUES, series="T1 Garibaldi 2")
    for data in slices:
        for keyword, value in IDENTITY.items():
            assert dictionary_VR(keyword)
            setattr(data, keyword, value)
    build.save(slices, tmp_path / "Giuseppe")
    return tmp_path / "Giuseppe"


def test_no_file_tells_who_the_patient_is(tmp_path):
    report = convert(identified(tmp_path), tmp_path / "out")
    files = report.converted[0].files
    assert len(files) == 3
    nifti = nibabel.load(files[0])
    texts = [f.name for f in files] + [f.read_text() for f in files[1:]]
    texts.append(nifti.header.binaryblock.decode("latin-1"))
    texts += [str(extension.get_content()) for extension in nifti.header.extensions]
    for text in texts:
        for secret in SECRETS:
            assert secret.lower() not in text.lower(), secret
    sidecar = json.loads(files[1].read_text())
    assert sidecar["SeriesDescription"] == "T1 X 2"
    assert sidecar["ProtocolName"] == "HEAD X"


def test_identity_is_kept_on_request(tmp_path):
    folder = identified(tmp_path)
    report = convert(folder, tmp_path / "out", ConvertOptions(keep_identity=True, template="%n_%i_%x_%g_%d"))
    path, sidecar, table = report.converted[0].files
    assert path.name == "Garibaldi_Giuseppe_ID-77-1807_STUDY-12_ACC-4711_T1_Garibaldi_2.nii.gz"
    assert json.loads(sidecar.read_text())["SeriesInstanceUID"] == build.uid("study/T1 Garibaldi 2")
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["sop_instance_uid"][:5] for row in rows] == ["2.25."] * 4
    assert [row["file"] for row in rows] == [f"{n:04d}.dcm" for n in (1, 2, 3, 4)]


@pytest.mark.parametrize("letter", "inxgjkt")
def test_templates_that_identify_are_refused_and_nothing_is_written(tmp_path, letter):
    with pytest.raises(UsageError, match="--keep-identity"):
        convert(folder_of(tmp_path), tmp_path / "out", ConvertOptions(template=f"a%{letter}"))
    assert not (tmp_path / "out").exists()


def test_files_that_are_there_are_refused_and_stay_as_they_were(tmp_path):
    folder = folder_of(tmp_path, SeriesNumber=3)
    first = convert(folder, tmp_path / "out").converted[0].files
    before = {f: f.read_bytes() for f in first}
    again = convert(folder, tmp_path / "out", ConvertOptions(order="stored"))
    assert not again.converted
    assert "--overwrite" in again.skipped[0].reason
    assert {f: f.read_bytes() for f in sorted((tmp_path / "out").iterdir())} == before
    third = convert(folder, tmp_path / "out", ConvertOptions(order="stored", overwrite=True))
    assert third.converted[0].files == first
    assert first[0].read_bytes() != before[first[0]]


def test_a_sidecar_alone_is_not_overwritten_either(tmp_path):
    folder = folder_of(tmp_path, SeriesNumber=3)
    (tmp_path / "out").mkdir()
    notes = tmp_path / "out" / "3_series.json"
    notes.write_text("mine")
    report = convert(folder, tmp_path / "out")
    assert not report.converted
    assert [f.name for f in (tmp_path / "out").iterdir()] == ["3_series.json"]
    assert notes.read_text() == "mine"


def test_series_of_one_name_are_files_of_their_own(tmp_path):
    for n in range(3):
        build.save(
            build.stack(VALUES + n, series=f"s{n}", SeriesDescription="Same"), tmp_path / "in" / str(n)
        )
    report = convert(tmp_path / "in", tmp_path / "out", ConvertOptions(template="%d"))
    assert [done.files[0].name for done in report.converted] == [
        "Same.nii.gz",
        "Same_2.nii.gz",
        "Same_3.nii.gz",
    ]
    firsts = {int(nibabel.load(done.files[0]).dataobj[0, -1, 0]) for done in report.converted}
    assert firsts == {0, 1, 2}


@pytest.mark.parametrize(
    ("description", "name"),
    [
        ("../../etc/passwd", "etc_passwd"),
        ("a/b\\c:d*e?f", "a_b_c_d_e_f"),
        ("100% of it", "100_of_it"),
        ("  ..  ", "image"),
        ("x" * 400, "x" * names.LONGEST),
        ("größe", "größe"),
    ],
)
def test_unsafe_characters_never_leave_the_folder(tmp_path, description, name):
    slices = build.stack(VALUES, SpecificCharacterSet="ISO_IR 192", SeriesDescription=description[:64])
    build.save(slices, tmp_path / "in")
    report = convert(tmp_path / "in", tmp_path / "out", ConvertOptions(template="%d"))
    path = report.converted[0].files[0]
    assert path.parent == tmp_path / "out"
    assert path.name == name[:64] + ".nii.gz"
    assert names.safe_name(description) == ("" if name == "image" else name)


@pytest.mark.parametrize(
    ("template", "name"),
    [("%s-%d-%m", "3-series-MR"), ("%l%%", "series"), ("%f_%p", "in"), ("plain", "plain")],
)
def test_templates(tmp_path, template, name):
    report = convert(folder_of(tmp_path, SeriesNumber=3), tmp_path / "out", ConvertOptions(template=template))
    assert report.converted[0].files[0].name == f"{name}.nii.gz"


def test_unknown_letters_are_named(tmp_path):
    with pytest.raises(UsageError, match="%q"):
        convert(folder_of(tmp_path), tmp_path / "out", ConvertOptions(template="%q"))


def test_short_parts_of_names_stay_in_words():
    text = names.without_patient("MR of Li, Ada, ADAM, ada_2", Patient(name="Li^Ada", id=""))
    assert text == "MR of Li, X, ADAM, X_2"


@pytest.mark.parametrize(
    ("attributes", "times"),
    [
        ({"AcquisitionTime": lambda t: f"10000{2 * t}.0{t}", "RepetitionTime": 2000.0}, (0, 2, 4)),
        ({"AcquisitionTime": lambda t: f"10000{3 * t}", "RepetitionTime": 2000.0}, (0, 3, 6)),
        ({"AcquisitionTime": lambda t: f"1000{(0, 1, 4)[t]}0", "RepetitionTime": 20000.0}, (0, 10, 40)),
        ({"RepetitionTime": 1500.0}, (0, 1.5, 3)),
        ({"RepetitionTime": 4.0, "MRAcquisitionType": "3D"}, None),
        ({"RepetitionTime": 4.0, "MRAcquisitionType": "3D", "TemporalResolution": 6500.0}, (0, 6.5, 13)),
        ({"TriggerTime": lambda t: 50.0 * t}, (0, 0.05, 0.1)),
        ({"FrameReferenceTime": lambda t: 1000.0 * (t + 1)}, (1, 2, 3)),
    ],
)
def test_times_of_volumes_reach_pixdim(tmp_path, attributes, times):
    slices = []
    for t in range(3):
        tags = {k: v(t) if callable(v) else v for k, v in attributes.items()}
        slices += build.stack(VALUES, TemporalPositionIdentifier=t + 1, first_number=1 + 4 * t, **tags)
    build.save(slices, tmp_path / "in")
    path, sidecar, _ = convert(tmp_path / "in", tmp_path / "out").converted[0].files
    coordinates = json.loads(sidecar.read_text())["medvox"]["coordinates"]
    assert coordinates == ({} if times is None else {"time": pytest.approx(list(times))})
    header = nibabel.load(path).header
    if times is not None and times[2] - times[1] == times[1] - times[0]:
        assert header.get_zooms()[3] == pytest.approx(times[1] - times[0])
        assert header.get_xyzt_units()[1] == "sec"


def test_sidecars_of_enhanced_images_tell_the_settings_of_their_frames(tmp_path):
    pixels = np.concatenate([VALUES, VALUES + 1]).astype(np.uint16)
    places = [(0, 0, 3.0 * k) for k in range(4)] * 2
    frames = [{"MREchoSequence": build.dataset(EffectiveEchoTime=(4.0, 9.0)[n // 4])} for n in range(8)]
    data = build.enhanced(pixels, places, per_frame=frames)
    data.SharedFunctionalGroupsSequence[0].MRTimingAndRelatedParametersSequence = build.items(
        RepetitionTime=700.0, FlipAngle=20.0
    )
    build.save([data], tmp_path / "in")
    report = convert(tmp_path / "in", tmp_path / "out")
    found = [json.loads(done.files[1].read_text()) for done in report.converted]
    assert [f["EchoTime"] for f in found] == [0.004, 0.009]
    assert {(f["RepetitionTime"], f["FlipAngle"], f["SliceThickness"]) for f in found} == {(0.7, 20, 3)}


def test_an_order_that_does_not_exist_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="order"):
        convert(folder_of(tmp_path), tmp_path / "out", ConvertOptions(order="sideways"))

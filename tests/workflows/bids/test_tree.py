"""BIDS trees: the validator of BIDS finds no error, names tell nobody, and nothing is guessed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from data import data_dir
from medvox.core.errors import UsageError
from medvox.testing import dicom_builder as build
from medvox.workflows.bids import BidsOptions, convert_to_bids, propose, read_rules

VALIDATOR = Path(sys.executable).parent / "bids-validator-deno"
SETS = ("dcm_qa_nih", "dcm_qa_siemens_orientation", "dcm_qa_enh", "dcm_qa_philips", "dcm_qa_uih")
VALUES = np.arange(4 * 16 * 16, dtype=np.int16).reshape(4, 16, 16)


def errors(folder):
    """Codes of the errors that the BIDS validator finds."""
    if not VALIDATOR.exists():
        pytest.skip("bids-validator-deno is not installed")
    run = subprocess.run([VALIDATOR, folder, "--json"], capture_output=True, text=True, timeout=120)
    issues = json.loads(run.stdout)["issues"]["issues"]
    return sorted(
        f"{i['code']} {i.get('subCode', '')} {i.get('location', '')}"
        for i in issues
        if i["severity"] == "error"
    )


def save(slices, folder, **who):
    for data in slices:
        for keyword, value in who.items():
            setattr(data, keyword, value)
    build.save(slices, folder)


def epi(name, number, volumes=12, **attributes):
    """EPI over time."""
    slices = []
    for t in range(volumes):
        slices += build.stack(
            VALUES + t,
            series=f"{name}{number}",
            SeriesNumber=number,
            SeriesDescription=name,
            TemporalPositionIdentifier=t + 1,
            first_number=1 + 4 * t,
            RepetitionTime=2000.0,
            EchoTime=30.0,
            ScanningSequence=["EP", "GR"],
            ImageType=["ORIGINAL", "PRIMARY", "M"],
            **attributes,
        )
    return slices


def t1(number=2, name="T1 mprage"):
    return build.stack(
        VALUES, series=f"{name}{number}", SeriesNumber=number, SeriesDescription=name,
        ImageType=["ORIGINAL", "PRIMARY", "M"], RepetitionTime=2300.0, EchoTime=2.9,
    )  # fmt: skip


@pytest.fixture
def source(tmp_path):
    """T1, fMRI, a localizer and something strange, of one patient."""
    who = {"PatientID": "ID-77-1807", "PatientName": "Garibaldi^Giuseppe"}
    folder = tmp_path / "in"
    save(t1(), folder / "t1", **who)
    save(epi("rest bold", 3), folder / "epi", **who)
    save(t1(1, "localizer"), folder / "loc", **who)
    save(t1(9, "strange thing"), folder / "strange", **who)
    return folder


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("name", SETS)
def test_the_validator_finds_no_error_in_real_scans(name, tmp_path):
    report = convert_to_bids(data_dir(name) / "In", tmp_path / "tree")
    assert report.converted
    assert not report.skipped
    assert errors(tmp_path / "tree") == []


def test_the_validator_finds_no_error_in_made_ones(source, tmp_path):
    report = convert_to_bids(source, tmp_path / "tree")
    assert files(tmp_path / "tree") == [
        "README.md",
        "code/medvox_bids_rules.toml",
        "dataset_description.json",
        "participants.json",
        "participants.tsv",
        "sub-01/anat/sub-01_T1w.json",
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-01/func/sub-01_task-rest_bold.json",
        "sub-01/func/sub-01_task-rest_bold.nii.gz",
    ]
    assert errors(tmp_path / "tree") == []
    assert [u.reason for u in report.unmatched] == ["left out by a rule", "no rule fits"]
    sidecar = json.loads((tmp_path / "tree/sub-01/func/sub-01_task-rest_bold.json").read_text())
    assert sidecar["TaskName"] == "rest"
    assert sidecar["RepetitionTime"] == 2.0
    image = nibabel.load(tmp_path / "tree/sub-01/func/sub-01_task-rest_bold.nii.gz")
    assert image.shape == (16, 16, 4, 12)
    assert image.header.get_zooms()[3] == 2.0


def test_the_validator_would_find_an_error(source, tmp_path):
    convert_to_bids(source, tmp_path / "tree")
    path = tmp_path / "tree/sub-01/func/sub-01_task-rest_bold.json"
    fields = json.loads(path.read_text())
    del fields["TaskName"]
    path.write_text(json.dumps(fields))
    (tmp_path / "tree/sub-01/anat/sub-01_T1w.nii.gz").rename(tmp_path / "tree/sub-01/anat/sub-01_T9.nii.gz")
    assert len(errors(tmp_path / "tree")) >= 2


def test_nothing_in_the_tree_tells_who_it_is(source, tmp_path):
    convert_to_bids(source, tmp_path / "tree")
    for path in (tmp_path / "tree").rglob("*"):
        text = path.name + (path.read_text() if path.is_file() and path.suffix != ".gz" else "")
        for secret in ("Garibaldi", "Giuseppe", "1807", "2.25."):
            assert secret not in text, path


def test_subjects_come_from_a_table(source, tmp_path):
    table = tmp_path / "who.tsv"
    table.write_text("patient_id\tparticipant_id\nID-77-1807\tsub-control7\n")
    convert_to_bids(source, tmp_path / "tree", BidsOptions(subjects=table))
    assert (tmp_path / "tree/sub-control7/anat/sub-control7_T1w.nii.gz").exists()
    assert (tmp_path / "tree/participants.tsv").read_text() == "participant_id\nsub-control7\n"


def test_identity_is_kept_on_request(source, tmp_path):
    convert_to_bids(source, tmp_path / "tree", BidsOptions(keep_identity=True))
    assert (tmp_path / "tree/sub-ID771807/anat/sub-ID771807_T1w.nii.gz").exists()
    assert errors(tmp_path / "tree") == []


def test_series_of_one_name_are_runs_in_their_order(source, tmp_path):
    who = {"PatientID": "ID-77-1807", "PatientName": "Garibaldi^Giuseppe"}
    save(epi("rest bold", 5, volumes=11), source / "epi2", **who)
    convert_to_bids(source, tmp_path / "tree")
    names = [p.name for p in sorted((tmp_path / "tree/sub-01/func").glob("*.nii.gz"))]
    assert names == ["sub-01_task-rest_run-1_bold.nii.gz", "sub-01_task-rest_run-2_bold.nii.gz"]
    shapes = [nibabel.load(tmp_path / "tree/sub-01/func" / name).shape[3] for name in names]
    assert shapes == [12, 11]
    assert errors(tmp_path / "tree") == []


def test_edited_rules_decide(source, tmp_path):
    rules = tmp_path / "rules.toml"
    rules.write_text(propose(source))
    text = rules.read_text()
    assert "strange thing" in text  # as a comment: nothing is guessed
    assert len(read_rules(rules)) == 3
    more = (
        'match = { description = "strange" }\ndatatype = "anat"\nsuffix = "T2w"\nentities = { acq = "odd" }'
    )
    rules.write_text(f"{text}\n[[rule]]\n{more}\n")
    report = convert_to_bids(source, tmp_path / "tree", BidsOptions(rules=rules))
    assert (tmp_path / "tree/sub-01/anat/sub-01_acq-odd_T2w.nii.gz").exists()
    assert [u.reason for u in report.unmatched] == ["left out by a rule"]
    assert errors(tmp_path / "tree") == []


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ('match = { description = "x" }\ndatatype = "brain"\nsuffix = "T1w"', "data type"),
        ('match = { description = "x" }\ndatatype = "anat"\nsuffix = "bold"', "suffix"),
        ('match = { description = "x" }\ndatatype = "func"\nsuffix = "bold"', "task"),
        (
            'match = { description = "x" }\ndatatype = "anat"\nsuffix = "T1w"\nentities = { acq = "a-b" }',
            "label",
        ),
        ('match = { description = "(" }\ndatatype = "anat"\nsuffix = "T1w"', "regular expression"),
        ('match = { color = "x" }\ndatatype = "anat"\nsuffix = "T1w"', "conditions"),
        ('datatype = "anat"\nsuffix = "T1w"', "conditions"),
        ('match = { description = "x" }\nexclude = true\nwhy = "no"', "no such key"),
    ],
)
def test_rules_that_make_no_sense_are_refused(rule, word, tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(f"[[rule]]\n{rule}\n")
    with pytest.raises(UsageError, match=f"rule 1: .*{word}"):
        read_rules(path)


def test_a_tree_is_not_written_into_a_full_folder(source, tmp_path):
    convert_to_bids(source, tmp_path / "tree")
    with pytest.raises(UsageError, match="not empty"):
        convert_to_bids(source, tmp_path / "tree")
    shutil.rmtree(tmp_path / "tree/sub-01/func")
    report = convert_to_bids(source, tmp_path / "tree", BidsOptions(skip_existing=True))
    assert [done.files[0].name for done in report.converted] == ["sub-01_task-rest_bold.nii.gz"]
    assert len(report.kept) == 1
    assert errors(tmp_path / "tree") == []

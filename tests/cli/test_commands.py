"""The commands as a user types them: output, exit codes, files."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data import data_dir
from medvox.testing import dicom_builder as build


def medvox(*words, expect=0):
    """Run a command in a process of its own; the answer, after the exit code was checked."""
    command = [sys.executable, "-c", "from medvox.cli.main import main; main()", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == expect, done.stderr
    return done


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    folder = tmp_path_factory.mktemp("series")
    values = np.arange(6 * 16 * 20, dtype=np.int16).reshape(6, 16, 20)
    build.save(build.stack(values, modality="CT", RescaleSlope=1, RescaleIntercept=-1000), folder)
    return folder


def test_info_lists_the_series_as_json(series):
    (study,) = json.loads(medvox("info", series, "--json").stdout)["studies"]
    (found,) = study["series"]
    assert found["modality"] == "CT"
    (image,) = found["images"]
    assert image["shape"] == [6, 16, 20]
    assert image["grid"]["spacing_mm_kji"] == [3, 1, 1]


def test_info_names_tilt_and_uneven_spacing_of_a_real_head():
    found = json.loads(medvox("info", data_dir("ct_head_ge_tilt"), "--json").stdout)
    (series,) = found["studies"][0]["series"]
    codes = {finding["code"] for finding in series["images"][0]["findings"]}
    assert {"gantry-tilt", "uneven-spacing"} <= codes
    assert series["images"][0]["grid"]["tilt_deg"] == pytest.approx(18.5, abs=0.01)


def test_info_lists_volumes_structure_sets_and_nifti_files_of_one_patient():
    found = json.loads(medvox("info", data_dir("sts_pet_ct_mr"), "--json").stdout)
    series = [s for study in found["studies"] for s in study["series"]]
    assert sorted(s["modality"] for s in series if s["format"] == "DICOM" and s["images"]) == [
        "CT",
        "MR",
        "PT",
    ]
    assert sum(s["object_type"] == "RTSTRUCT" for s in series) == 3
    assert sum(s["format"].startswith("NIfTI") for s in series) == 6


def test_info_finds_header_elements(series):
    rows = json.loads(medvox("info", series, "--tag", "RescaleIntercept", "--json").stdout)
    assert [(row["tag"], row["value"]) for row in rows] == [("(0028,1052)", "-1000.0")]


@pytest.mark.parametrize("content", [b"", b"not an image at all", b"\0" * 5000])
def test_a_folder_without_images_fails_with_a_reason(tmp_path, content):
    (tmp_path / "file.bin").write_bytes(content)
    assert "file.bin" in medvox("info", tmp_path, expect=1).stdout
    assert "no image" in medvox("convert", tmp_path, tmp_path / "out", expect=1).stderr


def test_a_path_that_is_not_there_is_an_error_not_a_traceback(tmp_path):
    done = medvox("info", tmp_path / "nothing", expect=1)
    assert "no such file or folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_convert_writes_volume_sidecar_and_sources_without_identity(series, tmp_path):
    medvox("convert", series, tmp_path)
    names = sorted(p.name for p in tmp_path.iterdir())
    assert [Path(n).suffixes for n in names] == [[".json"], [".nii", ".gz"], [".slices", ".csv"]]
    text = "".join(p.read_text() for p in tmp_path.iterdir() if p.suffix != ".gz")
    for secret in ("Test^Builder", "TEST-1", "2.25."):
        assert secret not in text
    assert len((tmp_path / names[2]).read_text().splitlines()) == 7


def test_convert_names_files_by_template_and_guards_identity(series, tmp_path):
    assert "patient ID" in medvox("convert", series, tmp_path, "--name", "%i_%s", expect=2).stderr
    medvox("convert", series, tmp_path, "--name", "%i_%m", "--keep-identity", "--to", "nrrd")
    assert (tmp_path / "TEST-1_CT.nrrd").exists()


def test_wrong_usage_is_exit_code_2(series, tmp_path):
    medvox("convert", series, tmp_path, "--order", "sideways", expect=2)
    medvox("convert", expect=2)
    medvox("render", series, tmp_path / "picture.tif", expect=2)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--to", "paper"], "metaimage, "),
        (["--scaling", "guessed"], "expected precise, display"),
        (["--name", "%q"], "unknown letter %q"),
    ],
)
def test_what_convert_does_not_know_is_named_with_the_choices(series, tmp_path, words, text):
    assert text in medvox("convert", series, tmp_path / "out", *words, expect=2).stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--preset", "bones"], "expected ct-bone, "),
        (["--mode", "sculpture"], "expected slice, montage, "),
        (["--plane", "oblique"], "expected axial, coronal, "),
        (["--size", "0", "5"], "got 0 x 5"),
    ],
)
def test_what_render_does_not_know_is_named_before_anything_is_read(tmp_path, words, text):
    assert text in medvox("render", tmp_path / "not there", tmp_path / "a.png", *words, expect=2).stderr


def test_a_picture_into_a_missing_folder_is_refused(series, tmp_path):
    assert "no such folder" in medvox("render", series, tmp_path / "x" / "a.png", expect=1).stderr


def test_a_flat_picture_is_not_rendered_as_a_volume(tmp_path):
    build.save(build.stack(np.zeros((1, 16, 20), np.int16), modality="CT"), tmp_path)
    done = medvox("render", tmp_path, tmp_path / "a.png", "--preset", "ct-bone", expect=2)
    assert "none of the images is a volume" in done.stderr


def test_open_names_a_path_that_is_not_there_and_a_port_that_cannot_be(tmp_path):
    missing = tmp_path / "missing"
    assert f"{missing}: no such file" in medvox("open", missing, "--no-browser", expect=1).stderr
    assert "0..65535" in medvox("open", tmp_path, "--no-browser", "--port", "99999", expect=2).stderr


def test_info_says_when_there_is_nothing(series, tmp_path):
    assert "Nothing that medvox can open" in medvox("info", tmp_path, expect=1).stderr
    assert "No header element holds Zebra" in medvox("info", series, "--tag", "Zebra").stderr


def test_render_draws_a_slice_and_a_volume(series, tmp_path):
    for name, words in {
        "slice.png": [],
        "volume.png": ["--preset", "ct-bone", "--size", "120", "90"],
    }.items():
        medvox("render", series, tmp_path / name, *words)
        assert (tmp_path / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_render_makes_a_picture_of_a_real_skull(tmp_path):
    import imagecodecs

    target = tmp_path / "head.png"
    medvox(
        "render",
        data_dir("ct_head_ge_tilt"),
        target,
        "--preset",
        "ct-bone",
        "--plain",
        "--size",
        "300",
        "240",
    )
    picture = imagecodecs.png_decode(target.read_bytes()).astype(float)
    bright = picture[..., :3].mean(axis=-1) > 120
    assert picture.shape[:2] == (240, 300)
    assert 0.15 < bright.mean() < 0.7
    assert bright[60:120, 100:200].mean() > 0.8  # the forehead fills the middle


def test_help_and_version_answer():
    assert "open" in medvox("--help").stdout
    assert medvox("--version").stdout.startswith("medvox ")


def test_brackets_in_a_header_are_text_not_markup(tmp_path):
    values = np.zeros((3, 8, 8), np.int16)
    slices = build.stack(values, SeriesDescription="t1 [/red] [bold] x[0]", PatientName="A[/b]^B")
    build.save(slices, tmp_path / "in")
    assert "t1 [/red] [bold] x[0]" in medvox("info", tmp_path / "in").stdout
    assert "A[/b]^B" in medvox("info", tmp_path / "in", "--tag", "PatientName").stdout
    assert "t1 [/red] [bold] x[0]" in medvox("convert", tmp_path / "in", tmp_path / "out").stdout


def test_convert_proposes_rules_and_writes_a_bids_tree(series, tmp_path):
    rules = tmp_path / "rules.toml"
    medvox("convert", series, rules, "--bids")
    again = medvox("convert", series, rules, "--bids", expect=1)
    assert "already" in again.stderr
    text = '[[rule]]\nmatch = { modality = "." }\ndatatype = "anat"\nsuffix = "T1w"\n'
    rules.write_text(text)
    report = json.loads(
        medvox("convert", series, tmp_path / "tree", "--bids", "--rules", rules, "--json").stdout
    )
    assert report["unmatched"] == []
    assert report["converted"][0]["files"][0].endswith("_T1w.nii.gz")
    medvox("convert", series, tmp_path / "other", "--rules", rules, expect=2)
